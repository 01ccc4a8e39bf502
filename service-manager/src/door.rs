//! The door: who serves a request, and where it waits while nobody can (design section 3). Without
//! a queue the way through here takes no lock and allocates nothing.
//!
//! This file picks and gives up; `seating` changes who may be picked, `waiting` is for the rest.

#[cfg(test)]
mod cost;
mod fullness;
mod learned;
#[cfg(test)]
mod paths;
mod seating;
mod terms;
#[cfg(test)]
mod tests;
mod waiting;

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use arc_swap::ArcSwap;
use cluster::config::{DispatchRule, Service};
use relay::{Dispatch, Failure, Head, InFlight, Pick, Protocol, Upstream};
use tokio::sync::{Notify, mpsc, watch};

use self::learned::Learned;
use self::seating::Warming;
pub(crate) use seating::PARTING_TIME;
pub(crate) use terms::Terms;

use crate::calls::Calls;
use crate::child_list::{ChildList, Row};
use crate::health::ejection::Limits;
use crate::pick::{Candidate, Chance, Rule};
use crate::queue::Queue;
use crate::seat::Seat;
use crate::settings;

/// Seats that may wait for their probes to start; one per child and one for the local copy at most.
const LOST_MAX: usize = 4096;

/// Hints of a board that are followed before each seat is looked at instead. One is out of date only
/// while another worker takes the same place.
const HINTS_MAX: usize = 4;

/// Decides for each request who serves it.
pub(crate) struct Door {
    this: Weak<Door>,
    protocol: Protocol,
    // With the terms that go with it.
    list: ArcSwap<ChildList>,
    new_terms: watch::Sender<()>,
    // Held by whoever changes the list or who sits in the local copy's seat.
    changing: Mutex<()>,
    warming: Mutex<Vec<Warming>>,
    warming_begun: Notify,
    settled: AtomicU64,
    local: Arc<Seat>,
    queue: Arc<Queue>,
    turn: AtomicUsize,
    arrivals: AtomicU64,
    refused: AtomicU64,
    queued: Notify,
    lost: mpsc::Sender<Arc<Seat>>,
    /// How nodes are called, where requests to them are encrypted.
    calls: OnceLock<Calls>,
    /// What `capacity = "auto"` stands for.
    learned: Learned,
}

/// How closely to look for a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Look {
    /// At the boards.
    Quick,
    /// At each seat.
    Whole,
}

/// Whether a request was at an upstream before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attempt {
    /// It was not.
    First,
    /// It was, in vain.
    Repeated,
}

impl Door {
    /// The door of `service`. Seats that fail go to the receiver, to be probed.
    pub(crate) fn new(service: &Service) -> (Arc<Self>, mpsc::Receiver<Arc<Seat>>) {
        let (lost, to_probe) = mpsc::channel(LOST_MAX);
        let local = Arc::new(Seat::new("local", service.local_capacity.at_start()));
        let door = Arc::new_cyclic(|this| Self {
            this: this.clone(),
            protocol: settings::protocol(service),
            list: ArcSwap::from_pointee(ChildList::empty(&local, Terms::of(service))),
            new_terms: watch::Sender::new(()),
            changing: Mutex::new(()),
            warming: Mutex::default(),
            warming_begun: Notify::new(),
            settled: AtomicU64::new(0),
            local,
            queue: Arc::new(Queue::new(service.queue_max as usize)),
            turn: AtomicUsize::new(0),
            arrivals: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            queued: Notify::new(),
            lost,
            calls: OnceLock::new(),
            learned: Learned::default(),
        });
        (door, to_probe)
    }

    /// Nodes that join from now on are called like that with requests.
    pub(crate) fn call_by(&self, calls: Calls) {
        // It is said once, before there is a list.
        let _ = self.calls.set(calls);
    }

    /// How they are called; `None`: without TLS.
    pub(crate) fn calls(&self) -> Option<&Calls> {
        self.calls.get()
    }

