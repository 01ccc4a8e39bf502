//! A changed command rolled out over the nodes.

use cluster::config::CommandDigest;

use super::diary::*;
use crate::decider::Sample;
use crate::holder::*;
use crate::node::DrainStep;

fn old() -> CommandDigest {
    "000000000000000d".parse().unwrap()
}

fn new() -> CommandDigest {
    settings(3).command
}

impl Diary {
    /// c1 and c2 serve by an older command, c3 is free; every file has the new one.
    fn outdated(max: u32) -> Self {
        let mut settings = settings(3);
        settings.decider.max = max;
        let mut day = Self::of(settings);
        day.settle();
        day.linked(2, Vec::new());
        day.add_children();
        day.quiet();
        for node in 0..3 {
            let runs = (node < 2).then(old);
            day.runs(node, runs);
        }
        day
    }

    /// The node says what runs there, and that it would start the new command.
    fn runs(&mut self, node: usize, runs: Option<CommandDigest>) {
        let lease = runs.map(|_| LeaseWord { command: runs, ..lease_word(node, LeaseState::Ready) });
        let slots_free = u32::from(lease.is_none());
        let word = NodeWord { command: Some(new()), slots_free, ..word(lease.into_iter().collect()) };
        self.hear(Heard::Renewed { node, word, sent_at: Some(self.now) });
    }

    /// A second with so many requests in flight, and a decision at its end.
    fn beat(&mut self, in_flight: f64) {
        self.now += s(1);
        for node in (0..self.holder.nodes().len()).filter(|&node| self.is_ready(node)).collect::<Vec<_>>() {
            let report = self.node(node).report;
            let lease = LeaseWord { command: report.runs, ..lease_word(node, LeaseState::Ready) };
            let word = NodeWord { command: report.starts, slots_free: 0, ..word(vec![lease]) };
            self.hear(Heard::Renewed { node, word, sent_at: Some(self.now) });
        }
        let load =
            Sample { interval: s(1), in_flight_mean: in_flight, local_ready: true, ..Sample::default() };
        let generation = self.holder.list().generation;
        self.hear(Heard::Sample(FrontSample { generation, load, children: Vec::new() }));
        self.step(Holder::tick);
    }

    fn quiet(&mut self) {
        // Longer than the fast window.
        for _ in 0..4 {
            self.beat(3.0);
        }
    }

    fn sentences(&self) -> Vec<String> {
        let rollout = self.entries.iter().filter(|entry| entry.reason() == "rollout");
        rollout.map(Entry::sentence).collect()
    }

    /// The drain at the front end and at the node is over.
    fn drained(&mut self, node: usize) {
        let generation = self.holder.list().generation;
        self.hear(Heard::ListApplied(generation));
        self.counts(generation, &[]);
        self.hear(Heard::NodeDrained { node, lease_id: lease(node).id, result: Ok(()) });
        assert_eq!(self.drain_step(node), Some(DrainStep::Ending));
    }

    fn released(&mut self, node: usize) {
        self.hear(Heard::Released { node, lease_id: lease(node).id, result: Ok(()) });
    }

    fn state_of_rollout(&self) -> Option<&'static str> {
        Some(self.holder.rollout()?.state)
    }
}

#[test]
fn a_free_node_takes_the_place_of_an_older_copy_and_no_drain_of_the_decider_is_waited_for() {
    let mut day = Diary::outdated(3);
    day.quiet();
    assert_eq!(day.sentences().last().unwrap(), "c1 runs an older command; c3 is free: ordered in its place");
    day.granted(2);
    day.started(2);
    assert_eq!(day.listed().len(), 3, "one more for a while");
    day.beat(3.0);
    assert_eq!(day.drain_step(0), None, "it has not said yet what it runs");
    let fleet = day.holder.fleet();
    assert_eq!((fleet.ready.len(), fleet.ordered), (2, 1), "for the decider it is on its way");
    day.runs(2, Some(new()));
    day.beat(3.0);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    assert!(day.reasons().iter().all(|reason| *reason != "low"), "{:?}", day.reasons());
    // One at a time: nothing more before it is gone.
    day.beat(3.0);
    assert_eq!(day.drain_step(1), None);
    day.drained(0);
    day.released(0);
    day.runs(0, None);
    assert_eq!(day.state_of_rollout(), Some("going"));
    day.beat(3.0);
    day.beat(3.0);
    assert_eq!(day.sentences().last().unwrap(), "c2 runs an older command; c1 is free: ordered in its place");
    assert!(!day.reasons().contains(&"lost"), "{:?}", day.reasons());
}

#[test]
fn without_room_for_one_more_it_is_started_again_in_place_and_held_all_the_while() {
    let mut day = Diary::outdated(2);
    day.holder.settings.decider.min = 2;
    let settings = day.holder.settings.clone();
    day.reload(settings);
    day.quiet();
    let why = "c1 runs an older command and no other can be had: drained, to be started again in place";
    assert_eq!(day.sentences(), [why]);
    assert_eq!(day.listed(), [("c1", ChildState::Draining), ("c2", ChildState::Ready)]);
    assert_eq!(day.claims.last().unwrap().0.held, 2, "its slot is no one else's");
    // Nor does the decider find it missing.
    day.beat(3.0);
    assert_eq!((day.drain_step(0), day.ordered()), (Some(DrainStep::AtFront), vec![]));
    day.drained(0);
    day.released(0);
    assert_eq!(day.ordered(), [0], "at once");
    day.granted(0);
    day.started(0);
    day.runs(0, Some(new()));
    day.quiet();
    assert_eq!(day.drain_step(1), Some(DrainStep::AtFront));
    day.drained(1);
    day.released(1);
    day.granted(1);
    day.started(1);
    day.runs(1, Some(new()));
    day.beat(3.0);
    assert_eq!(day.sentences().last().unwrap(), "rollout done: all 2 copies on nodes run the new command");
    assert_eq!(day.holder.rollout(), None);
    assert!(!day.reasons().iter().any(|reason| ["lost", "below-min", "claim"].contains(reason)));
}

