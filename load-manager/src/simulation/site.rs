//! The simulated world: a front end with its local copy and its queue, and a pool whose nodes take a
//! while to come and to go. It holds the facts of such a world and none of the decisions.

use std::time::Duration;

use cluster::config::Local;

use super::Verdict;
use crate::decider::{Action, ChildLoad, DrainingNode, Fleet, ReadyNode, Sample, Settings};

/// What the world is like, beside the service's settings.
#[derive(Debug, Clone, PartialEq)]
pub struct World {
    /// Mean time of a request that does not wait.
    pub service_time: Duration,
    /// From an order to a node that is ready.
    pub start_time: Duration,
    /// From a drain's beginning to its end.
    pub drain_time: Duration,
    /// Requests that may wait; more are refused.
    pub queue_max: u32,
    /// The speed of each node of the pool in the order in which they are borrowed; 1.0 where it ends.
    pub speeds: Vec<f64>,
}

/// The front end and the pool at one moment.
#[derive(Debug, Clone)]
pub(crate) struct Site {
    settings: Settings,
    world: World,
    pool: Vec<Place>,
    /// Ordered, the oldest order first; drains are in that order too.
    starting: Vec<Starting>,
    fleet: Fleet,
    sample: Sample,
    queued: f64,
    /// Nodes that were last wanted to serve; without a decision that says so, all are.
    want: u32,
}

/// A node of the pool.
#[derive(Debug, Clone)]
struct Place {
    name: String,
    k: f64,
    is_held: bool,
}

#[derive(Debug, Clone, Copy)]
struct Starting {
    place: usize,
    age: Duration,
}

impl Default for World {
    fn default() -> Self {
        Self {
            service_time: Duration::from_millis(100),
            start_time: Duration::from_secs(2),
            drain_time: Duration::from_secs(1),
            queue_max: 1000,
            speeds: Vec::new(),
        }
    }
}

impl Site {
    /// With so many ready nodes, if there are as many.
    pub(crate) fn new(settings: &Settings, world: &World, ready: u32) -> Self {
        let place = |index: usize| Place {
            name: format!("c{}", index + 1),
            k: settings.capacity * world.speeds.get(index).copied().unwrap_or(1.0),
            is_held: false,
        };
        let pool: Vec<_> = (0..settings.pool as usize).map(place).collect();
        let fleet = Fleet { available: settings.pool, ..Fleet::default() };
        let mut site = Self {
            settings: settings.clone(),
            world: world.clone(),
            pool,
            starting: Vec::new(),
            fleet,
            sample: Sample { local_ready: true, ..Sample::default() },
            queued: 0.0,
            want: u32::MAX,
        };
        for _ in 0..ready {
            if let Some(place) = site.take() {
                site.make_ready(place);
            }
        }
        site
    }

    /// What a decider is shown of the nodes.
    pub(crate) fn fleet(&self) -> &Fleet {
        &self.fleet
    }

    /// What the front end counted in the last stretch of time.
    pub(crate) fn sample(&self) -> &Sample {
        &self.sample
    }

    /// Which of the ready nodes are out, by their place; those behind the last are in.
    #[cfg(test)]
    pub(crate) fn put_out(&mut self, out: &[bool]) {
        for (place, node) in self.fleet.ready.iter_mut().enumerate() {
            node.is_out = out.get(place).copied().unwrap_or(false);
        }
    }

    /// So many nodes are to be held whatever the load.
    #[cfg(test)]
    pub(crate) fn set_floor(&mut self, nodes: u32) {
        self.fleet.floor = nodes;
    }

    /// What the service is due while another one is short.
    #[cfg(test)]
    pub(crate) fn set_share(&mut self, share: Option<crate::decider::Share>) {
        self.fleet.share = share;
    }

    /// Ready nodes.
    pub(crate) fn ready(&self) -> u32 {
        count(self.fleet.ready.len())
    }

    /// Nodes that nobody else can have: on their way in, ready, or on their way out.
    pub(crate) fn held(&self) -> u32 {
        self.settings.pool - self.fleet.available
    }

