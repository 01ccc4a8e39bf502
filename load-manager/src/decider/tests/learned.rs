//! A K that the service-manager learns: what decisions go by from the sample on that says it.

use super::diary::{Diary, add, settings};
use crate::decider::{Decider, Learned, Reason, Sample, Settings};

fn learning(learned: Learned) -> Settings {
    Settings { learned, capacity: 20.0, k_local: 20.0, ..settings() }
}

#[test]
fn nodes_are_ordered_by_what_is_learned_and_the_figures_say_so() {
    let mut diary = Diary::new(learning(Learned::All));
    diary.load(10.0);
    let decision = diary.holds(60);
    assert_eq!((decision.figures.capacity, decision.figures.copy_capacity), (20.0, 20.0));
    // 10 of 5 is more than High at once: 10 / (5 * 0.6) is 3.3.
    diary.sample.learned_capacity = Some(5.0);
    let decision = diary.second();
    assert_eq!((decision.figures.capacity, decision.figures.copy_capacity), (5.0, 5.0));
    assert_eq!(decision.action, add(4), "{}", decision.reason);
}

#[test]
fn it_is_gone_by_while_a_sample_says_no_more_of_it() {
    let mut diary = Diary::new(learning(Learned::All));
    diary.load(2.0);
    diary.sample.learned_capacity = Some(5.0);
    diary.holds(1);
    diary.sample.learned_capacity = None;
    assert_eq!(diary.holds(1).figures.capacity, 5.0);
}

#[test]
fn a_local_capacity_that_is_written_holds_beside_a_learned_one() {
    let mut diary = Diary::new(learning(Learned::Nodes));
    diary.load(2.0);
    diary.sample.learned_capacity = Some(5.0);
    let figures = diary.holds(1).figures;
    assert_eq!((figures.capacity, figures.copy_capacity), (20.0, 5.0));
}

#[test]
fn a_written_capacity_is_not_changed_by_what_somebody_says_he_has_learned() {
    let mut diary = Diary::new(settings());
    diary.load(2.0);
    diary.sample.learned_capacity = Some(5.0);
    let figures = diary.holds(1).figures;
    assert_eq!((figures.capacity, figures.copy_capacity), (8.0, 0.0));
}

#[test]
fn what_is_no_number_makes_the_sample_one_that_never_came() {
    for nothing in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        let mut decider = Decider::new(learning(Learned::All), std::time::Duration::ZERO);
        let now = std::time::Duration::from_secs(1);
        let sample = Sample { interval: now, learned_capacity: Some(nothing), ..Sample::default() };
        decider.observe(now, &sample);
        let reason = decider.tick(now, &super::diary::Diary::new(settings()).fleet).reason;
        assert!(matches!(reason, Reason::NoDataYet { .. }), "{reason}");
    }
}

#[test]
fn a_reload_keeps_what_is_learned_and_begins_at_what_was_written_before() {
    let mut diary = Diary::new(learning(Learned::All));
    diary.load(2.0);
    diary.sample.learned_capacity = Some(5.0);
    diary.holds(1);
    diary.sample.learned_capacity = None;
    let mut capacity_after = |settings: Settings| {
        diary.decider.reload(settings);
        diary.holds(1).figures.capacity
    };
    assert_eq!(capacity_after(learning(Learned::All)), 5.0);
    assert_eq!(capacity_after(settings()), 8.0);
    assert_eq!(capacity_after(learning(Learned::All)), 8.0);
}