    /// What the copies of the service speak.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
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
    pub(crate) fn rule(&self) -> Rule {
        self.list.load().terms.rule
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

    /// Whether the local copy serves beside children, as the first of them.
    pub(crate) fn is_local_a_child(&self) -> bool {
        self.list.load().terms.always
    }

    /// When a copy is out for its 5xx; `None`: never.
    pub(crate) fn ejection(&self) -> Option<Limits> {
        self.list.load().terms.ejection
    }

    /// A place at somebody who can take a request now: the children by the rule, then the local
    /// copy, then the children in jeopardy and the ejected ones. A request that is repeated is not sent to
    /// one in jeopardy: it was most likely at a silent one before, and is not repeated twice.
    fn take(&self, avoid: &[u64], look: Look, attempt: Attempt) -> Option<InFlight> {
        let list = self.list.load();
        // An always-local copy is in a row.
        let Terms { rule, always, .. } = list.terms;
        let local = || if always { None } else { take_at(&self.local, avoid) };
        self.take_from(&list.first, rule, avoid, look).or_else(local).or_else(|| match attempt {
            Attempt::First => self.take_from(&list.last, rule, avoid, look),
            Attempt::Repeated => self.take_closely(&list.ejected, rule, avoid),
        })
    }

    fn take_from(&self, row: &Row, rule: Rule, avoid: &[u64], look: Look) -> Option<InFlight> {
        match row.seats.as_slice() {
            [] => None,
            [only] => take_at(only, avoid),
            _ if avoid.is_empty() && look == Look::Quick => self.take_quickly(row, rule),
            seats => self.take_closely(seats, rule, avoid),
        }
    }

    fn take_quickly(&self, row: &Row, rule: Rule) -> Option<InFlight> {
        for _ in 0..HINTS_MAX {
            let index = row.board.choose(|| self.chance(rule))?;
            if let Some(place) = take_at(&row.seats[index], &[]) {
                return Some(place);
            }
        }
        self.take_closely(&row.seats, rule, &[])
    }

    fn take_closely(&self, seats: &[Arc<Seat>], rule: Rule, avoid: &[u64]) -> Option<InFlight> {
        // Another worker may take the last place between the look and the grip: look again then.
        for _ in 0..=seats.len() {
            let index = rule.choose(seats, avoid, self.chance(rule))?;
            if let Some(place) = seats[index].try_acquire() {
                return Some(place);
            }
        }
        None
    }

    fn chance(&self, rule: Rule) -> Chance {
        let dice = match rule.dispatch {
            DispatchRule::P2c => [fastrand::usize(..), fastrand::usize(..)],
            DispatchRule::Fill | DispatchRule::RoundRobin | DispatchRule::LeastInFlight => [0, 0],
        };
        Chance { turn: self.turn.fetch_add(1, Ordering::Relaxed), dice }
    }

    fn seat_of(&self, upstream: &Arc<Upstream>) -> Option<Arc<Seat>> {
        let list = self.list.load();
        let mut seats = std::iter::once(&self.local).chain(list.children.iter().map(|child| &child.seat));
        seats.find(|seat| seat.upstream().is_some_and(|seated| seated.id() == upstream.id())).cloned()
    }
}

/// A place at this one, if it takes requests and has one.
fn take_at(seat: &Seat, avoid: &[u64]) -> Option<InFlight> {
    if seat.takes(avoid) { seat.try_acquire() } else { None }
}

impl Dispatch for Door {
    fn pick(&self, _head: &Head<'_>, avoid: &[u64]) -> Pick {
        let attempt = if avoid.is_empty() { Attempt::First } else { Attempt::Repeated };
        if attempt == Attempt::First {
            self.arrivals.fetch_add(1, Ordering::Relaxed);
        }
        // Nobody overtakes those who wait, but for a request that is repeated: it had its turn.
        let take = |look| self.take(avoid, look, attempt);
        if (attempt == Attempt::Repeated || self.queue.is_empty())
            && let Some(place) = take(Look::Quick).or_else(|| take(Look::Whole))
        {
            // For a moment the board may have shown as taken what came free just now; whoever went to
            // wait by it is served here.
            if !self.queue.is_empty() {
                self.hand_out();
            }
            return Pick::Forward(place);
        }
        self.wait(avoid, attempt)
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
