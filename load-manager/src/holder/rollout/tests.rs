//! A rollout step by step, and what holds in a small world in which nodes fail, files are edited one after
//! the other and the load changes.

mod world;

use cluster::config::CommandDigest;
use proptest::prelude::*;

use super::*;
use world::{Fault, World};

const NAMES: [&str; 5] = ["c1", "c2", "c3", "c4", "c5"];

fn digest(number: u8) -> CommandDigest {
    format!("{number:016x}").parse().unwrap()
}

fn old() -> Option<CommandDigest> {
    Some(digest(1))
}

fn new() -> Option<CommandDigest> {
    Some(digest(2))
}

fn seen(node: usize, stands: Stands, runs: Option<CommandDigest>) -> Seen<'static> {
    Seen { node, name: NAMES[node], stands, runs, starts: new(), busy: (0, node as u32) }
}

fn scene(nodes: Vec<Seen<'static>>) -> Scene<'static> {
    Scene { command: digest(2), nodes, has_room: true, pressure: None }
}

fn two_and_a_free_one() -> Scene<'static> {
    scene(vec![seen(0, Stands::Serving, old()), seen(1, Stands::Serving, old()), seen(2, Stands::Free, None)])
}

fn spared(_: &str) -> Result<(), Away> {
    Ok(())
}

fn full(_: &str) -> Result<(), Away> {
    Err(Away::Full { projected: 0.8, limit: 0.6375 })
}

fn said(turn: &Turn) -> &str {
    turn.said.as_ref().map_or("", |(_, said)| said)
}

#[test]
fn a_free_node_comes_first_and_the_older_one_goes_when_it_is_ready() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    let turn = rollout.next(&scene, full);
    assert_eq!(turn.step, Some(Step::Add { by: 2 }));
    assert_eq!(said(&turn), "c1 runs an older command; c3 is free: ordered in its place");
    scene.nodes[2].stands = Stands::Starting;
    assert_eq!(rollout.next(&scene, spared), Turn::default(), "one at a time");
    // It is ready, and has not said yet what it runs.
    scene.nodes[2].stands = Stands::Serving;
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    scene.nodes[2].runs = new();
    let turn = rollout.next(&scene, spared);
    assert_eq!(turn.step, Some(Step::Remove { old: 0 }));
    assert_eq!(said(&turn), "c3 runs the new command: c1, which runs an older one, is drained");
    scene.nodes[0].stands = Stands::Leaving { can_return: true };
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    // The one that was freed takes the next one's place.
    scene.nodes[0] = seen(0, Stands::Free, None);
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Add { by: 0 }));
    assert_eq!(rollout.view(&scene).unwrap().sentence, "rollout: 1 of 2 run the new command");
    scene.nodes[0] = seen(0, Stands::Serving, new());
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Remove { old: 1 }));
    scene.nodes[1] = seen(1, Stands::Free, None);
    assert_eq!(
        said(&rollout.next(&scene, spared)),
        "rollout done: all 2 copies on nodes run the new command"
    );
    assert_eq!((rollout.next(&scene, spared), rollout.view(&scene)), (Turn::default(), None));
}

#[test]
fn one_that_is_ready_in_anothers_place_serves_beside_it_where_that_is_not_spared() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    rollout.next(&scene, spared);
    assert_eq!(rollout.extra(), Some(2));
    scene.nodes[2] = seen(2, Stands::Serving, new());
    assert_eq!((rollout.next(&scene, full).step, rollout.extra()), (None, None));
    // Meanwhile the decider has let the other one go: it is free for the next step.
    scene.nodes[1] = seen(1, Stands::Free, None);
    assert_eq!(rollout.next(&scene, full).step, Some(Step::Add { by: 1 }));
}

#[test]
fn without_a_free_one_it_is_started_again_in_place_while_the_others_can_carry_the_load() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    scene.has_room = false;
    let turn = rollout.next(&scene, full);
    assert_eq!(
        (turn.step, said(&turn)),
        (
            None,
            "rollout paused: without c1 the rest would be at 0.80 of its capacity (not below 0.64); 0 of 2 run the new command"
        )
    );
    assert_eq!(rollout.next(&scene, full), Turn::default(), "it is said once");
    let view = rollout.view(&scene).unwrap();
    assert_eq!((view.state, view.new, view.old), ("paused", 0, 2));
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Restart { node: 0 }));
    scene.nodes[0].stands = Stands::Leaving { can_return: false };
    scene.pressure = Some("the load is High");
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    scene.nodes[0] = seen(0, Stands::Free, None);
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::StartAgain { node: 0 }), "High or not");
    scene.nodes[0] = seen(0, Stands::Starting, None);
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    scene.nodes[0] = seen(0, Stands::Serving, None);
    assert_eq!(
        said(&rollout.next(&scene, spared)),
        "rollout paused: the load is High; 0 of 1 run the new command"
    );
    scene.pressure = None;
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Restart { node: 1 }));
}

#[test]
fn a_drain_in_place_is_taken_back_while_it_can_when_the_load_rises() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    scene.has_room = false;
    rollout.next(&scene, spared);
    scene.nodes[0].stands = Stands::Leaving { can_return: true };
    scene.pressure = Some("the load is High");
    let turn = rollout.next(&scene, spared);
    assert_eq!(
        (turn.step, said(&turn)),
        (Some(Step::TakeBack { node: 0 }), "the load is High: c1 serves on for now")
    );
    scene.nodes[0].stands = Stands::Serving;
    assert_eq!(rollout.next(&scene, spared).step, None);
    scene.pressure = None;
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Restart { node: 0 }));
}

