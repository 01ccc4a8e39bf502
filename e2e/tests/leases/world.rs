//! The whole: nodes, load-managers, a stand-in for each service-manager, and the network between them,
//! driven by one agenda in the order of time. Nothing but the seed decides what happens.

#[path = "world/faults.rs"]
mod faults;
#[path = "world/messages.rs"]
mod messages;
#[path = "world/rules.rs"]
mod rules;

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::rc::Rc;
use std::time::Duration;

use cluster::config::{Cluster, Service};
use load_manager::holder::{ChildList, Heard, Settings};
use task_processor::lease::{LeaseId, Limits};

use crate::faults::Fault;
use crate::front::Front;
use crate::manager::{Alarm, Manager, Start, Times};
use crate::network::Network;
use crate::node::{Fate, Machine, Node, Sender};
use crate::wire::{ToManager, ToNode};
use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;

/// How many of the last events are told of a day that fails.
const TOLD: usize = 80;

/// The last events of a day.
pub(crate) type Trace = Rc<RefCell<VecDeque<String>>>;

#[derive(Debug, Clone)]
enum Due {
    AtNode(Sender, usize, ToNode),
    AtManager(usize, usize, ToManager),
    Told(usize, Heard),
    Ring(usize, Alarm),
    WakeManager(usize),
    NodeTime(usize, u64),
    WakeNode(usize),
    Process(usize, u64, LeaseId, Fate),
    /// The list of a load-manager reaches the service-manager.
    Apply(usize, ChildList),
    /// A load-manager finds the service-manager up.
    Connect(usize),
    Second,
    Fault(Fault),
    StartManager(usize),
    StartNode(usize),
    StartFront(usize),
}

pub(crate) struct World {
    now: u64,
    dice: Dice,
    agenda: BTreeMap<(u64, u64), Box<Due>>,
    count: u64,
    pub(crate) cluster: Cluster,
    pub(crate) nodes: Vec<Node>,
    node_times: Vec<u64>,
    pub(crate) managers: Vec<Manager>,
    /// What waits for a load-manager that is paused, ...
    deferred: Vec<Vec<Due>>,
    /// ... and for a node.
    deferred_at_nodes: Vec<Vec<Due>>,
    pub(crate) fronts: Vec<Front>,
    network: Network,
    trace: Option<Trace>,
}

impl World {
    /// One in which no load-manager runs yet. Messages are lost until `calm`.
    pub(crate) fn new(mut dice: Dice, cluster: Cluster, calm: u64, trace: Option<Trace>) -> Self {
        let stop_timeout = cluster.services.iter().map(|service| times(service).stop).max().unwrap_or(0);
        let node = |node: &cluster::config::Node| {
            Node::new(Machine {
                name: node.name.clone(),
                data_address: format!("{}:7401", node.address),
                limits: Limits::of(&cluster, node.slots),
                rate: dice.within(900..1100) as f64 / 1000.0,
                stop_timeout,
            })
        };
        let nodes: Vec<Node> = cluster.nodes.iter().map(node).collect();
        let services = cluster.services.len();
        let mut world = Self {
            now: 0,
            dice,
            agenda: BTreeMap::new(),
            count: 0,
            node_times: vec![u64::MAX; nodes.len()],
            managers: Vec::new(),
            deferred: Vec::new(),
            deferred_at_nodes: vec![Vec::new(); nodes.len()],
            fronts: (0..services).map(|_| Front::new(20.0)).collect(),
            network: Network::new(services, nodes.len(), calm),
            trace,
            cluster,
            nodes,
        };
        world.at(SECOND, Due::Second);
        world
    }

    /// Lets everything happen that is due by then.
    pub(crate) fn run(&mut self, until: u64) {
        while let Some(next) = self.agenda.first_entry().filter(|next| next.key().0 <= until) {
            let ((at, _), due) = next.remove_entry();
            self.now = at;
            self.remember(&due);
            self.happen(*due);
        }
        self.now = until;
    }

