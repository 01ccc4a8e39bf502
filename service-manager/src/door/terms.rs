//! What cluster.toml says of who serves, as it is in force. It travels with the child_list, in one
//! snapshot, so that a pick never goes by the one file's rule and the other's rows.

use std::sync::Arc;
use std::time::Duration;

use cluster::config::{Capacity, Local, Service};
use tokio::sync::watch;

use super::Door;
use crate::child_list::ChildList;
use crate::health::ejection::Limits;
use crate::pick::Rule;

/// What may change while the door is open.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// Which child takes a request.
    pub(crate) rule: Rule,
    /// Whether the local copy serves beside children.
    pub(crate) always: bool,
    /// K of a copy on a node of speed 1, and of the local copy.
    pub(crate) capacity: Capacity,
    pub(crate) local_capacity: Capacity,
    /// How long a request may wait; those who wait keep what they were let in with.
    pub(crate) queue_timeout: Duration,
    /// How long a new copy's share grows.
    pub(crate) slow_start: Duration,
    /// When a copy is out for its 5xx; `None`: never.
    pub(crate) ejection: Option<Limits>,
}

impl Terms {
    /// Those of `service`.
    pub(crate) fn of(service: &Service) -> Self {
        let (low, high) = (service.scaling.low, service.scaling.high);
        Self {
            rule: Rule { dispatch: service.dispatch, low, high },
            always: service.local == Local::Always,
            capacity: service.capacity,
            local_capacity: service.local_capacity,
            queue_timeout: service.queue_timeout,
            slow_start: service.slow_start,
            ejection: service.eject_5xx.map(|share| Limits { share, time: service.eject_time, high }),
        }
    }
}

impl Door {
    /// Goes by what `service` says from the next pick on. Whoever waits is looked at again: there may be more
    /// room now. Whoever waits beyond a smaller `queue_max` keeps its place.
    pub(crate) fn set_terms(&self, service: &Service) {
        let terms = Terms::of(service);
        self.queue.set_max(service.queue_max as usize);
        let changing = self.change();
        let old = self.list.load_full();
        // What was written before is a better guess than any other.
        if let Capacity::Requests(requests) = old.terms.capacity {
            self.learned.begin_at(f64::from(requests));
        }
        // The next look holds it again, where something is still to be learned.
        self.hold(None);
        self.local.set_capacity(self.k(terms.local_capacity));
        for child in &old.children {
            child.seat.set_capacity(self.k(terms.capacity) * child.spec.speed);
        }
        let list = ChildList::new(old.generation, old.children.clone(), &self.local, terms);
        list.place(&old);
        self.list.store(Arc::new(list));
        drop(changing);
        self.new_terms.send_replace(());
        self.hand_out();
    }

    /// Changes whenever there are other terms.
    pub(crate) fn new_terms(&self) -> watch::Receiver<()> {
        self.new_terms.subscribe()
    }

    /// Requests that may wait.
    pub(crate) fn queue_max(&self) -> usize {
        self.queue.max()
    }
}
