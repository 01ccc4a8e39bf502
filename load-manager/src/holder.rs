//! The holder: what this front end holds of the pool, what it wants, and whom it has told, as one pure
//! state machine.
//!
//! What happens comes in as `Heard`, with the time as an argument, counted from any fixed moment; what
//! is to be done goes out as `Effect`s, in order. Nothing here waits, reads a clock, draws a random
//! number or knows the wire, so that the daemon, a simulator and the tests run the same code. `node` is
//! one node's part of it, `decider` says how many are wanted; the modules below keep the nodes' stages
//! and the child_list in step with what is heard.

mod adopt;
mod claims;
mod counts;
mod decide;
mod drains;
mod effect;
mod ended;
mod heard;
mod links;
mod list;
mod losses;
mod news;
mod orders;
mod pool;
mod record;
mod rolling;
mod rollout;
mod settings;
mod settle;
mod sharing;
mod standby;
mod word;

#[cfg(test)]
mod tests;

use std::mem;
use std::time::Duration;

use self::ended::Ended;
use self::pool::Pool;
use self::rollout::Rollout;
use self::sharing::Sharing;
use crate::decider::{Decider, Decision};
use crate::node::{Lease, Node};

pub use self::counts::{ChildCount, FrontSample};
pub use self::effect::Effect;
pub use self::heard::Heard;
pub use self::list::{Child, ChildList, ChildState};
pub use self::news::News;
pub use self::orders::AddFault;
pub use self::record::{Cause, Entry};
pub use self::rollout::RolloutView;
pub use self::settings::{PoolNode, Settings};
pub use self::sharing::{ReclaimReason, ReclaimWish};
pub use self::word::{Adopted, LeaseState, LeaseWord, NodeWord, Reclaim};

/// How often `Holder::look` is due: well below a second, since silence is noticed that much late.
pub const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The holder of one service's nodes. A clone goes on from the same state.
#[derive(Debug, Clone)]
pub struct Holder {
    settings: Settings,
    started: Duration,
    /// The latest time it was given: time never goes back.
    now: Duration,
    nodes: Vec<Node>,
    /// The children in the order in which they joined.
    children: Vec<usize>,
    /// The list last published; at first the one to go on from.
    list: ChildList,
    /// The generation that the service-manager picks by.
    applied: u64,
    sample: Option<FrontSample>,
    /// What a copy of speed 1 handles well, as the service-manager learned it.
    learned: Option<f64>,
    /// When it came.
    sampled: Duration,
    front_up: bool,
    /// Since when it waits to hear what is there; `None`: it knows.
    settling: Option<Duration>,
    /// Nodes to hold whatever the load.
    floor: u32,
    fenced: bool,
    decider: Decider,
    last: Option<Decision>,
    requests: u64,
    ended: Ended,
    sharing: Sharing,
    pool: Pool,
    rollout: Rollout,
    effects: Vec<Effect>,
}

impl Holder {
    /// One that holds nothing yet and has heard of nobody.
    pub fn new(settings: Settings, now: Duration) -> Self {
        let node = |node: &PoolNode| Node::new(&node.name, node.speed, now);
        Self {
            started: now,
            now,
            nodes: settings.nodes.iter().map(node).collect(),
            children: Vec::new(),
            list: ChildList::default(),
            applied: 0,
            sample: None,
            learned: None,
            sampled: now,
            front_up: false,
            settling: Some(now),
            floor: 0,
            fenced: false,
            decider: Decider::new(settings.decider.clone(), now),
            last: None,
            requests: 0,
            ended: Ended::default(),
            sharing: Sharing::default(),
            pool: Pool::default(),
            rollout: Rollout::default(),
            effects: Vec::new(),
            settings,
        }
    }

    /// Takes one thing that happened.
    pub fn hear(&mut self, now: Duration, heard: Heard) {
        self.step(now, |holder| holder.take(heard));
    }

    /// So many nodes are to be held from now on whatever the load, by the schedule.
    pub fn keep(&mut self, floor: u32) {
        self.floor = floor;
    }

