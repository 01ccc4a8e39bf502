//! All the daemons of `accordion up`, started together and ended in order: those of the front ends
//! first, because they finish the requests that the nodes carry.

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::config::Cluster;
use cluster::daemon::Shutdown;
use rustix::process::{getpid, set_child_subreaper};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::ground::Fronts;
use super::keeper::{Keeper, Order};
use super::lines::{Lines, Voice};
use super::orphans::{self, Daemons};
use super::plan::{self, Step};
use super::tether;
use crate::rack::Place;

/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a guard may take to end what its daemon left; its own bound is 5 s.
const ORPHANS_TIMEOUT: Duration = Duration::from_secs(6);

/// The same after a second signal.
const ORPHANS_TIMEOUT_FORCED: Duration = Duration::from_secs(2);

/// The keepers, and who among them is beyond mending.
pub(super) struct Crew {
    /// In the order of their end.
    groups: [Group; Step::ALL.len()],
    unusable: mpsc::Receiver<String>,
    /// Takes leave of orphans that end while the daemons run.
    undertaker: JoinSet<()>,
}

/// The daemons that end together.
struct Group {
    step: Step,
    limit: Duration,
    order: watch::Sender<Order>,
    keepers: JoinSet<()>,
}

impl Crew {
    /// Starts every daemon of `cluster`, which is that of the file `config`, as `program`. `common` is
    /// told to each of them, and `place_of` says where that of an address is, if not here.
    pub(super) fn start(
        cluster: &Cluster,
        program: PathBuf,
        config: &Path,
        common: &[OsString],
        mut fronts: Fronts,
        place_of: impl Fn(IpAddr) -> Option<Place>,
        lines: &Lines,
    ) -> Self {
        // A killed daemon leaves its guards behind; as their new parent we see when they are gone.
        // Where the kernel refuses, they still end by themselves, if after us.
        let _ = set_child_subreaper(Some(getpid()));
        let daemons = Daemons::default();
        let mut undertaker = JoinSet::new();
        undertaker.spawn(orphans::take_leave(daemons.clone()));
        let (unusable_sender, unusable) = mpsc::channel(1);
        let mut groups = Step::ALL.map(|step| Group::new(step, step.limit(cluster)));
        for (index, daemon) in plan::daemons(cluster, common).into_iter().enumerate() {
            let place = place_of(daemon.machine);
            let keeper = Keeper {
                program: program.clone(),
                arguments: tether::arguments(place.as_ref()).into_iter().chain(daemon.arguments).collect(),
                voice: lines.voice(index, &daemon.name),
                sockets: daemon.listen.and_then(|address| fronts.remove(&address)).unwrap_or_default(),
                unusable: unusable_sender.clone(),
                name: daemon.name,
                config: config.to_owned(),
                daemons: daemons.clone(),
            };
            groups[daemon.kind.step() as usize].add(keeper);
        }
        Self { groups, unusable, undertaker }
    }

    /// Answers with the name of the first daemon that no restart can mend.
    pub(super) async fn unusable(&mut self) -> String {
        // A keeper that ended for another reason has told no name; then there is none to wait for.
        match self.unusable.recv().await {
            Some(name) => name,
            None => std::future::pending().await,
        }
    }

    /// Ends every daemon, the nodes' when the front ends' are gone; a second signal kills them all.
    /// No process is left that any of them started.
    pub(super) async fn end(mut self, shutdown: &Shutdown, voice: &Voice) {
        let is_forced = self.end_in_order(shutdown, voice).await;
        self.undertaker.shutdown().await;
        let left = orphans::end(if is_forced { ORPHANS_TIMEOUT_FORCED } else { ORPHANS_TIMEOUT }).await;
        if left > 0 {
            voice.say(&format!("{left} processes could not be ended"));
        }
    }

    /// Whether a second signal cut it short.
    async fn end_in_order(&mut self, shutdown: &Shutdown, voice: &Voice) -> bool {
        let in_order = async {
            for group in &mut self.groups {
                group.end(voice).await;
            }
        };
        let is_forced = tokio::select! {
            () = in_order => false,
            () = shutdown.forced() => true,
        };
        if is_forced {
            voice.say("killing what is left");
            // All first, then the wait: none of them is to live on while another dies.
            for group in &self.groups {
                group.order.send_replace(Order::Kill);
            }
            for group in &mut self.groups {
                group.kill().await;
            }
        }
        is_forced
    }
}

impl Group {
    fn new(step: Step, limit: Duration) -> Self {
        Self { step, limit, order: watch::Sender::new(Order::Run), keepers: JoinSet::new() }
    }

