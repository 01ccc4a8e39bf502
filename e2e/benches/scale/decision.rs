//! What the load-manager's own thinking costs, without the wire: the pure holder with all of a pool ready,
//! each input timed with all that follows from it.

use std::time::{Duration, Instant};

use cluster::share::Claim;
use load_manager::decider::{ChildLoad, Sample};
use load_manager::holder::{
    ChildCount, ChildList, Effect, FrontSample, Heard, Holder, LeaseState, LeaseWord, NodeWord, Settings,
};
use load_manager::node::{FrontCount, Lease, Stage};

use crate::daemon::{CAPACITY, text};
use crate::pool::others;

/// Decisions that are timed, one a second.
const DECISIONS: usize = 1000;

/// The same day is played so often, and of each input the shortest time counts: whatever else runs on the
/// machine interrupts now the one, now the other.
pub(crate) const PLAYS: usize = 5;

/// Renewals come so many seconds apart.
const RENEW_EVERY: usize = 3;

const SECOND: Duration = Duration::from_secs(1);

/// How long each of many inputs took, in microseconds, the shortest first.
pub(crate) struct Times(Vec<f64>);

/// One case: what a decision, a sample and a renewal cost, and how many nodes changed hands meanwhile.
pub(crate) struct Case {
    /// `Holder::tick`, which decides, and what it wants done.
    pub(crate) decision: Times,
    /// `Holder::hear` of a sample.
    pub(crate) sample: Times,
    /// `Holder::hear` of a node's renewal.
    pub(crate) renewal: Times,
    /// Nodes added and given back.
    pub(crate) changes: usize,
}

/// A holder, its time, and a world that answers at once.
struct Day {
    holder: Holder,
    now: Duration,
    changes: usize,
    incarnation: u64,
}

impl Times {
    /// Of each input the shortest of its times, which are in the same order in each play.
    fn of(plays: Vec<Vec<f64>>) -> Self {
        let shorter =
            |one: Vec<f64>, other: Vec<f64>| one.into_iter().zip(other).map(|(a, b)| a.min(b)).collect();
        let mut micros = plays.into_iter().reduce(shorter).unwrap_or_default();
        micros.sort_by(f64::total_cmp);
        Self(micros)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    /// That of which so large a share is no longer.
    pub(crate) fn at(&self, share: f64) -> f64 {
        self.0.get(((self.0.len() as f64 - 1.0) * share) as usize).copied().unwrap_or(f64::NAN)
    }
}

/// Times decisions with so many nodes, at loads that take turns each `side` decisions.
pub(crate) fn measure(nodes: u16, scaling: &str, loads: [f64; 2], side: usize) -> Case {
    let (mut decisions, mut samples, mut renewals) = (Vec::new(), Vec::new(), Vec::new());
    let mut changes = 0;
    for _ in 0..PLAYS {
        let mut day = Day::begin(nodes, scaling);
        day.grow(loads[0]);
        let (mut decision, mut sample, mut renewal) = (Vec::new(), Vec::new(), Vec::new());
        for round in 0..DECISIONS {
            day.now += SECOND;
            for node in (round % RENEW_EVERY..nodes.into()).step_by(RENEW_EVERY) {
                let heard = day.renewal(node);
                renewal.push(day.timed(|holder, now| holder.hear(now, heard)));
            }
            let heard = day.counts(loads[round / side % 2], round);
            sample.push(day.timed(|holder, now| holder.hear(now, heard)));
            decision.push(day.timed(Holder::tick));
        }
        decisions.push(decision);
        samples.push(sample);
        renewals.push(renewal);
        changes = day.changes;
    }
    let (decision, sample, renewal) = (Times::of(decisions), Times::of(samples), Times::of(renewals));
    Case { decision, sample, renewal, changes }
}

impl Day {
    /// The service-manager and all nodes have answered.
    fn begin(nodes: u16, scaling: &str) -> Self {
        let address = |node: u16| ([127, 64, (node >> 8) as u8, node as u8], 7400).into();
        let addresses: Vec<_> = (0..nodes).map(address).collect();
        let cluster =
            cluster::config::parse("cluster.toml", &text(&addresses, scaling)).expect("it is sound");
        let settings = Settings::of(&cluster, &cluster.services[0], 1);
        let now = 1000 * SECOND;
        let mut day = Self { holder: Holder::new(settings, now), now, changes: 0, incarnation: 7 };
        day.timed(|holder, now| holder.hear(now, Heard::FrontUp(ChildList::default())));
        for node in 0..nodes.into() {
            let up = Heard::LinkUp { node, adopted: Some(Vec::new()), asked_at: now };
            day.timed(|holder, now| holder.hear(now, up));
            let heard = day.renewal(node);
            day.timed(|holder, now| holder.hear(now, heard));
        }
        day
    }

    /// Until every node is ready, and every window full.
    fn grow(&mut self, load: f64) {
        for round in 0..300 {
            self.now += SECOND;
            for node in 0..self.holder.nodes().len() {
                let heard = self.renewal(node);
                self.timed(|holder, now| holder.hear(now, heard));
            }
            let heard = self.counts(load, round);
            self.timed(|holder, now| holder.hear(now, heard));
            self.timed(Holder::tick);
        }
        assert_eq!(self.ready(), self.holder.nodes().len(), "all nodes are ready");
        self.changes = 0;
    }

