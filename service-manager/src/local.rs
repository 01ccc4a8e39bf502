//! The local copy of the service: started, watched and started again, so that a front end alone is
//! a working site already. Of a changed command a copy is started beside the one that serves, and takes its
//! place when it is ready (`switch`).

mod switch;

use std::net::SocketAddr;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use cluster::backoff::Backoff;
use cluster::config::{CommandDigest, Service};
use cluster::process::{Instance, Spec, StartFault};
use relay::{Relay, Upstream, UpstreamSpec};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::door::Door;
use switch::Next;

/// From one end to the next start: half a second, doubling up to half a minute, as a person who
/// edits the service's files would want it.
const RESTART_FIRST: Duration = Duration::from_millis(500);
const RESTART_MAX: Duration = Duration::from_secs(30);

/// A copy that lived this long starts with the first pause again when it ends.
const LIVED_WELL: Duration = Duration::from_secs(60);

/// The state of a copy that is sent requests.
const READY: &str = "ready";

/// What a person is told of the local copy.
#[derive(Debug, Clone, Default)]
pub(crate) struct LocalView {
    /// "starting", "ready", "not ready", "backing off" or "stopped".
    pub state: &'static str,
    /// Why, where there is something to say.
    pub detail: String,
    /// Where it listens while it runs.
    pub address: Option<SocketAddr>,
    /// Its main process while it runs.
    pub pid: u32,
    /// One sentence while it runs another command than the one in force; else empty.
    pub rollout: String,
}

/// Keeps the local copy running.
pub(crate) struct LocalCopy {
    door: Arc<Door>,
    /// Whose workers must have let a copy go before it is stopped.
    relay: OnceLock<Arc<Relay>>,
    wanted: watch::Sender<Wanted>,
    view: watch::Sender<LocalView>,
}

/// How a copy is to be run.
#[derive(Debug, Clone)]
struct Wanted {
    command: CommandDigest,
    spec: Spec,
    /// How long a copy that was replaced waits for its long-lived requests.
    long_lived_timeout: Duration,
}

/// What the keeper goes by.
struct Course {
    wanted: watch::Receiver<Wanted>,
    /// How the copy is run that is there, or is started next.
    by: Wanted,
    /// The changed command that did not get ready.
    failed: Option<CommandDigest>,
    /// Copies that were replaced and still have requests.
    leaving: JoinSet<()>,
}

/// A copy that serves, or did.
struct Copy {
    by: Wanted,
    instance: Instance,
    upstream: Arc<Upstream>,
}

/// What became of the copy that served.
enum Served {
    /// It ended by itself, with these words.
    Ended(String),
    /// It is to end.
    Stopped,
    /// A copy of the changed command is ready.
    Replaced(Box<(Instance, Wanted)>),
}

impl Wanted {
    fn of(service: &Service) -> Self {
        Self {
            command: service.command_digest(),
            spec: Spec::at_front_end(service, service.front_end),
            long_lived_timeout: service.long_lived_timeout,
        }
    }
}

impl Course {
    fn new(mut wanted: watch::Receiver<Wanted>) -> Self {
        let by = wanted.borrow_and_update().clone();
        Self { wanted, by, failed: None, leaving: JoinSet::new() }
    }

    /// The next start is as it is wanted now, but for what is known to fail.
    fn go_by_newest(&mut self) {
        let newest = self.wanted.borrow_and_update().clone();
        if self.failed != Some(newest.command) {
            self.by = newest;
        }
    }
}

impl LocalCopy {
    /// A keeper of the copy of `service`, for `door`.
    pub(crate) fn new(door: Arc<Door>, service: &Service) -> Arc<Self> {
        let view = watch::Sender::new(LocalView { state: "starting", ..LocalView::default() });
        let wanted = watch::Sender::new(Wanted::of(service));
        Arc::new(Self { door, relay: OnceLock::new(), wanted, view })
    }

    /// The workers that pick it.
    pub(crate) fn picked_by(&self, relay: Arc<Relay>) {
        // There is one relay, so that whoever says it again says the same.
        self.relay.set(relay).ok();
    }

    /// Goes by the service as it is now: what serves is replaced where its command is another one.
    pub(crate) fn follow(&self, service: &Service) {
        self.wanted.send_replace(Wanted::of(service));
    }

    /// By what it is started next.
    #[cfg(test)]
    pub(crate) fn spec(&self) -> Spec {
        self.wanted.borrow().spec.clone()
    }

    /// What to tell a person.
    pub(crate) fn view(&self) -> LocalView {
        self.view.borrow().clone()
    }

    /// Answers when it is ready.
    pub(crate) async fn ready(&self) {
        if self.view.subscribe().wait_for(|view| view.state == READY).await.is_err() {
            // The sender is ours, so it cannot be gone; were it, nothing would be ready any more.
            std::future::pending::<()>().await;
        }
    }

