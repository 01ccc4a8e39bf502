//! The door: who serves a request, and where it waits while nobody can (design section 3). Without
//! a queue the way through here takes no lock and allocates nothing.

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::config::{DispatchRule, Local, Service};
use relay::{Dispatch, Failure, Head, InFlight, Pick, Refusal, Upstream, UpstreamSpec};
use tokio::sync::{Notify, mpsc};

use crate::child_list::{Child, ChildList, ChildSpec, Refused, Verdict};
use crate::pick::{Chance, Rule};
use crate::queue::{Queue, Waiting};
use crate::seat::Seat;

/// Seats that may wait for their probes to start; one per child and one for the local copy at most.
const LOST_MAX: usize = 4096;

/// Decides for each request who serves it.
pub(crate) struct Door {
    this: Weak<Door>,
    rule: Rule,
    always: bool,
    capacity: f64,
    queue_timeout: Duration,
    list: ArcSwap<ChildList>,
    settled: AtomicU64,
    local: Arc<Seat>,
    queue: Arc<Queue>,
    turn: AtomicUsize,
    arrivals: AtomicU64,
    refused: AtomicU64,
    queued: Notify,
    lost: mpsc::Sender<Arc<Seat>>,
}

impl Door {
    /// The door of `service`. Seats that fail go to the receiver, to be probed.
    pub(crate) fn new(service: &Service) -> (Arc<Self>, mpsc::Receiver<Arc<Seat>>) {
        let (lost, to_probe) = mpsc::channel(LOST_MAX);
        let local = Arc::new(Seat::new("local", f64::from(service.local_capacity)));
        let always = service.local == Local::Always;
        let scaling = &service.scaling;
        let door = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            rule: Rule { dispatch: service.dispatch, low: scaling.low, high: scaling.high },
            always,
            capacity: f64::from(service.capacity),
            queue_timeout: service.queue_timeout,
            list: ArcSwap::from_pointee(ChildList::empty(always.then_some(&local))),
            settled: AtomicU64::new(0),
            local,
            queue: Arc::new(Queue::new(service.queue_max as usize)),
            turn: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            queued: Notify::new(),
            lost,
        });
        (door, to_probe)
    }

    /// The local copy's seat.
    pub(crate) fn local(&self) -> &Arc<Seat> {
        &self.local
    }

    /// The child_list in force.
    pub(crate) fn list(&self) -> Arc<ChildList> {
        self.list.load_full()
    }

    /// The newest generation that every worker picks by: what is counted after a look at this holds
    /// no pick by an older list.
    pub(crate) fn settled(&self) -> u64 {
        self.settled.load(Ordering::SeqCst)
    }

    /// Every worker has passed its loop since the list of `generation` was set.
    pub(crate) fn settle(&self, generation: u64) {
        self.settled.fetch_max(generation, Ordering::SeqCst);
    }

    /// The rule that picks, with the thresholds of a level.
    pub(crate) fn rule(&self) -> &Rule {
        &self.rule
    }

    /// Requests that wait now.
    pub(crate) fn queued(&self) -> usize {
        self.queue.len()
    }

    /// Requests that arrived since the start, and those of them that were refused here.
    pub(crate) fn arrivals_and_refused(&self) -> (u64, u64) {
        (self.arrivals.load(Ordering::Relaxed), self.refused.load(Ordering::Relaxed))
    }

    /// Waits until a request enters an empty queue.
    pub(crate) async fn request_queued(&self) {
        self.queued.notified().await;
    }

    /// An upstream whose freed places go to those who wait here.
    pub(crate) fn upstream(&self, spec: UpstreamSpec) -> Arc<Upstream> {
        let (queue, door) = (Arc::clone(&self.queue), self.this.clone());
        Upstream::new(spec, move |_| {
            if !queue.is_empty()
                && let Some(door) = door.upgrade()
            {
                door.hand_out();
            }
        })
    }

    /// Puts the local copy in its seat, or takes it out of it.
    pub(crate) fn seat_local(&self, upstream: Option<Arc<Upstream>>) {
        self.local.seat(upstream);
        self.hand_out();
    }

    /// Opens the local copy's seat while its probes are good, and closes it while they are not.
    pub(crate) fn open_local(&self, open: bool) {
        self.local.set_open(open);
        self.hand_out();
    }

    /// Replaces the child_list. The caller lets the workers pass (`Relay::barrier`) and then closes
    /// what the answer holds: the children that left, and the idle connections of the draining ones.
    pub(crate) fn set_list(&self, generation: u64, specs: Vec<ChildSpec>) -> Result<Option<Left>, Refused> {
        let old = self.list.load_full();
        if old.judge(generation, &specs)? == Verdict::Repeated {
            return Ok(None);
        }
        let children: Vec<Child> = specs.into_iter().map(|spec| self.child(&old, spec)).collect();
        let stays = |seat: &Arc<Seat>| children.iter().any(|child| Arc::ptr_eq(&child.seat, seat));
        let gone = old.children.iter().filter(|child| !stays(&child.seat)).cloned().collect();
        let always = self.always.then_some(&self.local);
        self.list.store(Arc::new(ChildList::new(generation, children, always)));
        // It waits for the queue's lock, and so for places that are being given by the old list.
        self.hand_out();
        Ok(Some(Left { gone }))
    }

    /// Gives free places to those who wait.
    pub(crate) fn hand_out(&self) {
        self.queue.hand_out(|| self.take(&[]));
    }

    fn child(&self, old: &ChildList, spec: ChildSpec) -> Child {
        if let Some(known) = old.find(&spec) {
            known.seat.set_capacity(self.capacity * spec.speed);
            return Child { seat: Arc::clone(&known.seat), spec };
        }
        let seat = Arc::new(Seat::new(&spec.node, self.capacity * spec.speed));
        seat.seat(Some(self.upstream(UpstreamSpec {
            name: spec.node.clone(),
            address: spec.address,
            token: Some(spec.token.clone()),
            may_refuse: true,
        })));
        Child { spec, seat }
    }

    /// A place at somebody who can take a request now: the children by the rule, then the local
    /// copy, then the children in jeopardy.
    fn take(&self, avoid: &[u64]) -> Option<InFlight> {
        let list = self.list.load();
        self.take_from(&list.first, avoid)
            .or_else(|| self.take_from(std::slice::from_ref(&self.local), avoid))
            .or_else(|| self.take_from(&list.last, avoid))
    }

    fn take_from(&self, seats: &[Arc<Seat>], avoid: &[u64]) -> Option<InFlight> {
        // Another worker may take the last place between the look and the grip: look again then.
        for _ in 0..=seats.len() {
            let index = self.rule.choose(seats, avoid, self.chance(seats.len()))?;
            if let Some(place) = seats[index].try_acquire() {
                return Some(place);
            }
        }
        None
    }

    fn chance(&self, seats: usize) -> Chance {
        if seats < 2 {
            return Chance::default();
        }
        let dice = match self.rule.dispatch {
            DispatchRule::P2c => [fastrand::usize(..), fastrand::usize(..)],
            DispatchRule::Fill | DispatchRule::RoundRobin | DispatchRule::LeastInFlight => [0, 0],
        };
        Chance { turn: self.turn.fetch_add(1, Ordering::Relaxed), dice }
    }

    fn wait(&self, repeated: bool) -> Pick {
        let was_empty = self.queue.is_empty();
        let Some(waiting) = self.queue.enter(repeated) else {
            return self.refuse("queue-full", "the service is busy and its queue is full");
        };
        // A place that came free since the pick must not be missed.
        self.hand_out();
        if was_empty {
            self.queued.notify_one();
        }
        let (door, timeout) = (self.this.clone(), self.queue_timeout);
        Pick::Wait(Box::pin(async move { granted(waiting, timeout, &door).await }))
    }

    fn refuse(&self, reason: &'static str, text: &'static str) -> Pick {
        self.refused.fetch_add(1, Ordering::Relaxed);
        Pick::Refuse(Refusal { status: 503, reason, text: text.into(), retry_after: Some(1), refused: false })
    }

    fn timed_out(&self) -> Pick {
        let list = self.list.load();
        let mut seats = list.first.iter().chain(&list.last).chain(std::iter::once(&self.local));
        if seats.any(|seat| seat.is_serving()) {
            self.refuse("queue-timeout", "the service is busy; no place came free in time")
        } else {
            self.refuse("no-upstream", "no copy of the service is ready")
        }
    }

    fn seat_of(&self, upstream: &Arc<Upstream>) -> Option<Arc<Seat>> {
        let list = self.list.load();
        let mut seats = std::iter::once(&self.local).chain(list.children.iter().map(|child| &child.seat));
        seats.find(|seat| seat.upstream().is_some_and(|seated| seated.id() == upstream.id())).cloned()
    }
}

