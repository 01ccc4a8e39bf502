//! The pool shared with another service, which holds both nodes.

use cluster::share::Claim;

use super::diary::*;
use crate::holder::*;
use crate::node::{DrainStep, Stage};

fn mail(held: u32, want: u32) -> Claim {
    Claim {
        service: "mail".into(),
        front_end: "127.0.0.2".into(),
        held,
        want,
        min: 0,
        max: 2,
        weight: 1.0,
        priority: 0,
        slots: 0,
    }
}

impl Diary {
    /// A front end of this service that keeps so many nodes, and whom the nodes have told nothing yet.
    fn sharing(min: u32) -> Self {
        let mut settings = settings(2);
        settings.decider.min = min;
        let mut day = Self::of(settings);
        day.settle();
        day
    }

    /// Both nodes are in the hands of somebody who wants to keep them, and so many requests are here.
    fn second(&mut self, demand: f64) {
        self.now += s(1);
        for node in 0..2 {
            self.taken(node, Some(mail(2, 2)));
        }
        self.wait_for(demand);
    }

    fn taken(&mut self, node: usize, claim: Option<Claim>) {
        let claims = claim.map(|claim| (claim, s(0))).into_iter().collect();
        // It goes on with what it said it would.
        let reclaiming = self.node(node).awaits_until.is_some();
        let word = NodeWord { slots_free: 0, reclaiming, claims, ..word(Vec::new()) };
        self.hear(Heard::Renewed { node, word, sent_at: Some(self.now) });
    }

    /// Where the last input asked for another's slot, and why.
    fn asked_back(&self) -> Vec<(usize, ReclaimReason)> {
        let asked = |effect: &Effect| match effect {
            Effect::Reclaim { node, wish, .. } => Some((*node, wish.reason)),
            _ => None,
        };
        self.done.iter().filter_map(asked).collect()
    }

    fn until_asked_back(&mut self, demand: f64) -> u64 {
        for second in 0..100 {
            self.second(demand);
            if !self.asked_back().is_empty() {
                return second;
            }
        }
        panic!("nothing was asked back");
    }

    fn reclaims(&mut self, node: usize, retry_after: u64) {
        self.refuses(node, retry_after, true);
    }

    fn refuses(&mut self, node: usize, retry_after: u64, reclaiming: bool) {
        let words = if reclaiming { "it is reclaimed" } else { "nothing is reclaimed" }.to_owned();
        let refused = AddFault::Refused { words, retry_after: s(retry_after), reclaiming };
        self.hear(Heard::Added { node, result: Err(refused) });
    }
}

#[test]
fn what_is_held_and_wanted_is_said_when_it_changes() {
    let mut day = Diary::settled();
    assert!(day.claims.is_empty(), "nothing is wanted before the first decision");
    day.wait_for(4.0);
    let (first, _) = day.claims.last().unwrap().clone();
    assert_eq!((first.service.as_str(), first.front_end.as_str()), ("shop", "127.0.0.1"));
    assert_eq!((first.held, first.want, first.min, first.max), (0, 1, 0, 2));
    day.wait_for(9.0);
    assert_eq!(day.claims.last().map(|(claim, _)| (claim.held, claim.want)), Some((0, 2)));
    // Once a lease is granted it is held; a drain is not.
    day.granted(0);
    assert_eq!(day.claims.last().unwrap().0.held, 1);
    day.started(0);
    let said = day.claims.len();
    day.says(0, vec![lease_word(0, LeaseState::Ready)]);
    assert_eq!(day.claims.len(), said, "nothing has changed");
    day.act(|holder| holder.begin_drain("c1", "a test"));
    assert_eq!(day.claims.last().unwrap().0.held, 0);
}

#[test]
fn min_leases_are_guaranteed_and_stay_so() {
    let mut day = Diary::sharing(1);
    day.add_children();
    assert_eq!(day.claims.last().unwrap().1, [lease(0).id]);
    // The one that is guaranteed goes: the other takes its place.
    day.act(|holder| holder.begin_drain("c1", "a test"));
    assert_eq!(day.claims.last().unwrap().1, [lease(1).id]);
}

#[test]
fn without_a_min_nothing_is_guaranteed() {
    let day = Diary::with_children();
    assert!(day.claims.last().unwrap().1.is_empty());
}

