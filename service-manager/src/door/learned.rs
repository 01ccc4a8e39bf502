//! K where `capacity` is "auto": what is learned, and the seats that go by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use cluster::config::Capacity;

use super::Door;
use crate::child_list::ChildState;
use crate::learner::{Held, Queued, Seen};
use crate::pick::Candidate;
use crate::seat::Seat;

/// K of a copy of speed 1.
pub(super) struct Learned {
    // An f64, as bits.
    k: AtomicU64,
    /// Whether it is more than a guess.
    is_known: AtomicBool,
    /// Requests that may wait while a copy is held to less; `NOT_HELD`: none is.
    queued_max: AtomicUsize,
    /// More waited, and the hold was ended here.
    is_overrun: AtomicBool,
    /// What waits does so because of a hold.
    is_queue_excused: AtomicBool,
}

/// No queue is as long.
const NOT_HELD: usize = usize::MAX;

impl Default for Learned {
    fn default() -> Self {
        Self {
            k: AtomicU64::new(Capacity::AUTO_START.to_bits()),
            is_known: AtomicBool::new(false),
            queued_max: AtomicUsize::new(NOT_HELD),
            is_overrun: AtomicBool::new(false),
            is_queue_excused: AtomicBool::new(false),
        }
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

    /// The copies to learn from, and to take what one that is held cannot: those that serve, are not out for their
    /// 5xx and are warm.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        let all = self.copies().into_iter();
        let is_good = |seat: &Seat| seat.is_serving() && !seat.is_ejected() && seat.warmth() >= 1.0;
        all.filter(|(seat, _)| is_good(seat)).filter_map(seen).collect()
    }

    /// What waits for them.
    pub(crate) fn queue_seen(&self) -> Queued {
        Queued {
            count: self.queue.len(),
            max: self.queue.max(),
            oldest: self.queue.oldest(),
            timeout: self.list.load().terms.queue_timeout,
            is_overrun: self.learned.is_overrun.swap(false, Ordering::SeqCst),
        }
    }

    /// Whether what waits does so because a copy is held to less, to see how fast it is then.
    pub(crate) fn excuses_queue(&self) -> bool {
        self.learned.is_queue_excused.load(Ordering::SeqCst)
    }

    /// What waits from now on does so because of a hold, or not.
    pub(crate) fn excuse_queue(&self, is_excused: bool) {
        self.learned.is_queue_excused.store(is_excused, Ordering::SeqCst);
    }

