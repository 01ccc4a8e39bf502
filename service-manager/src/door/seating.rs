//! Who may be picked: the child_list, who sits in the local copy's seat, who is out, and how warm each
//! is. Whatever changes here is followed by a look at those who wait.

use std::sync::{Arc, MutexGuard};
use std::time::{Duration, Instant};

use relay::{TlsClient, Upstream, UpstreamSpec};

use super::Door;
use crate::child_list::{Child, ChildList, ChildSpec, ChildState, Refused, Verdict};
use crate::pick::warmth::{WARMTH_MIN, warmth};
use crate::seat::Seat;

/// A seat on its way through slow start.
pub(super) struct Warming {
    seat: Arc<Seat>,
    since: Instant,
}

impl Door {
    /// An upstream for the local copy's seat, whose freed places go to those who wait here.
    pub(crate) fn upstream(&self, spec: UpstreamSpec) -> Arc<Upstream> {
        self.upstream_of(&self.local, spec, None)
    }

    /// Puts the local copy in its seat, or takes it out of it.
    pub(crate) fn seat_local(&self, upstream: Option<Arc<Upstream>>) {
        let changing = self.change();
        if upstream.is_some() {
            self.warm(&self.local);
        }
        self.local.seat(upstream);
        if self.is_local_a_child() {
            self.relist();
        }
        drop(changing);
        self.hand_out();
    }

    /// Opens the local copy's seat while its probes are good, and closes it while they are not.
    pub(crate) fn open_local(&self, open: bool) {
        if open {
            self.warm(&self.local);
        }
        self.local.set_open(open);
        self.hand_out();
    }

    /// Lets a copy take requests again that was out because connects to it failed; answers whether it was.
    pub(crate) fn bring_back(&self, seat: &Arc<Seat>) -> bool {
        self.warm(seat);
        let was_out = seat.set_out(false);
        self.hand_out();
        was_out
    }

    /// Ranks each copy behind the others whose upstream's id `is_ejected` says so of, and no other.
    pub(crate) fn eject(&self, is_ejected: impl Fn(u64) -> bool) {
        let changing = self.change();
        let list = self.list.load_full();
        let mut is_changed = false;
        for seat in std::iter::once(&self.local).chain(list.children.iter().map(|child| &child.seat)) {
            let Some(upstream) = seat.upstream() else { continue };
            let is_ejected = is_ejected(upstream.id());
            if seat.set_ejected(is_ejected) {
                is_changed = true;
                if !is_ejected {
                    self.warm(seat);
                }
            }
        }
        if is_changed {
            self.relist();
        }
        drop(changing);
        self.hand_out();
    }

    /// Replaces the child_list. The caller lets the workers pass (`Relay::barrier`) and then closes
    /// what the answer holds: the children that left, and the idle connections of the draining ones.
    pub(crate) fn set_list(&self, generation: u64, specs: Vec<ChildSpec>) -> Result<Option<Left>, Refused> {
        let changing = self.change();
        let old = self.list.load_full();
        if old.judge(generation, &specs)? == Verdict::Repeated {
            return Ok(None);
        }
        let children: Vec<Child> = specs.into_iter().map(|spec| self.child(&old, spec)).collect();
        let stays = |seat: &Arc<Seat>| children.iter().any(|child| Arc::ptr_eq(&child.seat, seat));
        let gone = old.children.iter().filter(|child| !stays(&child.seat)).cloned().collect();
        self.put(&old, generation, children);
        drop(changing);
        // It waits for the queue's lock, and so for places that are being given by the old list.
        self.hand_out();
        Ok(Some(Left { gone }))
    }

    /// Waits until a copy begins to warm up.
    pub(crate) async fn warming_begun(&self) {
        self.warming_begun.notified().await;
    }

    /// Raises the warmth of each new copy to what it is `now`; answers whether one is still to grow.
    pub(crate) fn warm_up(&self, now: Instant) -> bool {
        let slow_start = self.list.load().terms.slow_start;
        let mut warming = self.warming();
        warming.retain(|Warming { seat, since }| {
            let warmth = warmth(now.saturating_duration_since(*since), slow_start);
            seat.set_warmth(warmth);
            warmth < 1.0
        });
        !warming.is_empty()
    }

