//! The closed loop: the world's facts, one by one, and the figures of a course.

use std::time::Duration;

use cluster::config::{Local, Scaling};

use super::{Course, Load, Point, Rule, Simulation, Site, Verdict, World, run};
use crate::decider::{Learned, Settings};

const SECOND: Duration = Duration::from_secs(1);

fn settings() -> Settings {
    Settings {
        scaling: Scaling::default(),
        local: Local::Auto,
        k_local: 8.0,
        learned: Learned::Nothing,
        capacity: 8.0,
        min: 0,
        max: 10,
        pool: 10,
        standby: 0,
    }
}

fn world() -> World {
    World { start_time: 3 * SECOND, drain_time: 2 * SECOND, queue_max: 50, ..World::default() }
}

fn load(points: &[(u64, f64)]) -> Load {
    let point = |(at, in_flight): &(u64, f64)| Point { at: Duration::from_secs(*at), in_flight: *in_flight };
    Load::new(points.iter().map(point).collect()).unwrap()
}

#[test]
fn an_ordered_node_serves_after_its_start_time_and_a_drained_one_is_held_until_it_is_gone() {
    let mut site = Site::new(&settings(), &world(), 0);
    site.carry_out(&Verdict::Scale(2));
    site.advance(2 * SECOND);
    assert_eq!((site.ready(), site.fleet().ordered, site.held()), (0, 2, 2));
    assert!(site.is_overloaded(8.1), "until then the local copy is all there is");
    site.advance(SECOND);
    assert_eq!((site.ready(), site.fleet().ordered), (2, 0));
    assert!(!site.is_overloaded(16.0) && site.is_overloaded(16.1), "and then it does not count");
    assert_eq!(site.carry_out(&Verdict::Scale(1)), -1);
    site.advance(SECOND);
    assert_eq!((site.ready(), site.held(), site.fleet().draining.len()), (1, 2, 1));
    site.advance(SECOND);
    assert_eq!((site.held(), site.fleet().available), (1, 9));
}

#[test]
fn what_is_not_ready_yet_goes_first_and_then_the_youngest() {
    let mut site = Site::new(&settings(), &world(), 2);
    site.carry_out(&Verdict::Scale(4));
    assert_eq!(site.carry_out(&Verdict::Scale(1)), -3);
    assert_eq!((site.fleet().ordered, site.fleet().ready[0].node.as_str()), (0, "c1"));
    assert_eq!(site.fleet().draining[0].node, "c2");
}

#[test]
fn nodes_come_in_the_order_of_the_pool_with_their_own_speeds() {
    let world = World { speeds: vec![0.5, 2.0], ..world() };
    let mut site = Site::new(&settings(), &world, 3);
    let ks: Vec<f64> = site.fleet().ready.iter().map(|node| node.k).collect();
    assert_eq!(ks, [4.0, 16.0, 8.0]);
    // Each is loaded to the same share of its K.
    site.serve(14.0, SECOND);
    let loads: Vec<f64> = site.sample().children.iter().map(|child| child.in_flight_mean).collect();
    assert_eq!(loads, [2.0, 8.0, 4.0]);
    // One that went is the first to come again.
    site.carry_out(&Verdict::Scale(0));
    site.advance(2 * SECOND);
    site.carry_out(&Verdict::Scale(1));
    site.advance(3 * SECOND);
    assert_eq!(site.fleet().ready[0].node, "c1");
}

#[test]
fn no_more_are_held_than_there_are() {
    let mut site = Site::new(&settings(), &world(), 99);
    assert_eq!((site.ready(), site.held()), (10, 10));
    assert_eq!(site.carry_out(&Verdict::Scale(99)), 0);
}

#[test]
fn what_does_not_fit_waits_and_what_does_not_fit_there_is_refused() {
    let mut site = Site::new(&settings(), &world(), 1);
    // 12 in flight of 100 ms each are 120 a second, 80 of which are served: 40 wait.
    site.serve(12.0, SECOND);
    let sample = site.sample();
    assert_eq!((sample.in_flight_mean, sample.arrivals, sample.ended), (8.0, 120, 80));
    assert_eq!((sample.queued, sample.refused), (40, 0));
    site.serve(12.0, SECOND);
    assert_eq!((site.sample().queued, site.sample().refused), (50, 30));
    // 6 in flight leave room for 20 a second.
    site.serve(6.0, SECOND);
    assert_eq!((site.sample().queued, site.sample().in_flight_mean), (30, 8.0));
}

