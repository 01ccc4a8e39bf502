//! The words of the wire and the node's own, one for one. Those by which services share the pool are in
//! `sharing`.

mod sharing;

use std::net::SocketAddr;
use std::time::Duration;

use cluster::config::{self, SLOTS_MAX};
use proto::task_processor as pb;
use tonic::Status;

use crate::lease::{Adopted, Denial, DenialReason, Grant, Holder, LeaseId, LeaseRef, Refusal, Report, State};
use crate::load::MachineLoad;
use crate::node::{CallFault, Entrance, LeaseOverview, Maintenance, Notice, Overview, ToDrain, Use};

pub(super) use sharing::{claim, guaranteed, reclaim_wish};

/// The longest name taken from the wire; names are kept and logged.
const NAME_BYTES_MAX: usize = 256;

/// A name that must be there and must be short.
pub(super) fn name(field: &str, value: String) -> Result<String, Status> {
    if value.is_empty() || value.len() > NAME_BYTES_MAX {
        let length = value.len();
        let text = format!("{field} has {length} bytes and must have 1 to {NAME_BYTES_MAX}");
        return Err(Status::invalid_argument(text));
    }
    Ok(value)
}

pub(super) fn holder(service: String, front_end: String) -> Result<Holder, Status> {
    Ok(Holder { service: name("service", service)?, front_end: name("front_end", front_end)? })
}

/// A lease as it is named in a call.
pub(super) fn lease_ref(lease: pb::LeaseRef) -> Result<LeaseRef, Status> {
    Ok(LeaseRef { id: LeaseId(name("lease_id", lease.lease_id)?), epoch: lease.epoch })
}

/// The leases named in one renewal; nobody can hold more here than a node has slots.
pub(super) fn lease_refs(leases: Vec<pb::LeaseRef>) -> Result<Vec<LeaseRef>, Status> {
    let count = leases.len();
    if count > SLOTS_MAX as usize {
        let text = format!("{count} leases are named in one renewal and may be at most {SLOTS_MAX}");
        return Err(Status::invalid_argument(text));
    }
    leases.into_iter().map(lease_ref).collect()
}

/// What an operator wants.
pub(super) fn maintenance(request: &pb::SetMaintenanceRequest) -> Result<Maintenance, Status> {
    match (request.maintenance, request.now) {
        (true, true) => Ok(Maintenance::DrainedNow),
        (true, false) => Ok(Maintenance::Drained),
        (false, false) => Ok(Maintenance::Off),
        (false, true) => Err(Status::invalid_argument("now is only for a drain, and maintenance is false")),
    }
}

pub(super) fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

pub(super) fn reserve_reply(answer: Result<Grant, Denial>, ttl: Duration) -> pb::ReserveReply {
    use pb::reserve_reply::Answer;
    let answer = match answer {
        Ok(Grant { lease, token }) => Answer::Grant(pb::Grant {
            lease_id: lease.id.0,
            epoch: lease.epoch,
            ttl_ms: millis(ttl),
            token: token.secret().to_owned(),
        }),
        Err(denial) => Answer::Denial(denial.into()),
    };
    pb::ReserveReply { answer: Some(answer) }
}

/// The address and the port of a message that say where requests of a lease are taken; `data` is the
/// node's address for those that it relays.
pub(super) fn entrance(entrance: Option<Entrance>, data: SocketAddr) -> (String, u32) {
    match entrance {
        None => (String::new(), 0),
        Some(Entrance::Gate) => (data.to_string(), 0),
        Some(Entrance::Service(port)) => (String::new(), u32::from(port)),
    }
}

pub(super) fn adopted(
    adopted: Adopted,
    ttl: Duration,
    (data_address, service_port): (String, u32),
) -> pb::Adopted {
    let Adopted { grant: Grant { lease, token }, state } = adopted;
    pb::Adopted {
        lease_id: lease.id.0,
        epoch: lease.epoch,
        ttl_ms: millis(ttl),
        token: token.secret().to_owned(),
        state: lease_state(Some(state)).into(),
        data_address,
        service_port,
    }
}

/// A stopped lease shows as stopping: its slot is not free yet.
fn lease_state(state: Option<State>) -> pb::LeaseState {
    match state {
        None => pb::LeaseState::Gone,
        Some(State::Reserved { .. }) => pb::LeaseState::Reserved,
        Some(State::Starting) => pb::LeaseState::Starting,
        Some(State::Ready) => pb::LeaseState::Ready,
        Some(State::Orphan { .. }) => pb::LeaseState::Orphan,
        Some(State::Draining { .. }) => pb::LeaseState::Draining,
        Some(State::Stopping { .. } | State::Stopped) => pb::LeaseState::Stopping,
    }
}

fn lease_report((report, used): (Report, Use)) -> pb::LeaseReport {
    pb::LeaseReport {
        lease_id: report.id.0,
        epoch: report.epoch,
        state: lease_state(report.state).into(),
        in_flight: used.in_flight,
        cpu: used.cpu,
        memory_bytes: used.memory,
        reclaim: report.reclaim.map(Into::into),
        detail: report.detail,
        probe_fails: report.probe_fails,
        ended_by_node: report.ended_by_node,
    }
}