#[test]
fn a_service_that_starves_has_a_slot_taken_back_after_thirty_seconds() {
    let mut day = Diary::sharing(0);
    let second = day.until_asked_back(9.0);
    assert_eq!(second, 30);
    assert_eq!(day.asked_back(), [(0, ReclaimReason::Starved)]);
    assert_eq!(day.reasons().last(), Some(&"starved"));
    let sentence = day.entries.last().unwrap().sentence();
    assert_eq!(sentence, "0 of a share of 1 are held for 30 s, and no node is free");
}

#[test]
fn a_service_under_its_min_does_not_wait() {
    let mut day = Diary::sharing(1);
    assert_eq!(day.until_asked_back(1.0), 0);
    assert_eq!(day.asked_back(), [(0, ReclaimReason::UnderMin)]);
}

#[test]
fn what_is_taken_back_already_is_not_asked_for_again() {
    let mut day = Diary::sharing(1);
    day.until_asked_back(1.0);
    day.reclaims(0, 30);
    assert_eq!(day.state(0), "awaited", "it does not back off, but for its own word");
    for _ in 0..39 {
        day.second(1.0);
        assert_eq!(day.asked_back(), []);
    }
    // Its notice and the time to live for which the slot is kept are over.
    day.second(1.0);
    assert_eq!(day.asked_back().len(), 1);
}

#[test]
fn a_node_that_comes_back_from_its_drain_is_counted() {
    let mut day = Diary::sharing(1);
    day.taken(1, None);
    day.wait_for(1.0);
    day.granted(0);
    day.started(0);
    day.drain(0);
    day.front_is_empty();
    day.take_back(0);
    assert_eq!(day.drain_step(0), Some(DrainStep::Returning));
    day.taken(1, Some(mail(1, 2)));
    day.wait_for(1.0);
    assert_eq!(day.asked_back(), [], "with it there are as many as min");
}