#[test]
fn the_local_copy_serves_alone_or_always() {
    let mut site = Site::new(&settings(), &world(), 0);
    site.serve(4.0, SECOND);
    assert_eq!(site.sample().local_in_flight_mean, 4.0);
    let mut site = Site::new(&Settings { local: Local::Always, ..settings() }, &world(), 1);
    site.serve(4.0, SECOND);
    assert_eq!((site.sample().local_in_flight_mean, site.sample().children[0].in_flight_mean), (2.0, 2.0));
}

#[test]
fn a_queue_wakes_the_decider_between_two_ticks() {
    let mut simulation = Simulation::new(&settings(), &world(), Rule::Adaptive, 0);
    let calm = simulation.step(5.0, 10 * SECOND);
    assert_eq!((calm.length, calm.moved), (SECOND, 0));
    // 60 in flight would be there, the local copy takes 8: it is seen after a tenth of a second.
    let pressed = simulation.step(60.0, 10 * SECOND);
    assert_eq!((pressed.from, pressed.length), (SECOND, SECOND / 10));
    assert!(pressed.moved > 0, "{:?}", pressed.verdict);
}

#[test]
fn a_decider_with_a_long_tick_is_asked_that_seldom() {
    let mut slow = settings();
    slow.scaling.tick = 3 * SECOND;
    let mut simulation = Simulation::new(&slow, &world(), Rule::Adaptive, 0);
    let asked = (0..6).map(|_| simulation.step(5.0, 10 * SECOND).verdict != Verdict::None);
    assert_eq!(asked.collect::<Vec<_>>(), [false, false, true, false, false, true]);
}

#[test]
fn every_rule_goes_up_and_down_and_leaves_what_is_wanted() {
    let day = load(&[(0, 5.0), (300, 30.0), (900, 2.0), (1800, 2.0)]);
    for rule in Rule::ALL {
        let course = run(&settings(), &world(), rule, &day);
        let most = course.ready.iter().map(|(_, ready)| *ready).max();
        assert!((4..=10).contains(&most.unwrap()), "{}: {course:?}", rule.name());
        // 2 of 8 are the local copy's; other rules keep a node.
        assert!(course.ready.last().unwrap().1 <= 1, "{}: {course:?}", rule.name());
        assert!((1..=900).contains(&course.overloaded.as_secs()), "{}: {course:?}", rule.name());
    }
}

#[test]
fn a_course_is_told_in_its_figures() {
    // From 5 to 30 at 60 s: the nodes are there 3 s and a bit later.
    let course = run(&settings(), &world(), Rule::Adaptive, &load(&[(0, 5.0), (60, 30.0), (120, 30.0)]));
    let (from, until) = course.overloads[0];
    assert_eq!(from, 60 * SECOND);
    assert_eq!(until - from, course.overloaded, "{course:?}");
    assert!((3..10).contains(&course.overloaded.as_secs()), "{course:?}");
    assert_eq!((course.ready[0], course.flips), ((Duration::ZERO, 0), 0));
    assert!(course.peak >= 4 && course.decisions >= 1);
    // About seven nodes for two minutes.
    assert!((0.1..0.3).contains(&course.node_hours), "{}", course.node_hours);
}

#[test]
fn a_flip_is_a_decision_against_the_one_before() {
    let up_and_down: Vec<_> =
        (0..6).map(|turn| (turn * 900, if turn % 2 == 0 { 5.0 } else { 30.0 })).collect();
    let course: Course = run(&settings(), &world(), Rule::Adaptive, &load(&up_and_down));
    // Up, down, up, down, up.
    assert_eq!(course.flips, 4, "{course:?}");
    assert!(course.decisions > 8);
}

#[test]
fn what_the_beginning_wants_is_ready() {
    let ready = |settings: &Settings, in_flight| {
        run(settings, &world(), Rule::Adaptive, &load(&[(0, in_flight), (5, in_flight)])).ready[0].1
    };
    // 6 of 8 are the local copy's, 6.1 are for two at the target; no more than there may be.
    assert_eq!([6.0, 6.1, 24.0, 999.0].map(|load| ready(&settings(), load)), [0, 2, 5, 10]);
    assert_eq!(ready(&Settings { min: 3, ..settings() }, 1.0), 3);
    // Beside a local copy that always serves: 24 / 0.6 - 8 are 4 of 8.
    assert_eq!(ready(&Settings { local: Local::Always, ..settings() }, 24.0), 4);
}