impl From<Denial> for pb::Denial {
    fn from(denial: Denial) -> Self {
        let reason = match denial.reason {
            DenialReason::NoSlot => pb::DenialReason::NoSlot,
            DenialReason::Maintenance => pb::DenialReason::Maintenance,
            DenialReason::Stopping => pb::DenialReason::Stopping,
            DenialReason::UnknownService => pb::DenialReason::UnknownService,
            DenialReason::Fenced => pb::DenialReason::Fenced,
        };
        let holding = |holder: Holder| pb::Holding { service: holder.service, front_end: holder.front_end };
        Self {
            reason: reason.into(),
            detail: denial.detail,
            retry_after_ms: millis(denial.retry_after),
            holders: denial.holders.into_iter().map(holding).collect(),
            reclaiming: denial.reclaiming,
        }
    }
}

impl From<ToDrain> for pb::SetMaintenanceReply {
    fn from(ToDrain { leases, notice }: ToDrain) -> Self {
        Self { leases: u32::try_from(leases).unwrap_or(u32::MAX), notice_ms: notice.map(millis) }
    }
}

impl From<MachineLoad> for pb::NodeLoad {
    fn from(load: MachineLoad) -> Self {
        Self {
            cpu: load.cpu,
            cpus: load.cpus,
            memory_total_bytes: load.memory_total,
            memory_available_bytes: load.memory_available,
        }
    }
}

impl From<Notice> for pb::RenewReply {
    fn from(notice: Notice) -> Self {
        let reports = notice.roll.leases.into_iter().zip(notice.uses);
        Self {
            sequence: notice.sequence,
            node_incarnation: notice.node_incarnation,
            leases: reports.map(lease_report).collect(),
            load: Some(notice.machine.into()),
            slots_free: u32::try_from(notice.roll.slots_free).unwrap_or(u32::MAX),
            maintenance: notice.roll.maintenance,
            stopping: notice.roll.stopping,
            fenced: notice.roll.fenced,
            claims: notice.roll.claims.into_iter().map(Into::into).collect(),
            slots: u32::try_from(notice.roll.slots).unwrap_or(u32::MAX),
            reclaiming: notice.roll.reclaiming,
            requests_cut: notice.requests_cut,
            config_digest: config::newest_digest(),
        }
    }
}

impl From<Overview> for pb::NodeStatus {
    fn from(overview: Overview) -> Self {
        Self {
            node: overview.node,
            node_incarnation: overview.node_incarnation,
            slots: overview.slots,
            maintenance: overview.maintenance,
            stopping: overview.stopping,
            load: Some(overview.machine.into()),
            leases: overview.leases.into_iter().map(Into::into).collect(),
            leftovers: u32::try_from(overview.leftovers).unwrap_or(u32::MAX),
            uptime_ms: millis(overview.uptime),
            claims: overview.claims.into_iter().map(Into::into).collect(),
            requests_cut: overview.requests_cut,
            // The rest is of the connections and of the machine.
            ..Self::default()
        }
    }
}

impl From<LeaseOverview> for pb::LeaseStatus {
    fn from(lease: LeaseOverview) -> Self {
        Self {
            lease_id: lease.id.0,
            service: lease.holder.service,
            front_end: lease.holder.front_end,
            epoch: lease.epoch,
            state: lease_state(Some(lease.state)).into(),
            age_ms: millis(lease.age),
            in_flight: lease.used.in_flight,
            served: lease.served,
            cpu: lease.used.cpu,
            memory_bytes: lease.used.memory,
            pid: lease.pid,
            detail: lease.detail,
            guaranteed: lease.guaranteed,
            reclaim: lease.reclaim.map(Into::into),
        }
    }
}

impl From<CallFault> for Status {
    fn from(fault: CallFault) -> Self {
        let text = fault.to_string();
        match fault {
            CallFault::Refused(Refusal::Unknown(_) | Refusal::UnknownService(_)) => Status::not_found(text),
            CallFault::Refused(
                Refusal::Gone { .. }
                | Refusal::Stale { .. }
                | Refusal::Unfit { .. }
                | Refusal::Withheld { .. }
                | Refusal::Fenced { .. },
            ) => Status::failed_precondition(text),
            CallFault::Unsaved(_) | CallFault::NoSecret(_) => Status::internal(text),
            CallFault::Busy => Status::resource_exhausted(text),
            CallFault::Ended => Status::unavailable(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(id: &str) -> pb::LeaseRef {
        pb::LeaseRef { lease_id: id.to_owned(), epoch: 1 }
    }

    #[test]
    fn a_lease_id_is_bounded_like_any_name() {
        assert_eq!(lease_ref(named("a")).unwrap().id, LeaseId("a".to_owned()));
        for wrong in ["", &"a".repeat(NAME_BYTES_MAX + 1)] {
            assert_eq!(lease_ref(named(wrong)).unwrap_err().code(), tonic::Code::InvalidArgument);
        }
    }

    #[test]
    fn a_renewal_names_at_most_as_many_leases_as_a_node_has_slots() {
        let most = vec![named("a"); SLOTS_MAX as usize];
        assert_eq!(lease_refs(most.clone()).unwrap().len(), most.len());
        let fault = lease_refs([most, vec![named("b")]].concat()).unwrap_err();
        assert_eq!(fault.message(), "1001 leases are named in one renewal and may be at most 1000");
    }
}