    /// Whether more is offered than what serves handles well.
    pub(crate) fn is_overloaded(&self, offered: f64) -> bool {
        offered > self.local() + self.nodes()
    }

    /// Whether requests wait.
    pub(crate) fn has_queue(&self) -> bool {
        self.queued > 0.0
    }

    /// So much time passes: starts and drains whose time has come are done.
    pub(crate) fn advance(&mut self, time: Duration) {
        self.fleet.ready.iter_mut().chain(&mut self.fleet.standby).for_each(|node| node.age += time);
        self.fleet.draining.iter_mut().for_each(|node| node.since += time);
        self.starting.iter_mut().for_each(|starting| starting.age += time);
        let arrived = self.starting.partition_point(|starting| starting.age >= self.world.start_time);
        for starting in self.starting.drain(..arrived).collect::<Vec<_>>() {
            let stands_by = self.fleet.joins_standby(self.settings.standby, self.want);
            self.make_ready(starting.place);
            if stands_by && let Some(node) = self.fleet.ready.pop() {
                self.fleet.standby.push(node);
            }
        }
        // A drain that began earlier ends earlier.
        let gone = self.fleet.draining.partition_point(|node| node.since >= self.world.drain_time);
        for node in self.fleet.draining.drain(..gone).collect::<Vec<_>>() {
            self.give_back(&node.node);
        }
        self.count_ordered();
    }

    /// The requests of so much time: as many are in flight as fit, the others wait or are refused.
    pub(crate) fn serve(&mut self, offered: f64, time: Duration) {
        let (seconds, each) = (time.as_secs_f64(), self.world.service_time.as_secs_f64());
        let (local, nodes) = (self.local(), self.nodes());
        let capacity = local + nodes;
        // Beyond its K a copy takes no request: what does not fit waits, and is worked off by what is free.
        let free = (capacity - offered) / each * seconds;
        let waiting = (self.queued - free).max(0.0);
        self.queued = waiting.min(f64::from(self.world.queue_max));
        let in_flight = if self.queued > 0.0 { capacity } else { offered.min(capacity) };
        let share = if capacity > 0.0 { in_flight / capacity } else { 0.0 };
        let ended = (in_flight / each * seconds).round();
        self.sample.interval = time;
        self.sample.in_flight_mean = in_flight;
        self.sample.arrivals = (offered / each * seconds).round() as u64;
        self.sample.ended = ended as u64;
        self.sample.service_time_sum = Duration::from_secs_f64(ended * each);
        self.sample.queued = self.queued.round() as u32;
        self.sample.refused = (waiting - self.queued).round() as u64;
        self.sample.local_in_flight_mean = share * local;
        self.load_children(share);
    }

    /// Does what was decided. How many nodes that moved: more are positive, fewer negative.
    pub(crate) fn carry_out(&mut self, verdict: &Verdict) -> i64 {
        let held = self.fleet.held();
        match verdict {
            Verdict::None => {}
            Verdict::Decided(decision) => {
                self.want = decision.figures.want;
                self.act(&decision.action);
            }
            Verdict::Scale(to) => self.scale(*to),
        }
        i64::from(self.fleet.held()) - i64::from(held)
    }

    fn act(&mut self, action: &Action) {
        match action {
            Action::Hold => {}
            Action::Add { activate, undrain, count } => {
                activate.iter().for_each(|node| self.activate(node));
                undrain.iter().for_each(|node| self.undrain(node));
                self.order(*count);
            }
            Action::Drain { nodes } => nodes.iter().for_each(|node| self.drain(node)),
            Action::Rest { nodes } => nodes.iter().for_each(|node| self.rest(node)),
        }
    }

