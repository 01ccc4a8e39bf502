//! The one owner of what this front end holds: it hears events, keeps the nodes' states and the
//! child_list in step with them, asks the decider each tick and has what it says carried out.
//! It decides nothing itself but what a loss leaves no choice about.

mod adopt;
mod drains;
mod links;
mod list;
mod losses;
mod orders;
mod record;
#[cfg(test)]
mod tests;
mod view;

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cluster::config::{Cluster, Service};
use proto::service_manager as front;
use proto::task_processor as wire;
use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};

use self::losses::Loss;
use crate::calls::{Identity, NodeClient};
use crate::decider::{Action, ChildLoad, CpuUse, Decider, Decision, DrainingNode, Fleet, ReadyNode, Sample};
use crate::entrance::Entrance;
use crate::event::Event;
use crate::journal::Journal;
use crate::node::{DrainStep, FrontCount, Link, Node, Out, OutReason, Patience, Stage};

/// How often silence is looked at: well below a second, since it is noticed that much late.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long a start waits for the nodes and the service-manager to say what is there.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// The holder gives up at this share of the time to live, so that it lets go before the node does
/// while their clocks run at rates less than a fifth apart.
const EXPIRY_SHARE: f64 = 0.8;

/// What the manager needs from the outside.
pub(crate) struct Setup {
    /// The service and its settings.
    pub service: Service,
    /// The whole cluster.
    pub cluster: Cluster,
    /// Who this is.
    pub identity: Identity,
    /// Where the decisions are kept.
    pub journal: Journal,
    /// The list for the service-manager.
    pub wanted: watch::Sender<front::ChildList>,
    /// A node's leases, for its link; one per node of the pool.
    pub renewals: Vec<watch::Sender<Vec<wire::LeaseRef>>>,
    /// What happens.
    pub events: mpsc::Receiver<Event>,
    /// For the tasks that carry things out.
    pub told: mpsc::Sender<Event>,
}

/// The manager.
pub(crate) struct Manager {
    service: Service,
    identity: Identity,
    patience: Patience,
    order: Vec<usize>,
    nodes: Vec<Node>,
    /// The way in for requests, node by node.
    entrances: Vec<Entrance>,
    clients: Vec<Option<NodeClient>>,
    renewals: Vec<watch::Sender<Vec<wire::LeaseRef>>>,
    /// Which generation marked a node as draining.
    marked: Vec<u64>,
    /// The call that waits at a draining node.
    waiting: Vec<Option<AbortHandle>>,
    /// The children in the order in which they joined.
    children: Vec<usize>,
    generation: u64,
    wanted: watch::Sender<front::ChildList>,
    sample: Option<front::LoadSample>,
    /// When it came.
    sampled: Duration,
    applied: u64,
    front_up: bool,
    settled: bool,
    decider: Decider,
    last: Option<Decision>,
    journal: Journal,
    requests: u64,
    born: Instant,
    events: mpsc::Receiver<Event>,
    told: mpsc::Sender<Event>,
    calls: JoinSet<()>,
}

/// Why the manager ended by itself.
#[derive(Debug, thiserror::Error)]
#[error(
    "another load-manager speaks for service {service:?} now ({words}); this one ends and leaves everything to it"
)]
pub(crate) struct Fenced {
    service: String,
    words: String,
}

