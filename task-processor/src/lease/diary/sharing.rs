//! How services share the pool, as seen by one node: claims, reclaims, and slots that are kept.

use cluster::share::Claim;

use super::*;

const STARVED: ReclaimWish = ReclaimWish { shortage: Shortage::Starved, pool_slots: None };
const UNDER_MIN: ReclaimWish = ReclaimWish { shortage: Shortage::UnderMin, pool_slots: None };

/// What a service that wants two nodes says of itself.
fn claim(service: &str, held: u32) -> Claim {
    let Holder { service, front_end } = holder(service);
    Claim { service, front_end, held, want: 2, min: 0, max: 9, weight: 1.0, priority: 0, slots: 0 }
}

/// A node of so many slots in a pool of two.
fn of_two(slots: usize) -> Limits {
    Limits { slots, pool_slots: 2, ..limits() }
}

fn pool_of_two(slots: usize) -> Diary {
    Diary::with(of_two(slots), 0)
}

impl Diary {
    /// Renews with a claim, and without a mark on any lease.
    fn say(&mut self, at: Duration, leases: &[&LeaseRef], claim: Claim) -> Roll {
        self.say_marked(at, leases, &[], claim)
    }

    fn say_marked(&mut self, at: Duration, leases: &[&LeaseRef], marked: &[&LeaseRef], claim: Claim) -> Roll {
        let holder = Holder { service: claim.service.clone(), front_end: claim.front_end.clone() };
        let leases = leases.iter().map(|lease| (*lease).clone()).collect();
        let guaranteed = marked.iter().map(|lease| lease.id.clone()).collect();
        let renewal = Renewal { holder, incarnation: 1, leases, guaranteed, claim: Some(claim) };
        self.book.renew(at, &renewal).unwrap();
        self.book.roll(at, &renewal)
    }

    fn starved(&mut self, at: Duration, service: &str) -> Result<Grant, Denial> {
        self.wish(at, service, 1, "more", Some(STARVED))
    }

    fn below_min(&mut self, at: Duration, service: &str) -> Result<Grant, Denial> {
        self.wish(at, service, 1, "more", Some(UNDER_MIN))
    }

    /// The lease that the holder is told to drain, with what is left of its notice.
    fn told(&mut self, at: Duration, service: &str) -> Vec<(LeaseId, Duration)> {
        let roll = self.book.roll(at, &renewal(service, 1, Vec::new()));
        let told = |report: Report| Some((report.id, report.reclaim?.notice));
        roll.leases.into_iter().filter_map(told).collect()
    }

    /// A holder of all the pool, which listens and has one lease here, and somebody who wants half of it.
    fn shop_has_all(limits: Limits) -> (Self, LeaseRef) {
        let mut day = Self::with(limits, 0);
        let lease = day.ready(s(0));
        day.say(s(0), &[&lease], claim("shop", 2));
        day.book.set_listening(&holder("shop"), true);
        day.say(s(0), &[], claim("mail", 0));
        (day, lease)
    }

    /// As above, and the lease is reclaimed at 1 s.
    fn reclaimed() -> (Self, LeaseRef) {
        let (mut day, lease) = Self::shop_has_all(of_two(1));
        assert!(day.starved(s(1), "mail").unwrap_err().reclaiming);
        day.book.effects();
        (day, lease)
    }

    /// Whether the service hears that a slot is on its way to it.
    fn is_got_for(&self, at: Duration, service: &str) -> bool {
        self.book.roll(at, &renewal(service, 1, Vec::new())).reclaiming
    }

    fn slots_free(&self, at: Duration, service: &str) -> usize {
        self.book.roll(at, &renewal(service, 1, Vec::new())).slots_free
    }
}

/// The reasons why reclaims were taken back or slots let go.
fn whys(effects: &[Effect]) -> Vec<&'static str> {
    let why = |effect: &Effect| match effect {
        Effect::TakenBack { why, .. } | Effect::LetGo(_, why) => Some(*why),
        _ => None,
    };
    effects.iter().filter_map(why).collect()
}

