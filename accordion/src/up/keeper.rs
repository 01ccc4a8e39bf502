//! Keeps one daemon running: starts it in a process group of its own, repeats what it says, starts
//! it again when it died, and ends it when told to.

use std::ffi::OsString;
use std::io;
use std::net::TcpListener;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{self, ExitStatus, Stdio};
use std::time::Duration;

use cluster::backoff::Backoff;
use cluster::daemon::{self, EXIT_CONFIG, EXIT_FENCED};
use rustix::io::Errno;
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use tokio::process::{Child, Command};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::lines::Voice;
use super::orphans::Daemons;

/// Before a daemon that died is started again: as systemd does with RestartSec=1, then more patient.
const RESTART_FIRST: Duration = Duration::from_secs(1);
const RESTART_MAX: Duration = Duration::from_secs(30);

/// A daemon that lived this long had a good start; the next wait is the first one again.
const LIFE_GOOD: Duration = Duration::from_secs(60);

/// What clap exits with after a wrong command line.
const EXIT_USAGE: u8 = 2;

/// A start that the passing on of sockets refused is made again so often; more than once is rare.
const STARTS_MAX: u32 = 8;

/// A daemon that lives this long has read its command line and the file, which takes milliseconds.
const JUDGED: Duration = Duration::from_secs(5);

/// What is told of a load-manager that a newer one elsewhere has replaced: a start would only take
/// everything back.
const FENCED: &str = "another load-manager speaks for this front end now; this one stays down until `accordion up` is \
                      started again, and the rest runs on";

/// How long a dead daemon's last words may take; what it leaves behind may hold its pipes open.
const LAST_WORDS_TIMEOUT: Duration = Duration::from_millis(200);

/// What a keeper is to do. Only ever goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Order {
    /// Keep the daemon running.
    Run,
    /// SIGTERM, and no restart.
    Stop,
    /// SIGKILL for its process group.
    Kill,
}

/// One daemon and what it is started with.
pub(super) struct Keeper {
    pub(super) name: String,
    pub(super) program: PathBuf,
    pub(super) arguments: Vec<OsString>,
    /// The cluster.toml that it reads, for a sentence about it.
    pub(super) config: PathBuf,
    /// Passed on to each new process; held here meanwhile, so that no connection is refused.
    pub(super) sockets: Vec<TcpListener>,
    pub(super) voice: Voice,
    /// Told the name of a daemon that no restart can mend.
    pub(super) unusable: mpsc::Sender<String>,
    /// Whose processes are the daemons'; what else ends as a child of ours is an orphan.
    pub(super) daemons: Daemons,
}

/// The process of the moment and those who repeat its words.
struct Running {
    child: Child,
    words: JoinSet<()>,
}

impl Keeper {
    /// Until it is ordered to stop and the daemon has ended, or until no restart mends the daemon: it is
    /// fenced, or refuses the program's command line or the file at its first start. Later it is those
    /// that changed, and one who mends them saves the cluster that runs on meanwhile.
    ///
    /// Must run on the main thread: the kernel ties the daemons to the thread that started them.
    pub(super) async fn keep(mut self, mut order: watch::Receiver<Order>) {
        let mut backoff = Backoff::new(RESTART_FIRST, RESTART_MAX);
        let mut was_good = false;
        while *order.borrow() == Order::Run {
            let born = Instant::now();
            let ended = match self.start() {
                Ok(running) => self.attend(running, &mut order).await,
                Err(error) => Err(error),
            };
            if *order.borrow() != Order::Run {
                return;
            }
            let is_refusal = matches!(code(&ended), Some(EXIT_CONFIG | EXIT_USAGE));
            was_good |= born.elapsed() >= JUDGED || (ended.is_ok() && !is_refusal);
            if self.gives_up(&ended, was_good) {
                return;
            }
            if born.elapsed() >= LIFE_GOOD {
                backoff.reset();
            }
            let (remedy, wait) = (self.remedy(&ended), backoff.next());
            self.voice.say(&format!("{}: {remedy}starting it again in {} s", told(&ended), wait.as_secs()));
            let _ = timeout(wait, order.wait_for(|order| *order != Order::Run)).await;
        }
    }

