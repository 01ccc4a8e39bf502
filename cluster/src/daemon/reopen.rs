//! SIGUSR1: log rotation has renamed the daemon's files, and they are to be opened anew.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals that come. From the first one of these on the signal does not end the process any more,
/// which is what it does to one that never asked for it: a daemon without files asks for it too.
#[derive(Debug)]
pub struct Reopen {
    signals: Signal,
}

impl Reopen {
    /// Those that come from now on.
    ///
    /// # Errors
    /// The signal cannot be listened to.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub fn on_signals() -> io::Result<Self> {
        Ok(Self { signals: signal(SignalKind::user_defined1())? })
    }

    /// Has `reopen` done for each, until it is given up.
    pub async fn each(mut self, reopen: impl Fn()) {
        while self.signals.recv().await.is_some() {
            reopen();
        }
    }
}