    /// Goes by what is learned from the next pick on; one copy may be held to less for now. Whoever waits is
    /// looked at again.
    pub(crate) fn learn(&self, k: f64, is_known: bool, held: Option<Held>) {
        let changing = self.change();
        if self.learned().is_none() {
            return;
        }
        self.learned.k.store(k.to_bits(), Ordering::Relaxed);
        self.learned.is_known.store(is_known, Ordering::Relaxed);
        let mut has_grown = self.hold(held);
        for (seat, speed) in self.copies() {
            let (before, capacity) = (seat.capacity(), (k * speed).max(1.0));
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

    /// Ends the hold at once where more wait by now than it is worth: the next look at the copies may be too late.
    pub(super) fn mind_queue(&self) {
        if self.queue.len() > self.learned.queued_max.load(Ordering::SeqCst) {
            self.end_hold();
        }
    }

    /// The queue is full: where it had room enough when the hold began, that ends; answers whether it did.
    pub(super) fn end_hold_for_who_is_refused(&self) -> bool {
        self.learned.queued_max.load(Ordering::SeqCst) <= self.queue.max() && self.end_hold()
    }

    fn end_hold(&self) -> bool {
        if self.learned.queued_max.swap(NOT_HELD, Ordering::SeqCst) == NOT_HELD {
            return false;
        }
        self.learned.is_overrun.store(true, Ordering::SeqCst);
        self.hold_seats(None);
        self.hand_out();
        true
    }

    /// Holds this copy to less, and no other; answers whether one was let go.
    pub(super) fn hold(&self, held: Option<Held>) -> bool {
        // It has been ended in between, and the learner is not told yet.
        let held = held.filter(|_| !self.learned.is_overrun.load(Ordering::SeqCst));
        self.hold_seats(held);
        let queued_max = held.map_or(NOT_HELD, |held| held.queued_max);
        self.learned.queued_max.swap(queued_max, Ordering::SeqCst) != NOT_HELD && held.is_none()
    }

    fn hold_seats(&self, held: Option<Held>) {
        let list = self.list.load();
        for seat in std::iter::once(&self.local).chain(list.children.iter().map(|child| &child.seat)) {
            let id = seat.upstream().map(|upstream| upstream.id());
            seat.hold(held.filter(|held| Some(held.key) == id).map(|held| held.limit));
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
    // Read one after the other, they may not go together to the last request.
    let plain = upstream.in_flight().saturating_sub(upstream.long_lived());
    let load = upstream.load();
    Some(Seen {
        key: upstream.id(),
        speed,
        ended: totals.ended,
        time_sum: totals.service_time_sum,
        errors,
        load,
        long_lived: (load - f64::from(plain)).max(0.0),
    })
}

#[cfg(test)]
mod tests {
    use cluster::config::{Service, sample};
    use relay::{Pick, Protocol, UpstreamSpec};

    use super::*;
    use crate::child_list::ChildSpec;
    use crate::door::{Attempt, Look};

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
        door.learn(8.0, true, Some(Held { key: c1, limit: 3.0, queued_max: 10 }));
        // Levels go by K as ever, and so do ejection and what is shown.
        assert_eq!((door.learned(), capacities(&door)), (Some(8.0), vec![8.0, 16.0]));
        let taken = |door: &Door| {
            let list = door.list();
            let seat = &list.children[0].seat;
            std::iter::from_fn(|| seat.try_acquire()).collect::<Vec<_>>().len()
        };
        assert_eq!(taken(&door), 3);
        door.learn(8.0, true, None);
        assert_eq!(taken(&door), 16);
    }

    #[tokio::test]
    async fn a_hold_ends_by_itself_when_more_wait_than_it_is_worth() {
        let door = door(&service("\"auto\"", ""));
        let held =
            Held { key: door.list().children[0].seat.upstream().unwrap().id(), limit: 3.0, queued_max: 2 };
        door.learn(5.0, true, Some(held));
        let take = || door.take(&[], Look::Whole, Attempt::First);
        let taken: Vec<_> = std::iter::from_fn(take).collect();
        assert_eq!(taken.len(), 5 + 3);
        let mut waiting = vec![door.wait(&[], Attempt::First), door.wait(&[], Attempt::First)];
        assert_eq!((door.queued(), door.queue_seen().count), (2, 2));
        waiting.push(door.wait(&[], Attempt::First));
        assert_eq!(door.queued(), 0);
        // Not again before the learner knows.
        door.learn(5.0, true, Some(held));
        assert_eq!(std::iter::from_fn(take).collect::<Vec<_>>().len(), 10 - 3 - 3);
        let overrun = [door.queue_seen().is_overrun, door.queue_seen().is_overrun];
        assert_eq!(overrun, [true, false]);
        drop(waiting);
    }

    #[tokio::test]
    async fn nobody_is_refused_for_a_hold_where_nobody_may_wait() {
        let door = door(&service("\"auto\"", "queue_max = 0\n"));
        let held =
            Held { key: door.list().children[0].seat.upstream().unwrap().id(), limit: 3.0, queued_max: 0 };
        door.learn(5.0, true, Some(held));
        let take = || door.take(&[], Look::Whole, Attempt::First);
        let taken: Vec<_> = std::iter::from_fn(take).collect();
        assert_eq!(taken.len(), 5 + 3);
        // Who would be the first to be refused gets what was held back, and others after it.
        let served = door.wait(&[], Attempt::First);
        assert!(matches!(served, Pick::Forward(_)));
        assert_eq!(std::iter::from_fn(take).collect::<Vec<_>>().len(), 10 - 3 - 1);
        assert!(matches!(door.wait(&[], Attempt::First), Pick::Refuse(_)));
    }

    #[tokio::test]
    async fn a_copy_that_is_out_for_its_5xx_is_no_other_that_takes_what_one_cannot() {
        let door = door(&service("\"auto\"", ""));
        let c1 = door.list().children[0].seat.upstream().unwrap().id();
        assert_eq!(door.seen().len(), 2);
        door.eject(|upstream| upstream == c1);
        assert!(door.seen().iter().all(|seen| seen.key != c1));
    }

    #[tokio::test]
    async fn a_reload_ends_a_hold() {
        let door = door(&service("\"auto\"", ""));
        let held =
            Held { key: door.list().children[0].seat.upstream().unwrap().id(), limit: 1.0, queued_max: 2 };
        door.learn(5.0, true, Some(held));
        door.set_terms(&service("9", ""));
        let take = || door.take(&[], Look::Whole, Attempt::First);
        assert_eq!(std::iter::from_fn(take).collect::<Vec<_>>().len(), 9 + 18);
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
