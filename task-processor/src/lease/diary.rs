//! The leases' rules, told as diaries: what happens, when, and what the node then says.

mod leftover;
mod sharing;

use std::task::Poll;
use std::time::Duration;

use super::*;

/// A node with one slot, ttl 10 s, grace 60 s, in which ids and tokens count up.
struct Diary {
    book: Book,
    wishes: u32,
}

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn limits() -> Limits {
    Limits {
        slots: 1,
        ttl: s(10),
        orphan_grace: s(60),
        reservation_timeout: s(30),
        reclaim_notice: s(30),
        pool_slots: 1,
        observe_only: false,
        drain_limits: ["shop", "mail", "news"].map(|service| (service.to_owned(), s(300))).into(),
    }
}

fn holder(service: &str) -> Holder {
    Holder { service: service.to_owned(), front_end: format!("{service}-front") }
}

fn renewal(service: &str, incarnation: u64, leases: Vec<LeaseRef>) -> Renewal {
    Renewal { holder: holder(service), incarnation, leases, guaranteed: Vec::new(), claim: None }
}

impl Diary {
    fn new() -> Self {
        Self::with(limits(), 0)
    }

    fn with(limits: Limits, saved_epoch: u64) -> Self {
        Self { book: Book::new(limits, saved_epoch, false, 0), wishes: 0 }
    }

    fn ask(&mut self, at: Duration, service: &str, incarnation: u64, request: &str) -> Result<Grant, Denial> {
        self.wish(at, service, incarnation, request, None)
    }

    fn wish(
        &mut self,
        at: Duration,
        service: &str,
        incarnation: u64,
        request: &str,
        reclaim: Option<ReclaimWish>,
    ) -> Result<Grant, Denial> {
        self.wishes += 1;
        self.book.reserve(
            at,
            Wish {
                holder: holder(service),
                incarnation,
                request_id: request.to_owned(),
                id: LeaseId(format!("lease-{}", self.wishes)),
                token: Token::new(format!("token-{}", self.wishes)),
                reclaim,
            },
        )
    }

    /// Reserves, saves the epoch, starts, and the service gets ready.
    fn ready(&mut self, at: Duration) -> LeaseRef {
        self.ready_for(at, "shop", "first")
    }

    fn ready_for(&mut self, at: Duration, service: &str, request: &str) -> LeaseRef {
        let grant = self.ask(at, service, 1, request).unwrap();
        self.save();
        assert_eq!(self.book.start(&grant.lease), Poll::Pending);
        self.book.started(&grant.lease.id);
        assert_eq!(self.book.start_progress(&grant.lease), Poll::Ready(Ok(())));
        self.book.effects();
        grant.lease
    }

    /// Carries out the saving of epochs and gives the other effects.
    fn save(&mut self) -> Vec<Effect> {
        let effects = self.book.effects();
        for effect in &effects {
            if let Effect::SaveEpoch(epoch) = effect {
                self.book.epoch_saved(*epoch);
            }
        }
        effects
    }

    fn renew(&mut self, at: Duration, lease: &LeaseRef, incarnation: u64) -> Roll {
        let renewal = renewal("shop", incarnation, vec![lease.clone()]);
        let is_fenced = self.book.renew(at, &renewal).is_err();
        let roll = self.book.roll(at, &renewal);
        assert_eq!(roll.fenced, is_fenced);
        roll
    }

    fn state(&self, lease: &LeaseRef) -> Option<State> {
        self.book.lease(&lease.id).map(|lease| lease.state)
    }

    fn is_expired_drain(&self, lease: &LeaseRef) -> bool {
        matches!(self.state(lease), Some(State::Draining { cause: Cause::Expired { .. }, .. }))
    }
}

fn stale(progress: Progress) -> bool {
    matches!(progress, Poll::Ready(Err(Refusal::Stale { .. })))
}

