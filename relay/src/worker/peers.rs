//! The workers of one relay as each of them sees the others: who has how many connections, and the way to
//! hand one over. SO_REUSEPORT spreads by a hash, and leaves one worker with twice as many as another.

use std::net::{IpAddr, TcpStream};
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;

use crate::metrics::Metrics;

/// Connections that one worker may be behind with taking over; beyond that everybody keeps its own.
pub(crate) const HANDED_MAX: usize = 256;

/// A worker hands a connection over only where it has this many more than another: fewer are no burden,
/// and to hand one over costs a wake of the other thread.
const MORE: u64 = 2;

/// And by this part more than the other's, an eighth: HAProxy's and nginx's spread is no finer.
const MORE_PART: u64 = 8;

/// A client's connection that nobody serves yet.
pub(crate) struct Accepted {
    pub(crate) tcp: TcpStream,
    pub(crate) address: IpAddr,
    pub(crate) layer: Layer,
}

/// What is spoken under HTTP on a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layer {
    Tcp,
    Tls,
}

/// All workers, and which of them this one is.
pub(crate) struct Peers {
    own: usize,
    workers: Vec<Arc<Metrics>>,
    doors: Vec<mpsc::Sender<Accepted>>,
}

impl Peers {
    pub(crate) fn new(own: usize, workers: Vec<Arc<Metrics>>, doors: Vec<mpsc::Sender<Accepted>>) -> Peers {
        Peers { own, workers, doors }
    }

    /// Whether all of them together have as many connections as they may have.
    pub(super) fn are_full(&self, max: usize) -> bool {
        max < usize::MAX && self.workers.iter().map(|worker| worker.open()).sum::<u64>() >= max as u64
    }

    /// Gives the connection to the worker with the fewest, where this one has clearly more; gives it back
    /// where it had better stay. It counts where it is from then on.
    pub(super) fn place(&self, accepted: Accepted) -> Option<Accepted> {
        if let Some(to) = fewest(self.workers.iter().map(|worker| worker.open()), self.own) {
            self.workers[to].opened();
            match self.doors[to].try_send(accepted) {
                Ok(()) => return None,
                Err(TrySendError::Full(back) | TrySendError::Closed(back)) => {
                    self.workers[to].closed();
                    return Some(self.keep(back));
                }
            }
        }
        Some(self.keep(accepted))
    }

    /// The connection stays here.
    pub(super) fn keep(&self, accepted: Accepted) -> Accepted {
        self.workers[self.own].opened();
        accepted
    }
}

/// The one with the fewest connections, if it has clearly fewer than `own`.
fn fewest(open: impl Iterator<Item = u64> + Clone, own: usize) -> Option<usize> {
    let ours = open.clone().nth(own)?;
    let (other, theirs) = open.enumerate().min_by_key(|(_, open)| *open)?;
    (ours > theirs + MORE + theirs / MORE_PART).then_some(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_goes_to_the_worker_with_clearly_fewer() {
        assert_eq!(fewest([10, 3, 5].into_iter(), 0), Some(1));
        assert_eq!(fewest([10, 3, 5].into_iter(), 1), None);
        assert_eq!(fewest([5, 3].into_iter(), 0), None);
        assert_eq!(fewest([6, 3].into_iter(), 0), Some(1));
        assert_eq!(fewest([900, 800].into_iter(), 0), None);
        assert_eq!(fewest([903, 800].into_iter(), 0), Some(1));
        assert_eq!(fewest([7].into_iter(), 0), None);
    }
}