    /// Events so far.
    pub(crate) fn events(&self) -> u64 {
        self.count
    }

    /// It happens then.
    pub(crate) fn plan(&mut self, at: u64, fault: Fault) {
        self.at(at, Due::Fault(fault));
    }

    fn remember(&self, due: &Due) {
        let Some(trace) = &self.trace else { return };
        let mut trace = trace.borrow_mut();
        trace.push_back(format!("{:>11.6} {due:?}", self.now as f64 / 1e6));
        if trace.len() > TOLD {
            trace.pop_front();
        }
    }

    fn at(&mut self, at: u64, due: Due) {
        self.count += 1;
        self.agenda.insert((at.max(self.now), self.count), Box::new(due));
    }

    fn happen(&mut self, due: Due) {
        match due {
            Due::AtNode(_, node, _) | Due::NodeTime(node, _) | Due::Process(node, ..) => {
                if self.waits_at_node(node) {
                    self.deferred_at_nodes[node].push(due);
                } else {
                    self.tell_node(node, due);
                }
            }
            Due::WakeNode(node) => {
                for due in std::mem::take(&mut self.deferred_at_nodes[node]) {
                    self.happen(due);
                }
            }
            Due::AtManager(manager, ..)
            | Due::Told(manager, _)
            | Due::Ring(manager, _)
            | Due::Connect(manager) => {
                if !self.managers[manager].is_up {
                } else if self.managers[manager].paused_until > self.now || !self.deferred[manager].is_empty()
                {
                    self.deferred[manager].push(due);
                } else {
                    self.tell_manager(manager, due);
                }
            }
            Due::WakeManager(manager) => {
                for due in std::mem::take(&mut self.deferred[manager]) {
                    self.happen(due);
                }
            }
            Due::Apply(manager, list) => self.apply(manager, list),
            Due::Second => self.second(),
            Due::Fault(fault) => self.fault(fault),
            Due::StartManager(service) => self.start_manager(service),
            Due::StartNode(node) => self.start_node(node),
            Due::StartFront(service) => self.start_front(service),
        }
    }

    /// Whether what is meant for a node's daemon waits until it is woken, behind what waits already.
    fn waits_at_node(&self, node: usize) -> bool {
        self.nodes[node].paused_until > self.now || !self.deferred_at_nodes[node].is_empty()
    }

    /// The counts of each front end, and a look at what time alone may spoil.
    fn second(&mut self) {
        self.at(self.now + SECOND, Due::Second);
        for service in 0..self.fronts.len() {
            let front = &mut self.fronts[service];
            if let Some(manager) = front.manager.filter(|_| front.is_up) {
                let sample = front.sample(self.now, &mut self.dice);
                self.at(self.now, Due::Told(manager, Heard::Sample(sample)));
            }
        }
        self.is_in_time();
    }

    pub(crate) fn start_manager(&mut self, service: usize) {
        let index = self.managers.len();
        let front = &mut self.fronts[service];
        front.incarnation += 1;
        front.manager = Some(index);
        let incarnation = front.incarnation;
        let settings = Settings::of(&self.cluster, &self.cluster.services[service], incarnation);
        let rate = self.dice.within(980..1020) as f64 / 1000.0;
        let addresses = self.nodes.iter().map(|node| node.data_address.clone()).collect();
        let times = times(&self.cluster.services[service]);
        let list = front.is_up.then(|| front.welcome(incarnation)).and_then(|heard| match heard {
            Heard::FrontUp(list) => Some(list),
            _ => None,
        });
        let start = Start { settings, service, index, rate, times, addresses };
        self.managers.push(Manager::new(start, self.now, list));
        self.deferred.push(Vec::new());
        self.after_manager(index);
    }
}

fn times(service: &Service) -> Times {
    let micros = |time: Duration| time.as_micros() as u64;
    Times {
        start: micros(service.start_timeout),
        stop: micros(service.stop_timeout),
        drain: micros(service.long_lived_timeout),
    }
}
