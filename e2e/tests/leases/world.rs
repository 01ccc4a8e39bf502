//! The whole: nodes, load-managers, a stand-in for each service-manager, and the network between them,
//! driven by one agenda in the order of time. Nothing but the seed decides what happens.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use cluster::config::Cluster;
use load_manager::decider::Sample;
use load_manager::holder::{ChildCount, ChildList, ChildState, FrontSample, Heard, Settings};
use load_manager::node::FrontCount;
use task_processor::lease::{LeaseId, Limits};

use crate::dice::Dice;
use crate::faults::{self, CALM, Fault};
use crate::manager::{self, Alarm, Manager, Start, Times};
use crate::network::{Network, Way};
use crate::node::{self, Fate, Node, Sender};
use crate::pool::{self, NODES};
use crate::wire::{ToManager, ToNode};

const SERVICES: usize = pool::SERVICES.len();
const SECOND: u64 = 1_000_000;
const ORPHAN_GRACE: u64 = 20 * SECOND;
const TTL: u64 = 10 * SECOND;
const TIMES: Times = Times { start: 10 * SECOND, stop: 5 * SECOND, drain: 15 * SECOND };

/// From the last contact to the end of a process, by the slowest clock, and a little for its messages.
const PROCESS_MAX: u64 = (TTL + ORPHAN_GRACE + TIMES.drain + TIMES.stop) / 9 * 10 + 2 * SECOND;

/// How long everything may take to come right after the last fault.
const CALM_LASTS: u64 = 180 * SECOND;

/// A load-manager that has just started or woken has not looked at the time yet.
const AWAKE: u64 = 10 * SECOND;

/// The last events of a day.
pub(crate) type Trace = Rc<RefCell<VecDeque<String>>>;

#[derive(Debug, Clone)]
enum Due {
    AtNode(Sender, usize, ToNode),
    AtManager(usize, usize, ToManager),
    Told(usize, Heard),
    Ring(usize, Alarm),
    Wake(usize),
    NodeTime(usize, u64),
    Process(usize, u64, LeaseId, Fate),
    /// The list of a load-manager reaches the service-manager.
    Apply(usize, ChildList),
    Second,
    Fault(Fault),
    StartManager(usize),
    StartNode(usize),
}

/// A service's front end but for its load-managers.
#[derive(Debug)]
struct Front {
    /// The newest load-manager.
    manager: usize,
    incarnation: u64,
    /// What the service-manager has in force, and by whom.
    list: ChildList,
    from: u64,
    in_flight: f64,
    /// When the last request to a draining child ends there.
    ends: BTreeMap<String, u64>,
}

pub(crate) struct World {
    now: u64,
    dice: Dice,
    agenda: BTreeMap<(u64, u64), Due>,
    count: u64,
    cluster: Cluster,
    nodes: Vec<Node>,
    node_times: Vec<u64>,
    managers: Vec<Manager>,
    deferred: Vec<Vec<Due>>,
    fronts: Vec<Front>,
    network: Network,
    trace: Option<Trace>,
    is_right: bool,
}

impl World {
    pub(crate) fn new(seed: u64, trace: Option<Trace>) -> Self {
        let mut dice = Dice::new(seed);
        let text = pool::config(&mut dice);
        let cluster = cluster::config::parse("cluster.toml", &text).expect("the configuration is sound");
        let limits = |slots: u32| Limits {
            slots: slots as usize,
            ttl: cluster.lease.ttl,
            orphan_grace: cluster.lease.orphan_grace,
            reservation_timeout: cluster.lease.reservation_timeout,
            reclaim_notice: cluster.lease.reclaim_notice,
            pool_slots: cluster.slots(),
            observe_only: false,
            drain_limits: cluster
                .services
                .iter()
                .map(|service| (service.name.clone(), service.long_lived_timeout))
                .collect(),
        };
        let nodes = cluster
            .nodes
            .iter()
            .map(|node| {
                let rate = dice.within(900..1100) as f64 / 1000.0;
                let address = format!("{}:7401", node.address);
                Node::new(node.name.clone(), address, limits(node.slots), rate, TIMES.stop)
            })
            .collect();
        let front = |_| Front {
            manager: 0,
            incarnation: 0,
            list: ChildList::default(),
            from: 0,
            in_flight: 20.0,
            ends: BTreeMap::new(),
        };
        let mut world = Self {
            now: 0,
            agenda: BTreeMap::new(),
            count: 0,
            nodes,
            node_times: vec![u64::MAX; NODES],
            managers: Vec::new(),
            deferred: Vec::new(),
            fronts: (0..SERVICES).map(front).collect(),
            network: Network::new(SERVICES, NODES),
            trace,
            is_right: false,
            cluster,
            dice,
        };
        for service in 0..SERVICES {
            world.start_manager(service);
        }
        for (at, fault) in faults::draw(&mut world.dice, SERVICES, NODES) {
            world.at(at, Due::Fault(fault));
        }
        world.at(SECOND, Due::Second);
        world
    }