#[test]
fn one_that_cannot_be_started_again_is_given_up() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    scene.has_room = false;
    rollout.next(&scene, spared);
    scene.nodes[0].stands = Stands::Elsewhere;
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::GiveUp { node: 0 }));
}

#[test]
fn those_that_stand_by_come_first_and_in_place_and_then_who_has_the_fewest_requests() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    scene.nodes[1].stands = Stands::StandingBy;
    assert_eq!(rollout.next(&scene, full).step, Some(Step::Restart { node: 1 }));
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    (scene.nodes[0].busy, scene.nodes[1].busy) = ((1, 1), (0, 7));
    scene.has_room = false;
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Restart { node: 1 }));
}

#[test]
fn nodes_that_do_not_say_or_go_by_another_file_are_left_alone() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    scene.nodes[0].runs = None;
    (scene.nodes[1].starts, scene.nodes[2].starts) = (old(), old());
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    let view = rollout.view(&scene).unwrap();
    let sentence = "rollout waits for c2, whose cluster.toml has another command than the front end's: 0 of 1 run the \
                    new command";
    assert_eq!((view.state, view.sentence.as_str()), ("waiting", sentence));
    scene.nodes[1].starts = None;
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    // Its file is edited; nobody who is free would start the new command.
    scene.nodes[1].starts = new();
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Restart { node: 1 }));
}

#[test]
fn nothing_is_begun_while_something_is_on_its_way() {
    for stands in [Stands::Starting, Stands::Leaving { can_return: true }] {
        let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
        scene.nodes.push(seen(3, stands, None));
        assert_eq!(rollout.next(&scene, spared), Turn::default(), "{stands:?}");
        assert_eq!(rollout.view(&scene).unwrap().state, "going");
    }
}

#[test]
fn a_failed_start_stops_it_until_the_command_is_another_or_somebody_asks() {
    let (mut rollout, mut scene) = (Rollout::default(), two_and_a_free_one());
    rollout.next(&scene, spared);
    scene.nodes[2].stands = Stands::Elsewhere;
    let sentence = rollout.failed(&scene, 2, "it was not ready in 30 s").unwrap();
    assert_eq!(sentence, "rollout stopped: c3: it was not ready in 30 s; 0 of 2 run the new command");
    assert_eq!(rollout.view(&scene).unwrap(), RolloutView { state: "stopped", sentence, new: 0, old: 2 });
    scene.nodes[2].stands = Stands::Free;
    assert_eq!(rollout.next(&scene, spared), Turn::default());
    let mut asked = rollout.clone();
    asked.resume();
    assert_eq!(asked.next(&scene, spared).step, Some(Step::Add { by: 2 }));
    scene.command = digest(3);
    scene.nodes.iter_mut().for_each(|seen| seen.starts = Some(digest(3)));
    assert_eq!(rollout.next(&scene, spared).step, Some(Step::Add { by: 2 }));
}

#[test]
fn only_a_failure_of_the_new_command_beside_older_ones_stops_it() {
    let scene = two_and_a_free_one();
    let mut other = scene.clone();
    other.nodes[2].starts = old();
    assert_eq!(Rollout::default().failed(&other, 2, "no"), None, "another command failed");
    let mut done = scene.clone();
    (done.nodes[0].runs, done.nodes[1].runs) = (new(), new());
    assert_eq!(Rollout::default().failed(&done, 2, "no"), None, "the others show that it can be started");
    assert!(Rollout::default().failed(&scene, 2, "no").is_some(), "whoever ordered it");
}

fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        4 => Just(Fault::None),
        1 => (0..NAMES.len()).prop_map(Fault::Crash),
        1 => (0..NAMES.len()).prop_map(Fault::Refuse),
        1 => (0..NAMES.len()).prop_map(Fault::Decide),
        2 => (0u32..40).prop_map(Fault::Load),
    ]
}

proptest! {
    #[test]
    fn never_two_at_once_never_more_than_the_load_allows_and_in_the_end_all_are_new(
        serving in 1usize..=5,
        room in any::<bool>(),
        edits in prop::collection::vec(0usize..60, NAMES.len()),
        faults in prop::collection::vec(fault(), 80),
    ) {
        let mut world = World::new(serving, room, &edits);
        for fault in faults {
            world.pass(fault);
        }
        // Nothing happens any more, and the load is low.
        world.pass(Fault::Load(0));
        for _ in 0..120 {
            world.pass(Fault::None);
        }
        prop_assert!(world.is_done(), "{world:?}");
    }

    #[test]
    fn a_command_that_does_not_start_costs_one_copy_at_most_and_is_tried_once(
        serving in 1usize..=5,
        room in any::<bool>(),
        loads in prop::collection::vec(0u32..40, 60),
    ) {
        let mut world = World::new(serving, room, &[0; NAMES.len()]);
        world.is_bad = true;
        for load in loads {
            world.pass(Fault::Load(load));
        }
        prop_assert!(world.failed <= 1 && world.serving() + 1 >= serving, "{world:?}");
    }
}