impl Manager {
    /// A manager that holds nothing yet.
    pub(crate) fn new(setup: Setup) -> Self {
        let Setup { service, cluster, identity, journal, wanted, renewals, events, told } = setup;
        let order = crate::order::of_nodes(&cluster, &service.name);
        let count = cluster.nodes.len();
        let patience =
            Patience { jeopardy: cluster.lease.jeopardy, expiry: cluster.lease.ttl.mul_f64(EXPIRY_SHARE) };
        let settings = crate::decider::Settings {
            scaling: service.scaling.clone(),
            local: service.local,
            k_local: f64::from(service.local_capacity),
            capacity: f64::from(service.capacity),
            min: service.min,
            max: service.max,
            pool: count as u32,
        };
        Self {
            decider: Decider::new(settings, Duration::ZERO),
            nodes: cluster.nodes.iter().map(|node| Node::new(&node.name, node.speed)).collect(),
            entrances: cluster.nodes.iter().map(|node| Entrance::of(&service, node)).collect(),
            clients: vec![None; count],
            marked: vec![0; count],
            waiting: (0..count).map(|_| None).collect(),
            children: Vec::new(),
            generation: 0,
            sample: None,
            sampled: Duration::ZERO,
            applied: 0,
            front_up: false,
            settled: false,
            last: None,
            requests: 0,
            born: Instant::now(),
            calls: JoinSet::new(),
            service,
            identity,
            patience,
            order,
            renewals,
            wanted,
            journal,
            events,
            told,
        }
    }