#[test]
fn a_starved_service_gets_the_slot_that_another_has_over_its_share() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    // The pool has two slots: each is due one, and shop has two.
    let denial = day.starved(s(1), "mail").unwrap_err();
    // The claimant waits for the whole notice before it looks elsewhere.
    assert_eq!((denial.reason, denial.reclaiming, denial.retry_after), (DenialReason::NoSlot, true, s(30)));
    assert!(denial.detail.contains("lease-1 of service shop"), "{}", denial.detail);
    let effects = day.book.effects();
    assert!(effects.contains(&Effect::Notify(holder("shop"))));
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Reclaim { notice, .. } if *notice == s(30)))
    );

    // The holder is told, with what is left of the notice, and drains in its own order.
    let report = day.say(s(4), &[&lease], claim("shop", 2)).leases.remove(0);
    let reclaim = report.reclaim.unwrap();
    assert_eq!((report.state, reclaim.notice), (Some(State::Ready), s(27)));
    assert_eq!(reclaim.for_service.as_deref(), Some("mail"));
    assert_eq!(day.book.drain(s(4), &lease), Poll::Pending);
    assert!(matches!(day.book.undrain(s(5), &lease), Err(Refusal::Withheld { .. })));
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.book.stop(&lease), Poll::Pending);
    // It is not free before its process is gone.
    assert!(day.starved(s(5), "mail").unwrap_err().reclaiming);
    day.book.processes_gone(&lease.id);
    day.book.effects();
    assert_eq!(day.book.release(&lease), Poll::Ready(Ok(())));
    assert!(day.book.effects().contains(&Effect::Notify(holder("mail"))));

    // The slot is free for the claimant and for nobody else.
    day.book.tick(s(5));
    assert_eq!((day.slots_free(s(6), "mail"), day.slots_free(s(6), "news")), (1, 0));
    assert!(day.is_got_for(s(6), "mail") && !day.is_got_for(s(6), "news"));
    let denial = day.ask(s(6), "news", 1, "n").unwrap_err();
    assert!(denial.detail.contains("kept for service mail"), "{}", denial.detail);
    let grant = day.ask(s(6), "mail", 1, "another name for it").unwrap();
    // Once, and not for ever.
    assert_eq!(day.book.release(&grant.lease), Poll::Ready(Ok(())));
    assert_eq!(day.slots_free(s(6), "news"), 1);
}

#[test]
fn at_the_end_of_the_notice_the_node_ends_the_lease_by_itself() {
    let (mut day, lease) = Diary::reclaimed();
    for second in (3..=30).step_by(3) {
        day.book.tick(s(second));
        day.say(s(second), &[&lease], claim("shop", 2));
        day.say(s(second), &[], claim("mail", 0));
    }
    assert_eq!((day.state(&lease), day.book.next_deadline()), (Some(State::Ready), Some(s(31))));
    day.book.tick(s(31));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    let effects = day.book.effects();
    let place = |wanted: Effect| effects.iter().position(|effect| *effect == wanted).unwrap();
    // What is cut is counted before it is.
    let (cut, stop) = (place(Effect::Cut(lease.id.clone())), place(Effect::StopProcess(lease.id.clone())));
    assert!(cut < stop && effects.contains(&Effect::Notify(holder("shop"))));

    assert!(day.starved(s(31), "mail").unwrap_err().reclaiming);
    day.book.processes_gone(&lease.id);
    assert!(day.starved(s(32), "mail").is_ok());
    let report = day.say(s(33), &[&lease], claim("shop", 1)).leases.remove(0);
    assert!(report.ended_by_node, "its service did nothing wrong");
    assert!(report.state.is_none() && report.detail.contains("reclaimed for another service"), "{report:?}");
}

#[test]
fn a_holder_that_drains_too_long_is_cut_too() {
    let (mut day, lease) = Diary::reclaimed();
    assert_eq!(day.book.drain(s(2), &lease), Poll::Pending);
    for second in (3..=30).step_by(3) {
        day.say(s(second), &[&lease], claim("shop", 1));
        day.say(s(second), &[], claim("mail", 0));
    }
    day.book.effects();
    day.book.tick(s(31));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    assert!(day.book.effects().contains(&Effect::Cut(lease.id.clone())));
}

#[test]
fn a_lease_whose_holder_does_not_listen_is_drained_at_once_and_ends_no_later() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    day.book.set_listening(&holder("shop"), false);
    assert!(day.starved(s(1), "mail").unwrap_err().reclaiming);
    let reclaimed = State::Draining { cause: Cause::Reclaimed { deadline: s(31) }, drained: false };
    assert_eq!(day.state(&lease), Some(reclaimed));
    assert!(day.book.effects().contains(&Effect::Refuse(lease.id.clone())));
    // With its last request it stops by itself.
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    assert!(!day.book.effects().contains(&Effect::Cut(lease.id.clone())));
}

