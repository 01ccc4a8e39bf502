//! The nodes' words.

use std::time::Duration;

use cluster::share::Claim;
use proto::task_processor as pb;

use crate::holder::{Adopted, LeaseState, LeaseWord, NodeWord, Reclaim, ReclaimReason, ReclaimWish};
use crate::node::{Lease, LeaseRef};

/// A lease as a call about it names it.
pub(crate) fn reference(lease: LeaseRef) -> pb::LeaseRef {
    pb::LeaseRef { lease_id: lease.id, epoch: lease.epoch }
}

/// What a node says on its link.
pub(crate) fn node_word(reply: pb::RenewReply) -> NodeWord {
    let load = reply.load.unwrap_or_default();
    NodeWord {
        incarnation: reply.node_incarnation,
        fenced: reply.fenced,
        slots_free: reply.slots_free,
        maintenance: reply.maintenance,
        stopping: reply.stopping,
        cpu: load.cpu,
        cpus: load.cpus,
        leases: reply.leases.into_iter().map(lease_word).collect(),
        reclaiming: reply.reclaiming,
        requests_cut: reply.requests_cut,
        config_digest: u64::from_str_radix(&reply.config_digest, 16).ok(),
        claims: reply.claims.into_iter().map(heard_claim).collect(),
    }
}

fn heard_claim(claim: pb::Claim) -> (Claim, Duration) {
    let pb::Claim { service, front_end, held, want, min, max, weight, priority, age_ms, slots } = claim;
    let claim = Claim { service, front_end, held, want, min, max, weight, priority, slots };
    (claim, Duration::from_millis(age_ms))
}

/// What this service says of itself.
pub(crate) fn claim(claim: Claim) -> pb::Claim {
    let Claim { service, front_end, held, want, min, max, weight, priority, slots } = claim;
    pb::Claim { service, front_end, held, want, min, max, weight, priority, age_ms: 0, slots }
}

pub(crate) fn reclaim_wish(wish: ReclaimWish) -> pb::ReclaimWish {
    let reason = match wish.reason {
        ReclaimReason::UnderMin => pb::ReclaimReason::UnderMin,
        ReclaimReason::Starved => pb::ReclaimReason::Starved,
    };
    pb::ReclaimWish { reason: reason.into(), slots: wish.slots }
}

fn lease_word(report: pb::LeaseReport) -> LeaseWord {
    let state = lease_state(report.state());
    LeaseWord {
        lease_id: report.lease_id,
        epoch: report.epoch,
        state,
        in_flight: report.in_flight,
        cpu: report.cpu,
        memory_bytes: report.memory_bytes,
        probe_fails: report.probe_fails,
        ended_by_node: report.ended_by_node,
        reclaim: report.reclaim.map(reclaim),
        detail: report.detail,
    }
}

fn reclaim(reclaim: pb::Reclaim) -> Reclaim {
    let pb::Reclaim { notice_ms, reason, for_service } = reclaim;
    let reason = if for_service.is_empty() { reason } else { format!("{reason} ({for_service})") };
    Reclaim { notice: Duration::from_millis(notice_ms), reason }
}

/// A lease that a node still holds for this front end.
pub(crate) fn adopted(adopted: pb::Adopted) -> Adopted {
    let (state, service_port) = (lease_state(adopted.state()), adopted.service_port);
    Adopted { lease: lease(adopted), service_port, state }
}

fn lease(adopted: pb::Adopted) -> Lease {
    Lease {
        id: adopted.lease_id,
        epoch: adopted.epoch,
        token: adopted.token,
        data_address: adopted.data_address,
    }
}

fn lease_state(state: pb::LeaseState) -> LeaseState {
    match state {
        pb::LeaseState::Unspecified => LeaseState::Unknown,
        pb::LeaseState::Reserved => LeaseState::Reserved,
        pb::LeaseState::Starting => LeaseState::Starting,
        pb::LeaseState::Ready => LeaseState::Ready,
        pb::LeaseState::Orphan => LeaseState::Orphan,
        pb::LeaseState::Draining => LeaseState::Draining,
        pb::LeaseState::Stopping => LeaseState::Stopping,
        pb::LeaseState::Gone => LeaseState::Gone,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_has_the_machine_the_leases_and_what_is_asked_back() {
        let report = pb::LeaseReport {
            lease_id: "lease".into(),
            epoch: 3,
            state: pb::LeaseState::Orphan.into(),
            in_flight: Some(2),
            probe_fails: true,
            ended_by_node: true,
            reclaim: Some(pb::Reclaim {
                notice_ms: 30_000,
                reason: "going down".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        let load = Some(pb::NodeLoad { cpu: 0.5, cpus: 4, ..Default::default() });
        let reply = pb::RenewReply {
            node_incarnation: 9,
            leases: vec![report],
            load,
            reclaiming: true,
            ..Default::default()
        };
        let word = node_word(reply);
        assert_eq!((word.incarnation, word.cpu, word.cpus, word.reclaiming), (9, 0.5, 4, true));
        let lease = &word.leases[0];
        assert_eq!((lease.state, lease.in_flight), (LeaseState::Orphan, Some(2)));
        assert!(lease.probe_fails && lease.ended_by_node);
        let told = Reclaim { notice: Duration::from_secs(30), reason: "going down".into() };
        assert_eq!(lease.reclaim, Some(told));
        let wanted =
            pb::Reclaim { notice_ms: 0, reason: "another is short".into(), for_service: "mail".into() };
        assert_eq!(reclaim(wanted).reason, "another is short (mail)");
    }

    #[test]
    fn a_state_that_this_version_has_no_word_for_is_none_of_the_others() {
        for state in [0, 99] {
            let held = adopted(pb::Adopted { lease_id: "lease".into(), state, ..Default::default() });
            assert_eq!((held.state, held.lease.id.as_str()), (LeaseState::Unknown, "lease"));
        }
    }
}