    /// One input, its effects taken: how long that took, in microseconds. What the effects ask for is then
    /// answered, untimed.
    fn timed(&mut self, input: impl FnOnce(&mut Holder, Duration)) -> f64 {
        let begin = Instant::now();
        input(&mut self.holder, self.now);
        let effects = self.holder.effects();
        let took = begin.elapsed();
        let mut effects = effects;
        while !effects.is_empty() {
            for heard in effects.into_iter().flat_map(|effect| self.answers(effect)).collect::<Vec<_>>() {
                self.holder.hear(self.now, heard);
            }
            effects = self.holder.effects();
        }
        took.as_secs_f64() * 1e6
    }

    /// What the world says to that.
    fn answers(&mut self, effect: Effect) -> Vec<Heard> {
        let now = self.now;
        match effect {
            Effect::Add { node, request_id } | Effect::Reclaim { node, request_id, .. } => {
                self.changes += 1;
                let lease = Lease {
                    id: format!("{node:08x}{request_id:>8}"),
                    epoch: 1,
                    token: format!("{node:032x}"),
                    data_address: format!("127.64.{}.{}:7401", node >> 8, node & 255),
                };
                let reserved = Heard::Reserved { node, lease: lease.clone(), sent_at: now };
                vec![reserved, Heard::Added { node, result: Ok(lease) }]
            }
            Effect::Drain { node, lease, .. } => {
                vec![Heard::NodeDrained { node, lease_id: lease.id, result: Ok(()) }]
            }
            Effect::Undrain { node, lease } => {
                vec![Heard::Undrained { node, lease_id: lease.id, result: Ok(()) }]
            }
            Effect::StopAndRelease { node, lease } => {
                self.changes += 1;
                vec![Heard::Released { node, lease_id: lease.id, result: Ok(()) }]
            }
            Effect::Publish(list) => vec![Heard::ListApplied(list.generation)],
            Effect::Adopt { node } => {
                vec![Heard::Adopted { node, result: Ok(Vec::new()), asked_at: now }]
            }
            Effect::StopWaiting { .. }
            | Effect::OpenLink { .. }
            | Effect::CloseLink { .. }
            | Effect::Renew { .. }
            | Effect::Claim { .. }
            | Effect::Record(_)
            | Effect::Tell(_) => Vec::new(),
            Effect::Fenced(words) => panic!("nobody else speaks: {words}"),
        }
    }

    /// What a node says that has its lease, if it has one.
    fn renewal(&self, node: usize) -> Heard {
        let lease = self.holder.nodes()[node].lease();
        let word = |lease: &Lease| LeaseWord {
            lease_id: lease.id.clone(),
            epoch: lease.epoch,
            state: LeaseState::Ready,
            in_flight: Some(100),
            cpu: 1.2,
            memory_bytes: 300 << 20,
            probe_fails: false,
            ended_by_node: false,
            reclaim: None,
            detail: String::new(),
            command: None,
        };
        let claim = |claim: proto::task_processor::Claim| {
            let proto::task_processor::Claim { service, front_end, held, want, slots, .. } = claim;
            let (min, max, weight, priority) = (2, 500, 1.0, 0);
            let claim = Claim { service, front_end, held, want, min, max, weight, priority, slots };
            (claim, Duration::from_millis(claim_age(node)))
        };
        let word = NodeWord {
            incarnation: self.incarnation,
            slots_free: u32::from(lease.is_none()),
            cpu: 0.4,
            cpus: 4,
            leases: lease.map(word).into_iter().collect(),
            claims: others(self.now).into_iter().map(claim).collect(),
            ..NodeWord::default()
        };
        Heard::Renewed { node, word, sent_at: Some(self.now) }
    }

    /// What the service-manager counts, with so much load on the children of its list.
    fn counts(&self, load: f64, round: usize) -> Heard {
        let children = &self.holder.list().children;
        let each = (load / children.len().max(1) as f64).min(CAPACITY.into());
        let in_flight = |index: usize| each as u32 + ((round * 31 + index * 17) % 9) as u32;
        let ready = |lease: &str| {
            let of = |stage: &Stage| matches!(stage, Stage::Ready(held) if held.id == lease);
            self.holder.nodes().iter().any(|node| of(&node.stage))
        };
        let counts = children.iter().enumerate().map(|(index, child)| {
            let in_flight = if ready(&child.lease.id) { in_flight(index) } else { 0 };
            let count = FrontCount { in_flight, ..FrontCount::default() };
            ChildCount { lease_id: child.lease.id.clone(), count }
        });
        let loads = children.iter().map(|child| ChildLoad {
            node: child.node.clone(),
            in_flight_mean: each,
            in_flight: each as u32,
            long_lived: 0,
        });
        let sample = Sample {
            interval: SECOND,
            in_flight_mean: load * (1.0 + (round % 5) as f64 * 0.001),
            arrivals: load as u64 * 5,
            ended: load as u64 * 5,
            service_time_sum: Duration::from_secs_f64(load),
            local_ready: true,
            children: loads.collect(),
            ..Sample::default()
        };
        Heard::Sample(FrontSample {
            generation: self.holder.list().generation,
            load: sample,
            children: counts.collect(),
        })
    }

    fn ready(&self) -> usize {
        self.holder.nodes().iter().filter(|node| matches!(node.stage, Stage::Ready(_))).count()
    }
}

/// Every node heard it at another time.
fn claim_age(node: usize) -> u64 {
    node as u64 * 37 % 3000
}