#[test]
fn a_holder_lost_during_the_notice_is_not_waited_for() {
    let (mut day, lease) = Diary::reclaimed();
    day.book.set_listening(&holder("shop"), false);
    let reclaimed = State::Draining { cause: Cause::Reclaimed { deadline: s(31) }, drained: false };
    assert_eq!(day.state(&lease), Some(reclaimed));
    assert!(matches!(day.book.undrain(s(2), &lease), Err(Refusal::Withheld { .. })));
}

#[test]
fn an_orphan_is_drained_within_the_notice_also_where_its_holder_seems_to_listen() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    day.book.tick(s(10));
    assert!(matches!(day.state(&lease), Some(State::Orphan { .. })));
    day.say(s(11), &[], claim("mail", 0));
    assert!(day.starved(s(11), "mail").unwrap_err().reclaiming);
    let reclaimed = State::Draining { cause: Cause::Reclaimed { deadline: s(41) }, drained: false };
    assert_eq!(day.state(&lease), Some(reclaimed));
}

#[test]
fn an_orphan_whose_reclaim_is_taken_back_has_what_is_left_of_its_grace() {
    let reclaimed = || {
        let (mut day, lease) = Diary::shop_has_all(of_two(1));
        day.book.tick(s(10));
        assert_eq!(day.state(&lease), Some(State::Orphan { until: s(70) }));
        day.say(s(11), &[], claim("mail", 0));
        assert!(day.starved(s(11), "mail").unwrap_err().reclaiming);
        (day, lease)
    };
    let (mut day, lease) = reclaimed();
    day.say(s(15), &[], claim("mail", 1));
    assert_eq!(day.state(&lease), Some(State::Orphan { until: s(70) }));
    day.book.tick(s(70));
    assert!(day.is_expired_drain(&lease));
    // One whose holder has come back meanwhile serves as ever.
    let (mut day, lease) = reclaimed();
    day.say(s(14), &[&lease], claim("shop", 2));
    day.say(s(15), &[], claim("mail", 1));
    assert_eq!(day.state(&lease), Some(State::Ready));
}

#[test]
fn a_reclaimed_lease_that_expires_gets_no_grace_however_long_ago_it_was_wished_for() {
    let (mut day, lease) = Diary::shop_has_all(Limits { reclaim_notice: s(60), ..of_two(1) });
    assert!(day.starved(s(1), "mail").unwrap_err().reclaiming);
    for second in (9..=45).step_by(9) {
        day.say(s(second), &[], claim("mail", 0));
        if second < 36 {
            day.say(s(second), &[&lease], claim("shop", 2));
        }
        day.book.tick(s(second));
    }
    assert!(day.is_expired_drain(&lease));
}

#[test]
fn a_reclaimed_lease_that_expires_ends_with_the_notice() {
    let (mut day, lease) = Diary::reclaimed();
    day.say(s(9), &[], claim("mail", 0));
    day.book.tick(s(10));
    assert!(day.is_expired_drain(&lease));
    // The drain of an expiry may take long; the reclaim's does not.
    for second in (18..=30).step_by(6) {
        day.say(s(second), &[], claim("mail", 0));
    }
    day.book.tick(s(31));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
}

#[test]
fn a_guaranteed_lease_is_not_reclaimed_and_one_that_becomes_so_is_left() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    day.say_marked(s(1), &[&lease], &[&lease], claim("shop", 2));
    let denial = day.starved(s(1), "mail").unwrap_err();
    assert!(!denial.reclaiming && denial.detail.contains("can spare"), "{}", denial.detail);
    day.say(s(2), &[&lease], claim("shop", 2));
    assert!(day.starved(s(2), "mail").unwrap_err().reclaiming);
    assert!(day.is_got_for(s(2), "mail") && !day.is_got_for(s(2), "shop"));
    day.book.effects();

    day.say_marked(s(3), &[&lease], &[&lease], claim("shop", 2));
    let effects = day.book.effects();
    assert_eq!(whys(&effects), ["its holder marked it as guaranteed"]);
    assert!(effects.contains(&Effect::Notify(holder("shop"))));
    // Its claimant is to look elsewhere at once.
    assert!(effects.contains(&Effect::Notify(holder("mail"))) && !day.is_got_for(s(3), "mail"));
    assert_eq!((day.state(&lease), day.told(s(3), "shop")), (Some(State::Ready), vec![]));
}