    /// The copy is new or was away: it goes through slow start from here, if others serve meanwhile.
    /// When the front end itself is new, all of them are, and none is colder than the others.
    fn warm(&self, seat: &Arc<Seat>) {
        let list = self.list.load();
        let others_serve =
            list.first.seats.iter().any(|other| !Arc::ptr_eq(other, seat) && other.is_serving());
        if list.terms.slow_start.is_zero() || !others_serve {
            return;
        }
        seat.set_warmth(WARMTH_MIN);
        let mut warming = self.warming();
        warming.retain(|warming| !Arc::ptr_eq(&warming.seat, seat));
        warming.push(Warming { seat: Arc::clone(seat), since: tokio::time::Instant::now().into_std() });
        drop(warming);
        self.warming_begun.notify_one();
    }

    fn child(&self, old: &ChildList, spec: ChildSpec) -> Child {
        let capacity = self.k(old.terms.capacity) * spec.speed;
        if let Some(known) = old.find(&spec) {
            if known.spec.state == ChildState::NotReady && spec.state == ChildState::Ready {
                self.warm(&known.seat);
            }
            known.seat.set_capacity(capacity);
            return Child { seat: Arc::clone(&known.seat), spec };
        }
        let seat = Arc::new(Seat::new(&spec.node, capacity));
        self.warm(&seat);
        let upstream = UpstreamSpec {
            name: spec.node.clone(),
            address: spec.address,
            // A service itself gets no token, and what it says of a node is not believed: as the local copy.
            may_refuse: spec.token.is_some(),
            token: spec.token.clone(),
            protocol: self.protocol,
        };
        // Straight to a copy there is nobody who could speak it.
        let calls = self.calls.get().filter(|_| upstream.may_refuse);
        let tls = calls.map(|calls| calls.to(&spec.node));
        seat.seat(Some(self.upstream_of(&seat, upstream, tls)));
        Child { spec, seat }
    }

    fn upstream_of(&self, seat: &Seat, spec: UpstreamSpec, tls: Option<TlsClient>) -> Arc<Upstream> {
        let (queue, door, gauge) = (Arc::clone(&self.queue), self.this.clone(), Arc::clone(seat.gauge()));
        Upstream::new_secured(spec, tls, move |upstream| {
            gauge.show(upstream);
            if !queue.is_empty()
                && let Some(door) = door.upgrade()
            {
                door.hand_out();
            }
        })
    }

    /// The list in force with its seats as they are now. The caller holds `changing`.
    fn relist(&self) {
        let list = self.list.load_full();
        self.put(&list, list.generation, list.children.clone());
    }

    /// Puts a list in force in place of `old`. The caller holds `changing`.
    fn put(&self, old: &ChildList, generation: u64, children: Vec<Child>) {
        let list = ChildList::new(generation, children, &self.local, old.terms);
        list.place(old);
        self.list.store(Arc::new(list));
    }

    pub(super) fn change(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().expect("no holder of the list's lock panics")
    }

    fn warming(&self) -> MutexGuard<'_, Vec<Warming>> {
        self.warming.lock().expect("no holder of the warming seats' lock panics")
    }
}

/// How long a tunnel that was asked to part may take: two ends that say goodbye to one another need less.
pub(crate) const PARTING_TIME: Duration = Duration::from_secs(5);

/// The children that are on the list no more, to be closed once no worker picks by the old one.
pub(crate) struct Left {
    gone: Vec<Child>,
}

impl Left {
    /// Closes what is left behind: every connection of a child that is dead, and the idle ones of those who
    /// drain in `list`. A child that was drained has nothing in flight any more but what is long-lived: its
    /// tunnels are asked to part, and it is answered, to be closed after `PARTING_TIME`. One that has a plain
    /// request in flight was lost while it drained, and the request is to be repeated elsewhere.
    pub(crate) fn close(self, list: &ChildList) -> Vec<Arc<Upstream>> {
        let mut parting = Vec::new();
        for child in self.gone {
            let Some(upstream) = child.seat.upstream() else { continue };
            let (in_flight, long_lived) = (upstream.in_flight(), upstream.long_lived());
            if child.spec.state == ChildState::Draining && in_flight > 0 && in_flight == long_lived {
                upstream.part();
                parting.push(upstream);
            } else {
                upstream.close();
            }
        }
        let draining = |child: &&Child| child.spec.state == ChildState::Draining;
        for child in list.children.iter().filter(draining) {
            if let Some(upstream) = child.seat.upstream() {
                upstream.close_idle();
            }
        }
        parting
    }
}
