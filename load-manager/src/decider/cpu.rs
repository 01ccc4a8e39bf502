//! The CPU that the ready nodes' copies use, as a mean over the slow window. Looked at only when
//! `cpu_target` is set.

use std::time::Duration;

use cluster::config::Scaling;

use super::fleet::{Fleet, ReadyNode};
use super::window::Window;

/// More than all it may use is possible for a moment; a thousand times that is a fault.
const SHARE_MAX: f64 = 1e3;

const KNOWN: usize = 0;
const PESSIMISTIC: usize = 1;

#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cpu {
    window: Window<2>,
    noted: Option<Duration>,
}

/// The sum over the ready nodes of the share of its CPUs that a copy uses: 2.0 are two busy nodes.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct CpuSum {
    /// A node whose figure is missing counts 0: the way up.
    pub(super) known: f64,
    /// A node whose figure is missing counts 1, and one that is out no less: the way down.
    pub(super) pessimistic: f64,
}

impl Cpu {
    pub(super) fn new(scaling: &Scaling) -> Self {
        Self { window: Window::new(scaling.slow_window), noted: None }
    }

    pub(super) fn resize(&mut self, scaling: &Scaling) {
        self.window.resize(scaling.slow_window);
        if scaling.cpu_target.is_none() {
            self.window.clear();
            self.noted = None;
        }
    }

    /// Notes what the nodes use now; it counts for the time since the call before.
    pub(super) fn note(&mut self, now: Duration, fleet: &Fleet, scaling: &Scaling) {
        if scaling.cpu_target.is_none() {
            return;
        }
        if let Some(before) = self.noted {
            let time = now.saturating_sub(before);
            if time >= scaling.data_timeout.max(2 * scaling.tick) {
                self.window.clear();
            }
            let sum = sum(fleet, scaling);
            let seconds = time.as_secs_f64();
            self.window.push(time, [sum.known * seconds, sum.pessimistic * seconds]);
        }
        self.noted = Some(now);
    }

    pub(super) fn mean(&self) -> CpuSum {
        let sums = self.window.sums();
        let mean = |amount| sums.per_second(amount).unwrap_or(0.0);
        CpuSum { known: mean(KNOWN), pessimistic: mean(PESSIMISTIC) }
    }

    /// How long until the window is full.
    pub(super) fn missing(&self, scaling: &Scaling) -> Duration {
        if scaling.cpu_target.is_some() { self.window.missing() } else { Duration::ZERO }
    }
}

fn sum(fleet: &Fleet, scaling: &Scaling) -> CpuSum {
    let mut sum = CpuSum::default();
    for node in &fleet.ready {
        let share = if node.is_stale(scaling.node_data_timeout) { None } else { share(node) };
        sum.known += share.unwrap_or(0.0);
        sum.pessimistic += share.filter(|share| !node.is_out || *share > 1.0).unwrap_or(1.0);
    }
    sum
}

fn share(node: &ReadyNode) -> Option<f64> {
    let cpu = node.cpu?;
    let share = cpu.used / cpu.allowed;
    (0.0..=SHARE_MAX).contains(&share).then_some(share)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cluster::config::Scaling;

    use super::{Cpu, CpuSum};
    use crate::decider::{CpuUse, Fleet, ReadyNode};

    #[test]
    fn a_node_that_says_nothing_counts_as_idle_on_the_way_up_and_as_busy_on_the_way_down() {
        let scaling = Scaling { cpu_target: Some(0.6), ..Scaling::default() };
        let half = ReadyNode { cpu: Some(CpuUse { used: 1.0, allowed: 2.0 }), ..ReadyNode::default() };
        let silent = ReadyNode { cpu: None, ..ReadyNode::default() };
        let stale = ReadyNode { data_age: Duration::from_secs(6), ..half.clone() };
        let fleet = Fleet { ready: vec![half, silent, stale], ..Fleet::default() };

        let mut cpu = Cpu::new(&scaling);
        for second in 0..=2 {
            cpu.note(Duration::from_secs(second), &fleet, &scaling);
        }
        assert_eq!(cpu.mean(), CpuSum { known: 0.5, pessimistic: 2.5 });
    }
}