#[test]
fn a_reclaim_is_taken_back_when_nothing_is_heard_of_whom_it_is_for() {
    let (mut day, lease) = Diary::reclaimed();
    day.book.set_listening(&holder("shop"), false);
    day.say(s(9), &[&lease], claim("shop", 2));
    // Mail was heard last at 0 s, and its wishes are no sign of life.
    assert!(day.starved(s(9), "mail").is_err());
    assert_eq!(day.book.next_deadline(), Some(s(10)));
    day.book.tick(s(10));
    let effects = day.book.effects();
    assert_eq!(whys(&effects), ["its claim was not heard here for one time to live"]);
    // What was drained on behalf of it serves again.
    assert_eq!(day.state(&lease), Some(State::Ready));
    assert!(effects.contains(&Effect::Admit(lease.id.clone())));
    assert!(!day.starved(s(11), "mail").unwrap_err().reclaiming);
}

#[test]
fn a_reclaim_is_taken_back_when_its_claimant_has_its_share() {
    let (mut day, lease) = Diary::reclaimed();
    day.say(s(3), &[], claim("mail", 1));
    assert_eq!(whys(&day.book.effects()), ["by the claims that are known here it has its share"]);
    assert_eq!((day.state(&lease), day.told(s(3), "shop")), (Some(State::Ready), vec![]));
}

#[test]
fn a_reclaim_is_taken_back_when_the_pool_that_its_claimant_sees_has_shrunk() {
    let mut day = Diary::with(Limits { pool_slots: 4, ..limits() }, 0);
    let lease = day.ready(s(0));
    day.say(s(0), &[&lease], Claim { want: 4, ..claim("shop", 3) });
    day.book.set_listening(&holder("shop"), true);
    let mail = |slots| Claim { slots, ..claim("mail", 1) };
    day.say(s(0), &[], mail(4));
    assert!(day.starved(s(1), "mail").unwrap_err().reclaiming, "of four slots it is due two");
    day.book.effects();
    day.say(s(2), &[], mail(3));
    assert_eq!(whys(&day.book.effects()), ["by the claims that are known here it has its share"]);
}

#[test]
fn a_drain_that_has_begun_does_not_take_its_reclaim_back() {
    let (mut day, lease) = Diary::reclaimed();
    assert_eq!(day.book.drain(s(2), &lease), Poll::Pending);
    // Shop does not count it any more and has its share; the slot is due to mail all the same.
    day.say(s(2), &[&lease], claim("shop", 1));
    assert_eq!(whys(&day.book.effects()), Vec::<&str>::new());
    assert_eq!(day.told(s(2), "shop"), [(lease.id.clone(), s(29))]);
}

#[test]
fn a_reclaim_outlives_a_restart_of_its_claimants_load_manager() {
    // It has not decided yet, so that it says nothing of itself.
    let (mut day, lease) = Diary::reclaimed();
    day.book.renew(s(2), &renewal("mail", 2, Vec::new())).unwrap();
    day.book.tick(s(9));
    assert_eq!(whys(&day.book.effects()), Vec::<&str>::new());
    assert_eq!(day.told(s(9), "shop"), [(lease.id.clone(), s(22))]);
    assert!(day.book.roll(s(9), &renewal("mail", 2, Vec::new())).reclaiming, "it hears what is on its way");
    // One that goes on to say nothing wants nothing.
    day.book.tick(s(10));
    assert_eq!(whys(&day.book.effects()), ["its claim was not heard here for one time to live"]);
}

#[test]
fn nothing_is_reclaimed_for_who_is_not_known_to_be_short() {
    let mut day = pool_of_two(1);
    let lease = day.ready(s(0));
    day.say(s(0), &[&lease], claim("shop", 2));
    let denial = day.starved(s(1), "mail").unwrap_err();
    assert!(!denial.reclaiming && denial.detail.contains("not heard"), "{}", denial.detail);
    day.say(s(1), &[], claim("mail", 1));
    let denial = day.starved(s(1), "mail").unwrap_err();
    assert!(!denial.reclaiming && denial.detail.contains("it has its share"), "{}", denial.detail);
    let denial = day.below_min(s(1), "mail").unwrap_err();
    assert!(!denial.reclaiming && denial.detail.contains("not below its min"), "{}", denial.detail);
}

