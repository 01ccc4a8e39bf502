//! A diary: a decider, its time, its load and its fleet, moved on by the second. Nothing happens by
//! itself but that nodes grow older: what a decision asks for is carried out by the test.

use std::time::Duration;

use cluster::config::{Local, Policy, Scaling};

use crate::decider::{
    Action, ChildLoad, Decider, Decision, DrainingNode, Fleet, Learned, ReadyNode, Sample, Settings,
};

/// Older than any rule asks for.
pub(super) const OLD: Duration = Duration::from_secs(3600);

pub(super) struct Diary {
    pub(super) settings: Settings,
    pub(super) decider: Decider,
    pub(super) now: Duration,
    pub(super) sample: Sample,
    pub(super) fleet: Fleet,
}

/// The defaults, with K = 8 and a pool of 8.
pub(super) fn settings() -> Settings {
    Settings {
        scaling: Scaling::default(),
        local: Local::Auto,
        k_local: 8.0,
        learned: Learned::Nothing,
        capacity: 8.0,
        min: 0,
        max: 8,
        pool: 8,
        standby: 0,
    }
}

pub(super) fn classic() -> Settings {
    Settings { scaling: Scaling { policy: Policy::Classic, ..Scaling::default() }, ..settings() }
}

impl Diary {
    pub(super) fn new(settings: Settings) -> Self {
        let now = Duration::from_secs(1000);
        let decider = Decider::new(settings.clone(), now);
        let fleet = Fleet { available: settings.pool, ..Fleet::default() };
        let mut diary = Self { settings, decider, now, sample: Sample::default(), fleet };
        diary.load(0.0);
        diary
    }

    /// Old nodes of K = 8 with these names are ready.
    pub(super) fn with_nodes(mut self, names: &[&str]) -> Self {
        self.fleet.ready = names.iter().map(|name| node(name)).collect();
        self.fleet.available = self.settings.pool.saturating_sub(self.fleet.held());
        self
    }

    /// `count` old nodes of K = 8.
    pub(super) fn with_node_count(self, count: usize) -> Self {
        let names: Vec<String> = (1..=count).map(|number| format!("c{number}")).collect();
        self.with_nodes(&names.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// From now on so many requests are in flight, of 100 ms each, and nothing waits.
    pub(super) fn load(&mut self, in_flight: f64) {
        self.sample = Sample {
            interval: Duration::from_secs(1),
            in_flight_mean: in_flight,
            arrivals: (in_flight * 10.0).floor() as u64,
            ended: 10,
            service_time_sum: Duration::from_secs(1),
            local_ready: true,
            local_in_flight_mean: in_flight,
            ..Sample::default()
        };
    }

    /// The load of each child by name.
    pub(super) fn children(&mut self, loads: &[(&str, f64)]) {
        self.load(loads.iter().map(|(_, load)| load).sum());
        let child = |(node, load): &(&str, f64)| ChildLoad {
            node: (*node).to_owned(),
            in_flight_mean: *load,
            ..ChildLoad::default()
        };
        self.sample.children = loads.iter().map(child).collect();
    }

    /// The next second: a sample, then a tick.
    pub(super) fn second(&mut self) -> Decision {
        self.now += Duration::from_secs(1);
        self.decider.observe(self.now, &self.sample);
        self.silent(Duration::ZERO)
    }

    /// A tick so much later, without a sample.
    pub(super) fn silent(&mut self, later: Duration) -> Decision {
        self.now += later;
        self.decider.tick(self.now, &self.fleet)
    }

    /// So many seconds in which nothing is decided.
    pub(super) fn holds(&mut self, seconds: u32) -> Decision {
        let mut last = None;
        for second in 1..=seconds {
            let decision = self.second();
            assert_eq!(decision.action, Action::Hold, "second {second}: {}", decision.reason);
            last = Some(decision);
        }
        last.expect("a diary holds for at least a second")
    }

    /// Seconds until something is decided; more than `seconds` of holding fail.
    pub(super) fn until_decided(&mut self, seconds: u32) -> (u32, Decision) {
        for second in 1..=seconds {
            let decision = self.second();
            if decision.action != Action::Hold {
                return (second, decision);
            }
        }
        panic!("nothing was decided within {seconds} s");
    }
}

pub(super) fn node(name: &str) -> ReadyNode {
    ReadyNode { node: name.to_owned(), k: 8.0, age: OLD, ..ReadyNode::default() }
}

pub(super) fn draining(name: &str, undrainable: bool) -> DrainingNode {
    DrainingNode { node: name.to_owned(), undrainable, since: Duration::from_secs(5) }
}

pub(super) fn add(count: u32) -> Action {
    Action::Add { activate: Vec::new(), undrain: Vec::new(), count }
}

pub(super) fn drain(nodes: &[&str]) -> Action {
    Action::Drain { nodes: nodes.iter().map(|node| (*node).to_owned()).collect() }
}
