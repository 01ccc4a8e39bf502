//! K where `capacity` is "auto": what is learned, and the seats that go by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cluster::config::Capacity;

use super::Door;
use crate::child_list::ChildState;
use crate::learner::Seen;
use crate::pick::Candidate;
use crate::seat::Seat;

/// K of a copy of speed 1.
pub(super) struct Learned {
    // An f64, as bits.
    k: AtomicU64,
    /// Whether it is more than a guess.
    is_known: AtomicBool,
}

impl Default for Learned {
    fn default() -> Self {
        Self { k: AtomicU64::new(Capacity::AUTO_START.to_bits()), is_known: AtomicBool::new(false) }
    }
}

impl Learned {
    /// Learning begins anew, from this guess.
    pub(super) fn begin_at(&self, k: f64) {
        self.is_known.store(false, Ordering::Relaxed);
        self.k.store(k.to_bits(), Ordering::Relaxed);
    }

    fn k(&self) -> f64 {
        f64::from_bits(self.k.load(Ordering::Relaxed))
    }
}

impl Door {
    /// K of a copy of speed 1 where that is learned; `None`: it is written.
    pub(crate) fn learned(&self) -> Option<f64> {
        self.list.load().terms.capacity.is_auto().then(|| self.learned.k())
    }

    /// Whether what is learned is more than a guess.
    pub(crate) fn has_learned(&self) -> bool {
        self.learned.is_known.load(Ordering::Relaxed)
    }

    /// What another process has learned is a good guess, where nothing is learned here yet.
    pub(crate) fn suggest(&self, k: f64) {
        if k.is_finite() && k >= 1.0 && !self.has_learned() {
            self.learned.k.store(k.to_bits(), Ordering::Relaxed);
        }
    }

    /// The copies to learn from: those that serve and are warm.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let all = self.copies().into_iter();
        all.filter(|(seat, _)| seat.is_serving() && seat.warmth() >= 1.0).filter_map(seen).collect()
    }

    /// Goes by what is learned from the next pick on; the copy of this key may have only so many for now. Whoever
    /// waits is looked at again.
    pub(crate) fn learn(&self, k: f64, is_known: bool, held: Option<(u64, f64)>) {
        let changing = self.change();
        if self.learned().is_none() {
            return;
        }
        self.learned.k.store(k.to_bits(), Ordering::Relaxed);
        self.learned.is_known.store(is_known, Ordering::Relaxed);
        let mut has_grown = false;
        for (seat, speed) in self.copies() {
            let id = seat.upstream().map(|upstream| upstream.id());
            let held = held.filter(|(key, _)| Some(*key) == id).map(|(_, limit)| limit);
            let capacity = held.unwrap_or(k * speed).max(1.0);
            let before = seat.capacity();
            if (capacity - before).abs() > f64::EPSILON {
                seat.set_capacity(capacity);
                has_grown |= capacity > before;
            }
        }
        drop(changing);
        if has_grown {
            self.hand_out();
        }
    }

    /// K of a copy of speed 1 by what is written.
    pub(super) fn k(&self, capacity: Capacity) -> f64 {
        match capacity {
            Capacity::Requests(requests) => f64::from(requests),
            Capacity::Auto => self.learned.k(),
        }
    }

    /// Those whose K is learned, with their speed.
    fn copies(&self) -> Vec<(Arc<Seat>, f64)> {
        let list = self.list.load();
        let local = list.terms.local_capacity.is_auto().then(|| (Arc::clone(&self.local), 1.0));
        let ready = list.children.iter().filter(|child| child.spec.state == ChildState::Ready);
        local.into_iter().chain(ready.map(|child| (Arc::clone(&child.seat), child.spec.speed))).collect()
    }
}

fn seen((seat, speed): (Arc<Seat>, f64)) -> Option<Seen> {
    let upstream = seat.upstream()?;
    let totals = upstream.totals();
    let [.., errors] = totals.by_class;
    Some(Seen { key: upstream.id(), speed, ended: totals.ended, time_sum: totals.service_time_sum, errors })
}

#[cfg(test)]
mod tests {
    use cluster::config::{Service, sample};
    use relay::{Protocol, UpstreamSpec};

    use super::*;
    use crate::child_list::ChildSpec;