    /// Plays the day until everything has come right after the last fault; how many events that took.
    pub(crate) fn play(mut self) -> u64 {
        while !self.is_right {
            let ((at, _), due) = self.agenda.pop_first().expect("each second is on the agenda");
            self.now = at;
            if let Some(trace) = &self.trace {
                let mut trace = trace.borrow_mut();
                trace.push_back(format!("{:>11.6} {due:?}", at as f64 / 1e6));
                if trace.len() > 80 {
                    trace.pop_front();
                }
            }
            self.happen(due);
        }
        self.count
    }

    fn at(&mut self, at: u64, due: Due) {
        self.count += 1;
        self.agenda.insert((at.max(self.now), self.count), due);
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::AtNode(from, node, what) => {
                self.nodes[node].hear(self.now, &from, what, &mut self.dice);
                self.after_node(node);
            }
            Due::NodeTime(node, life) => {
                if self.nodes[node].is_up && self.nodes[node].life == life {
                    self.node_times[node] = u64::MAX;
                    self.nodes[node].tick(self.now, &mut self.dice);
                    self.after_node(node);
                }
            }
            Due::Process(node, _, lease, Fate::LeftoverGone) => {
                self.nodes[node].leftover_gone(self.now, &lease, &mut self.dice);
                self.after_node(node);
            }
            Due::Process(node, life, lease, fate) => {
                if self.nodes[node].is_up && self.nodes[node].life == life {
                    self.nodes[node].meet(self.now, &lease, fate, &mut self.dice);
                    self.after_node(node);
                }
            }
            Due::AtManager(manager, ..) | Due::Told(manager, _) | Due::Ring(manager, _) => {
                if !self.managers[manager].is_up {
                } else if self.managers[manager].paused_until > self.now {
                    self.deferred[manager].push(due);
                } else {
                    self.tell_manager(due);
                }
            }
            Due::Wake(manager) => {
                for due in std::mem::take(&mut self.deferred[manager]) {
                    if self.managers[manager].is_up {
                        self.tell_manager(due);
                    }
                }
            }
            Due::Apply(manager, list) => self.apply(manager, list),
            Due::Second => self.second(),
            Due::Fault(fault) => self.fault(fault),
            Due::StartManager(service) => self.start_manager(service),
            Due::StartNode(node) => {
                self.nodes[node].restart(self.now);
                self.node_times[node] = u64::MAX;
            }
        }
    }

    fn tell_manager(&mut self, due: Due) {
        let now = self.now;
        let index = match due {
            Due::AtManager(manager, node, what) => {
                self.managers[manager].receive(now, node, what);
                manager
            }
            Due::Told(manager, heard) => {
                self.managers[manager].hear(now, heard);
                manager
            }
            Due::Ring(manager, alarm) => {
                self.managers[manager].ring(now, alarm, &mut self.dice);
                manager
            }
            _ => return,
        };
        self.after_manager(index);
    }

    fn after_manager(&mut self, manager: usize) {
        for out in std::mem::take(&mut self.managers[manager].out) {
            match out {
                manager::Out::Say { node, what } => self.send_node(manager, node, what),
                manager::Out::Later { micros, alarm } => {
                    self.at(self.now + micros, Due::Ring(manager, alarm));
                }
                manager::Out::Publish(list) => {
                    let delay = self.dice.within(1_000..200_000);
                    self.at(self.now + delay, Due::Apply(manager, list));
                }
                manager::Out::Fenced(words) => {
                    let service = self.managers[manager].service;
                    assert_ne!(self.fronts[service].manager, manager, "I2: the newest is fenced: {words}");
                    self.end_manager(manager);
                }
            }
        }
    }

    fn after_node(&mut self, node: usize) {
        for out in std::mem::take(&mut self.nodes[node].out) {
            match out {
                node::Out::Say { manager, what } => self.send_manager(node, manager, what),
                node::Out::Later { micros, lease, fate } => {
                    let life = self.nodes[node].life;
                    self.at(self.now + micros, Due::Process(node, life, lease, fate));
                }
                node::Out::LetGo { lease, holder } => self.holder_let_go_first(&lease, &holder.service),
            }
        }
        if !self.nodes[node].is_up {
            return;
        }
        if let Some(at) = self.nodes[node].deadline()
            && at < self.node_times[node]
        {
            self.node_times[node] = at.max(self.now + 1);
            let life = self.nodes[node].life;
            self.at(self.node_times[node], Due::NodeTime(node, life));
        }
    }

    /// A holder that is awake has given up what its node lets go for want of a renewal.
    fn holder_let_go_first(&self, lease: &LeaseId, service: &str) {
        for manager in &self.managers {
            let is_awake = manager.is_up
                && manager.paused_until <= self.now
                && self.now > manager.woken.max(manager.born) + AWAKE;
            if !is_awake || manager.sender.holder.service != service {
                continue;
            }
            let serves = manager.holder.list().children.iter().any(|child| {
                child.lease.id == lease.0 && matches!(child.state, ChildState::Ready | ChildState::Jeopardy)
            });
            assert!(!serves, "I5: {} is let go by its node and still on the list of {service}", lease.0);
        }
    }

    fn send_node(&mut self, manager: usize, node: usize, what: ToNode) {
        let Manager { service, ref sender, .. } = self.managers[manager];
        let (sender, is_call) = (sender.clone(), matches!(what, ToNode::Call { .. }));
        let way = Way { service, manager, node, there: true, is_call };
        for at in self.network.arrivals(self.now, way, &mut self.dice) {
            self.at(at, Due::AtNode(sender.clone(), node, what.clone()));
        }
    }

    fn send_manager(&mut self, node: usize, manager: usize, what: ToManager) {
        let service = self.managers[manager].service;
        let is_call = matches!(what, ToManager::Answer { .. });
        let way = Way { service, manager, node, there: false, is_call };
        for at in self.network.arrivals(self.now, way, &mut self.dice) {
            self.at(at, Due::AtManager(manager, node, what.clone()));
        }
    }

    fn apply(&mut self, manager: usize, list: ChildList) {
        let Manager { service, ref sender, .. } = self.managers[manager];
        let front = &mut self.fronts[service];
        let incarnation = sender.incarnation;
        let answer = if incarnation < front.from {
            Heard::Fenced("the service-manager said so".to_owned())
        } else {
            front.from = incarnation;
            if list.generation > front.list.generation {
                front.list = list;
            }
            Heard::ListApplied(front.list.generation)
        };
        let delay = self.dice.within(1_000..50_000);
        self.at(self.now + delay, Due::Told(manager, answer));
    }

    /// The counts of each front end, and a look at everything that time alone may spoil.
    fn second(&mut self) {
        self.at(self.now + SECOND, Due::Second);
        for service in 0..SERVICES {
            let sample = self.sample(service);
            let manager = self.fronts[service].manager;
            self.at(self.now, Due::Told(manager, Heard::Sample(sample)));
        }
        for node in &self.nodes {
            node.ends_what_nobody_holds(self.now, PROCESS_MAX);
        }
        if self.now > CALM + SECOND {
            let wrong = self.wrong();
            self.is_right = wrong.is_empty();
            assert!(self.is_right || self.now < CALM + CALM_LASTS, "I6: {}", wrong.join("; "));
        }
    }

    fn sample(&mut self, service: usize) -> FrontSample {
        let now = self.now;
        let front = &mut self.fronts[service];
        let mut children = Vec::new();
        for child in &front.list.children {
            let ends = match child.state {
                ChildState::Draining => {
                    *front.ends.entry(child.lease.id.clone()).or_insert(now + self.dice.within(0..3 * SECOND))
                }
                ChildState::Ready | ChildState::Jeopardy | ChildState::NotReady => u64::MAX,
            };
            let count = FrontCount { in_flight: u32::from(ends > now), ..FrontCount::default() };
            children.push(ChildCount { lease_id: child.lease.id.clone(), count });
        }
        let load = Sample {
            interval: Duration::from_secs(1),
            in_flight_mean: front.in_flight,
            arrivals: (front.in_flight * 10.0) as u64,
            ended: 10,
            service_time_sum: Duration::from_secs(1),
            local_ready: true,
            ..Sample::default()
        };
        FrontSample { generation: front.list.generation, load, children }
    }

    /// What is not yet as it has to be once nothing fails any more.
    fn wrong(&self) -> Vec<String> {
        let mut wrong = Vec::new();
        for (service, front) in self.cluster.services.iter().zip(&self.fronts) {
            let children = &self.managers[front.manager].holder.list().children;
            let ready = children.iter().filter(|child| child.state == ChildState::Ready).count();
            if ready < service.min as usize {
                wrong.push(format!("{} has {ready} of min {}", service.name, service.min));
                wrong.extend(self.view(front));
            }
        }
        for node in &self.nodes {
            for lease in node.book.leases() {
                let is_known = self.fronts.iter().any(|front| {
                    let manager = &self.managers[front.manager];
                    manager.sender.holder == lease.holder
                        && manager
                            .holder
                            .leases()
                            .any(|(_, held)| held.id == lease.id.0 && held.epoch == lease.epoch)
                });
                if !is_known {
                    wrong.push(format!("{} of {} is in limbo: {}", lease.id.0, lease.holder, lease.state));
                }
            }
        }
        wrong
    }

    /// The pool as the load-manager of a front end sees it, and who holds what there, a line for each node.
    fn view(&self, front: &Front) -> Vec<String> {
        let manager = &self.managers[front.manager];
        let now = manager.local();
        let line = |(seen, node): (&load_manager::node::Node, &Node)| {
            let held = node.book.leases().iter().map(|lease| {
                let mark = if lease.guaranteed { ", guaranteed" } else { "" };
                format!("{} {}{mark}", lease.holder.service, lease.state)
            });
            let (state, free) = (seen.state_name(now), seen.report.slots_free);
            let pause = seen.paused_until.saturating_sub(now).as_secs();
            let held = held.collect::<Vec<_>>().join(", ");
            format!(
                "\n  {}: {state}, {free} free, paused for {pause} s ({}); holds {held}",
                seen.name, seen.detail
            )
        };
        let claims = self.nodes[0].book.claims(Duration::from_secs(1_000_000));
        let claims = claims.iter().map(|heard| format!("\n  {:?}", heard.claim));
        manager.holder.nodes().iter().zip(&self.nodes).map(line).chain(claims).collect()
    }

    fn start_manager(&mut self, service: usize) {
        let front = &mut self.fronts[service];
        front.incarnation += 1;
        let index = self.managers.len();
        front.manager = index;
        let settings = Settings::of(&self.cluster, &self.cluster.services[service], front.incarnation);
        let rate = self.dice.within(980..1020) as f64 / 1000.0;
        let addresses = self.nodes.iter().map(|node| node.data_address.clone()).collect();
        let list = front.list.clone();
        front.from = front.incarnation;
        let start = Start { settings, service, index, rate, times: TIMES, addresses };
        let manager = Manager::new(start, self.now, list);
        self.managers.push(manager);
        self.deferred.push(Vec::new());
        self.after_manager(index);
    }

    fn end_manager(&mut self, manager: usize) {
        self.managers[manager].is_up = false;
        self.deferred[manager].clear();
        for node in 0..NODES {
            self.send_node(manager, node, ToNode::Closed);
        }
    }

    fn fault(&mut self, fault: Fault) {
        match fault {
            Fault::Cut { service, nodes, there, back, until } => {
                for node in nodes {
                    self.network.cut(service, node, there, back, until);
                }
            }
            Fault::Pause { service, until, twin } => {
                let index = self.fronts[service].manager;
                let manager = &mut self.managers[index];
                if !manager.is_up || manager.paused_until > self.now {
                    return;
                }
                (manager.paused_until, manager.woken) = (until, until);
                self.at(until, Due::Wake(index));
                if twin {
                    self.at(self.now + (until - self.now) / 2, Due::StartManager(service));
                }
            }
            Fault::CrashManager { service, until } => {
                let index = self.fronts[service].manager;
                if self.managers[index].is_up {
                    self.end_manager(index);
                    self.at(until, Due::StartManager(service));
                }
            }
            Fault::CrashNode { node, until } => {
                if self.nodes[node].is_up {
                    self.nodes[node].crash(&mut self.dice);
                    self.after_node(node);
                    self.at(until, Due::StartNode(node));
                }
            }
            Fault::CrashService { node } => {
                if self.nodes[node].is_up {
                    self.nodes[node].kill_service(self.now, &mut self.dice);
                    self.after_node(node);
                }
            }
            Fault::Load { service, in_flight } => self.fronts[service].in_flight = in_flight as f64,
        }
    }
}
