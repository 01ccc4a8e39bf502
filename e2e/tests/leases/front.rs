//! A service's front end but for its load-manager: the list that its service-manager has in force, and the
//! counts that it sends.

use std::collections::BTreeMap;
use std::time::Duration;

use load_manager::decider::Sample;
use load_manager::holder::{ChildCount, ChildList, ChildState, FrontSample, Heard};
use load_manager::node::FrontCount;

use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;

#[derive(Debug)]
pub(crate) struct Front {
    /// The newest load-manager, once there was one.
    pub(crate) manager: Option<usize>,
    pub(crate) incarnation: u64,
    /// Whether the service-manager runs.
    pub(crate) is_up: bool,
    /// What it has in force, ...
    pub(crate) list: ChildList,
    /// ... and the newest load-manager that it has heard.
    from: u64,
    /// Requests.
    pub(crate) in_flight: f64,
    /// When the last request to a draining child ends there.
    ends: BTreeMap<String, u64>,
}

impl Front {
    pub(crate) fn new(in_flight: f64) -> Self {
        Self {
            manager: None,
            incarnation: 0,
            is_up: true,
            list: ChildList::default(),
            from: 0,
            in_flight,
            ends: BTreeMap::new(),
        }
    }

    /// The service-manager ends; what it had in force ends with it.
    pub(crate) fn crash(&mut self) {
        self.is_up = false;
        (self.list, self.from) = (ChildList::default(), 0);
        self.ends.clear();
    }

    /// A load-manager connects: what it is told.
    pub(crate) fn welcome(&mut self, incarnation: u64) -> Heard {
        if incarnation < self.from {
            return fenced();
        }
        self.from = incarnation;
        Heard::FrontUp(self.list.clone())
    }

    /// A load-manager's list arrives: what it is answered.
    pub(crate) fn apply(&mut self, incarnation: u64, list: ChildList) -> Heard {
        if incarnation < self.from {
            return fenced();
        }
        self.from = incarnation;
        if list.generation > self.list.generation {
            self.list = list;
        }
        Heard::ListApplied(self.list.generation)
    }

    /// The counts of the last second.
    pub(crate) fn sample(&mut self, now: u64, dice: &mut Dice) -> FrontSample {
        let mut children = Vec::new();
        for child in &self.list.children {
            let ends = match child.state {
                ChildState::Draining => {
                    *self.ends.entry(child.lease.id.clone()).or_insert(now + dice.within(0..3 * SECOND))
                }
                ChildState::Ready | ChildState::Jeopardy | ChildState::NotReady => u64::MAX,
            };
            let count = FrontCount { in_flight: u32::from(ends > now), ..FrontCount::default() };
            children.push(ChildCount { lease_id: child.lease.id.clone(), count });
        }
        let load = Sample {
            interval: Duration::from_secs(1),
            in_flight_mean: self.in_flight,
            arrivals: (self.in_flight * 10.0) as u64,
            ended: 10,
            service_time_sum: Duration::from_secs(1),
            local_ready: true,
            ..Sample::default()
        };
        FrontSample { generation: self.list.generation, load, children }
    }
}

fn fenced() -> Heard {
    Heard::Fenced("the service-manager said so".to_owned())
}
