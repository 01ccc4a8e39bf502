//! The local copy of the service: started, watched and started again, so that a front end alone is
//! a working site already.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use cluster::backoff::Backoff;
use cluster::process::{Instance, Spec};
use relay::UpstreamSpec;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::door::Door;

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
}

/// Keeps the local copy running.
pub(crate) struct LocalCopy {
    door: Arc<Door>,
    spec: ArcSwap<Spec>,
    view: watch::Sender<LocalView>,
}

impl LocalCopy {
    /// A keeper of the copy that `spec` describes, for `door`.
    pub(crate) fn new(door: Arc<Door>, spec: Spec) -> Arc<Self> {
        let view = watch::Sender::new(LocalView { state: "starting", ..LocalView::default() });
        Arc::new(Self { door, spec: ArcSwap::from_pointee(spec), view })
    }

    /// Starts it by this from its next start on.
    pub(crate) fn set_spec(&self, spec: Spec) {
        self.spec.store(Arc::new(spec));
    }

    /// By what it is started next.
    #[cfg(test)]
    pub(crate) fn spec(&self) -> Arc<Spec> {
        self.spec.load_full()
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
        while !end.is_cancelled() {
            self.show("starting", String::new(), None);
            let started = tokio::select! {
                started = Instance::start(Spec::clone(&self.spec.load())) => started,
                () = end.cancelled() => break,
            };
            let words = match started {
                Ok(instance) => {
                    let born = Instant::now();
                    let words = self.serve(&instance, &end).await;
                    instance.stop().await;
                    if born.elapsed() >= LIVED_WELL {
                        pause.reset();
                    }
                    words
                }
                Err(fault) => Some(fault.to_string()),
            };
            let Some(words) = words else { break };
            let delay = pause.next();
            tracing::error!(retry_in_ms = delay.as_millis() as u64, "the local copy does not serve: {words}");
            self.show("backing off", words, None);
            tokio::select! {
                () = tokio::time::sleep(delay) => {}
                () = end.cancelled() => {}
            }
        }
        self.show("stopped", String::new(), None);
    }

    /// Lets it serve until it ends by itself (its words) or `end` (`None`).
    async fn serve(&self, instance: &Instance, end: &CancellationToken) -> Option<String> {
        let upstream = self.door.upstream(UpstreamSpec {
            name: "local".to_owned(),
            address: instance.address(),
            token: None,
            may_refuse: false,
            protocol: self.door.protocol(),
        });
        self.show(READY, String::new(), Some(instance));
        self.door.seat_local(Some(Arc::clone(&upstream)));
        let (mut exited, mut ready) = (instance.exited(), instance.ready());
        let words = loop {
            tokio::select! {
                ended = exited.wait_for(Option::is_some) => {
                    break ended.ok().and_then(|words| words.clone()).or(Some("its guard ended".to_owned()));
                }
                Ok(()) = ready.changed() => {
                    let is_ready = *ready.borrow_and_update();
                    self.flip(instance, is_ready);
                    self.door.open_local(is_ready);
                }
                () = end.cancelled() => break None,
            }
        };
        self.door.seat_local(None);
        if words.is_some() {
            upstream.close();
        }
        words
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
        self.view.send_replace(LocalView { state, detail, address, pid });
    }
}
