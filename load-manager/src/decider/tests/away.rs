//! Whether a node can be away for a while, and whether one more may be held.

use super::diary::*;
use crate::decider::{Away, Fleet, Share};

/// Two nodes of K = 8 under that load for as long as any window is.
fn at(load: f64, nodes: usize) -> Diary {
    let mut day = Diary::new(settings()).with_node_count(nodes);
    day.load(load);
    for _ in 0..40 {
        day.second();
    }
    day
}

#[test]
fn a_node_is_spared_while_the_rest_stays_as_far_below_high_as_after_a_drain() {
    let spares = |load, nodes| {
        let day = at(load, nodes);
        day.decider.spares(&day.fleet, "c1")
    };
    // 0.85 x 0.75 x 8 = 5.1 of what one node handles well.
    assert_eq!(spares(5.0, 2), Ok(()));
    let Err(full) = spares(6.0, 2) else { panic!("it is not") };
    assert_eq!(full.to_string(), "the rest would be at 0.75 of its capacity (not below 0.64)");
    assert_eq!(spares(10.0, 3), Ok(()));
    // The last one: the local copy has to do, and for a while does so at more than a drain asks for.
    assert_eq!(spares(5.0, 1), Ok(()));
    assert!(matches!(spares(6.0, 1), Err(Away::Full { .. })));
    let mut day = at(1.0, 1);
    day.sample.local_ready = false;
    day.second();
    assert_eq!(day.decider.spares(&day.fleet, "c1"), Err(Away::Nobody));
    assert_eq!(day.decider.spares(&day.fleet, "c9"), Ok(()), "it serves nobody");
}

#[test]
fn one_more_may_be_held_within_max_and_the_share() {
    let day = at(3.0, 2);
    assert!(day.decider.has_room(&day.fleet));
    let share = Some(Share { nodes: 2, give_back_max: 0, observe_only: false });
    assert!(!day.decider.has_room(&Fleet { share, ..day.fleet.clone() }));
    let mut full = settings();
    full.max = 2;
    let mut day = Diary::new(full).with_node_count(2);
    day.second();
    assert!(!day.decider.has_room(&day.fleet));
}

#[test]
fn who_goes_by_somebody_elses_word_is_not_lost() {
    for is_told in [true, false] {
        let mut day = at(7.0, 2);
        if is_told {
            day.decider.let_go("c1");
        }
        day.fleet.ready.remove(0);
        let reason = day.second().reason.name();
        assert_eq!(reason == "lost", !is_told, "{reason}");
    }
}
