//! What came of a load: the figures by which rules are compared, and the nodes over time.

use std::time::Duration;

use super::Step;

const HOUR: f64 = 3600.0;

/// How it went.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Course {
    /// How long more was offered than the ready copies handle well.
    pub overloaded: Duration,
    /// Hours of all nodes that were held: on their way in, ready, and on their way out.
    pub node_hours: f64,
    /// Decisions that moved a node.
    pub decisions: u32,
    /// Decisions against the direction of the one before.
    pub flips: u32,
    /// The most nodes held at once.
    pub peak: u32,
    /// From each moment on, so many nodes were ready.
    pub ready: Vec<(Duration, u32)>,
    /// Each stretch of time that was overloaded: from, until.
    pub overloads: Vec<(Duration, Duration)>,
    was_up: Option<bool>,
}

impl Course {
    /// With so many nodes ready at the beginning.
    pub(super) fn new(ready: u32) -> Self {
        Self { peak: ready, ready: vec![(Duration::ZERO, ready)], ..Self::default() }
    }

    /// Notes the next step.
    pub(super) fn note(&mut self, step: &Step) {
        self.node_hours += f64::from(step.held) * step.length.as_secs_f64() / HOUR;
        self.peak = self.peak.max(step.held);
        if self.ready.last().is_none_or(|(_, ready)| *ready != step.ready) {
            self.ready.push((step.from, step.ready));
        }
        if step.is_overloaded {
            self.overload(step.from, step.from + step.length);
        }
        if step.moved != 0 {
            let is_up = step.moved > 0;
            self.decisions += 1;
            self.flips += u32::from(self.was_up.is_some_and(|was_up| was_up != is_up));
            self.was_up = Some(is_up);
        }
    }

    fn overload(&mut self, from: Duration, until: Duration) {
        self.overloaded += until - from;
        match self.overloads.last_mut() {
            Some((_, end)) if *end == from => *end = until,
            Some(_) | None => self.overloads.push((from, until)),
        }
    }
}