    fn start(&self) -> io::Result<Running> {
        let mut left = STARTS_MAX;
        loop {
            left -= 1;
            match self.start_once() {
                // Another thread opened a file in the place of one that the sockets were to take:
                // nothing was started, and the next look finds it as it is now.
                Err(error) if error.raw_os_error() == Some(Errno::BADF.raw_os_error()) && left > 0 => {}
                started => return started,
            }
        }
    }

    fn start_once(&self) -> io::Result<Running> {
        let mut command = if self.sockets.is_empty() {
            process::Command::new(&self.program)
        } else {
            daemon::with_listeners(&self.program, &self.sockets)?
        };
        command.args(&self.arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut command = Command::from(command);
        // A Ctrl-C at the terminal is for `up` alone, which ends the daemons in order.
        let mut child = command.process_group(0).kill_on_drop(true).spawn()?;
        self.daemons.add(pid(&child));
        let mut words = JoinSet::new();
        if let Some(stdout) = child.stdout.take() {
            words.spawn(self.voice.clone().repeat(stdout));
        }
        if let Some(stderr) = child.stderr.take() {
            words.spawn(self.voice.clone().repeat(stderr));
        }
        Ok(Running { child, words })
    }

    /// Waits for the process to end, passing on the orders that come meanwhile.
    async fn attend(
        &mut self,
        running: Running,
        order: &mut watch::Receiver<Order>,
    ) -> io::Result<ExitStatus> {
        let Running { mut child, mut words } = running;
        let born_as = pid(&child);
        let ended = loop {
            tokio::select! {
                ended = child.wait() => break ended,
                changed = order.changed() => {
                    // Nobody is left to give orders: only when `up` itself failed.
                    let order = if changed.is_ok() { *order.borrow_and_update() } else { Order::Kill };
                    self.pass_on(order, &child);
                    if changed.is_err() {
                        break child.wait().await;
                    }
                }
            }
        };
        self.daemons.remove(born_as);
        let all_said = async { while words.join_next().await.is_some() {} };
        let _ = timeout(LAST_WORDS_TIMEOUT, all_said).await;
        ended
    }

    /// Whether it is not to be started again, which is told. `was_good`: whether the program and the file
    /// were good for this daemon before.
    fn gives_up(&self, ended: &io::Result<ExitStatus>, was_good: bool) -> bool {
        match code(ended) {
            Some(EXIT_FENCED) => self.voice.say(&format!("{}: {FENCED}", told(ended))),
            Some(EXIT_CONFIG | EXIT_USAGE) if !was_good => {
                self.voice.say(&format!("{}: no restart mends that", told(ended)));
                // A full channel has told of another one already, which ends everything as well.
                let _ = self.unusable.try_send(self.name.clone());
            }
            _ => return false,
        }
        true
    }

    /// What a person has to do so that the next start succeeds, where that is known.
    fn remedy(&self, ended: &io::Result<ExitStatus>) -> String {
        let (file, program) = (self.config.display(), self.program.display());
        match code(ended) {
            Some(EXIT_CONFIG) => format!("mend {file} (`accordion check {file}` lists every fault), "),
            Some(EXIT_USAGE) => format!("{program} takes another command line than at first, "),
            _ => String::new(),
        }
    }

    fn pass_on(&mut self, order: Order, child: &Child) {
        // An error means that it is gone, which is what was wanted.
        let _ = match (order, pid(child)) {
            (Order::Run, _) | (_, None) => Ok(()),
            (Order::Stop, Some(pid)) => {
                // From here on new connections are refused once the daemon has closed its own.
                self.sockets.clear();
                kill_process(pid, Signal::TERM)
            }
            (Order::Kill, Some(pid)) => kill_process_group(pid, Signal::KILL),
        };
    }
}

fn code(ended: &io::Result<ExitStatus>) -> Option<u8> {
    ended.as_ref().ok()?.code().and_then(|code| u8::try_from(code).ok())
}

/// `None` once it has ended.
fn pid(child: &Child) -> Option<Pid> {
    child.id().and_then(|pid| i32::try_from(pid).ok()).and_then(Pid::from_raw)
}

fn told(ended: &io::Result<ExitStatus>) -> String {
    match ended {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => format!("exited with status {code}"),
            (None, Some(signal)) => format!("killed by signal {signal}"),
            (None, None) => status.to_string(),
        },
        Err(error) => format!("could not be started: {error}"),
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use rustix::process::test_kill_process;
    use tokio::task::JoinHandle;
    use tokio::time::sleep;

    use super::*;
    use crate::up::lines::{Lines, tests::Page};

    const PATIENCE: Duration = Duration::from_secs(30);

    /// A keeper of a shell script, and what can be seen of it.
    struct Kept {
        order: watch::Sender<Order>,
        unusable: mpsc::Receiver<String>,
        task: JoinHandle<()>,
        page: Page,
        _lines: Lines,
    }

    #[tokio::test]
    async fn one_that_dies_is_started_again_and_its_status_is_told() {
        let kept = Kept::start("echo born; exit 3", Vec::new());
        kept.said("d | exited with status 3: starting it again in 1 s\nd | born\n").await;
        kept.said("d | exited with status 3: starting it again in 2 s\n").await;
        kept.order.send_replace(Order::Stop);
        kept.ended().await;
    }

    #[tokio::test]
    async fn one_with_a_bad_configuration_or_command_line_is_not_started_again() {
        for status in [78, 2] {
            let mut kept = Kept::start(&format!("exit {status}"), Vec::new());
            assert_eq!(kept.unusable.recv().await.unwrap(), "d");
            kept.said(&format!("d | exited with status {status}: no restart mends that\n")).await;
            kept.ended().await;
        }
    }

    #[tokio::test]
    async fn one_whose_file_became_bad_is_started_again_and_the_file_is_named() {
        for (status, sentence) in [
            (
                78,
                "mend /etc/x.toml (`accordion check /etc/x.toml` lists every fault), starting it again in 2 s",
            ),
            (2, "/bin/sh takes another command line than at first, starting it again in 2 s"),
        ] {
            // The first life ends like a crash, so that its file was good.
            let place = tempfile::tempdir().unwrap();
            let mark = place.path().join("mark");
            let script = format!("[ -e {0} ] && exit {status}; : >{0}; kill -9 $$", mark.display());
            let mut kept = Kept::start(&script, Vec::new());
            kept.said("d | killed by signal 9: starting it again in 1 s\n").await;
            kept.said(&format!("d | exited with status {status}: {sentence}\n")).await;
            kept.order.send_replace(Order::Stop);
            timeout(PATIENCE, &mut kept.task).await.unwrap().unwrap();
            assert_eq!(kept.unusable.recv().await, None);
        }
    }

    #[tokio::test]
    async fn one_that_is_fenced_stays_down_and_ends_nothing_else() {
        let mut kept = Kept::start("echo born; exit 77", Vec::new());
        timeout(PATIENCE, &mut kept.task).await.unwrap().unwrap();
        assert_eq!(kept.unusable.recv().await, None);
        let said =
            kept.said("exited with status 77: another load-manager speaks for this front end now; ").await;
        assert_eq!(said.lines().count(), 2, "{said}");
    }

    #[tokio::test]
    async fn ordered_to_stop_it_may_say_its_last_words() {
        let script = "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done";
        let kept = Kept::start(script, Vec::new());
        kept.said("d | ready\n").await;
        kept.order.send_replace(Order::Stop);
        kept.said("d | bye\n").await;
        kept.ended().await;
    }

    #[tokio::test]
    async fn a_kill_takes_the_whole_process_group() {
        let kept = Kept::start("trap '' TERM; sleep 1000 & echo pid $!; wait; wait", Vec::new());
        let page = kept.said("\n").await;
        let child: i32 = page.trim_end().rsplit_once(' ').unwrap().1.parse().unwrap();
        kept.order.send_replace(Order::Stop);
        kept.order.send_replace(Order::Kill);
        kept.ended().await;
        let child = Pid::from_raw(child).unwrap();
        until("the child is gone", || {
            let stat = std::fs::read_to_string(format!("/proc/{child}/stat"));
            test_kill_process(child).is_err() || stat.is_ok_and(|stat| stat.contains(") Z "))
        })
        .await;
    }

    /// In a process of its own: numbers of files that other threads open and close meanwhile cannot be passed on,
    /// and `up` itself has one thread.
    #[test]
    fn its_sockets_are_passed_on() {
        let name = "up::keeper::tests::its_sockets_take_connections_while_it_is_dead_and_none_after_its_end";
        let mut alone = process::Command::new(std::env::current_exe().unwrap());
        let output = alone.args(["--exact", "--ignored", name]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && said.contains("1 passed"), "{said}");
    }

    #[tokio::test]
    #[ignore = "its_sockets_are_passed_on runs it, alone"]
    async fn its_sockets_take_connections_while_it_is_dead_and_none_after_its_end() {
        let address = (Ipv4Addr::LOCALHOST, 0).into();
        let sockets = daemon::listeners(address, 2).unwrap();
        let address = sockets[0].local_addr().unwrap();
        let kept = Kept::start("echo $LISTEN_FDS $((LISTEN_PID - $$)); exec sleep 0.2", sockets);
        let lives = || kept.page.text().matches("d | 2 0\n").count();
        until("it lived once", || lives() == 1).await;
        TcpStream::connect(address).unwrap();
        until("it died", || kept.page.text().contains("d | exited with status 0: starting it again in "))
            .await;
        TcpStream::connect(address).unwrap();
        until("it lived twice", || lives() == 2).await;
        kept.order.send_replace(Order::Stop);
        kept.ended().await;
        until("nobody listens", || TcpStream::connect(address).is_err()).await;
    }

    #[tokio::test]
    async fn a_program_that_cannot_be_started_is_tried_again() {
        let kept = Kept::start_as("/nowhere/accordion", "", Vec::new());
        kept.said("d | could not be started: No such file or directory").await;
        kept.order.send_replace(Order::Stop);
        kept.ended().await;
    }

    impl Kept {
        fn start(script: &str, sockets: Vec<TcpListener>) -> Self {
            Self::start_as("/bin/sh", script, sockets)
        }

        fn start_as(program: &str, script: &str, sockets: Vec<TcpListener>) -> Self {
            let page = Page::default();
            let lines = Lines::to(page.clone(), io::sink(), 1, false).unwrap();
            let (sender, unusable) = mpsc::channel(1);
            let keeper = Keeper {
                name: "d".into(),
                program: program.into(),
                arguments: vec!["-c".into(), script.into()],
                sockets,
                voice: lines.voice(0, "d"),
                unusable: sender,
                config: "/etc/x.toml".into(),
                daemons: Daemons::default(),
            };
            let (order, orders) = watch::channel(Order::Run);
            Self { order, unusable, task: tokio::spawn(keeper.keep(orders)), page, _lines: lines }
        }

        /// The whole page, once it contains `words`.
        async fn said(&self, words: &str) -> String {
            until(&format!("{words:?} is said"), || self.page.text().contains(words)).await;
            self.page.text()
        }

        async fn ended(self) {
            timeout(PATIENCE, self.task).await.unwrap().unwrap();
        }
    }

    async fn until(what: &str, is_so: impl Fn() -> bool) {
        let waiting = async {
            while !is_so() {
                sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("not in time: {what}"));
    }
}
