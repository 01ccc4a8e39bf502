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

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(20);

    /// Goes on until it is told to end, and says so.
    fn work(said: mpsc::Sender<()>) -> impl FnOnce(&AtomicBool) -> io::Result<u32> + Send {
        move |halt| {
            while !halt.load(Ordering::Relaxed) {
                thread::yield_now();
            }
            said.send(()).map_err(io::Error::other)?;
            Ok(7)
        }
    }

    #[tokio::test]
    async fn work_goes_on_until_it_is_told_to_end_and_its_answer_is_kept() {
        let (said, _ended) = mpsc::channel();
        let aside = Aside::start(work(said));
        assert!(!aside.is_ended());
        aside.halt();
        assert_eq!(tokio::time::timeout(PATIENCE, aside.end()).await.unwrap().unwrap(), 7);
    }

    #[tokio::test]
    async fn work_that_nobody_waits_for_any_more_ends() {
        let (said, ended) = mpsc::channel();
        drop(Aside::start(work(said)));
        assert!(ended.recv_timeout(PATIENCE).is_ok());
    }
}