#[test]
fn a_lease_goes_from_grant_to_release() {
    let mut day = Diary::new();
    let lease = day.ask(s(0), "shop", 1, "first").unwrap().lease;
    assert!(day.save().contains(&Effect::SaveEpoch(1)));

    // The holder starts it; the answer waits for the probe.
    assert_eq!(day.book.start(&lease), Poll::Pending);
    assert!(day.book.effects().contains(&Effect::StartProcess(lease.id.clone())));
    day.book.started(&lease.id);
    assert!(day.book.effects().contains(&Effect::Admit(lease.id.clone())));

    // It is drained while requests run, and the answer waits for the last of them.
    assert_eq!(day.book.drain(s(2), &lease), Poll::Pending);
    assert!(day.book.effects().contains(&Effect::Refuse(lease.id.clone())));
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.book.drain_progress(&lease), Poll::Ready(Ok(())));

    // It is stopped, and the answer waits for the processes.
    assert_eq!(day.book.stop(&lease), Poll::Pending);
    assert!(day.book.effects().contains(&Effect::StopProcess(lease.id.clone())));
    day.book.processes_gone(&lease.id);
    assert_eq!(day.book.stop_progress(&lease), Poll::Ready(Ok(())));

    // The slot is the holder's until it releases it.
    assert!(day.ask(s(3), "mail", 1, "m").is_err());
    assert_eq!(day.book.release(&lease), Poll::Ready(Ok(())));
    assert!(day.ask(s(4), "mail", 1, "m").is_ok());
}

#[test]
fn a_held_slot_is_denied_and_its_holder_named() {
    let mut day = Diary::new();
    day.ready(s(0));
    let denial = day.ask(s(1), "mail", 1, "m").unwrap_err();
    assert_eq!(denial.reason, DenialReason::NoSlot);
    assert_eq!(denial.holders, vec![holder("shop")]);
    assert_eq!(denial.retry_after, s(10));
}

#[test]
fn a_slot_whose_process_still_runs_is_not_granted() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert_eq!(day.book.release(&lease), Poll::Pending);
    let denial = day.ask(s(1), "mail", 1, "m").unwrap_err();
    assert_eq!((denial.reason, denial.retry_after), (DenialReason::NoSlot, s(1)));

    day.book.processes_gone(&lease.id);
    assert_eq!(day.book.release_progress(&lease), Poll::Ready(Ok(())));
    assert!(day.ask(s(2), "mail", 1, "m").is_ok());
}

#[test]
fn a_repeated_wish_gets_the_same_grant_even_after_its_end() {
    let mut day = Diary::new();
    let first = day.ask(s(0), "shop", 1, "same").unwrap();
    assert_eq!(day.ask(s(1), "shop", 1, "same").unwrap(), first);
    assert_eq!(day.book.release(&first.lease), Poll::Ready(Ok(())));
    assert_eq!(day.ask(s(2), "shop", 1, "same").unwrap(), first);
    assert!(day.book.leases().is_empty());
}

#[test]
fn a_grant_whose_saving_failed_is_saved_again_when_it_is_repeated() {
    let mut day = Diary::new();
    let first = day.ask(s(0), "shop", 1, "same").unwrap();
    day.book.effects(); // The disk is full: nobody says that the epoch is saved.
    assert_eq!(day.ask(s(1), "shop", 1, "same").unwrap(), first);
    assert_eq!(day.book.effects(), vec![Effect::SaveEpoch(1)]);
}

#[test]
fn a_withdrawn_grant_holds_no_slot_and_its_wish_is_granted_anew() {
    let mut day = Diary::new();
    let first = day.ask(s(0), "shop", 1, "same").unwrap();
    day.book.effects(); // The disk is full, and the holder hears of a failure only.
    day.book.withdraw(&first.lease.id);
    let second = day.ask(s(1), "shop", 1, "same").unwrap();
    assert!(second.lease.id != first.lease.id && second.lease.epoch > first.lease.epoch);
    assert!(day.save().contains(&Effect::SaveEpoch(2)));
    // What was answered stays: only a grant under that very name is taken back.
    day.book.withdraw(&first.lease.id);
    assert_eq!(day.book.leases().len(), 1);
}