#[test]
fn nothing_is_reclaimed_from_who_has_its_share_or_says_nothing() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    day.say(s(1), &[&lease], claim("shop", 1));
    assert!(!day.starved(s(1), "mail").unwrap_err().reclaiming);
    let mut day = pool_of_two(1);
    day.ready(s(0));
    day.say(s(1), &[], claim("mail", 0));
    assert!(!day.starved(s(1), "mail").unwrap_err().reclaiming);
}

#[test]
fn below_its_min_a_service_may_take_from_who_has_its_share_and_more_than_its_own_min() {
    let mut day = Diary::with(Limits { pool_slots: 4, ..limits() }, 0);
    let lease = day.ready(s(0));
    // Of four slots mail is due its min of two; shop's two are its share.
    let shop = |min| Claim { min, ..claim("shop", 2) };
    day.say(s(0), &[], Claim { min: 2, ..claim("mail", 1) });
    day.say(s(0), &[&lease], shop(2));
    assert!(!day.below_min(s(1), "mail").unwrap_err().reclaiming);
    day.say(s(1), &[&lease], shop(1));
    assert!(!day.starved(s(1), "mail").unwrap_err().reclaiming);
    assert!(day.below_min(s(1), "mail").unwrap_err().reclaiming);
}

#[test]
fn one_lease_is_reclaimed_for_a_service_whatever_it_calls_its_wish() {
    let mut day = Diary::with(Limits { slots: 2, pool_slots: 4, ..limits() }, 0);
    let leases = [day.ready_for(s(0), "shop", "a"), day.ready_for(s(0), "shop", "b")];
    day.book.set_listening(&holder("shop"), true);
    day.say(s(0), &[&leases[0], &leases[1]], Claim { want: 4, ..claim("shop", 4) });
    day.say(s(0), &[], claim("mail", 0));
    let first = day.wish(s(1), "mail", 1, "a", Some(STARVED)).unwrap_err();
    assert_eq!(day.wish(s(1), "mail", 1, "b", Some(STARVED)).unwrap_err(), first);
    // Also one that does not ask for a reclaim hears that there is one.
    assert_eq!(day.ask(s(1), "mail", 1, "c").unwrap_err(), first);
    assert_eq!(day.told(s(1), "shop"), [(leases[1].id.clone(), s(30))]);

    // For somebody else another one is.
    day.say(s(2), &[], claim("news", 0));
    assert!(day.starved(s(2), "news").unwrap_err().reclaiming);
    assert_eq!(day.told(s(2), "shop").len(), 2);
}

#[test]
fn what_is_reclaimed_already_is_not_spare_any_more() {
    let mut day = Diary::with(Limits { slots: 2, pool_slots: 3, ..limits() }, 0);
    let leases = [day.ready_for(s(0), "shop", "a"), day.ready_for(s(0), "shop", "b")];
    day.book.set_listening(&holder("shop"), true);
    // Each is due one of the three; shop has one too many, of which one is enough.
    day.say(s(0), &[&leases[0], &leases[1]], claim("shop", 2));
    day.say(s(0), &[], claim("mail", 0));
    day.say(s(0), &[], claim("news", 0));
    assert!(day.starved(s(1), "mail").unwrap_err().reclaiming);
    assert!(!day.starved(s(1), "news").unwrap_err().reclaiming);
}

#[test]
fn a_claimant_that_gets_another_slot_first_leaves_the_lease_where_it_is() {
    let mut day = Diary::with(Limits { slots: 2, pool_slots: 4, ..limits() }, 0);
    let leases = [day.ready_for(s(0), "shop", "a"), day.ready_for(s(0), "shop", "b")];
    day.book.set_listening(&holder("shop"), true);
    day.say(s(0), &[&leases[0], &leases[1]], Claim { want: 4, ..claim("shop", 4) });
    day.say(s(0), &[], claim("mail", 0));
    assert!(day.starved(s(1), "mail").unwrap_err().reclaiming);
    assert_eq!(day.book.release(&leases[0]), Poll::Pending);
    day.book.processes_gone(&leases[0].id);
    day.book.effects();

    // Shop has its share and more: it does not get the slot while mail waits.
    let denial = day.ask(s(2), "shop", 1, "again").unwrap_err();
    assert!(denial.detail.contains("kept for service mail") && !denial.reclaiming, "{}", denial.detail);
    assert!(day.starved(s(2), "mail").is_ok());
    assert_eq!(whys(&day.book.effects()), ["another slot was free first"]);
    assert_eq!((day.state(&leases[1]), day.told(s(2), "shop")), (Some(State::Ready), vec![]));
}