    /// Decides. Due each `scaling.tick`.
    pub fn tick(&mut self, now: Duration) {
        self.step(now, Self::decide);
    }

    /// Looks who has been silent for how long. Due each `LOOK_EVERY`.
    pub fn look(&mut self, now: Duration) {
        self.step(now, Self::look_for_silence);
    }

    /// What is to be done now, in this order. Empties the list.
    pub fn effects(&mut self) -> Vec<Effect> {
        mem::take(&mut self.effects)
    }

    /// What it goes by.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The nodes as it sees them: those of the pool as it was at the start, then those that joined. Those that
    /// left are among them (`Node::membership`).
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The leases held, at whatever stage, each with the index of its node.
    pub fn leases(&self) -> impl Iterator<Item = (usize, &Lease)> {
        self.nodes.iter().enumerate().filter_map(|(index, node)| Some((index, node.lease()?)))
    }

    /// The list last published.
    pub fn list(&self) -> &ChildList {
        &self.list
    }

    /// What the decider said last.
    pub fn last(&self) -> Option<&Decision> {
        self.last.as_ref()
    }

    /// Whether the service-manager's counts arrive: the newest is younger than `data_timeout`.
    pub fn has_data(&self, now: Duration) -> bool {
        let age = now.saturating_sub(self.sampled);
        self.sample.is_some() && age < self.settings.decider.scaling.data_timeout
    }

    /// Requests in flight at the front end, by its newest counts; `None`: there are none, or no fresh ones.
    pub fn in_flight(&self, now: Duration) -> Option<u64> {
        let sample = self.sample.as_ref().filter(|_| self.has_data(now))?;
        Some(sample.load.in_flight_mean.round() as u64)
    }

    /// What a copy of speed 1 handles well, where the service-manager has said that it learned it.
    pub fn learned(&self) -> Option<f64> {
        self.learned
    }

    /// How long it has been there.
    pub fn uptime(&self, now: Duration) -> Duration {
        now.saturating_sub(self.started)
    }

    /// One input from its time to the list that follows from it. One that was fenced does nothing more.
    fn step(&mut self, now: Duration, act: impl FnOnce(&mut Self)) {
        if self.fenced {
            return;
        }
        self.notice_sleep(now);
        self.now = self.now.max(now);
        act(self);
        self.follow_pool();
        self.publish();
        self.tell_claim();
    }

    fn take(&mut self, heard: Heard) {
        if self.is_of_closed_link(&heard) {
            return;
        }
        match heard {
            Heard::FrontUp(list) => self.front_up(list),
            Heard::FrontDown(words) => self.front_down(words),
            Heard::Sample(sample) => self.sampled(sample),
            Heard::ListApplied(generation) => self.list_applied(generation),
            Heard::Fenced(words) => self.fenced(words),
            Heard::LinkUp { node, adopted, asked_at } => self.link_up(node, adopted, asked_at),
            Heard::Renewed { node, word, sent_at } => self.renewed(node, &word, sent_at),
            Heard::LinkRefused { node, words } => self.link_refused(node, words),
            Heard::LinkSilent { node, words } => self.link_down(node, words),
            Heard::Reserved { node, lease, sent_at } => self.reserved(node, lease, sent_at),
            Heard::Added { node, result } => self.added(node, result),
            Heard::Adopted { node, result, asked_at } => self.adopted(node, result, asked_at),
            Heard::NodeDrained { node, lease_id, result } => self.node_drained(node, &lease_id, result),
            Heard::Undrained { node, lease_id, result } => self.undrained(node, &lease_id, result),
            Heard::Released { node, lease_id, result } => self.released(node, &lease_id, result),
        }
    }

    fn fenced(&mut self, words: String) {
        self.fenced = true;
        self.effect(Effect::Fenced(words));
    }

    fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    fn tell(&mut self, news: News) {
        self.effect(Effect::Tell(news));
    }
}