#[test]
fn a_load_that_the_others_could_not_carry_keeps_every_copy() {
    let mut day = Diary::outdated(2);
    // Two nodes of 8 are at 0.56; one alone would be at 1.12.
    for _ in 0..40 {
        day.beat(9.0);
    }
    assert_eq!((day.drain_step(0), day.drain_step(1)), (None, None));
    assert_eq!(day.state_of_rollout(), Some("paused"));
    assert!(day.holder.rollout().unwrap().sentence.contains("(not below 0.64)"));
    let said = day.sentences();
    assert_eq!(said.iter().filter(|said| said.contains("without c")).count(), 1, "{said:?}");
}

#[test]
fn a_load_that_rises_has_a_drain_in_place_taken_back() {
    let mut day = Diary::outdated(2);
    day.quiet();
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
    for _ in 0..3 {
        day.beat(15.0);
    }
    assert!(day.is_ready(0), "{:?}", day.sentences());
    assert_eq!(day.listed(), [("c1", ChildState::Ready), ("c2", ChildState::Ready)]);
}

#[test]
fn a_start_that_fails_stops_it_and_no_other_node_tries() {
    let mut day = Diary::outdated(3);
    day.quiet();
    day.granted(2);
    let result = Err(AddFault::Failed("it was not ready in 30 s".into()));
    day.hear(Heard::Added { node: 2, result });
    let stopped = "rollout stopped: c3: it was not ready in 30 s; 0 of 2 run the new command";
    assert_eq!(day.sentences().last().unwrap(), stopped);
    for _ in 0..60 {
        day.runs(2, None);
        day.beat(3.0);
    }
    assert_eq!((day.sentences().last().unwrap().as_str(), day.listed().len()), (stopped, 2));
    // The file is read again: whoever has that done may have put it right.
    let settings = day.holder.settings.clone();
    day.reload(settings);
    day.beat(3.0);
    assert_eq!(day.ordered(), [2]);
}

#[test]
fn an_operator_who_takes_a_nodes_drain_back_has_it_tried_again() {
    let mut day = Diary::outdated(3);
    day.quiet();
    day.granted(2);
    day.hear(Heard::Added { node: 2, result: Err(AddFault::Failed("no".into())) });
    assert_eq!(day.state_of_rollout(), Some("stopped"));
    let drained = NodeWord { command: Some(new()), maintenance: true, ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 2, word: drained, sent_at: Some(day.now) });
    assert_eq!(day.state_of_rollout(), Some("stopped"));
    day.runs(2, None);
    assert_ne!(day.state_of_rollout(), Some("stopped"));
}

#[test]
fn a_new_copy_that_ends_soon_after_it_was_ready_stops_it() {
    let mut day = Diary::outdated(3);
    day.quiet();
    day.granted(2);
    day.started(2);
    day.runs(2, Some(new()));
    let gone = LeaseWord { detail: "it exits".into(), ..lease_word(2, LeaseState::Gone) };
    day.now += s(1);
    let word = NodeWord { command: Some(new()), ..word(vec![gone]) };
    day.hear(Heard::Renewed { node: 2, word, sent_at: Some(day.now) });
    let stopped = "rollout stopped: c3: it exits; 1 of 3 run the new command";
    assert_eq!(day.sentences().last().unwrap(), stopped);
    day.quiet();
    assert_eq!((day.drain_step(0), day.drain_step(1)), (None, None));
}

#[test]
fn a_node_that_is_lost_while_it_starts_says_nothing_against_the_command() {
    let mut day = Diary::outdated(3);
    day.quiet();
    day.granted(2);
    day.hear(Heard::Added { node: 2, result: Err(AddFault::Unanswered("no answer in time".into())) });
    assert_ne!(day.state_of_rollout(), Some("stopped"));
    assert_eq!(day.ordered(), [0; 0], "nobody else is wanted");
    // It is left alone for a while, so that the next one is started in place.
    day.beat(3.0);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront));
}

#[test]
fn a_node_that_refuses_is_passed_over() {
    let mut day = Diary::outdated(3);
    day.quiet();
    let refused = AddFault::Refused { words: "taken".into(), retry_after: s(1), reclaiming: false };
    day.hear(Heard::Added { node: 2, result: Err(refused) });
    assert_eq!(day.ordered(), [0; 0]);
    day.beat(3.0);
    assert_eq!(day.drain_step(0), Some(DrainStep::AtFront), "{:?}", day.sentences());
}

#[test]
fn nodes_that_do_not_say_what_they_run_are_left_alone() {
    let mut day = Diary::with_children();
    for _ in 0..60 {
        day.beat(3.0);
    }
    assert_eq!((day.sentences(), day.holder.rollout()), (vec![], None));
}
