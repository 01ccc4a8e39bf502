//! Work that blocks, beside the one thread that runs a benchmark.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;
use tokio::task::JoinHandle;

/// Work on a thread of its own. Dropped, it is told to end.
pub(crate) struct Aside<T> {
    halt: Arc<AtomicBool>,
    task: JoinHandle<io::Result<T>>,
}

/// Does work that blocks on a thread of its own. Dropped, the work is told to end.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    Aside::start(work).end().await
}

impl<T: Send + 'static> Aside<T> {
    /// Begins it, on the machine that the calling thread is on. It looks at its flag for whether it is wanted yet.
    pub(crate) fn start(work: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static) -> Self {
        let halt = Arc::new(AtomicBool::new(false));
        let flag = Arc::clone(&halt);
        Self { halt, task: tokio::task::spawn_blocking(move || work(&flag)) }
    }
}

impl<T> Aside<T> {
    /// Tells it to end.
    pub(crate) fn halt(&self) {
        self.halt.store(true, Ordering::Relaxed);
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Waits for its end.
    pub(crate) async fn end(mut self) -> anyhow::Result<T> {
        let done = (&mut self.task).await.context("the client failed")?;
        Ok(done?)
    }
}

impl<T> Drop for Aside<T> {
    fn drop(&mut self) {
        self.halt();
    }
}
