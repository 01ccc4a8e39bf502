//! A node's stages, pauses and silences.

use std::time::Duration;

use super::*;

const PATIENCE: Patience = Patience { jeopardy: Duration::from_secs(6), expiry: Duration::from_secs(8) };

fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn lease() -> Lease {
    Lease { id: "l1".into(), epoch: 1, token: "t".into(), data_address: "127.0.0.1:1".into() }
}

fn reachable() -> Node {
    let mut node = Node::new("c1", 1.0, s(0));
    node.link = Link::Up { incarnation: 1 };
    node.report.slots_free = 1;
    node
}

#[test]
fn a_failed_start_backs_the_node_off_for_ten_seconds_doubling_to_five_minutes() {
    let mut node = reachable();
    let mut now = s(100);
    let mut pauses = Vec::new();
    for _ in 0..7 {
        assert!(node.can_be_asked(now));
        node.enter(Stage::Starting(None), now);
        pauses.push(node.start_failed("exits at once".into(), now).as_secs());
        assert!(!node.can_be_asked(now));
        now = node.paused_until;
    }
    assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
}

#[test]
fn a_node_that_served_well_starts_with_the_first_pause_again() {
    let mut node = reachable();
    node.start_failed("no".into(), s(0));
    node.enter(Stage::Ready(lease()), s(10));
    node.enter(Stage::Free, s(80));
    assert_eq!(node.start_failed("no".into(), s(81)), s(10));
}

#[test]
fn a_service_that_ends_soon_after_it_got_ready_backs_the_node_off() {
    let mut node = reachable();
    let mut now = s(100);
    let mut pauses = Vec::new();
    for _ in 0..3 {
        node.enter(Stage::Ready(lease()), now);
        node.crashed("it was killed by signal 11".into(), now + s(2));
        pauses.push((node.paused_until - (now + s(2))).as_secs());
        now = node.paused_until;
    }
    assert_eq!(pauses, [10, 20, 40]);
    node.enter(Stage::Ready(lease()), now);
    node.crashed("it was killed by signal 11".into(), now + s(61));
    assert!(node.can_be_asked(now + s(61)), "it served well");
}

#[test]
fn silence_is_jeopardy_at_six_seconds_and_the_end_at_eight() {
    let mut node = reachable();
    node.enter(Stage::Ready(lease()), s(10));
    node.answered = s(20);
    assert_eq!(node.silence(s(25), PATIENCE), Silence::None);
    assert_eq!(node.silence(s(26), PATIENCE), Silence::Jeopardy);
    assert_eq!(node.silence(s(28), PATIENCE), Silence::Expired);
}

#[test]
fn the_silence_of_a_node_that_holds_nothing_of_ours_means_nothing() {
    assert_eq!(reachable().silence(s(1000), PATIENCE), Silence::None);
}

#[test]
fn a_drained_or_full_or_unreachable_node_is_not_asked() {
    let mut drained = reachable();
    drained.report.maintenance = true;
    let mut full = reachable();
    full.report.slots_free = 0;
    let mut away = reachable();
    away.link = Link::Down { words: "refused".into() };
    for node in [drained, full, away] {
        assert!(!node.can_be_asked(s(1)), "{}", node.state_name(s(1)));
    }
}

#[test]
fn a_refusal_lasts_until_the_node_has_a_slot_and_the_pause_of_a_failed_start_does_not() {
    let free = Report { slots_free: 1, ..Report::default() };
    let mut node = reachable();
    node.refused("all slots are held".into(), s(10), s(0));
    assert!(!node.can_be_asked(s(3)));
    assert!(node.hear_of_slot(&free));
    node.hear(free);
    assert!(node.can_be_asked(s(3)));
    assert!(!node.hear_of_slot(&free), "that is no news");
    node.start_failed("exits at once".into(), s(3));
    node.hear(Report::default());
    assert!(node.hear_of_slot(&free));
    node.hear(free);
    assert!(!node.can_be_asked(s(4)));
}

#[test]
fn a_drain_taken_back_does_not_make_a_node_young() {
    let mut node = reachable();
    node.enter(Stage::Ready(lease()), s(10));
    node.enter(Stage::Draining(lease(), DrainStep::AtFront), s(90));
    node.enter(Stage::Ready(lease()), s(95));
    assert_eq!(node.ready_since, s(10));
}
