//! Where the admin listener is open, which may be elsewhere or nowhere after a reload.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::Admin;

/// Answers at one address at a time, and at the one before what was asked there already.
pub(crate) struct Gate {
    admin: Arc<Admin>,
    open: Option<(SocketAddr, CancellationToken)>,
    serving: JoinSet<()>,
}

impl Gate {
    /// Nowhere yet.
    pub(crate) fn new(admin: Arc<Admin>) -> Self {
        Self { admin, open: None, serving: JoinSet::new() }
    }

    /// Where it answers.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.open.as_ref().map(|(address, _)| *address)
    }

    /// Answers on this one from now on, or on none, and no more where it did.
    ///
    /// # Errors
    /// It is no listener of this process.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub(crate) fn open(&mut self, listener: Option<TcpListener>) -> io::Result<()> {
        let opened = match listener {
            Some(listener) => {
                let address = listener.local_addr()?;
                let (listener, end) =
                    (tokio::net::TcpListener::from_std(listener)?, CancellationToken::new());
                self.serving.spawn(Arc::clone(&self.admin).serve(listener, end.clone()));
                tracing::info!(admin = %address, "metrics and health");
                Some((address, end))
            }
            None => None,
        };
        self.close();
        self.open = opened;
        Ok(())
    }

    /// Accepts nobody any more.
    pub(crate) fn close(&mut self) {
        if let Some((_, end)) = self.open.take() {
            end.cancel();
        }
        while self.serving.try_join_next().is_some() {}
    }

    /// Closes, and waits for the last answers.
    pub(crate) async fn end(mut self) {
        self.close();
        while self.serving.join_next().await.is_some() {}
    }
}
