//! A closed loop around the decider, in steps of one tick: an offered load, a front end with its
//! queue, nodes that take a while to start and to drain. A fluid model: requests are a level, not
//! single ones. It holds the facts of such a world and none of the decisions.

use std::time::Duration;

use cluster::config::Local;

use super::{Action, ChildLoad, Decider, Decision, DrainingNode, Fleet, ReadyNode, Sample, Settings};

/// What the world is like.
#[derive(Debug, Clone, Copy)]
pub(super) struct World {
    /// Mean seconds of a request that does not wait.
    pub(super) service_seconds: f64,
    /// From an order to a node that is ready.
    pub(super) start: Duration,
    /// From a drain's beginning to its end.
    pub(super) drain: Duration,
}

/// One service's cluster, and its decider.
#[derive(Debug, Clone)]
pub(super) struct Simulation {
    pub(super) decider: Decider,
    pub(super) now: Duration,
    /// Which of the ready nodes are out, by their place; those behind the last are in.
    pub(super) out: Vec<bool>,
    settings: Settings,
    world: World,
    starting: Vec<Duration>,
    ready: Vec<Node>,
    draining: Vec<Node>,
    queued: f64,
    named: u32,
}

#[derive(Debug, Clone)]
struct Node {
    name: String,
    since: Duration,
}

/// What one step was like.
#[derive(Debug, Clone)]
pub(super) struct Step {
    pub(super) decision: Decision,
    /// Nodes ready before the decision.
    pub(super) ready: u32,
    /// Those of them that were not out.
    pub(super) serving: Vec<String>,
    /// Requests that had to wait at its end.
    pub(super) queued: f64,
}

impl Simulation {
    pub(super) fn new(settings: Settings, world: World) -> Self {
        let decider = Decider::new(settings.clone(), Duration::ZERO);
        Self {
            decider,
            now: Duration::ZERO,
            out: Vec::new(),
            settings,
            world,
            starting: Vec::new(),
            ready: Vec::new(),
            draining: Vec::new(),
            queued: 0.0,
            named: 0,
        }
    }

    /// One tick at a load that would keep so many requests in flight if none had to wait.
    pub(super) fn step(&mut self, offered: f64) -> Step {
        self.now += self.settings.scaling.tick;
        self.arrive();
        let sample = self.serve(offered);
        self.decider.observe(self.now, &sample);
        let fleet = self.fleet(&sample);
        let decision = self.decider.tick(self.now, &fleet);
        self.carry_out(&decision.action);
        let serving = fleet.ready.iter().filter(|node| !node.is_out).map(|node| node.node.clone()).collect();
        Step { decision, ready: fleet.ready_count(), serving, queued: self.queued }
    }

    /// What the decider would be shown now.
    pub(super) fn fleet(&self, sample: &Sample) -> Fleet {
        let held = self.starting.len() + self.ready.len() + self.draining.len();
        let ready =
            self.ready.iter().zip(&sample.children).enumerate().map(|(place, (node, load))| ReadyNode {
                node: node.name.clone(),
                k: self.settings.capacity,
                age: self.now.saturating_sub(node.since),
                in_flight: load.in_flight,
                long_lived: load.long_lived,
                is_out: self.is_out(place),
                ..ReadyNode::default()
            });
        let draining = self.draining.iter().map(|node| DrainingNode {
            node: node.name.clone(),
            undrainable: true,
            since: self.now.saturating_sub(node.since),
        });
        Fleet {
            ready: ready.collect(),
            ordered: count(self.starting.len()),
            draining: draining.collect(),
            floor: 0,
            available: self.settings.pool.saturating_sub(count(held)),
        }
    }

    /// A tick's requests: as many are in flight as fit, the others wait.
    pub(super) fn serve(&mut self, offered: f64) -> Sample {
        let tick = self.settings.scaling.tick;
        let rate = offered / self.world.service_seconds;
        let local = if self.is_local_serving() { self.settings.k_local } else { 0.0 };
        let capacity = local + self.settings.capacity * f64::from(self.serving());
        // Beyond its K a copy takes no request: what does not fit waits, and is worked off by what is free.
        let free = (capacity - offered) / self.world.service_seconds * tick.as_secs_f64();
        self.queued = (self.queued - free).max(0.0);
        let in_flight = if self.queued > 0.0 { capacity } else { offered.min(capacity) };
        let ended = in_flight / self.world.service_seconds * tick.as_secs_f64();
        Sample {
            interval: tick,
            in_flight_mean: in_flight,
            arrivals: (rate * tick.as_secs_f64()).round() as u64,
            ended: ended.round() as u64,
            service_time_sum: Duration::from_secs_f64(ended.round() * self.world.service_seconds),
            queued: self.queued.round() as u32,
            refused: 0,
            local_ready: true,
            local_in_flight_mean: in_flight * local / capacity,
            children: self.children(in_flight * (1.0 - local / capacity)),
        }
    }

    /// The local copy serves alone, or always where the settings say so.
    fn is_local_serving(&self) -> bool {
        self.serving() == 0 || self.settings.local == Local::Always
    }

    fn is_out(&self, place: usize) -> bool {
        self.out.get(place).copied().unwrap_or(false)
    }

    /// Ready nodes that are not out.
    fn serving(&self) -> u32 {
        count((0..self.ready.len()).filter(|place| !self.is_out(*place)).count())
    }

    /// Their load is spread evenly over the children. One that is out has none of it, but a client that
    /// stays and asks for nothing: the others would go before it.
    fn children(&self, in_flight: f64) -> Vec<ChildLoad> {
        let each = in_flight / f64::from(self.serving().max(1));
        let load = |(place, node): (usize, &Node)| {
            let is_out = self.is_out(place);
            let in_flight_mean = if is_out { 0.0 } else { each };
            ChildLoad {
                node: node.name.clone(),
                in_flight_mean,
                in_flight: in_flight_mean.round() as u32,
                long_lived: u32::from(is_out),
            }
        };
        self.ready.iter().enumerate().map(load).collect()
    }

    /// Starts and drains whose time has come are done.
    fn arrive(&mut self) {
        let now = self.now;
        let (start, drain) = (self.world.start, self.world.drain);
        let waiting = self.starting.len();
        self.starting.retain(|since| now.saturating_sub(*since) < start);
        for _ in self.starting.len()..waiting {
            self.named += 1;
            self.ready.push(Node { name: format!("c{}", self.named), since: now });
        }
        self.draining.retain(|node| now.saturating_sub(node.since) < drain);
    }

    fn carry_out(&mut self, action: &Action) {
        match action {
            Action::Hold => {}
            Action::Add { undrain, count } => {
                let (back, draining) = self.draining.drain(..).partition(|node| undrain.contains(&node.name));
                self.draining = draining;
                self.ready.extend::<Vec<_>>(back);
                self.starting.extend((0..*count).map(|_| self.now));
            }
            Action::Drain { nodes } => {
                let (out, ready): (Vec<_>, _) =
                    self.ready.drain(..).partition(|node| nodes.contains(&node.name));
                self.ready = ready;
                self.draining.extend(out.into_iter().map(|node| Node { since: self.now, ..node }));
            }
        }
    }
}

fn count(length: usize) -> u32 {
    u32::try_from(length).expect("a simulated fleet is small")
}