    fn service(capacity: &str, lines: &str) -> Service {
        let text = sample(1, &format!("slow_start = \"0s\"\n{lines}"));
        let text = text.replace("capacity = 8", &format!("capacity = {capacity}"));
        cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0)
    }

    /// With a local copy and a node of speed 2.
    fn door(service: &Service) -> Arc<Door> {
        let (door, _lost) = Door::new(service);
        let spec = UpstreamSpec {
            name: "local".into(),
            address: "127.0.0.1:1".parse().unwrap(),
            token: None,
            may_refuse: false,
            protocol: Protocol::Http1,
        };
        door.seat_local(Some(door.upstream(spec)));
        door.set_list(1, vec![fast_node("c1")]).unwrap();
        door
    }

    fn fast_node(name: &str) -> ChildSpec {
        ChildSpec {
            node: name.into(),
            lease_id: format!("lease-{name}"),
            epoch: 1,
            address: "127.0.0.1:2".parse().unwrap(),
            token: Some("secret".into()),
            speed: 2.0,
            state: ChildState::Ready,
        }
    }

    /// K of the local copy and of each child.
    fn capacities(door: &Door) -> Vec<f64> {
        let list = door.list();
        let children = list.children.iter().map(|child| &child.seat);
        [door.local()].into_iter().chain(children).map(|seat| seat.capacity()).collect()
    }

    #[tokio::test]
    async fn what_is_learned_is_the_k_of_every_copy_by_its_speed_also_of_one_that_joins_later() {
        let door = door(&service("\"auto\"", ""));
        assert_eq!((door.learned(), capacities(&door)), (Some(20.0), vec![20.0, 40.0]));
        door.learn(5.0, true, None);
        assert_eq!((door.learned(), capacities(&door)), (Some(5.0), vec![5.0, 10.0]));
        door.set_list(2, vec![fast_node("c1"), fast_node("c2")]).unwrap();
        assert_eq!(capacities(&door), [5.0, 10.0, 10.0]);
    }

    #[tokio::test]
    async fn a_copy_that_is_probed_is_held_to_less_and_what_is_learned_stays() {
        let door = door(&service("\"auto\"", ""));
        let c1 = door.list().children[0].seat.upstream().unwrap().id();
        door.learn(8.0, true, Some((c1, 3.0)));
        assert_eq!((door.learned(), capacities(&door)), (Some(8.0), vec![8.0, 3.0]));
        door.learn(8.0, true, None);
        assert_eq!(capacities(&door), [8.0, 16.0]);
    }

    #[tokio::test]
    async fn a_local_capacity_that_is_written_holds_beside_a_learned_one() {
        let door = door(&service("\"auto\"", "local_capacity = 3\n"));
        door.learn(5.0, true, None);
        assert_eq!(capacities(&door), [3.0, 10.0]);
        assert_eq!(door.seen().len(), 1);
    }

    #[tokio::test]
    async fn a_reload_from_a_number_begins_there_and_one_to_a_number_ends_it() {
        let door = door(&service("8", ""));
        door.learn(5.0, true, None);
        assert_eq!((door.learned(), capacities(&door)), (None, vec![8.0, 16.0]));
        door.set_terms(&service("\"auto\"", ""));
        assert_eq!(
            (door.learned(), capacities(&door), door.has_learned()),
            (Some(8.0), vec![8.0, 16.0], false)
        );
        door.learn(5.0, true, None);
        door.set_terms(&service("\"auto\"", "queue_max = 7\n"));
        assert_eq!(
            (door.learned(), capacities(&door), door.has_learned()),
            (Some(5.0), vec![5.0, 10.0], true)
        );
        door.set_terms(&service("9", ""));
        assert_eq!((door.learned(), capacities(&door)), (None, vec![9.0, 18.0]));
    }

    #[tokio::test]
    async fn a_guess_counts_until_something_is_learned() {
        let door = door(&service("\"auto\"", ""));
        for nothing in [0.0, f64::NAN, f64::INFINITY] {
            door.suggest(nothing);
        }
        assert_eq!(door.learned(), Some(20.0));
        door.suggest(6.5);
        assert_eq!(door.learned(), Some(6.5));
        door.learn(7.0, true, None);
        door.suggest(6.5);
        assert_eq!(door.learned(), Some(7.0));
    }
}
