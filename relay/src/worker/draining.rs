//! How a worker is drained: it takes nobody in any more, lets those who are there finish, and cuts what is left at a
//! deadline.

use std::cell::Cell;
use std::future::Future;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

use super::{Tunnels, Worker};

/// How far it has come.
#[derive(Default)]
pub(super) struct Draining {
    has_begun: Cell<bool>,
    began: Notify,
    /// Accept loops that have not ended; none: nobody is accepted any more.
    open: Cell<usize>,
    shut: Notify,
    /// The deadline has passed: who comes in now is late.
    is_late: Cell<bool>,
}

impl Draining {
    pub(super) fn has_begun(&self) -> bool {
        self.has_begun.get()
    }

    pub(super) fn began(&self) -> Notified<'_> {
        self.began.notified()
    }

    /// So many accept loops begin.
    pub(super) fn open(&self, loops: usize) {
        self.open.update(|open| open + loops);
    }

    /// One of them has ended.
    pub(super) fn shut(&self) {
        self.open.set(self.open.get() - 1);
        self.shut.notify_waiters();
    }

    pub(super) fn is_late(&self) -> bool {
        self.is_late.get()
    }

    fn begin(&self) {
        self.has_begun.set(true);
        self.began.notify_waiters();
    }

    fn until_shut(&self) -> impl Future<Output = ()> {
        let shut = self.shut.notified();
        async {
            let mut shut = shut;
            while self.open.get() > 0 {
                shut.await;
                shut = self.shut.notified();
            }
        }
    }
}

impl Worker {
    /// Takes nobody in any more but those who are connected already, and lets everybody finish. Ends when
    /// those have come in: from then on it hands nobody over either.
    pub(super) async fn leave(&self, tunnels: Tunnels, deadline: Duration) {
        self.draining.begin();
        self.live.finish_all(tunnels);
        // Whoever waits on the socket after the deadline is left there.
        let _ = tokio::time::timeout(deadline, self.draining.until_shut()).await;
    }

    /// Ends when no connection is left; answers how many requests were cut for it.
    pub(super) async fn drain(&self, deadline: Duration) -> u32 {
        let mut cut = 0;
        if tokio::time::timeout(deadline, self.emptied()).await.is_err() {
            self.draining.is_late.set(true);
            cut = self.live.cut_all();
            self.emptied().await;
        }
        // Nobody waits for the next sweep after this.
        self.hand_over_lines();
        cut
    }

    /// Waits until no connection is open here, nor on its way here from another worker.
    async fn emptied(&self) {
        while self.live.len() > 0 || self.metrics.open() > 0 {
            self.live.emptied().await;
        }
        // Another drain may be waiting for the same.
        self.live.tell_emptied();
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr, TcpListener, TcpStream};
    use std::rc::Rc;
    use std::sync::Arc;

    use super::super::{Budget, Peers};
    use super::*;
    use crate::connection;
    use crate::dispatch::{Dispatch, Failure, Head, Pick};
    use crate::io::Io;
    use crate::metrics::Metrics;
    use crate::settings::Settings;
    use crate::upstream::Upstream;

    struct Nobody;

    impl Dispatch for Nobody {
        fn pick(&self, _: &Head<'_>, _: &[u64]) -> Pick {
            Pick::Wait(Box::pin(std::future::pending()))
        }

        fn failed(&self, _: &Arc<Upstream>, _: Failure) {}
    }

    /// A worker, and what it has counted.
    fn worker() -> (Rc<Worker>, Arc<Metrics>) {
        let metrics = Arc::<Metrics>::default();
        let budget = Arc::new(Budget::new(vec![Arc::clone(&metrics)]));
        let peers = Peers::new(0, vec![Arc::clone(&metrics)], Vec::new());
        let counts = Arc::clone(&metrics);
        let worker = Worker::new(Arc::new(Nobody), Settings::default(), None, counts, budget, peers);
        (Rc::new(worker), metrics)
    }

    #[test]
    fn who_was_given_before_the_deadline_and_comes_in_after_it_is_waited_for_and_cut() {
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_all().build_local(Default::default());
        runtime.unwrap().block_on(async {
            let (worker, metrics) = worker();
            metrics.opened();
            let drains = Rc::clone(&worker);
            let mut drain = tokio::task::spawn_local(async move { drains.drain(Duration::ZERO).await });
            let early = tokio::time::timeout(Duration::from_millis(20), &mut drain).await;
            assert!(early.is_err(), "one is still on its way");
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let tcp = listener.accept().unwrap().0;
            tcp.set_nonblocking(true).unwrap();
            let address = IpAddr::from(Ipv4Addr::LOCALHOST);
            let served = connection::serve(Rc::clone(&worker), Io::Fresh(tcp), address);
            tokio::task::spawn_local(served);
            let drained = tokio::time::timeout(Duration::from_secs(10), drain).await;
            assert_eq!(drained.expect("it is cut at once").unwrap(), 0);
            assert_eq!(metrics.open(), 0);
        });
    }
}
