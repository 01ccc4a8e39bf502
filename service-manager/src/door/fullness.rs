//! How full it is behind the door, for people and for Prometheus. Nothing is decided by it.

use std::slice;
use std::sync::Arc;

use cluster::level::Level;

use super::Door;
use crate::seat::Seat;

impl Door {
    /// The level of those who serve: the children, or the local copy alone.
    pub(crate) fn level(&self) -> Level {
        let list = self.list();
        let children = list.first.seats.as_slice();
        let serving = if children.is_empty() { slice::from_ref(&self.local) } else { children };
        let load = serving.iter().filter_map(|seat| seat.upstream()).map(|upstream| upstream.load()).sum();
        let capacity = serving.iter().map(|seat| seat.capacity()).sum();
        Level::of(load, capacity, list.terms.rule.low, list.terms.rule.high)
    }

    /// Requests that the children and the local copy work on.
    pub(crate) fn in_flight(&self) -> u64 {
        let list = self.list();
        let children = list.children.iter().map(|child| &child.seat);
        let count = |seat: &Arc<Seat>| seat.upstream().map_or(0, |upstream| upstream.in_flight());
        children.chain([&self.local]).map(|seat| u64::from(count(seat))).sum()
    }
}