/// The children that are on the list no more, to be closed once no worker picks by the old one.
pub(crate) struct Left {
    gone: Vec<Child>,
}

impl Left {
    /// Closes every connection of those who left, and the idle ones of those who drain in `list`.
    /// A child leaves when it is drained, or when it is dead: what still runs on it is ended here.
    pub(crate) fn close(self, list: &ChildList) {
        for child in self.gone {
            if let Some(upstream) = child.seat.upstream() {
                upstream.close();
            }
        }
        let draining = |child: &&Child| child.spec.state == crate::child_list::ChildState::Draining;
        for child in list.children.iter().filter(draining) {
            if let Some(upstream) = child.seat.upstream() {
                upstream.close_idle();
            }
        }
    }
}

async fn granted(waiting: Waiting, timeout: Duration, door: &Weak<Door>) -> Pick {
    match tokio::time::timeout(timeout, waiting).await {
        Ok(Some(place)) => Pick::Forward(place),
        Ok(None) | Err(_) => match door.upgrade() {
            Some(door) => door.timed_out(),
            None => Pick::Refuse(Refusal {
                status: 503,
                reason: "no-upstream",
                text: "the service is being stopped".into(),
                retry_after: Some(1),
                refused: false,
            }),
        },
    }
}

impl Dispatch for Door {
    fn pick(&self, _head: &Head<'_>, avoid: &[u64]) -> Pick {
        let repeated = !avoid.is_empty();
        if !repeated {
            self.arrivals.fetch_add(1, Ordering::Relaxed);
        }
        // Nobody overtakes those who wait, but for a request that is repeated: it had its turn.
        if (repeated || self.queue.is_empty())
            && let Some(place) = self.take(avoid)
        {
            return Pick::Forward(place);
        }
        self.wait(repeated)
    }

    fn failed(&self, upstream: &Arc<Upstream>, failure: Failure) {
        match failure {
            Failure::Connect | Failure::ConnectTimeout | Failure::Refused => {}
            Failure::Closed | Failure::FirstByteTimeout | Failure::Truncated => return,
        }
        let Some(seat) = self.seat_of(upstream) else { return };
        if seat.set_out(true) {
            tracing::warn!(upstream = seat.name(), address = %upstream.address(), ?failure, "taken out until it answers again");
            if self.lost.try_send(Arc::clone(&seat)).is_err() {
                seat.set_out(false);
            }
        }
    }
}