#[test]
fn a_service_that_stops_answering_is_told_and_gets_no_requests_until_it_answers() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.probed(&lease.id, false);
    let effects = day.book.effects();
    assert_eq!(effects, [Effect::Answering(lease.id.clone(), false), Effect::Notify(holder("shop"))]);
    let report = day.renew(s(1), &lease, 1).leases.remove(0);
    assert_eq!((report.state, report.detail.as_str()), (Some(State::Ready), NOT_ANSWERING));

    day.book.probed(&lease.id, true);
    assert!(day.book.effects().contains(&Effect::Answering(lease.id.clone(), true)));
    assert_eq!(day.renew(s(2), &lease, 1).leases[0].detail, "");
}

#[test]
fn a_service_that_does_not_answer_is_said_so_after_an_undrain_and_after_an_orphans_return() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert_eq!(day.book.drain(s(1), &lease), Poll::Pending);
    // Its probe fails while it drains, and the drain is taken back.
    day.book.probed(&lease.id, false);
    assert_eq!(day.book.undrain(s(2), &lease), Ok(()));
    assert_eq!(day.renew(s(2), &lease, 1).leases[0].detail, NOT_ANSWERING);

    day.book.tick(s(12));
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(72) }));
    let report = day.renew(s(20), &lease, 1).leases.remove(0);
    assert_eq!((report.state, report.detail.as_str()), (Some(State::Ready), NOT_ANSWERING));
}

#[test]
fn an_unknown_service_is_denied() {
    let denial = Diary::new().ask(s(0), "shoe", 1, "x").unwrap_err();
    assert_eq!(denial.reason, DenialReason::UnknownService);
    assert!(denial.detail.contains("shoe"), "{}", denial.detail);
}

#[test]
fn epochs_rise_over_grants_adoptions_and_restarts() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    let adopted = day.book.adopt(s(1), &holder("shop"), 2).unwrap();
    assert!(day.save().contains(&Effect::SaveEpoch(2)));
    assert_eq!((lease.epoch, adopted[0].grant.lease.epoch), (1, 2));

    // The node is restarted and goes on from the saved value.
    let mut next_day = Diary::with(limits(), 2);
    assert_eq!(next_day.ready(s(0)).epoch, 3);
}

#[test]
fn a_reservation_without_a_start_is_taken_back() {
    let mut day = Diary::new();
    let lease = day.ask(s(0), "shop", 1, "first").unwrap().lease;
    for second in (3..=27).step_by(3) {
        day.renew(s(second), &lease, 1);
    }
    day.book.tick(s(29));
    assert!(matches!(day.state(&lease), Some(State::Reserved { .. })));
    day.book.tick(s(30));
    assert_eq!(day.state(&lease), None);
    assert!(day.book.effects().contains(&Effect::Notify(holder("shop"))));
}

#[test]
fn a_start_that_fails_frees_the_slot_and_says_why() {
    let mut day = Diary::new();
    let lease = day.ask(s(0), "shop", 1, "first").unwrap().lease;
    assert_eq!(day.book.start(&lease), Poll::Pending);
    day.book.start_failed(&lease.id, "command \"shopd\" was not found".to_owned());
    let Poll::Ready(Err(Refusal::Gone { why, .. })) = day.book.start_progress(&lease) else { panic!() };
    assert_eq!(why, "command \"shopd\" was not found");
    // Repeated, it is answered the same; the slot is free.
    assert_eq!(day.book.start(&lease), day.book.start_progress(&lease));
    assert!(day.ask(s(1), "mail", 1, "m").is_ok());
}

#[test]
fn an_expired_lease_serves_as_an_orphan_then_drains_then_ends() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert_eq!(day.book.next_deadline(), Some(s(10)));
    day.book.tick(s(9));
    assert_eq!(day.state(&lease), Some(State::Ready));

    // Still serving: no door is closed.
    day.book.tick(s(10));
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(70) }));
    assert!(!day.book.effects().contains(&Effect::Refuse(lease.id.clone())));

    day.book.tick(s(70));
    assert!(day.is_expired_drain(&lease));
    assert!(day.book.effects().contains(&Effect::Refuse(lease.id.clone())));

    // With the last request the node stops it by itself, and frees the slot without being asked.
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    day.book.processes_gone(&lease.id);
    assert!(day.book.leases().is_empty());
}

#[test]
fn a_drain_after_expiry_does_not_wait_for_ever() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.tick(s(10));
    day.book.tick(s(70));
    assert_eq!(day.book.next_deadline(), Some(s(370)));
    day.book.tick(s(370));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
}

