//! What the service-manager counts, as the decider is told of it.

use std::time::Duration;

use cluster::config::sample;

use super::diary::*;
use crate::decider::Sample;
use crate::holder::{ChildList, FrontSample, Heard};
use crate::node::{FrontCount, Out, OutReason};

#[test]
fn a_child_that_its_front_end_put_out_is_told_to_the_decider_and_after_a_while_as_silent() {
    let mut day = Diary::with_children();
    let silent = day.holder.settings().decider.scaling.node_data_timeout;
    let mut told = |out| {
        day.counts(0, &[(0, FrontCount { out, ..FrontCount::default() })]);
        let node = day.holder.fleet().ready.remove(0);
        (node.is_out, node.data_age >= silent)
    };
    let out = |reason, millis| Some(Out { reason, lasted: Duration::from_millis(millis) });
    assert_eq!(told(None), (false, false));
    // A blip, which its probes end within a second, replaces nobody ...
    assert_eq!(told(out(OutReason::NoConnection, 500)), (true, false));
    // ... and one that cannot be reached for longer is as good as silent.
    assert_eq!(told(out(OutReason::NoConnection, 6_000)), (true, true));
    // It answers, if not well, however long it is out for that.
    assert_eq!(told(out(OutReason::Errors, 60_000)), (true, false));
    assert_eq!(told(None), (false, false));
}

#[test]
fn a_nodes_k_is_what_is_learned_times_its_speed_also_after_a_reload_of_another_key() {
    let config = |lines: &str| sample(2, lines).replace("capacity = 8", "capacity = \"auto\"");
    let fast = |lines: &str| of_config(&config(lines).replacen("[service", "speed = 2.0\n[service", 1), 2);
    let mut day = Diary::of(fast(""));
    day.settle();
    day.wait_for(30.0);
    for node in 0..2 {
        day.granted(node);
        day.started(node);
    }
    let ks = |day: &Diary| day.holder.fleet().ready.iter().map(|node| node.k).collect::<Vec<_>>();
    assert_eq!((ks(&day), day.holder.learned()), (vec![20.0, 40.0], None));
    let load = Sample { interval: s(1), learned_capacity: Some(6.0), has_learned: true, ..Sample::default() };
    day.hear(Heard::Sample(FrontSample { load, ..FrontSample::default() }));
    assert_eq!((ks(&day), day.holder.learned()), (vec![6.0, 12.0], Some(6.0)));
    day.reload(fast("weight = 2.0\n"));
    assert_eq!(ks(&day), [6.0, 12.0]);
}

#[test]
fn what_was_learned_is_told_to_a_service_manager_that_comes_up_and_its_guess_does_not_count_over_it() {
    let mut day = Diary::of(of_config(&sample(2, "").replace("capacity = 8", "capacity = \"auto\""), 2));
    day.hear(Heard::FrontUp(ChildList::default()));
    let hear = |day: &mut Diary, k, has_learned| {
        let load = Sample { interval: s(1), learned_capacity: k, has_learned, ..Sample::default() };
        day.hear(Heard::Sample(FrontSample { load, ..FrontSample::default() }));
        (day.holder.learned(), day.holder.settings().decider.capacity)
    };
    assert_eq!(hear(&mut day, Some(20.0), false), (None, 20.0));
    assert_eq!(hear(&mut day, Some(6.0), true), (Some(6.0), 6.0));
    // It is another process: no node was ever needed, and yet it is told a list, with what was learned.
    day.hear(Heard::FrontDown("gone".into()));
    let generation = day.holder.list().generation;
    day.hear(Heard::FrontUp(ChildList::default()));
    assert_eq!(day.holder.list().generation, generation + 1);
    assert_eq!(hear(&mut day, Some(20.0), false), (Some(6.0), 6.0));
    assert_eq!(hear(&mut day, Some(7.0), true), (Some(7.0), 7.0));
    // It is written from here on.
    assert_eq!(hear(&mut day, None, false).0, None);
}