    /// Runs the copy until `end`, then stops it and every process of it.
    pub(crate) async fn keep(&self, end: CancellationToken) {
        let mut pause = Backoff::new(RESTART_FIRST, RESTART_MAX);
        let mut course = Course::new(self.wanted.subscribe());
        // The last one that got ready: it is gone back to where a changed command does not.
        let mut proven: Option<Wanted> = None;
        while !end.is_cancelled() {
            self.show("starting", String::new(), None);
            let started = tokio::select! {
                started = Instance::start(course.by.spec.clone()) => started,
                Ok(()) = course.wanted.changed() => {
                    course.go_by_newest();
                    continue;
                }
                () = end.cancelled() => break,
            };
            let words = match started {
                Ok(instance) => {
                    let born = Instant::now();
                    let words = self.serve_on(instance, &mut course, &end).await;
                    if born.elapsed() >= LIVED_WELL {
                        pause.reset();
                    }
                    let Some(words) = words else { break };
                    proven = Some(course.by.clone());
                    course.go_by_newest();
                    words
                }
                Err(fault) => match proven.take().filter(|proven| proven.command != course.by.command) {
                    Some(known) => {
                        self.not_taken(&mut course.failed, course.by.command, &fault);
                        course.by = known;
                        continue;
                    }
                    None => fault.to_string(),
                },
            };
            let delay = pause.next();
            tracing::error!(retry_in_ms = delay.as_millis() as u64, "the local copy does not serve: {words}");
            self.show("backing off", words, None);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                Ok(()) = course.wanted.changed() => {
                    course.failed = None;
                    course.go_by_newest();
                }
                () = end.cancelled() => {}
            }
        }
        while course.leaving.join_next().await.is_some() {}
        self.show("stopped", String::new(), None);
    }

    /// Lets a copy serve, and those that take its place, until one ends by itself (its words) or `end` (`None`).
    async fn serve_on(
        &self,
        mut instance: Instance,
        course: &mut Course,
        end: &CancellationToken,
    ) -> Option<String> {
        loop {
            let copy = self.seat(instance, course.by.clone());
            let served = self.serve(&copy, course, end).await;
            while course.leaving.try_join_next().is_some() {}
            match served {
                Served::Replaced(next) => {
                    (instance, course.by) = *next;
                    course.leaving.spawn(switch::leave(copy, self.relay.get().cloned(), end.clone()));
                }
                Served::Ended(words) => {
                    self.door.seat_local(None);
                    copy.upstream.close();
                    copy.instance.stop().await;
                    return Some(words);
                }
                Served::Stopped => {
                    self.door.seat_local(None);
                    copy.instance.stop().await;
                    return None;
                }
            }
        }
    }

    /// From now on it takes the requests.
    fn seat(&self, instance: Instance, by: Wanted) -> Copy {
        let upstream = self.door.upstream(UpstreamSpec {
            name: "local".to_owned(),
            address: instance.address(),
            token: None,
            may_refuse: false,
            protocol: self.door.protocol(),
        });
        if by.command == self.wanted.borrow().command {
            self.tell(String::new());
        }
        self.show(READY, String::new(), Some(&instance));
        self.door.seat_local(Some(Arc::clone(&upstream)));
        Copy { by, instance, upstream }
    }

    async fn serve(&self, copy: &Copy, course: &mut Course, end: &CancellationToken) -> Served {
        let (mut exited, mut ready) = (copy.instance.exited(), copy.instance.ready());
        let mut next = Next::default();
        loop {
            tokio::select! {
                ended = exited.wait_for(Option::is_some) => {
                    let words = ended.ok().and_then(|words| words.clone());
                    return Served::Ended(words.unwrap_or_else(|| "its guard ended".to_owned()));
                }
                Ok(()) = ready.changed() => {
                    let is_ready = *ready.borrow_and_update();
                    self.flip(&copy.instance, is_ready);
                    self.door.open_local(is_ready);
                }
                Ok(()) = course.wanted.changed() => {
                    // Said again, what had failed is tried again.
                    course.failed = None;
                    let wanted = course.wanted.borrow_and_update().clone();
                    if wanted.command == copy.by.command {
                        next = Next::default();
                        self.tell(String::new());
                    } else if !next.is(&wanted) {
                        tracing::info!("the command changed: a copy of it is started beside the one that serves");
                        self.tell("a copy of the changed command is being started; the one before it serves".into());
                        next = Next::start(wanted);
                    }
                }
                (started, by) = next.started() => match started {
                    Ok(instance) => {
                        tracing::info!("the local copy of the changed command takes over");
                        return Served::Replaced(Box::new((instance, by)));
                    }
                    Err(fault) => self.not_taken(&mut course.failed, by.command, &fault),
                },
                () = end.cancelled() => return Served::Stopped,
            }
        }
    }

    /// What serves is not replaced, and why.
    fn not_taken(&self, failed: &mut Option<CommandDigest>, command: CommandDigest, fault: &StartFault) {
        *failed = Some(command);
        let words = format!(
            "the changed command did not get ready: {fault}; the one before it serves on: put the command right and \
             reload"
        );
        tracing::error!("local copy: {words}");
        self.tell(words);
    }

    fn flip(&self, instance: &Instance, is_ready: bool) {
        if is_ready {
            tracing::info!("the local copy answers its probes again");
            self.show(READY, String::new(), Some(instance));
        } else {
            tracing::warn!("the local copy does not answer its probes and gets no requests");
            self.show(
                "not ready",
                "it does not answer its probes; see `ready` in cluster.toml".into(),
                Some(instance),
            );
        }
    }

    fn show(&self, state: &'static str, detail: String, instance: Option<&Instance>) {
        let address = instance.map(Instance::address);
        let pid = instance.map_or(0, Instance::pid);
        self.view.send_modify(|view| {
            *view = LocalView { state, detail, address, pid, rollout: std::mem::take(&mut view.rollout) };
        });
    }

    fn tell(&self, rollout: String) {
        self.view.send_modify(|view| view.rollout = rollout);
    }
}