#[test]
fn renewals_keep_a_lease_ready() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    for second in (3..60).step_by(3) {
        day.book.tick(s(second));
        let roll = day.renew(s(second), &lease, 1);
        assert_eq!(roll.leases[0].state, Some(State::Ready));
    }
}

#[test]
fn the_same_incarnation_renews_its_orphan_back() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.tick(s(10));
    let roll = day.renew(s(30), &lease, 1);
    assert_eq!((roll.fenced, roll.leases[0].state), (false, Some(State::Ready)));
    assert_eq!(day.book.next_deadline(), Some(s(40)));
}

#[test]
fn an_adopted_orphan_keeps_id_and_token_and_gets_a_higher_epoch() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    let token = day.book.lease(&lease.id).unwrap().token.clone();
    day.book.tick(s(10));

    let adopted = day.book.adopt(s(20), &holder("shop"), 2).unwrap();
    let grant = adopted[0].grant.clone();
    assert_eq!((&grant.lease.id, &grant.token, adopted[0].state), (&lease.id, &token, State::Ready));
    assert!(grant.lease.epoch > lease.epoch);
    // The door was never shut.
    assert!(!day.book.effects().contains(&Effect::Refuse(lease.id.clone())));
    // Repeated, it answers the same.
    assert_eq!(day.book.adopt(s(21), &holder("shop"), 2).unwrap(), adopted);
}

#[test]
fn a_holder_that_takes_up_its_own_orphan_gets_a_higher_epoch_and_that_once() {
    let mut day = Diary::new();
    let old = day.ready(s(0));
    // What it has not let go keeps its epoch.
    assert_eq!(day.book.adopt(s(1), &holder("shop"), 1).unwrap()[0].grant.lease, old);
    day.book.tick(s(11));
    let adopted = day.book.adopt(s(20), &holder("shop"), 1).unwrap();
    let new = adopted[0].grant.lease.clone();
    assert!(new.id == old.id && new.epoch > old.epoch, "{new:?}");
    assert_eq!(day.book.adopt(s(21), &holder("shop"), 1).unwrap(), adopted);
    // A drain that it had asked for before comes too late.
    assert!(stale(day.book.drain(s(22), &old)));
}

#[test]
fn after_an_adoption_the_older_epoch_is_refused_everywhere() {
    let mut day = Diary::new();
    let old = day.ready(s(0));
    let new = day.book.adopt(s(1), &holder("shop"), 2).unwrap()[0].grant.lease.clone();
    assert!(stale(day.book.start(&old)));
    assert!(stale(day.book.drain(s(2), &old)));
    assert!(stale(day.book.stop(&old)));
    assert!(stale(day.book.release(&old)));
    assert!(matches!(day.book.undrain(s(2), &old), Err(Refusal::Stale { .. })));
    assert_eq!(day.state(&new), Some(State::Ready));
}

#[test]
fn the_older_incarnation_is_fenced() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.adopt(s(1), &holder("shop"), 2).unwrap();
    assert!(day.book.effects().contains(&Effect::Fenced(holder("shop"), 2)));

    let roll = day.renew(s(2), &lease, 1);
    assert!(roll.fenced && roll.leases.is_empty());
    assert!(matches!(day.book.adopt(s(3), &holder("shop"), 1), Err(Refusal::Fenced { .. })));
    assert_eq!(day.ask(s(3), "shop", 1, "again").unwrap_err().reason, DenialReason::Fenced);
}

#[test]
fn a_newer_incarnation_renews_nothing_before_it_adopts() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.renew(s(9), &lease, 2);
    day.book.tick(s(10));
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(70) }));
}

#[test]
fn an_orphan_is_given_up_when_somebody_else_asks() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.tick(s(10));
    assert!(day.ask(s(11), "mail", 1, "m").is_err());
    assert!(day.is_expired_drain(&lease));
}

#[test]
fn a_wanted_lease_gets_no_grace_when_it_expires() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert!(day.ask(s(5), "mail", 1, "m").is_err());
    day.book.tick(s(10));
    assert!(day.is_expired_drain(&lease));
    // And the drain cannot be taken back from who waits.
    assert!(matches!(day.book.undrain(s(11), &lease), Err(Refusal::Withheld { .. })));
}