#[test]
fn a_kept_slot_is_let_go_when_it_is_not_asked_for_or_not_needed() {
    let freed = || {
        let (mut day, lease) = Diary::reclaimed();
        assert_eq!(day.book.release(&lease), Poll::Pending);
        day.book.processes_gone(&lease.id);
        day.say(s(5), &[], claim("mail", 0));
        day.book.tick(s(5));
        day.book.effects();
        day
    };
    let mut day = freed();
    day.say(s(14), &[], claim("mail", 0));
    assert_eq!(day.book.next_deadline(), Some(s(15)));
    day.book.tick(s(15));
    assert_eq!(whys(&day.book.effects()), ["it was not asked for within one time to live"]);
    assert!(day.ask(s(15), "news", 1, "n").is_ok());

    let mut day = freed();
    day.say(s(6), &[], claim("mail", 1));
    assert_eq!(whys(&day.book.effects()), ["by the claims that are known here it has its share"]);
    assert_eq!(day.slots_free(s(6), "news"), 1);

    let mut day = freed();
    day.book.set_maintenance(true);
    assert_eq!(whys(&day.book.effects()), ["an operator drained the node"]);
}

#[test]
fn the_last_free_slot_waits_for_who_is_below_its_min() {
    let mut day = pool_of_two(1);
    let lease = day.ready(s(0));
    day.say(s(0), &[], Claim { min: 1, ..claim("mail", 0) });
    assert!(day.ask(s(1), "mail", 1, "m").is_err());
    assert_eq!(day.book.release(&lease), Poll::Pending);
    day.book.processes_gone(&lease.id);
    // Shop holds another node, which is its share.
    day.say(s(2), &[], claim("shop", 1));
    let denial = day.ask(s(2), "shop", 1, "again").unwrap_err();
    assert_eq!((denial.reason, denial.retry_after), (DenialReason::NoSlot, s(10)));
    assert!(denial.detail.contains("kept for service mail"), "{}", denial.detail);
    assert_eq!((day.slots_free(s(2), "shop"), day.slots_free(s(2), "mail")), (0, 1));
    // Who says nothing of itself gets it as ever.
    assert!(day.ask(s(2), "news", 1, "n").is_ok());
}

#[test]
fn the_last_free_slot_waits_also_where_only_its_asker_knows_that_nodes_are_down() {
    let ask = |slots| {
        let mut day = Diary::with(Limits { pool_slots: 4, ..limits() }, 0);
        let lease = day.ready(s(0));
        day.say(s(0), &[], Claim { min: 1, ..claim("mail", 0) });
        assert!(day.ask(s(1), "mail", 1, "m").is_err());
        assert_eq!(day.book.release(&lease), Poll::Pending);
        day.book.processes_gone(&lease.id);
        // Of four slots shop is due two, and of two one, which it holds elsewhere.
        day.say(s(2), &[], Claim { slots, ..claim("shop", 1) });
        day.ask(s(2), "shop", 1, "again").is_ok()
    };
    assert_eq!([0, 4, 2].map(ask), [true, true, false]);
}

#[test]
fn everybody_hears_at_once_of_a_slot_that_is_free_for_them() {
    let (mut day, lease) = Diary::shop_has_all(of_two(1));
    assert_eq!(day.book.drain(s(4), &lease), Poll::Pending);
    day.book.in_flight_zero(&lease.id);
    assert_eq!(day.book.release(&lease), Poll::Pending);
    assert!(!day.book.effects().contains(&Effect::NotifyAll), "its process still runs");
    day.book.processes_gone(&lease.id);
    assert!(day.book.effects().contains(&Effect::NotifyAll));
    assert_eq!(day.slots_free(s(4), "mail"), 1);
}

#[test]
fn a_slot_that_is_kept_for_one_is_no_news_for_the_others_until_it_is_let_go() {
    let (mut day, lease) = Diary::reclaimed();
    assert_eq!(day.book.release(&lease), Poll::Pending);
    day.book.processes_gone(&lease.id);
    let effects = day.book.effects();
    assert!(effects.contains(&Effect::Notify(holder("mail"))) && !effects.contains(&Effect::NotifyAll));
    day.book.tick(s(2));
    day.book.tick(s(12));
    assert!(day.book.effects().contains(&Effect::NotifyAll));
}