#[test]
fn a_node_that_can_give_nothing_any_more_is_not_waited_for() {
    let mut day = Diary::sharing(1);
    day.until_asked_back(1.0);
    day.reclaims(0, 30);
    let asked: Vec<usize> = (0..12)
        .flat_map(|_| {
            day.now += s(1);
            let drained = NodeWord { slots_free: 0, maintenance: true, ..word(Vec::new()) };
            day.hear(Heard::Renewed { node: 0, word: drained, sent_at: Some(day.now) });
            day.taken(1, Some(mail(2, 2)));
            day.wait_for(1.0);
            day.asked_back().into_iter().map(|(node, _)| node).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(asked, [1], "an operator drained the first one");
}

#[test]
fn what_an_earlier_life_had_reclaimed_is_not_asked_for_again() {
    let mut day = Diary::sharing(1);
    let says = |day: &mut Diary| {
        let claims = vec![(mail(2, 2), s(0))];
        let word = NodeWord { slots_free: 0, reclaiming: true, claims, ..word(Vec::new()) };
        day.hear(Heard::Renewed { node: 1, word, sent_at: Some(day.now) });
    };
    // The notice and the time to live for which the slot is kept, at the most.
    for _ in 0..40 {
        day.now += s(1);
        day.taken(0, Some(mail(2, 2)));
        says(&mut day);
        day.wait_for(1.0);
        assert_eq!(day.asked_back(), []);
    }
    day.now += s(1);
    day.taken(0, Some(mail(2, 2)));
    says(&mut day);
    day.wait_for(1.0);
    assert_eq!(day.asked_back(), [(0, ReclaimReason::UnderMin)]);
    let mut day = Diary::sharing(1);
    day.taken(0, Some(mail(2, 2)));
    says(&mut day);
    day.says(1, Vec::new());
    day.wait_for(1.0);
    assert_eq!(day.ordered(), [1], "it is free");
}

#[test]
fn a_node_with_nothing_to_spare_does_not_keep_the_others_from_being_asked() {
    let mut day = Diary::sharing(1);
    let mut asked = Vec::new();
    for _ in 0..4 {
        day.until_asked_back(1.0);
        let (node, _) = day.asked_back()[0];
        asked.push(node);
        // Its pause is over as soon as the next one may be asked.
        day.refuses(node, 10, false);
    }
    assert_eq!(asked, [0, 1, 0, 1]);
}

#[test]
fn a_reclaim_that_its_node_gives_up_is_not_waited_for() {
    // Whether it is told unasked, after a word of before, or with the answer to the next renewal.
    for is_asked in [false, true] {
        let mut day = Diary::sharing(1);
        day.until_asked_back(1.0);
        let says = |day: &mut Diary, reclaiming, sent_at| {
            let word = NodeWord { slots_free: 0, reclaiming, ..word(Vec::new()) };
            day.hear(Heard::Renewed { node: 0, word, sent_at });
        };
        let before = day.now;
        day.now += s(1);
        day.reclaims(0, 30);
        says(&mut day, false, Some(before));
        says(&mut day, false, None);
        assert!(day.node(0).awaits_until.is_some(), "that is older than the denial");
        // As many as may be on their way at a time have been asked for long ago.
        for _ in 0..10 {
            day.second(1.0);
            assert_eq!(day.asked_back(), []);
        }
        let sent_at = is_asked.then_some(day.now);
        says(&mut day, false, sent_at);
        assert_eq!(day.asked_back(), [(1, ReclaimReason::UnderMin)], "at once, not after the notice");
    }
}

#[test]
fn a_slot_that_was_taken_back_is_taken_up_at_once() {
    let mut day = Diary::sharing(1);
    day.until_asked_back(1.0);
    day.reclaims(0, 30);
    day.second(1.0);
    // Its holder was quick: long before the time for which the node said to wait.
    day.says(0, Vec::new());
    assert_eq!(day.ordered(), [0]);
    assert_eq!(day.node(0).stage, Stage::Starting(None));
}

#[test]
fn a_slot_that_was_taken_back_is_left_where_another_came_first_or_an_operator() {
    let mut day = Diary::sharing(1);
    day.until_asked_back(1.0);
    day.reclaims(0, 30);
    // The one node that is wanted comes from elsewhere.
    day.says(1, Vec::new());
    day.wait_for(1.0);
    assert_eq!(day.ordered(), [1]);
    day.granted(1);
    day.started(1);
    day.says(0, Vec::new());
    assert_eq!((day.ordered(), day.node(0).awaits_until), (vec![], None));

    let mut day = Diary::sharing(1);
    day.until_asked_back(1.0);
    day.reclaims(0, 30);
    let drained = NodeWord { maintenance: true, ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 0, word: drained, sent_at: Some(day.now) });
    assert_eq!((day.ordered(), day.is_free(0)), (vec![], true));
}

#[test]
fn a_slot_that_somebody_gives_back_is_asked_for_when_it_is_heard_of() {
    let mut day = Diary::sharing(0);
    for _ in 0..10 {
        day.second(9.0);
        assert!(day.ordered().is_empty());
    }
    // Between two ticks, unasked.
    let freed = || NodeWord { claims: vec![(mail(1, 1), s(0))], ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 1, word: freed(), sent_at: None });
    assert_eq!(day.ordered(), [1]);
    // Another one was quicker: no other node is at hand, and it is not asked before it has a slot again.
    day.refuses(1, 10, false);
    day.second(9.0);
    assert!(day.ordered().is_empty());
    day.hear(Heard::Renewed { node: 1, word: freed(), sent_at: None });
    assert_eq!(day.ordered(), [1], "long before the time for which it said to wait");
    // Once is enough.
    day.hear(Heard::Renewed { node: 1, word: freed(), sent_at: None });
    assert!(day.ordered().is_empty());
}

#[test]
fn a_free_slot_is_no_reason_to_ask_for_it() {
    let mut day = Diary::sharing(0);
    for _ in 0..3 {
        day.now += s(1);
        day.taken(1, Some(mail(2, 2)));
        day.counts(0, &[]);
        day.act(Holder::decide);
    }
    let entries = day.entries.len();
    let word = NodeWord { claims: vec![(mail(1, 1), s(0))], ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 1, word, sent_at: None });
    assert_eq!((day.ordered().len(), day.entries.len()), (0, entries), "nothing is wanted");
}

#[test]
fn a_share_that_is_held_takes_nothing_back() {
    let mut day = Diary::sharing(0);
    day.wait_for(4.0);
    day.granted(0);
    day.started(0);
    for _ in 0..60 {
        day.now += s(1);
        day.says(0, vec![lease_word(0, LeaseState::Ready)]);
        day.taken(1, Some(mail(1, 2)));
        day.wait_for(9.0);
        assert_eq!(day.asked_back(), [], "one of two nodes is what either is due");
    }
}

#[test]
fn without_the_claim_of_another_nothing_is_asked_back() {
    let mut day = Diary::sharing(1);
    for _ in 0..60 {
        day.now += s(1);
        for node in 0..2 {
            day.taken(node, None);
        }
        day.wait_for(9.0);
        assert_eq!(day.asked_back(), []);
    }
}

