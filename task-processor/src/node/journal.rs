//! One log line for each change of a lease or of the node. No token appears in any of them.

use tracing::{info, warn};

use crate::lease::{Claimant, Denial, Effect, Holder, Lease, LeaseId, State, Why};

/// Logs the effects that are changes of a lease or of a reclaim.
pub(super) fn note(effect: &Effect) {
    match effect {
        Effect::Reclaim { id, holder, claimant, notice } => {
            let notice_s = notice.as_secs_f64();
            let Claimant { holder: to, shortage, .. } = claimant;
            info!(
                lease = %id, service = holder.service, front_end = holder.front_end, notice_s, ?shortage,
                for_front_end = to.front_end, "reclaim of lease {id} for service {}", to.service
            );
        }
        Effect::TakenBack { id, holder, claimant, why } => info!(
            lease = %id, service = holder.service, front_end = holder.front_end, why,
            for_front_end = claimant.holder.front_end,
            "reclaim of lease {id} for service {} taken back", claimant.holder.service
        ),
        Effect::Kept(Claimant { holder, .. }) => {
            info!(service = holder.service, front_end = holder.front_end, "reclaimed slot free and kept");
        }
        Effect::LetGo(Claimant { holder, .. }, why) => {
            info!(service = holder.service, front_end = holder.front_end, why, "kept slot let go");
        }
        Effect::Moved { id, holder, epoch, to, why } => moved(id, holder, *epoch, *to, *why),
        Effect::SaveEpoch(_)
        | Effect::StartProcess(_)
        | Effect::Cut(_)
        | Effect::StopProcess(_)
        | Effect::Admit(_)
        | Effect::Refuse(_)
        | Effect::Answering(..)
        | Effect::Forget(_)
        | Effect::Notify(_)
        | Effect::NotifyAll
        | Effect::Fenced(..) => {}
    }
}

/// A wish was denied.
pub(super) fn denied(holder: &Holder, denial: &Denial) {
    let (service, front_end) = (&holder.service, &holder.front_end);
    info!(service, front_end, reason = ?denial.reason, detail = denial.detail, "lease denied");
}

/// Requests are cut, for the time for their end is over.
pub(super) fn cut(lease: &Lease, requests: u32) {
    let (service, front_end) = (&lease.holder.service, &lease.holder.front_end);
    warn!(lease = %lease.id, service, front_end, requests, why = lease.detail, "requests cut");
}

/// A front end's older load-manager was told to end.
pub(super) fn fenced(holder: &Holder, newest: u64) {
    warn!(service = holder.service, front_end = holder.front_end, newest, "older load-manager fenced");
}

/// The daemon was killed before, and services of that life have not ended.
pub(super) fn left_over(services: usize) {
    warn!(
        services,
        "processes of the daemon's previous life still end, and their slots are not granted before"
    );
}

/// One of them has ended.
pub(super) fn leftover_gone(left: usize) {
    info!(left, "a service of the daemon's previous life has ended and its slot is free");
}

/// An operator drained the node or took that back.
pub(super) fn maintenance(is_on: bool, leases: usize) {
    let text = if is_on { "node drained by an operator" } else { "node taken back by an operator" };
    info!(leases, "{text}");
}

/// A new start of a load-manager took its leases over.
pub(super) fn adopted(holder: &Holder, incarnation: u64, leases: usize) {
    info!(service = holder.service, front_end = holder.front_end, incarnation, leases, "leases adopted");
}

fn moved(lease: &LeaseId, holder: &Holder, epoch: u64, to: Option<State>, why: Why) {
    let (service, front_end) = (&holder.service, &holder.front_end);
    info!(%lease, service, front_end, epoch, %why, "lease {}", word(to));
}

fn word(to: Option<State>) -> &'static str {
    match to {
        Some(State::Reserved { .. }) => "granted",
        Some(State::Starting) => "starting",
        Some(State::Ready) => "ready",
        Some(State::Orphan { .. }) => "expired, serving on for its holder",
        Some(State::Draining { drained: false, .. }) => "draining",
        Some(State::Draining { drained: true, .. }) => "drained",
        Some(State::Stopping { .. }) => "stopping",
        Some(State::Stopped) => "stopped",
        None => "ended",
    }
}
