//! When to add nodes and when to drain them: load samples and the fleet in, one `Decision` a tick out.
//!
//! Pure: no clock, no I/O, no random number; the time is an argument, counted from any fixed moment.
//! So the daemon, a simulator and the property tests run the same code. What is decided, and by
//! which rule, is in `adaptive` and `classic`; what they look at is in the other modules.

mod adaptive;
mod classic;
mod cpu;
mod decision;
mod demand;
mod figures;
mod fleet;
mod history;
mod level;
mod load;
mod projection;
mod reason;
mod sample;
mod share;
mod situation;
mod standby;
mod want;
pub(crate) mod window;

#[cfg(test)]
mod tests;

use std::time::Duration;

use cluster::config::{Capacity, Local, Policy, Scaling, Service};
use cluster::level::Level;

use adaptive::Memory;
use cpu::Cpu;
use load::Load;
use situation::Situation;

pub use decision::{Action, Decision};
pub use figures::Figures;
pub use fleet::{CpuUse, DrainingNode, Fleet, ReadyNode};
pub use projection::Away;
pub use reason::Reason;
pub use sample::{ChildLoad, Sample};
pub use share::Share;

/// What a service's decisions go by: from `cluster.toml`, and the size of the pool.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// The rule and its numbers.
    pub scaling: Scaling,
    /// Whether the local copy serves beside children.
    pub local: Local,
    /// Requests in flight that the local copy handles well.
    pub k_local: f64,
    /// Requests in flight that a node of speed 1.0 handles well: what a node not yet ready is taken
    /// to be worth. A ready node counts with its own K.
    pub capacity: f64,
    /// Which of these two are only where it begins: the service-manager learns what is true, and its samples say it.
    pub learned: Learned,
    /// Nodes kept for the service, also without load.
    pub min: u32,
    /// Nodes it may have ready or on their way at most.
    pub max: u32,
    /// Nodes of the pool.
    pub pool: u32,
    /// Nodes kept ready beside those that serve, within `max`.
    pub standby: u32,
}

impl Settings {
    /// What `service` is decided by, with a pool of so many nodes.
    pub fn of(service: &Service, pool: u32) -> Self {
        Self {
            scaling: service.scaling.clone(),
            local: service.local,
            k_local: service.local_capacity.at_start(),
            capacity: service.capacity.at_start(),
            learned: Learned::of(service),
            min: service.min,
            max: service.max,
            pool,
            standby: service.standby,
        }
    }

    /// Goes by what is learned, where it is to.
    pub fn learn(&mut self, sample: &Sample) {
        if let Some(capacity) = sample.learned_capacity.filter(|_| sample.is_sound()) {
            self.go_by(capacity);
        }
    }

    /// These, which come in the place of `before`: what is learned is still known, and what was written is a better
    /// guess than any other.
    pub fn following(mut self, before: &Self) -> Self {
        self.go_by(before.capacity);
        self
    }

    fn go_by(&mut self, capacity: f64) {
        if self.learned != Learned::Nothing {
            self.capacity = capacity;
        }
        if self.learned == Learned::All {
            self.k_local = capacity;
        }
    }
}

/// What of a service's K is learned (`capacity = "auto"`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Learned {
    /// Nothing: it is written.
    #[default]
    Nothing,
    /// That of nodes; the local copy's is written.
    Nodes,
    /// That of nodes, and the local copy's as of a node of speed 1.
    All,
}

impl Learned {
    fn of(service: &Service) -> Self {
        match (service.capacity, service.local_capacity) {
            (Capacity::Requests(_), _) => Self::Nothing,
            (Capacity::Auto, Capacity::Requests(_)) => Self::Nodes,
            (Capacity::Auto, Capacity::Auto) => Self::All,
        }
    }
}

/// The decisions of one service. A clone goes on from the same state.
#[derive(Debug, Clone, PartialEq)]
pub struct Decider {
    settings: Settings,
    started: Duration,
    /// The latest time it was given: time never goes back.
    now: Duration,
    load: Load,
    cpu: Cpu,
    memory: Memory,
    level: Level,
    figures: Figures,
    /// Nodes that are to serve as the last decision has it; see `want_of_pool`.
    asked: u32,
}

impl Decider {
    /// A decider that knows nothing yet: it drains nothing until its windows are full.
    pub fn new(settings: Settings, now: Duration) -> Self {
        Self {
            started: now,
            now,
            load: Load::new(&settings.scaling),
            cpu: Cpu::new(&settings.scaling),
            memory: Memory::new(&settings.scaling),
            level: Level::Medium,
            figures: Figures::default(),
            asked: 0,
            settings,
        }
    }