#[test]
fn a_wish_of_long_ago_takes_no_grace_away() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert!(day.ask(s(5), "mail", 1, "m").is_err());
    day.renew(s(9), &lease, 1);
    day.renew(s(18), &lease, 1);
    day.renew(s(27), &lease, 1);
    day.book.tick(s(37));
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(97) }));
}

#[test]
fn its_own_denied_wish_does_not_end_a_holders_orphan() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.tick(s(10));
    assert!(day.ask(s(11), "shop", 2, "more").is_err());
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(70) }));
}

#[test]
fn a_drain_is_taken_back_until_the_stop() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert_eq!(day.book.drain(s(1), &lease), Poll::Pending);
    assert_eq!(day.book.undrain(s(2), &lease), Ok(()));
    assert!(day.book.effects().contains(&Effect::Admit(lease.id.clone())));
    // Who still waits for the drain learns that it was taken back.
    assert!(matches!(day.book.drain_progress(&lease), Poll::Ready(Err(Refusal::Unfit { .. }))));

    assert_eq!(day.book.drain(s(3), &lease), Poll::Pending);
    assert_eq!(day.book.stop(&lease), Poll::Pending);
    assert!(matches!(day.book.undrain(s(4), &lease), Err(Refusal::Unfit { .. })));
}

#[test]
fn a_drain_of_an_expired_lease_can_be_taken_back_when_nobody_waits() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.tick(s(10));
    day.book.tick(s(70));
    assert_eq!(day.book.undrain(s(71), &lease), Ok(()));
    assert_eq!((day.state(&lease), day.book.next_deadline()), (Some(State::Ready), Some(s(81))));
}

#[test]
fn a_drain_before_the_service_runs_ends_its_start() {
    let mut day = Diary::new();
    let lease = day.ask(s(0), "shop", 1, "first").unwrap().lease;
    assert_eq!(day.book.start(&lease), Poll::Pending);
    assert_eq!(day.book.drain(s(1), &lease), Poll::Pending);
    assert!(day.book.effects().contains(&Effect::StopProcess(lease.id.clone())));
    day.book.processes_gone(&lease.id);
    assert_eq!(day.book.drain_progress(&lease), Poll::Ready(Ok(())));
}

#[test]
fn a_service_that_ends_by_itself_is_reported_and_frees_its_slot() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.process_exited(&lease.id, "exited with status 1: out of memory".to_owned());
    let effects = day.book.effects();
    assert!(effects.contains(&Effect::Refuse(lease.id.clone())));
    assert!(effects.contains(&Effect::StopProcess(lease.id.clone())));
    assert!(effects.contains(&Effect::Notify(holder("shop"))));

    day.book.processes_gone(&lease.id);
    let report = day.renew(s(1), &lease, 1).leases.remove(0);
    assert_eq!(report.state, None);
    assert!(report.detail.contains("out of memory") && !report.ended_by_node, "{report:?}");
}

#[test]
fn repeated_ends_of_a_lease_are_no_fault() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert_eq!(day.book.stop(&lease), Poll::Pending);
    day.book.processes_gone(&lease.id);
    assert_eq!(day.book.stop(&lease), Poll::Ready(Ok(())));
    assert_eq!(day.book.release(&lease), Poll::Ready(Ok(())));
    assert_eq!(day.book.release(&lease), Poll::Ready(Ok(())));
    assert_eq!(day.book.stop(&lease), Poll::Ready(Ok(())));
    // Even one that was never known may be released, but nothing else.
    let strange = LeaseRef { id: LeaseId("strange".to_owned()), epoch: 1 };
    assert_eq!(day.book.release(&strange), Poll::Ready(Ok(())));
    assert!(matches!(day.book.stop(&strange), Poll::Ready(Err(Refusal::Unknown(_)))));
}

