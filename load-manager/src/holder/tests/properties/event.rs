//! What may happen in the properties, and how often.

use proptest::collection::vec;
use proptest::prelude::*;

use super::NODES;
use crate::holder::{ChildState, LeaseState};

/// One thing that may happen. The plain numbers choose among the leases and generations known so far.
#[derive(Debug, Clone)]
pub(super) enum Event {
    FrontUp {
        generation: u64,
        children: Vec<(usize, u8, ChildState)>,
    },
    FrontDown,
    Sample {
        behind: u64,
        in_flight: f64,
        queued: u32,
        counts: Vec<(usize, u8, u32)>,
    },
    ListApplied {
        behind: u64,
    },
    LinkUp {
        node: usize,
        adopted: Option<Vec<(u8, LeaseState)>>,
    },
    Renewed {
        node: usize,
        incarnation: u64,
        leases: Vec<(u8, LeaseState, bool)>,
        age: Option<u64>,
    },
    LinkRefused {
        node: usize,
    },
    LinkSilent {
        node: usize,
    },
    Granted {
        node: usize,
    },
    Added {
        node: usize,
        end: End,
    },
    Adopted {
        node: usize,
        leases: Option<Vec<(u8, LeaseState)>>,
    },
    NodeDrained {
        node: usize,
        lease: u8,
        ok: bool,
    },
    Undrained {
        node: usize,
        lease: u8,
        ok: bool,
    },
    Released {
        node: usize,
        lease: u8,
        ok: bool,
    },
    Fenced,
    /// cluster.toml has these nodes now, in this order.
    Reload {
        members: Vec<usize>,
    },
    Tick,
    Look,
    Pass {
        millis: u64,
    },
}

/// How an order ends.
#[derive(Debug, Clone, Copy)]
pub(super) enum End {
    Started,
    Refused,
    Failed,
}

impl Event {
    /// How many leases it names at once.
    pub(super) fn named(&self) -> usize {
        match self {
            Self::FrontUp { children, .. } => children.len(),
            Self::LinkUp { adopted, .. } => adopted.as_ref().map_or(0, Vec::len),
            Self::Adopted { leases, .. } => leases.as_ref().map_or(0, Vec::len),
            Self::Renewed { leases, .. } => leases.len(),
            _ => 1,
        }
    }
}

fn child_state() -> impl Strategy<Value = ChildState> {
    prop::sample::select(vec![
        ChildState::Ready,
        ChildState::Jeopardy,
        ChildState::Draining,
        ChildState::NotReady,
    ])
}

fn lease_state() -> impl Strategy<Value = LeaseState> {
    prop::sample::select(vec![
        LeaseState::Reserved,
        LeaseState::Starting,
        LeaseState::Ready,
        LeaseState::Ready,
        LeaseState::Ready,
        LeaseState::Ready,
        LeaseState::Ready,
        LeaseState::Orphan,
        LeaseState::Draining,
        LeaseState::Stopping,
        LeaseState::Gone,
        LeaseState::Unknown,
    ])
}

/// By how much a generation is out of date.
fn behind() -> impl Strategy<Value = u64> {
    prop_oneof![4 => Just(0_u64), 1 => 0..3_u64]
}

fn front_event() -> impl Strategy<Value = Event> {
    let children = vec((0..NODES, any::<u8>(), child_state()), 0..4);
    let counts = vec((0..NODES, any::<u8>(), 0..2_u32), 0..3);
    prop_oneof![
        1 => (0..40_u64, children)
            .prop_map(|(generation, children)| Event::FrontUp { generation, children }),
        1 => Just(Event::FrontDown),
        6 => (behind(), 0.0..20.0_f64, prop_oneof![4 => Just(0_u32), 1 => Just(1)], counts).prop_map(|(behind, in_flight, queued, counts)| {
            Event::Sample { behind, in_flight, queued, counts }
        }),
        6 => behind().prop_map(|behind| Event::ListApplied { behind }),
    ]
}

fn link_event() -> impl Strategy<Value = Event> {
    let adopted = prop::option::of(vec((any::<u8>(), lease_state()), 0..3));
    let leases = vec((any::<u8>(), lease_state(), prop::bool::weighted(0.1)), 0..3);
    let leases = prop_oneof![2 => Just(Vec::new()), 1 => leases];
    let incarnation = prop_oneof![19 => Just(1_u64), 1 => Just(2)];
    let age = prop::option::of(prop_oneof![3 => Just(0_u64), 1 => 0..20_000_u64]);
    prop_oneof![
        6 => (0..NODES, adopted).prop_map(|(node, adopted)| Event::LinkUp { node, adopted }),
        15 => (0..NODES, incarnation, leases, age)
            .prop_map(|(node, incarnation, leases, age)| Event::Renewed { node, incarnation, leases, age }),
        1 => (0..NODES).prop_map(|node| Event::LinkRefused { node }),
        1 => (0..NODES).prop_map(|node| Event::LinkSilent { node }),
    ]
}

fn call_event() -> impl Strategy<Value = Event> {
    let end = prop_oneof![6 => Just(End::Started), 1 => Just(End::Refused), 1 => Just(End::Failed)];
    let adopted = prop::option::of(vec((any::<u8>(), lease_state()), 0..3));
    let answer = || (0..NODES, any::<u8>(), prop::bool::weighted(0.8));
    prop_oneof![
        6 => (0..NODES).prop_map(|node| Event::Granted { node }),
        6 => (0..NODES, end).prop_map(|(node, end)| Event::Added { node, end }),
        6 => (0..NODES, adopted).prop_map(|(node, leases)| Event::Adopted { node, leases }),
        3 => answer().prop_map(|(node, lease, ok)| Event::NodeDrained { node, lease, ok }),
        2 => answer().prop_map(|(node, lease, ok)| Event::Undrained { node, lease, ok }),
        3 => answer().prop_map(|(node, lease, ok)| Event::Released { node, lease, ok }),
    ]
}

fn reload() -> impl Strategy<Value = Event> {
    let members = prop::sample::subsequence((0..NODES).collect::<Vec<_>>(), 0..=NODES).prop_shuffle();
    members.prop_map(|members| Event::Reload { members })
}

pub(super) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        40 => front_event(),
        40 => link_event(),
        40 => call_event(),
        4 => reload(),
        15 => Just(Event::Tick),
        10 => Just(Event::Look),
        // Mostly the next moment, sometimes beyond the time to live.
        20 => prop_oneof![9 => 0..1500_u64, 1 => 0..12_000_u64].prop_map(|millis| Event::Pass { millis }),
        1 => prop::bool::weighted(0.05).prop_map(|is| if is { Event::Fenced } else { Event::Tick }),
    ]
}