#[test]
fn to_observe_only_is_to_say_what_would_be_done() {
    let mut settings = settings(2);
    settings.decider.min = 1;
    settings.sharing.observe_only = true;
    let mut day = Diary::of(settings);
    day.settle();
    for _ in 0..5 {
        day.second(1.0);
        assert_eq!(day.asked_back(), []);
    }
    let said = day.entries.iter().filter(|entry| entry.reason() == "under-min").count();
    assert_eq!(said, 1, "once in a period");
}

/// Both nodes are held here, and mail, which has none, wants one.
fn over_its_share(observe_only: bool) -> Diary {
    let mut settings = settings(2);
    settings.sharing.observe_only = observe_only;
    let mut day = Diary::of(settings);
    day.settle();
    day.add_children();
    day
}

impl Diary {
    /// A second in which both nodes serve here and say how mail stands.
    fn second_with_mail(&mut self, claim: &Claim) {
        self.now += s(1);
        for node in 0..2 {
            let claims = vec![(claim.clone(), s(0))];
            let leases = vec![lease_word(node, LeaseState::Ready)];
            let word = NodeWord { slots_free: 0, claims, ..word(leases) };
            self.hear(Heard::Renewed { node, word, sent_at: Some(self.now) });
        }
        self.wait_for(9.0);
    }

    fn draining(&self) -> usize {
        self.holder.nodes().iter().filter(|node| matches!(node.stage, Stage::Draining(..))).count()
    }
}

#[test]
fn what_is_over_the_share_is_given_back_after_five_seconds_whatever_the_load() {
    let mut day = over_its_share(false);
    for _ in 0..5 {
        day.second_with_mail(&mail(0, 1));
        assert_eq!(day.draining(), 0);
    }
    day.second_with_mail(&mail(0, 1));
    assert_eq!(day.draining(), 1, "requests wait here, and mail is due it all the same");
    assert_eq!(day.reasons().last(), Some(&"over-share"));
    // One of two is what either is due: nothing more goes, and nothing is ordered in its place.
    for _ in 0..60 {
        day.second_with_mail(&mail(0, 1));
        assert_eq!((day.draining(), day.ordered().len()), (1, 0));
    }
}

#[test]
fn a_lease_that_is_reclaimed_for_another_is_replaced_up_to_the_share_and_no_further() {
    let mut day = over_its_share(false);
    let says = |day: &mut Diary, claim: Claim| {
        let reclaim = Some(Reclaim { notice: s(30), reason: "another service is short of its share".into() });
        let leases = vec![LeaseWord { reclaim, ..lease_word(0, LeaseState::Ready) }];
        let word = NodeWord { slots_free: 0, claims: vec![(claim, s(0))], ..word(leases) };
        day.hear(Heard::Renewed { node: 0, word, sent_at: Some(day.now) });
        assert_eq!(day.draining(), 1);
    };
    says(&mut day, mail(0, 1));
    assert_eq!(day.reasons().last(), Some(&"reclaimed"), "two are wanted, and the one left is its share");
    // Where nobody is short, another one is looked for.
    let mut day = over_its_share(false);
    says(&mut day, mail(1, 1));
    assert_eq!(day.reasons().last(), Some(&"replaced"));
}

#[test]
fn while_nobody_is_short_more_than_the_share_may_be_held() {
    let mut day = over_its_share(false);
    for _ in 0..60 {
        day.second_with_mail(&mail(0, 0));
        assert_eq!(day.draining(), 0);
    }
}

#[test]
fn somebody_who_is_not_heard_of_any_more_is_due_nothing() {
    let mut day = over_its_share(false);
    day.second_with_mail(&mail(0, 1));
    for _ in 0..60 {
        day.now += s(1);
        for node in 0..2 {
            // What the nodes pass on is as old as the last renewal of its holder.
            let claims = vec![(mail(0, 1), s(31))];
            let word = NodeWord { claims, ..word(vec![lease_word(node, LeaseState::Ready)]) };
            day.hear(Heard::Renewed { node, word, sent_at: Some(day.now) });
        }
        if day.now > s(1000 + 31) {
            day.wait_for(9.0);
        }
        assert_eq!(day.draining(), 0);
    }
}

#[test]
fn to_observe_only_is_to_give_nothing_back() {
    let mut day = over_its_share(true);
    for _ in 0..60 {
        day.second_with_mail(&mail(0, 1));
        assert_eq!(day.draining(), 0);
    }
}