    /// Takes one load sample that ends now. One whose figures are not numbers counts as missing.
    pub fn observe(&mut self, now: Duration, sample: &Sample) {
        self.now = self.now.max(now);
        if !sample.is_sound() {
            return;
        }
        self.settings.learn(sample);
        let has_hole = self.load.observe(self.now, sample, &self.settings.scaling);
        if has_hole {
            self.memory.restart_down_window();
        }
    }

    /// Decides. Called each `scaling.tick`, and in between when a request enters the queue; only
    /// calls at least 0.9 ticks apart count as ticks where ticks are counted.
    pub fn tick(&mut self, now: Duration, fleet: &Fleet) -> Decision {
        self.now = self.now.max(now);
        self.cpu.note(self.now, fleet, &self.settings.scaling);
        self.memory.notice(self.now, fleet, &self.settings.scaling);
        let (action, reason) = match self.missing_data() {
            Some(reason) => {
                self.memory.pass_without_data();
                (Action::Hold, reason)
            }
            None => self.decide(fleet),
        };
        self.memory.note(self.now, &action, fleet.held());
        Decision { at: self.now, action, level: self.level, reason, figures: self.figures }
    }

    /// Goes on with other settings, as after a reload of `cluster.toml`. What was seen is kept; a
    /// window that became longer is not full until it has filled up. Where `max` is now below what
    /// is ready, nodes are drained down to it, no more at a time than when Low.
    pub fn reload(&mut self, settings: Settings) {
        let settings = settings.following(&self.settings);
        self.load.resize(&settings.scaling);
        self.cpu.resize(&settings.scaling);
        self.memory.resize(&settings.scaling, self.now);
        self.settings = settings;
    }

    /// Nodes that the service wants of the pool: those that are to serve, and those that stand by. A load
    /// that is not High orders nothing, so that no more than are held are wanted then: to be due a node and
    /// not to take it would keep it from everybody.
    pub fn want_of_pool(&self) -> u32 {
        let (want, most) = (self.asked, self.settings.max.min(self.settings.pool));
        want.saturating_add(self.settings.standby).min(most).max(want)
    }

    /// Nodes to order in the place of one that has to leave although nothing is wrong with it: as many as the
    /// last decision still wants, within the same bounds as any other order (`max`, the pool and the share).
    /// The damping of a scale-up is not for this.
    pub fn replacements(&self, fleet: &Fleet) -> u32 {
        let situation = Situation::new(self.now, &self.settings, fleet, &self.load, &self.cpu);
        let want = self.figures.want.max(situation.floor()).min(situation.most());
        situation.lacking(want).min(situation.room())
    }

    /// Whether one more node may be held for a while: within `max`, the pool and the share.
    pub fn has_room(&self, fleet: &Fleet) -> bool {
        Situation::new(self.now, &self.settings, fleet, &self.load, &self.cpu).room() > 0
    }

    /// Whether the others and the local copy stay below High while that ready node is away.
    ///
    /// # Errors
    /// Why not.
    pub fn spares(&self, fleet: &Fleet, node: &str) -> Result<(), Away> {
        let situation = Situation::new(self.now, &self.settings, fleet, &self.load, &self.cpu);
        projection::while_away(&situation, node)
    }

    /// That node goes by no decision from here, and is not lost either.
    pub fn let_go(&mut self, node: &str) {
        self.memory.let_go(node);
    }

    fn decide(&mut self, fleet: &Fleet) -> (Action, Reason) {
        let mut situation = Situation::new(self.now, &self.settings, fleet, &self.load, &self.cpu);
        self.memory.look(&mut situation);
        let (action, level, reason) = match self.settings.scaling.policy {
            Policy::Adaptive => self.memory.decide(&situation),
            Policy::Classic => classic::decide(&situation, self.memory.unreplaced(&situation)),
        };
        let own = standby::beside(&situation, (action, reason), self.memory.allowed(&situation));
        let (action, reason) = share::above(&situation, own);
        self.memory.settle(&situation, &action);
        self.asked = asked(&situation, level, &reason);
        (self.level, self.figures) = (level, situation.figures);
        (action, reason)
    }

    fn missing_data(&self) -> Option<Reason> {
        match self.load.age(self.now) {
            None => Some(Reason::NoDataYet { waited: self.now.saturating_sub(self.started) }),
            Some(age) => (age >= self.settings.scaling.data_timeout).then_some(Reason::NoData { age }),
        }
    }
}

/// Nodes that are to serve: what is wanted where that is ordered, else no more of it than is held already.
fn asked(situation: &Situation<'_>, level: Level, reason: &Reason) -> u32 {
    let is_called_for =
        level == Level::High || situation.figures.queued > 0 || matches!(reason, Reason::Lost { .. });
    let held = situation.fleet.to_serve().max(situation.floor());
    if is_called_for { situation.figures.want } else { situation.figures.want.min(held) }
}
