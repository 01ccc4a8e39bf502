//! The adaptive rule (design section 5): up at once by what is wanted, down slowly and only by what
//! was not wanted for the whole down window. What is remembered between ticks, by whichever rule, is
//! `Memory`.

mod down;
mod up;

use std::time::Duration;

use cluster::config::Scaling;
use cluster::level::Level;

use super::fleet::Fleet;
use super::history::{Largest, Orders};
use super::level::{self, Judgement};
use super::situation::Situation;
use super::{Action, Reason};

/// A tick's outcome before its figures are added.
pub(super) type Outcome = (Action, Level, Reason);

/// What the rules remember.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Memory {
    wants: Largest,
    orders: Orders,
    high: HighTicks,
    last_up: Option<Duration>,
    last_drain: Option<Duration>,
    /// The ready nodes that answered at the last tick.
    ready: Vec<String>,
    /// Nodes lost since the last tick with data.
    lost: u32,
    /// Nodes that answered or were on their way after that tick, and what it decided.
    counted: u32,
}

/// How many ticks in a row were High.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
struct HighTicks {
    count: u32,
    counted: Option<Duration>,
}

impl Memory {
    pub(super) fn new(scaling: &Scaling) -> Self {
        Self {
            wants: Largest::new(scaling.down_window),
            orders: Orders::default(),
            high: HighTicks::default(),
            last_up: None,
            last_drain: None,
            ready: Vec::new(),
            lost: 0,
            counted: 0,
        }
    }

    pub(super) fn resize(&mut self, scaling: &Scaling, now: Duration) {
        self.wants.resize(scaling.down_window, now);
    }

    /// Wants are missing: the down window begins anew.
    pub(super) fn restart_down_window(&mut self) {
        self.wants.restart();
    }

    /// A tick without data is not High.
    pub(super) fn pass_without_data(&mut self) {
        self.high.count = 0;
    }

    /// What each tick begins with: orders of long ago are forgotten, lost nodes are counted.
    pub(super) fn notice(&mut self, now: Duration, fleet: &Fleet, scaling: &Scaling) {
        self.orders.forget_before(now, scaling.add_period);
        self.notice_losses(fleet, scaling.node_data_timeout);
    }

    /// Counts the ready nodes that went without having been drained, or fell silent: whether one of
    /// those comes back nobody knows, and its requests go elsewhere already.
    fn notice_losses(&mut self, fleet: &Fleet, node_data_timeout: Duration) {
        let answering = || fleet.answering(node_data_timeout).map(|node| node.node.as_str());
        if answering().eq(self.ready.iter().map(String::as_str)) {
            return;
        }
        let mut still: Vec<&str> = answering().collect();
        still.extend(fleet.draining.iter().map(|node| node.node.as_str()));
        still.extend(fleet.standby.iter().map(|node| node.node.as_str()));
        still.sort_unstable();
        let lost = self.ready.iter().filter(|node| still.binary_search(&node.as_str()).is_err()).count();
        self.lost = self.lost.saturating_add(u32::try_from(lost).unwrap_or(u32::MAX));
        self.ready = answering().map(str::to_owned).collect();
    }

    /// Notes what is wanted now, and adds to the situation what only earlier ticks can tell.
    pub(super) fn look(&mut self, situation: &mut Situation<'_>) {
        let (now, want) = (situation.now, situation.figures.want);
        self.wants.note(now, want);
        situation.figures.want_max = self.wants.largest().min(situation.most()).max(want);
        situation.missing = situation.missing.max(self.wants.missing(now));
    }

    /// Lost nodes in whose place none has come.
    pub(super) fn unreplaced(&self, situation: &Situation<'_>) -> u32 {
        self.lost.min(self.counted.saturating_sub(situation.counted()))
    }

    /// What each tick with data ends with.
    pub(super) fn settle(&mut self, situation: &Situation<'_>, action: &Action) {
        self.lost = 0;
        self.counted = match action {
            Action::Hold => situation.counted(),
            Action::Add { .. } => situation.counted().saturating_add(action.count()),
            Action::Drain { nodes } | Action::Rest { nodes } => {
                let served = situation.fleet.ready.iter().filter(|node| nodes.contains(&node.node)).count();
                situation.counted().saturating_sub(u32::try_from(served).unwrap_or(u32::MAX))
            }
        };
    }

    /// How many nodes may be ordered now.
    pub(super) fn allowed(&self, situation: &Situation<'_>) -> u32 {
        let scaling = &situation.settings.scaling;
        self.orders.allowed(situation.fleet.held(), scaling.add_max, scaling.add_factor)
    }

    /// Notes what was decided, by whichever rule.
    pub(super) fn note(&mut self, now: Duration, action: &Action, held: u32) {
        match action {
            Action::Hold => {}
            Action::Add { count, .. } => {
                self.orders.note(now, *count, held);
                self.last_up = Some(now);
            }
            Action::Drain { nodes } | Action::Rest { nodes } => {
                self.last_drain = Some(now);
                // A drain may end before the next tick; what was sent away is not lost.
                self.ready.retain(|node| !nodes.contains(node));
            }
        }
    }

    /// What somebody else sent away is not lost.
    pub(super) fn let_go(&mut self, node: &str) {
        self.ready.retain(|ready| ready != node);
    }

    /// The decision of one tick.
    pub(super) fn decide(&mut self, situation: &Situation<'_>) -> Outcome {
        let judgement = level::judge(situation);
        let level = judgement.level();
        self.high.tick(situation.now, situation.settings.scaling.tick, level == Level::High);
        let (action, reason) = self.act(situation, judgement);
        (action, level, reason)
    }

    fn act(&self, situation: &Situation<'_>, judgement: Judgement) -> (Action, Reason) {
        if situation.answering() > situation.settings.max {
            return down::to_max(situation, self);
        }
        if let Some(need) = up::need(situation, self, &judgement) {
            return up::order(situation, &self.orders, need);
        }
        if let Some(reason) = up::floor_over_share(situation) {
            return (Action::Hold, reason);
        }
        match judgement {
            Judgement::High(_) => (Action::Hold, up::held_back(situation, self.high.count)),
            Judgement::Medium(reason) => (Action::Hold, reason),
            Judgement::NotLowYet(missing) => (Action::Hold, Reason::LowWindow { missing }),
            Judgement::Low => match down::drain(situation, self) {
                Ok(drain) => drain,
                Err(reason) => (Action::Hold, reason),
            },
        }
    }
}

impl HighTicks {
    /// Ticks may come in between, as when a request enters the queue; those are not counted, so
    /// that a burst of them is not taken for time.
    fn tick(&mut self, now: Duration, tick: Duration, is_high: bool) {
        let is_regular = self.counted.is_none_or(|before| now.saturating_sub(before) >= tick.mul_f64(0.9));
        if is_regular {
            self.counted = Some(now);
            self.count = if is_high { self.count.saturating_add(1) } else { 0 };
        }
    }
}
