//! The comparison that Accordion is held to: every synthetic load, nodes that start quickly and
//! slowly, all rules. It takes no cluster.toml, so that it is the same for everybody.
//!
//! The queue is that of `queue_max`'s default for all. It makes a difference to one rule only:
//! Knative takes what waits for concurrency, and its own activator lets 10,000 wait. So adaptive and
//! knative are compared once more with as many.

use std::time::Duration;

use cluster::config::{Local, Scaling};

use super::{Course, Rule, Synthetic, World, run};
use crate::decider::{Learned, Settings};

/// Requests in flight that a copy handles well.
const CAPACITY: f64 = 100.0;

/// Nodes of the pool.
const POOL: u32 = 40;

/// How long a node takes to start: a process, and a runtime that warms up.
pub const START_TIMES: [Duration; 2] = [Duration::from_secs(2), Duration::from_secs(20)];

/// `breakerQueueDepth` of knative/serving `pkg/activator/net/throttler.go`.
pub const ACTIVATOR_QUEUE_MAX: u32 = 10_000;

/// As good as the best on overload: this much longer, or so many times as long.
const NEAR: Duration = Duration::from_secs(5);
const NEAR_FACTOR: f64 = 1.05;

/// One load in one world by one rule.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was offered.
    pub load: Synthetic,
    /// In which world.
    pub world: World,
    /// Who decided.
    pub rule: Rule,
    /// How it went.
    pub course: Course,
}

/// The service of the comparison: all defaults, 40 nodes of 100 requests in flight each.
pub fn settings() -> Settings {
    Settings {
        scaling: Scaling::default(),
        local: Local::Auto,
        k_local: CAPACITY,
        learned: Learned::Nothing,
        capacity: CAPACITY,
        min: 0,
        max: POOL,
        pool: POOL,
        standby: 0,
    }
}

/// Every load, start time and rule, in the order of the table.
pub fn rows() -> Vec<Row> {
    Synthetic::ALL
        .into_iter()
        .flat_map(|load| rows_of(load, World::default().queue_max, &Rule::ALL))
        .collect()
}

/// The same of adaptive and knative, with a queue as long as that of Knative's activator.
pub fn rows_with_the_activators_queue() -> Vec<Row> {
    let rules = [Rule::Adaptive, Rule::Knative];
    Synthetic::ALL.into_iter().flat_map(|load| rows_of(load, ACTIVATOR_QUEUE_MAX, &rules)).collect()
}

fn rows_of(load: Synthetic, queue_max: u32, rules: &[Rule]) -> Vec<Row> {
    let settings = settings();
    let offered = load.load(Synthetic::peak(&settings));
    let mut rows = Vec::new();
    for start_time in START_TIMES {
        let world = World { start_time, queue_max, ..World::default() };
        rows.extend(rules.iter().map(|rule| {
            let course = run(&settings, &world, *rule, &offered);
            Row { load, world: world.clone(), rule: *rule, course }
        }));
    }
    rows
}

/// Where adaptive is not what it is held to: overloaded for at most 5 s or 5 % longer than any other
/// rule in the same world, and beaten by none on both overload and node-hours. A sentence each.
pub fn faults(rows: &[Row]) -> Vec<String> {
    let mut faults = Vec::new();
    for ours in rows.iter().filter(|row| row.rule == Rule::Adaptive) {
        let is_other = |row: &&Row| row.load == ours.load && row.world == ours.world && row.rule != ours.rule;
        let (overloaded, hours) = (ours.course.overloaded, ours.course.node_hours);
        for other in rows.iter().filter(is_other) {
            let best = other.course.overloaded;
            let what = format!(
                "{}, start time {:?}: {}",
                ours.load.name(),
                ours.world.start_time,
                other.rule.name()
            );
            if overloaded > (best + NEAR).max(best.mul_f64(NEAR_FACTOR)) {
                faults.push(format!("{what} is overloaded for far less"));
            }
            if best < overloaded && other.course.node_hours < hours {
                faults.push(format!("{what} is overloaded for less and holds fewer nodes"));
            }
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{ACTIVATOR_QUEUE_MAX, Row, faults, rows_of};
    use crate::simulation::{Rule, Synthetic, World};

    fn faults_of(load: Synthetic) -> Vec<String> {
        faults(&rows_of(load, World::default().queue_max, &Rule::ALL))
    }

    #[test]
    fn adaptive_is_near_the_best_and_nobody_is_better_and_cheaper() {
        for load in [Synthetic::Flat, Synthetic::Step, Synthetic::Sine, Synthetic::Spike] {
            assert_eq!(faults_of(load), [""; 0]);
        }
    }

    #[test]
    fn adaptive_is_near_the_best_and_nobody_is_better_and_cheaper_for_a_day() {
        assert_eq!(faults_of(Synthetic::Day), [""; 0]);
    }

    #[test]
    fn with_its_activators_queue_knative_is_quicker_and_cheaper_at_a_step_and_nowhere_else() {
        // It orders by all that waits, at once and without a bound, where adaptive takes `add_period` for
        // each doubling: three seconds more, and still within five.
        let known = ["2s", "20s"].map(|start| {
            format!("step, start time {start}: knative is overloaded for less and holds fewer nodes")
        });
        for load in Synthetic::ALL {
            let mut faults = faults(&rows_of(load, ACTIVATOR_QUEUE_MAX, &[Rule::Adaptive, Rule::Knative]));
            faults.retain(|fault| !known.contains(fault));
            assert_eq!(faults, [""; 0]);
        }
    }

    #[test]
    fn what_is_worse_is_told() {
        let rows = rows_of(Synthetic::Flat, 1000, &[Rule::Adaptive, Rule::Knative]);
        let with = |ours: (u64, f64), other: (u64, f64)| {
            let mut rows: Vec<Row> = rows[..2].to_vec();
            for (row, (seconds, hours)) in rows.iter_mut().zip([ours, other]) {
                (row.course.overloaded, row.course.node_hours) = (Duration::from_secs(seconds), hours);
            }
            faults(&rows).len()
        };
        assert_eq!(with((10, 1.0), (5, 1.0)), 0, "within 5 s");
        assert_eq!(with((11, 1.0), (5, 1.0)), 1, "not within 5 s, nor within 5 %");
        assert_eq!(with((210, 1.0), (200, 1.0)), 0, "within 5 %");
        assert_eq!(with((10, 1.0), (9, 0.9)), 1, "beaten on both");
        assert_eq!(with((10, 1.0), (10, 0.9)), 0, "beaten on one");
    }
}