#[test]
fn a_wish_of_long_ago_keeps_no_slot() {
    let mut day = pool_of_two(1);
    let lease = day.ready(s(0));
    assert!(day.ask(s(1), "mail", 1, "m").is_err());
    assert_eq!(day.book.release(&lease), Poll::Pending);
    day.book.processes_gone(&lease.id);
    day.say(s(32), &[], Claim { min: 1, ..claim("mail", 0) });
    day.say(s(32), &[], claim("shop", 2));
    assert!(day.ask(s(32), "shop", 1, "again").is_ok());
}

#[test]
fn a_machine_that_is_down_counts_as_the_claimant_sees_it_and_never_more_than_the_file() {
    let full = |pool_slots| {
        let mut day = Diary::with(Limits { pool_slots: 3, ..limits() }, 0);
        let lease = day.ready(s(0));
        // Of three slots shop is due two; one of the three is down, and of two it is due one.
        day.say(s(0), &[&lease], claim("shop", 2));
        day.say(s(0), &[], claim("mail", 0));
        let wish = ReclaimWish { shortage: Shortage::Starved, pool_slots };
        day.wish(s(1), "mail", 1, "m", Some(wish)).unwrap_err().reclaiming
    };
    assert_eq!([None, Some(2), Some(3), Some(100)].map(full), [false, true, false, false]);
}

#[test]
fn an_observing_node_only_says_what_it_would_reclaim() {
    let (mut day, lease) = Diary::shop_has_all(Limits { observe_only: true, ..of_two(1) });
    let denial = day.starved(s(1), "mail").unwrap_err();
    assert!(!denial.reclaiming);
    assert!(
        denial.detail.contains("lease lease-1 of service shop of front end shop-front would be reclaimed")
    );
    assert_eq!((day.state(&lease), day.told(s(1), "shop")), (Some(State::Ready), vec![]));
}

#[test]
fn what_the_node_itself_wants_goes_before_what_others_want() {
    let (mut day, lease) = Diary::reclaimed();
    day.book.set_maintenance(true);
    assert_eq!(whys(&day.book.effects()), ["an operator drained the node"]);
    assert_eq!(day.told(s(2), "shop"), [(lease.id.clone(), s(300))]);
    day.book.set_maintenance(false);
    assert_eq!(day.told(s(2), "shop"), []);

    let (mut day, lease) = Diary::reclaimed();
    day.book.set_listening(&holder("shop"), false);
    day.book.effects();
    day.book.end(s(6));
    let effects = day.book.effects();
    assert_eq!(whys(&effects), ["the node's daemon is about to end"]);
    // It does not serve again for that moment, and ends when it was to end.
    assert!(!effects.contains(&Effect::Admit(lease.id.clone())));
    day.book.tick(s(31));
    assert_eq!(day.state(&lease), Some(State::Stopping { then: Then::Free }));
    day.book.processes_gone(&lease.id);
    assert!(day.book.has_ended());
}

#[test]
fn claims_are_passed_on_to_everybody_else_until_their_holders_are_silent_for_long() {
    let mut day = pool_of_two(2);
    day.say(s(0), &[], claim("shop", 1));
    let roll = day.say(s(4), &[], claim("mail", 1));
    assert_eq!(roll.claims, [HeardClaim { claim: claim("shop", 1), age: s(4) }]);
    assert_eq!((roll.slots, roll.slots_free), (2, 2));
    assert_eq!(day.book.claims(s(5)).len(), 2);

    assert_eq!(day.book.next_deadline(), Some(s(30)));
    day.book.tick(s(30));
    assert_eq!(day.book.claims(s(30)), [HeardClaim { claim: claim("mail", 1), age: s(26) }]);
    // A load-manager that was superseded hears nothing, and what it said counts for its time.
    day.book.renew(s(31), &renewal("mail", 2, Vec::new())).unwrap();
    assert_eq!(day.book.claims(s(31)).len(), 1);
    day.say(s(31), &[], claim("shop", 1));
    assert_eq!(day.book.roll(s(31), &renewal("mail", 1, Vec::new())).claims, []);
}