#[test]
fn maintenance_grants_nothing_and_asks_the_holders_to_drain() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.set_maintenance(true);
    assert_eq!(day.book.effects(), vec![Effect::NotifyAll]);
    let roll = day.renew(s(1), &lease, 1);
    assert!(roll.maintenance);
    assert_eq!(roll.leases[0].reclaim.as_ref().map(|reclaim| reclaim.notice), Some(s(300)));
    assert_eq!(day.state(&lease), Some(State::Ready));
    assert_eq!(day.ask(s(1), "mail", 1, "m").unwrap_err().reason, DenialReason::Maintenance);

    day.book.set_maintenance(false);
    assert_eq!(day.renew(s(2), &lease, 1).leases[0].reclaim, None);
}

fn bounds(slots: usize, is_listed: bool) -> Bounds {
    Bounds { slots, pool_slots: 1, observe_only: false, is_listed }
}

#[test]
fn a_node_that_its_file_has_no_more_keeps_its_leases_and_grants_nothing_until_it_is_back() {
    let mut day = Diary::with(Limits { slots: 2, ..limits() }, 0);
    let lease = day.ready(s(0));
    day.book.set_bounds(bounds(2, false));
    let roll = day.renew(s(1), &lease, 1);
    assert_eq!((roll.slots_free, roll.maintenance, roll.leases[0].reclaim.is_none()), (0, false, true));
    let denial = day.ask(s(1), "mail", 1, "m").unwrap_err();
    assert!(denial.detail.contains("cluster.toml"), "{denial:?}");
    // Nor is anything taken from who has it.
    let wish = ReclaimWish { shortage: Shortage::UnderMin, pool_slots: None };
    assert!(!day.wish(s(1), "mail", 1, "m", Some(wish)).unwrap_err().reclaiming);
    assert_eq!(day.state(&lease), Some(State::Ready));
    day.book.set_bounds(bounds(2, true));
    assert_eq!(day.renew(s(2), &lease, 1).slots_free, 1);
    assert!(day.ask(s(2), "mail", 1, "m").is_ok());
}

#[test]
fn the_holders_of_a_service_that_is_gone_from_the_file_are_asked_to_drain_until_it_is_back() {
    let mut day = Diary::with(Limits { slots: 2, ..limits() }, 0);
    let lease = day.ready(s(0));
    let only = |services: &[&str]| services.iter().map(|service| ((*service).to_owned(), s(300))).collect();
    day.book.effects();
    day.book.set_drain_limits(only(&["mail"]));
    assert!(day.book.effects().contains(&Effect::NotifyAll), "its holder hears it at once");
    let roll = day.book.roll(s(1), &renewal("shop", 1, vec![lease.clone()]));
    let asked = roll.leases[0].reclaim.as_ref().unwrap();
    assert_eq!((asked.notice, asked.for_service.as_ref(), roll.slots_free), (s(300), None, 0));
    assert!(asked.reason.contains("not in the node's cluster.toml"), "{}", asked.reason);
    assert_eq!(day.book.roll(s(1), &renewal("mail", 1, vec![])).slots_free, 1);
    // It serves until its holder drains it, and that drain is for good.
    assert_eq!(day.state(&lease), Some(State::Ready));
    assert!(day.book.drain(s(2), &lease).is_pending());
    assert!(matches!(day.book.undrain(s(3), &lease), Err(Refusal::Withheld { .. })));
    day.book.set_drain_limits(only(&["mail", "shop"]));
    assert_eq!(day.book.roll(s(4), &renewal("shop", 1, vec![lease.clone()])).leases[0].reclaim, None);
    assert_eq!(day.book.undrain(s(4), &lease), Ok(()));
}

#[test]
fn more_slots_are_free_at_once_and_of_fewer_only_the_free_ones_go() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    assert!(day.ask(s(1), "mail", 1, "m").is_err());
    day.book.set_bounds(bounds(2, true));
    assert!(day.ask(s(1), "mail", 1, "m").is_ok());
    day.book.set_bounds(bounds(1, true));
    assert_eq!((day.state(&lease), day.book.leases().len()), (Some(State::Ready), 2));
    assert_eq!(day.renew(s(2), &lease, 1).slots_free, 0);
    assert!(day.ask(s(2), "news", 1, "n").is_err());
}

