//! What load-managers and nodes say to each other, and the nodes' words as a holder takes them.

use std::time::Duration;

use load_manager::holder::{Adopted, LeaseState, LeaseWord, NodeWord, Reclaim, ReclaimReason, ReclaimWish};
use load_manager::node::Lease;
use task_processor::lease::{self, LeaseRef, Renewal, Report, Roll, Shortage, State};

/// From a load-manager to a node.
#[derive(Debug, Clone)]
pub(crate) enum ToNode {
    /// A new connection; `adopt`: what is still held is asked for with it.
    Hello { session: u64, adopt: bool },
    /// On the stream of that connection.
    Renew { session: u64, sequence: u64, renewal: Renewal },
    /// A call; the answer names both numbers.
    Call { call: u64, step: u32, ask: Ask },
    /// The load-manager's machine closed its connections.
    Closed,
}

#[derive(Debug, Clone)]
pub(crate) enum Ask {
    Adopt,
    Reserve { request_id: String, reclaim: Option<lease::ReclaimWish> },
    Start(LeaseRef),
    Drain(LeaseRef),
    Undrain(LeaseRef),
    Stop(LeaseRef),
    Release(LeaseRef),
}

/// From a node to a load-manager.
#[derive(Debug, Clone)]
pub(crate) enum ToManager {
    Welcome {
        session: u64,
        adopted: Option<Vec<Adopted>>,
    },
    /// Nobody listens there.
    Refused {
        session: u64,
    },
    /// A newer load-manager is known.
    Fenced {
        session: u64,
    },
    Word {
        session: u64,
        sequence: u64,
        word: NodeWord,
    },
    /// The connection broke.
    Reset {
        session: u64,
    },
    Answer {
        call: u64,
        step: u32,
        reply: Reply,
    },
}

#[derive(Debug, Clone)]
pub(crate) enum Reply {
    Adopted(Vec<Adopted>),
    Granted(Lease),
    Denied {
        words: String,
        retry_after: Duration,
        reclaiming: bool,
    },
    Done(Result<(), String>),
    /// The connection broke before an answer came.
    Broken,
}

pub(crate) fn wish(wish: ReclaimWish) -> lease::ReclaimWish {
    let shortage = match wish.reason {
        ReclaimReason::UnderMin => Shortage::UnderMin,
        ReclaimReason::Starved => Shortage::Starved,
    };
    lease::ReclaimWish { shortage, pool_slots: Some(wish.slots) }
}

pub(crate) fn reference(lease: &load_manager::node::LeaseRef) -> LeaseRef {
    LeaseRef { id: lease::LeaseId(lease.id.clone()), epoch: lease.epoch }
}

pub(crate) fn granted(grant: lease::Grant, data_address: String) -> Lease {
    let token = grant.token.secret().to_owned();
    Lease { id: grant.lease.id.0, epoch: grant.lease.epoch, token, data_address }
}

pub(crate) fn adopted(adopted: lease::Adopted, data_address: String) -> Adopted {
    let state = state(Some(adopted.state));
    Adopted { lease: granted(adopted.grant, data_address), service_port: 0, state }
}

pub(crate) fn word(roll: Roll, incarnation: u64) -> NodeWord {
    NodeWord {
        incarnation,
        fenced: roll.fenced,
        slots_free: roll.slots_free as u32,
        reclaiming: roll.reclaiming,
        config_digest: None,
        requests_cut: 0,
        maintenance: roll.maintenance,
        stopping: roll.stopping,
        cpu: 0.5,
        cpus: 4,
        leases: roll.leases.into_iter().map(lease_word).collect(),
        claims: roll.claims.into_iter().map(|heard| (heard.claim, heard.age)).collect(),
    }
}

fn lease_word(report: Report) -> LeaseWord {
    let reclaim =
        report.reclaim.map(|reclaim| Reclaim { notice: reclaim.notice, reason: reclaim.reason.to_owned() });
    LeaseWord {
        lease_id: report.id.0,
        epoch: report.epoch,
        state: state(report.state),
        in_flight: Some(1),
        cpu: 1.0,
        memory_bytes: 1,
        probe_fails: report.probe_fails,
        ended_by_node: report.ended_by_node,
        reclaim,
        detail: report.detail,
    }
}

fn state(state: Option<State>) -> LeaseState {
    match state {
        None => LeaseState::Gone,
        Some(State::Reserved { .. }) => LeaseState::Reserved,
        Some(State::Starting) => LeaseState::Starting,
        Some(State::Ready) => LeaseState::Ready,
        Some(State::Orphan { .. }) => LeaseState::Orphan,
        Some(State::Draining { .. }) => LeaseState::Draining,
        Some(State::Stopping { .. } | State::Stopped) => LeaseState::Stopping,
    }
}