    /// Runs until `end`, or until somebody newer has taken over.
    pub(crate) async fn run(mut self, end: impl Future<Output = ()>) -> Result<(), Fenced> {
        tokio::pin!(end);
        let mut tick = tokio::time::interval(self.service.scaling.tick);
        let mut look = tokio::time::interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = &mut end => return Ok(()),
                Some(event) = self.events.recv() => {
                    if let Event::Fenced(words) = event {
                        return Err(Fenced { service: self.service.name.clone(), words });
                    }
                    self.hear(event);
                }
                _ = tick.tick() => self.decide(),
                _ = look.tick() => self.look_for_silence(),
                Some(_) = self.calls.join_next() => {}
            }
            self.publish();
        }
    }

    fn now(&self) -> Duration {
        self.born.elapsed()
    }

    fn hear(&mut self, event: Event) {
        match event {
            Event::FrontUp(list) => self.front_up(list),
            Event::FrontDown(words) => self.front_down(words),
            Event::Sample(sample) => self.sampled(sample),
            Event::ListApplied(generation) => self.list_applied(generation),
            Event::Fenced(_) => unreachable!("run ends on it"),
            Event::LinkUp { node, client, adopted, asked } => self.link_up(node, client, adopted, asked),
            Event::Renewed { node, reply, sent } => self.renewed(node, reply, sent),
            Event::LinkRefused { node, words } => {
                self.link_down(node, words.clone());
                self.lose(node, &words, Loss::Gone);
                self.decide();
            }
            Event::LinkSilent { node, words } => self.link_down(node, words),
            Event::Reserved { node, lease, sent } => self.reserved(node, lease, sent),
            Event::Added { node, result } => self.added(node, result),
            Event::NodeDrained { node, lease_id, result } => self.node_drained(node, &lease_id, result),
            Event::Undrained { node, lease_id, result } => self.undrained(node, &lease_id, result),
            Event::Released { node, lease_id, result } => self.released(node, &lease_id, result),
            Event::Status(reply) => {
                // A person who went away needs no answer.
                reply.send(self.status()).ok();
            }
            Event::Why(past, reply) => {
                reply.send(self.journal.past(past)).ok();
            }
        }
    }

    fn sampled(&mut self, sample: front::LoadSample) {
        let now = self.now();
        let local = sample.local.clone().unwrap_or_default();
        self.decider.observe(
            now,
            &Sample {
                interval: Duration::from_millis(sample.interval_ms),
                in_flight_mean: sample.in_flight_mean,
                arrivals: sample.arrivals,
                ended: sample.ended,
                service_time_sum: Duration::from_micros(sample.service_time_sum_us),
                queued: sample.queued,
                refused: sample.refused,
                local_ready: sample.local_ready,
                local_in_flight_mean: local.in_flight_mean,
                children: sample.children.iter().map(child_load).collect(),
            },
        );
        let urgent = sample.queued > 0;
        self.count(&sample);
        self.sampled = now;
        self.sample = Some(sample);
        self.step_drains();
        if urgent {
            self.decide();
        }
    }

    /// Gives each child its own counts of the sample.
    fn count(&mut self, sample: &front::LoadSample) {
        let loads: HashMap<&str, &front::Load> =
            sample.children.iter().map(|load| (load.lease_id.as_str(), load)).collect();
        for node in &mut self.nodes {
            let load = node.lease().and_then(|lease| loads.get(lease.id.as_str()));
            node.front = load.map_or_else(FrontCount::default, |load| FrontCount {
                in_flight: load.in_flight,
                long_lived: load.long_lived,
                out: load.out.as_ref().map(out),
            });
        }
    }

    /// Asks the decider and has what it says carried out.
    fn decide(&mut self) {
        if !self.is_settled() {
            return;
        }
        let now = self.now();
        let fleet = self.fleet(now);
        let decision = self.decider.tick(now, &fleet);
        self.record(&decision);
        match &decision.action {
            Action::Hold => {}
            Action::Add { undrain, count } => {
                for name in undrain {
                    self.take_back(name);
                }
                self.order(*count);
            }
            Action::Drain { nodes } => {
                for name in nodes {
                    self.begin_drain(name, "the load is low");
                }
            }
        }
        self.last = Some(decision);
    }

    /// What the decider is told of the nodes.
    fn fleet(&self, now: Duration) -> Fleet {
        let comes = |node: &&Node| {
            matches!(node.stage, Stage::Starting(_) | Stage::Draining(_, DrainStep::Returning))
        };
        let ordered = self.nodes.iter().filter(comes).count();
        let available = self.nodes.iter().filter(|node| node.can_be_asked(now)).count();
        Fleet {
            ready: self.children.iter().filter_map(|&index| self.ready_node(index, now)).collect(),
            ordered: ordered as u32,
            draining: self.nodes.iter().filter_map(|node| draining_node(node, now)).collect(),
            floor: 0,
            available: available as u32,
        }
    }

    fn ready_node(&self, index: usize, now: Duration) -> Option<ReadyNode> {
        let node = &self.nodes[index];
        // One in jeopardy is still ours: it is told by how old its data are.
        let (Stage::Ready(_) | Stage::Jeopardy(_)) = node.stage else { return None };
        let cpu = (node.report.cpus > 0)
            .then(|| CpuUse { used: node.report.service_cpu, allowed: f64::from(node.report.cpus) });
        Some(ReadyNode {
            node: node.name.clone(),
            k: f64::from(self.service.capacity) * node.speed,
            age: now.saturating_sub(node.ready_since),
            long_lived: node.front.long_lived,
            in_flight: node.front.in_flight,
            cpu,
            data_age: node.data_age(now),
            is_out: node.front.out.is_some() || node.report.probe_fails,
        })
    }

    /// Whether what was there before this start is known: everybody has answered, or had the time.
    fn is_settled(&mut self) -> bool {
        if !self.settled {
            let everybody = self.front_up && self.nodes.iter().all(|node| node.link != Link::Unknown);
            self.settled = everybody || self.now() >= SETTLE_MAX;
        }
        self.settled
    }
}

fn child_load(load: &front::Load) -> ChildLoad {
    ChildLoad {
        node: load.node.clone(),
        in_flight_mean: load.in_flight_mean,
        in_flight: load.in_flight,
        long_lived: load.long_lived,
    }
}

fn out(out: &front::Out) -> Out {
    let reason = match out.reason() {
        front::OutReason::NoConnection => OutReason::NoConnection,
        // What a newer service-manager may call it: out is out.
        front::OutReason::OutReason5xx | front::OutReason::Unspecified => OutReason::Errors,
    };
    Out { reason, lasted: Duration::from_millis(out.lasted_ms) }
}

fn draining_node(node: &Node, now: Duration) -> Option<DrainingNode> {
    let Stage::Draining(_, step) = &node.stage else { return None };
    if *step == DrainStep::Returning {
        return None;
    }
    let can_return =
        matches!(step, DrainStep::AtFront | DrainStep::AtNode) && matches!(node.link, Link::Up { .. });
    let undrainable = can_return && !node.report.maintenance && !node.report.stopping;
    Some(DrainingNode { node: node.name.clone(), undrainable, since: now.saturating_sub(node.since) })
}