#[test]
fn a_drain_that_is_to_be_now_ends_what_still_runs_when_the_notice_is_over() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.drain_now(s(0));
    assert_eq!(day.book.cuts_after(s(0)), None, "the node is not drained at all");
    day.book.set_maintenance(true);
    day.book.drain_now(s(5));
    // Asked again it does not begin anew.
    day.book.drain_now(s(9));
    assert_eq!(day.book.cuts_after(s(9)), Some(s(26)));
    let told = day.renew(s(30), &lease, 1).leases[0].reclaim.as_ref().map(|reclaim| reclaim.notice);
    assert_eq!(told, Some(s(5)));
    assert_eq!(day.book.next_deadline(), Some(s(35)));
    day.book.effects();
    day.book.tick(s(35));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    assert!(day.book.effects().contains(&Effect::Cut(lease.id.clone())));
    assert!(day.book.next_deadline().is_none_or(|deadline| deadline > s(35)), "it is done");
}

#[test]
fn a_drain_that_was_to_be_now_is_called_off_with_the_drain() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.set_maintenance(true);
    day.book.drain_now(s(1));
    day.book.set_maintenance(false);
    day.renew(s(30), &lease, 1);
    day.book.tick(s(31));
    assert_eq!(day.state(&lease), Some(State::Ready));
}

#[test]
fn an_announced_end_waits_for_a_holder_that_listens() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.set_listening(&holder("shop"), true);
    day.book.end(s(5));
    assert_eq!(day.state(&lease), Some(State::Ready));
    let roll = day.renew(s(6), &lease, 1);
    assert!(roll.stopping);
    assert_eq!(roll.leases[0].reclaim.as_ref().map(|reclaim| reclaim.notice), Some(s(29)));
    assert_eq!(day.ask(s(6), "mail", 1, "m").unwrap_err().reason, DenialReason::Stopping);

    // The holder drains in its own order, and the node may end.
    assert_eq!(day.book.drain(s(7), &lease), Poll::Pending);
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.book.stop(&lease), Poll::Pending);
    day.book.processes_gone(&lease.id);
    assert!(!day.book.has_ended());
    assert_eq!(day.book.release(&lease), Poll::Ready(Ok(())));
    assert!(day.book.has_ended());
}

#[test]
fn an_announced_end_cuts_when_the_notice_is_over() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.set_listening(&holder("shop"), true);
    day.book.end(s(5));
    for second in (6..35).step_by(3) {
        day.renew(s(second), &lease, 1);
    }
    assert_eq!(day.book.next_deadline(), Some(s(35)));
    day.book.tick(s(35));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    assert_eq!(day.book.next_deadline(), None);
}

#[test]
fn an_announced_end_drains_by_itself_what_no_holder_hears_of() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.end(s(5));
    assert!(matches!(day.state(&lease), Some(State::Draining { cause: Cause::NodeEnds { .. }, .. })));
    day.book.in_flight_zero(&lease.id);
    day.book.processes_gone(&lease.id);
    assert!(day.book.has_ended());
}

#[test]
fn a_holder_lost_while_the_node_ends_is_not_waited_for() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    day.book.set_listening(&holder("shop"), true);
    day.book.end(s(5));
    day.book.set_listening(&holder("shop"), false);
    assert!(matches!(day.state(&lease), Some(State::Draining { cause: Cause::NodeEnds { .. }, .. })));
    assert!(matches!(day.book.undrain(s(6), &lease), Err(Refusal::Withheld { .. })));
}

#[test]
fn a_lease_of_somebody_else_is_reported_gone_and_not_renewed() {
    let mut day = Diary::new();
    let lease = day.ready(s(0));
    let thief = renewal("mail", 1, vec![lease.clone()]);
    day.book.renew(s(9), &thief).unwrap();
    let roll = day.book.roll(s(9), &thief);
    assert_eq!(roll.leases[0].state, None);
    day.book.tick(s(10));
    assert!(matches!(day.state(&lease), Some(State::Orphan { .. })));
}

#[test]
fn a_token_does_not_show_in_debug_output() {
    let mut day = Diary::new();
    day.ready(s(0));
    let shown = format!("{:?}", day.book);
    assert!(shown.contains("lease-1") && !shown.contains("token-1"), "{shown}");
}