    /// As a replica set does it: what is not ready yet goes first, then the youngest; what has
    /// begun to go does not come back.
    fn scale(&mut self, to: u32) {
        let held = self.ready() + self.fleet.ordered;
        self.order(to.saturating_sub(held));
        for _ in to..held {
            if let Some(starting) = self.starting.pop() {
                self.pool[starting.place].is_held = false;
                self.fleet.available += 1;
            } else if let Some(node) = self.fleet.ready.last().map(|node| node.node.clone()) {
                self.drain(&node);
            }
        }
        self.count_ordered();
    }

    fn order(&mut self, count: u32) {
        for _ in 0..count {
            if let Some(place) = self.take() {
                self.starting.push(Starting { place, age: Duration::ZERO });
            }
        }
        self.count_ordered();
    }

    fn drain(&mut self, node: &str) {
        if let Some(ReadyNode { node, .. }) =
            take(&mut self.fleet.ready, node).or_else(|| take(&mut self.fleet.standby, node))
        {
            self.fleet.draining.push(DrainingNode { node, undrainable: true, since: Duration::ZERO });
        }
    }

    fn activate(&mut self, node: &str) {
        self.fleet.ready.extend(take(&mut self.fleet.standby, node));
    }

    /// What it has in flight is not waited for: at this scale that is over at once.
    fn rest(&mut self, node: &str) {
        let resting = take(&mut self.fleet.ready, node);
        self.fleet.standby.extend(resting.map(|node| ReadyNode { in_flight: 0, long_lived: 0, ..node }));
    }

    fn undrain(&mut self, node: &str) {
        if let Some(index) = self.fleet.draining.iter().position(|draining| draining.node == node) {
            self.fleet.draining.remove(index);
            if let Some(place) = self.pool.iter().position(|place| place.name == node) {
                self.make_ready(place);
            }
        }
    }

    /// The first node of the pool that nobody holds.
    fn take(&mut self) -> Option<usize> {
        let place = self.pool.iter().position(|place| !place.is_held)?;
        self.pool[place].is_held = true;
        self.fleet.available -= 1;
        Some(place)
    }

    fn give_back(&mut self, node: &str) {
        if let Some(place) = self.pool.iter_mut().find(|place| place.name == node) {
            place.is_held = false;
            self.fleet.available += 1;
        }
    }

    fn make_ready(&mut self, place: usize) {
        let Place { name, k, .. } = &self.pool[place];
        self.fleet.ready.push(ReadyNode { node: name.clone(), k: *k, ..ReadyNode::default() });
    }

    fn count_ordered(&mut self) {
        self.fleet.ordered = count(self.starting.len());
    }

    /// What the local copy adds: it serves alone, or always where the settings say so.
    fn local(&self) -> f64 {
        let serves = self.serving().next().is_none() || self.settings.local == Local::Always;
        if serves { self.settings.k_local } else { 0.0 }
    }

    fn nodes(&self) -> f64 {
        self.serving().map(|node| node.k).sum()
    }

    /// The ready nodes that are not out.
    fn serving(&self) -> impl Iterator<Item = &ReadyNode> {
        self.fleet.ready.iter().filter(|node| !node.is_out)
    }

    /// Each child is loaded to the same share of its K. One that is out has nothing of it but a client that
    /// stays and asks for nothing, so that the others would go before it.
    fn load_children(&mut self, share: f64) {
        self.sample.children.resize_with(self.fleet.ready.len(), ChildLoad::default);
        for (node, child) in self.fleet.ready.iter_mut().zip(&mut self.sample.children) {
            child.in_flight_mean = if node.is_out { 0.0 } else { share * node.k };
            child.in_flight = child.in_flight_mean.round() as u32;
            child.long_lived = u32::from(node.is_out);
            (node.in_flight, node.long_lived) = (child.in_flight, child.long_lived);
            if child.node != node.node {
                child.node.clone_from(&node.node);
            }
        }
    }
}

/// Takes the node of that name out.
fn take(nodes: &mut Vec<ReadyNode>, name: &str) -> Option<ReadyNode> {
    let index = nodes.iter().position(|node| node.node == name)?;
    Some(nodes.remove(index))
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a simulated pool is counted in u32")
}
