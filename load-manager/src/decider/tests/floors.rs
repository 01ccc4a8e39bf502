//! FLOORS: nodes that a schedule asks for, whatever the load.

use std::time::Duration;

use cluster::config::{Floor, TimeOfDay, Weekday};
use proptest::collection::vec;
use proptest::prelude::*;

use super::closed_loop::ClosedLoop;
use super::diary::{Diary, classic, settings};
use super::properties::{large, world};
use crate::decider::{Action, Reason, Settings};
use crate::simulation::World;

fn floor(from: u16, to: u16, nodes: u32) -> Floor {
    let at = |hour: u16| TimeOfDay::new(hour * 60).unwrap();
    Floor { days: Weekday::ALL.to_vec(), from: at(from), to: at(to), nodes }
}

/// A day without load: each hour's number of ready nodes at its end, and what was done for which reason.
fn idle_day(settings: Settings, floors: &[Floor]) -> (Vec<u32>, Vec<(u16, &'static str)>) {
    let mut simulation = ClosedLoop::new(settings, World::default());
    let (mut hours, mut moves) = (Vec::new(), Vec::new());
    for minute in 0..1440 {
        simulation.hold(Floor::largest_at(floors, Weekday::Mon, minute));
        for _ in 0..60 {
            let step = simulation.step(0.0);
            if step.decision.action != Action::Hold {
                moves.push((minute, step.decision.reason.name()));
            }
            if minute % 60 == 59 && simulation.now().as_secs().is_multiple_of(60) {
                hours.push(step.ready);
            }
        }
    }
    (hours, moves)
}

#[test]
fn a_day_goes_by_its_schedule() {
    let floors = [floor(8, 18, 2), floor(12, 14, 4)];
    let (hours, moves) = idle_day(settings(), &floors);
    let by_schedule: Vec<u32> =
        (0..24).map(|hour| Floor::largest_at(&floors, Weekday::Mon, hour * 60)).collect();
    assert_eq!(hours, by_schedule);
    // At a floor's beginning at once; at its end the ordinary way: one 120 s later, the next after 10 s more.
    let (ups, downs): (Vec<_>, Vec<_>) = moves.into_iter().partition(|(_, reason)| *reason == "below-floor");
    assert_eq!(ups, [(8 * 60, "below-floor"), (12 * 60, "below-floor")]);
    let down = |hour: u16, last| [(hour * 60 + 1, "low"), (hour * 60 + 2, last)];
    assert_eq!(downs, [down(14, "low"), down(18, "last-low")].concat());
}

#[test]
fn the_classic_rule_goes_by_the_schedule_too() {
    let floors = [floor(8, 18, 2), floor(12, 14, 4)];
    let (hours, moves) = idle_day(classic(), &floors);
    assert_eq!((hours[7], hours[8], hours[13], hours[14], hours[17], hours[18]), (0, 2, 4, 2, 2, 0));
    assert!(moves.iter().all(|(_, reason)| ["below-floor", "all-low"].contains(reason)), "{moves:?}");
}

#[test]
fn what_a_schedule_keeps_is_said_so_and_apart_from_min() {
    for (floor, min, sentence) in [
        (2, 1, "Low, but the schedule or the forecast asks for 2 nodes"),
        (2, 2, "Low, but min = 2"),
        (0, 2, "Low, but min = 2"),
    ] {
        for settings in [settings(), classic()] {
            let mut diary = Diary::new(Settings { min, ..settings }).with_nodes(&["a", "b"]);
            diary.fleet.floor = floor;
            diary.children(&[("a", 0.0), ("b", 0.0)]);
            assert_eq!(diary.holds(200).reason.to_string(), sentence);
        }
    }
}

#[test]
fn a_floor_raises_the_want_and_no_further_than_max() {
    let mut diary = Diary::new(Settings { max: 3, ..settings() }).with_nodes(&["a", "b", "c"]);
    diary.fleet.floor = 9;
    let decision = diary.holds(200);
    assert_eq!((decision.figures.want, decision.reason), (3, Reason::LowFloor { kept: 3 }));
    // When it ends, the down window has to forget it.
    diary.fleet.floor = 0;
    assert_eq!(diary.second().reason.name(), "wanted-lately");
    let (after, decision) = diary.until_decided(200);
    assert!((118..=121).contains(&after), "{after} s");
    assert_eq!(decision.reason.name(), "low");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn no_drain_goes_below_a_floor_and_a_floor_is_reached(
        hours in vec((0..12_u32, 0.0..60.0_f64, 60..300_usize), 1..5),
        world in world(),
        max in 0..12_u32,
    ) {
        let start_time = world.start_time;
        let mut simulation = ClosedLoop::new(Settings { max, ..large() }, world);
        for (floor, load, seconds) in hours {
            simulation.hold(floor);
            let floor = floor.min(max);
            let begun = simulation.now();
            for _ in 0..seconds {
                let step = simulation.step(load);
                if let Action::Drain { nodes } = &step.decision.action {
                    prop_assert!(step.ready >= floor + u32::try_from(nodes.len()).unwrap(), "{}", step.decision.reason);
                }
                // Orders are limited: four in two seconds at first.
                let had_time = simulation.now() - begun > start_time + Duration::from_secs(10);
                prop_assert!(!had_time || step.ready >= floor, "{} of {floor}", step.ready);
            }
        }
    }
}
