//! Work that blocks, beside the one thread that runs a benchmark.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context;

/// Says to work on another thread that it is not wanted any more.
struct Halt(Arc<AtomicBool>);

/// Does work that blocks on a thread of its own. Dropped, the work is told to end.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce(&AtomicBool) -> io::Result<T> + Send + 'static,
) -> anyhow::Result<T> {
    let halt = Halt(Arc::default());
    let flag = Arc::clone(&halt.0);
    let done = tokio::task::spawn_blocking(move || work(&flag)).await.context("the client failed")?;
    Ok(done?)
}

impl Drop for Halt {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
