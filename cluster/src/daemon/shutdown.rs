//! The end of a daemon, asked for in two steps: the first asks it to drain, the second to end at
//! once.

use std::future::pending;
use std::io;
use std::sync::Arc;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

/// Whether the daemon is to end. All clones say the same.
#[derive(Debug, Clone)]
pub struct Shutdown {
    step: Arc<watch::Sender<Step>>,
    _signals: Option<Arc<AbortOnDropHandle<()>>>,
}

/// How far the end has been asked for; it only goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Running,
    Asked,
    Forced,
}

impl Shutdown {
    /// The first SIGTERM or SIGINT asks for a drain, the second for an end at once.
    ///
    /// # Errors
    /// The signals cannot be listened to.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        let step = Arc::new(watch::Sender::new(Step::Running));
        let (terminate, interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let listening = tokio::spawn(raise_on_signals(Arc::clone(&step), terminate, interrupt));
        Ok(Self { step, _signals: Some(Arc::new(AbortOnDropHandle::new(listening))) })
    }

    /// Only `ask` and `force` end it.
    pub fn manual() -> Self {
        Self { step: Arc::new(watch::Sender::new(Step::Running)), _signals: None }
    }

    /// Answers when a drain has been asked for.
    pub async fn asked(&self) {
        self.reached(Step::Asked).await;
    }

    /// Answers when an end at once has been asked for.
    pub async fn forced(&self) {
        self.reached(Step::Forced).await;
    }

    /// Asks for a drain.
    pub fn ask(&self) {
        raise(&self.step, Step::Asked);
    }

    /// Asks for an end at once.
    pub fn force(&self) {
        raise(&self.step, Step::Forced);
    }

    /// Whether a drain, or more, has been asked for.
    pub fn is_asked(&self) -> bool {
        *self.step.borrow() >= Step::Asked
    }

    async fn reached(&self, wanted: Step) {
        if self.step.subscribe().wait_for(|step| *step >= wanted).await.is_err() {
            // The sender is ours, so it cannot be gone; were it, nobody could ask any more.
            pending::<()>().await;
        }
    }
}

fn raise(step: &watch::Sender<Step>, wanted: Step) {
    step.send_if_modified(|step| {
        let is_higher = wanted > *step;
        *step = wanted.max(*step);
        is_higher
    });
}

/// Two signals and no more: after them there is nothing left to ask for.
async fn raise_on_signals(step: Arc<watch::Sender<Step>>, mut terminate: Signal, mut interrupt: Signal) {
    for wanted in [Step::Asked, Step::Forced] {
        let name = tokio::select! {
            _ = terminate.recv() => "SIGTERM",
            _ = interrupt.recv() => "SIGINT",
        };
        match wanted {
            Step::Forced => info!(signal = name, "ending at once"),
            Step::Running | Step::Asked => info!(signal = name, "draining; a second signal ends at once"),
        }
        raise(&step, wanted);
    }
}

#[cfg(test)]
mod tests {
    use super::Shutdown;

    #[tokio::test]
    async fn a_force_is_also_an_ask_and_nothing_takes_it_back() {
        let shutdown = Shutdown::manual();
        let other = shutdown.clone();
        assert!(!other.is_asked());
        shutdown.force();
        shutdown.ask();
        other.asked().await;
        other.forced().await;
        assert!(other.is_asked());
    }

    #[tokio::test]
    async fn an_ask_does_not_force() {
        let shutdown = Shutdown::manual();
        shutdown.ask();
        shutdown.asked().await;
        tokio::select! {
            biased;
            () = shutdown.forced() => panic!("nobody forced it"),
            () = std::future::ready(()) => {}
        }
    }
}