    fn add(&mut self, keeper: Keeper) {
        self.keepers.spawn(keeper.keep(self.order.subscribe()));
    }

    /// SIGTERM to each, and SIGKILL to those that take too long.
    async fn end(&mut self, voice: &Voice) {
        self.order.send_replace(Order::Stop);
        if timeout(self.limit, self.gone()).await.is_err() {
            let (whose, limit) = (self.step.whose(), self.limit.as_secs());
            voice
                .say(&format!("the daemons of {whose} did not all end within {limit} s: killing the others"));
            self.kill().await;
        }
    }

    async fn kill(&mut self) {
        self.order.send_replace(Order::Kill);
        // What a kill does not end within the timeout, nothing does.
        let _ = timeout(KILL_TIMEOUT, self.gone()).await;
    }

    async fn gone(&mut self) {
        while self.keepers.join_next().await.is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use tokio::time::sleep;

    use super::*;
    use crate::up::lines::tests::Page;
    use crate::up::plan::Kind;

    const PATIENCE: Duration = Duration::from_secs(30);

    /// Says that it runs, and that it ends when it gets a SIGTERM, a while later.
    const POLITE: &str =
        "trap 'echo asked; sleep 0.1; echo ends; exit 0' TERM; echo runs; while :; do sleep 0.02; done";

    /// Takes no notice of a SIGTERM.
    const STUBBORN: &str = "trap '' TERM; echo runs; while :; do sleep 0.02; done";

    #[tokio::test]
    async fn the_nodes_end_when_the_front_ends_are_gone() {
        let (mut crew, page, lines) = crew(POLITE, PATIENCE).await;
        let is_forced = crew.end_in_order(&Shutdown::manual(), &lines.voice(0, "up")).await;
        assert!(!is_forced);
        drop(crew);
        lines.written();
        let mut said: Vec<_> =
            page.text().lines().filter(|line| !line.ends_with("runs")).map(str::to_owned).collect();
        // Those of the front ends end side by side.
        said[..4].sort();
        let sides = [
            "load-manager | asked",
            "load-manager | ends",
            "service-manager | asked",
            "service-manager | ends",
        ];
        assert_eq!(said[..4], sides);
        assert_eq!(said[4..], ["task-processor | asked", "task-processor | ends"]);
    }

    #[tokio::test]
    async fn what_does_not_end_in_its_time_is_killed_and_that_is_said() {
        let (mut crew, page, lines) = crew(STUBBORN, Duration::from_millis(100)).await;
        let is_forced = crew.end_in_order(&Shutdown::manual(), &lines.voice(0, "up")).await;
        assert!(!is_forced && crew.groups.iter().all(|group| group.keepers.is_empty()));
        drop(crew);
        lines.written();
        let page = page.text();
        for whose in ["the front ends", "the nodes"] {
            let sentence =
                format!("up | the daemons of {whose} did not all end within 0 s: killing the others\n");
            assert!(page.contains(&sentence), "{page}");
        }
    }

    #[tokio::test]
    async fn a_second_signal_kills_them_all() {
        let (mut crew, page, lines) = crew(STUBBORN, PATIENCE).await;
        let shutdown = Shutdown::manual();
        shutdown.force();
        let is_forced = crew.end_in_order(&shutdown, &lines.voice(0, "up")).await;
        assert!(is_forced);
        assert!(crew.groups.iter().all(|group| group.keepers.is_empty()));
        drop(crew);
        lines.written();
        assert!(page.text().ends_with("up | killing what is left\n"), "{}", page.text());
    }

    /// One daemon of each kind, all of them running, and how long a step may take.
    async fn crew(script: &str, limit: Duration) -> (Crew, Page, Lines) {
        let page = Page::default();
        let lines = Lines::to(page.clone(), io::sink(), 1, false).unwrap();
        let (sender, unusable) = mpsc::channel(1);
        let mut groups = Step::ALL.map(|step| Group::new(step, limit));
        let kinds = [Kind::ServiceManager, Kind::LoadManager, Kind::TaskProcessor];
        for kind in kinds {
            let name = kind.command();
            groups[kind.step() as usize].add(Keeper {
                name: name.into(),
                program: "/bin/sh".into(),
                arguments: vec!["-c".into(), script.into()],
                sockets: Vec::new(),
                voice: lines.voice(0, name),
                unusable: sender.clone(),
                config: "/etc/x.toml".into(),
                daemons: Daemons::default(),
            });
        }
        let running = async {
            while page.text().matches(" | runs\n").count() < kinds.len() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, running).await.unwrap();
        (Crew { groups, unusable, undertaker: JoinSet::new() }, page, lines)
    }
}
