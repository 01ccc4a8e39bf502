//! A diary: a holder, its time, and what it has told the world so far. Nothing happens by itself: who
//! answers what, and when, is in the test.

use std::time::Duration;

use cluster::config::{Service, sample};
use cluster::share::Claim;

use crate::decider::Sample;
use crate::holder::*;
use crate::node::{DrainStep, FrontCount, Lease, LeaseRef, Node, Stage};

pub(super) struct Diary {
    pub(super) holder: Holder,
    pub(super) now: Duration,
    /// What the last input led to, but for the journal and the log.
    pub(super) done: Vec<Effect>,
    pub(super) news: Vec<News>,
    pub(super) entries: Vec<Entry>,
    /// What was said of the service, each with the leases that are guaranteed.
    pub(super) claims: Vec<(Claim, Vec<String>)>,
    /// What each link renews.
    pub(super) renewed: Vec<Vec<LeaseRef>>,
}

pub(super) fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// So many nodes, at most three, of K = 8, and the defaults, in the seventh life.
pub(super) fn settings(nodes: usize) -> Settings {
    of_config(&sample(3, ""), nodes)
}

/// The same with requests that go straight to the services.
pub(super) fn direct(nodes: usize) -> Settings {
    of_config(&sample(3, "path = \"direct\"\n").replace("{port}", "{address}:{port}"), nodes)
}

pub(super) fn of_config(config: &str, nodes: usize) -> Settings {
    let mut cluster = cluster::config::parse("cluster.toml", config).unwrap();
    cluster.nodes.truncate(nodes);
    let service = Service { max: nodes as u32, ..cluster.services[0].clone() };
    Settings::of(&cluster, &service, 7)
}

impl Diary {
    /// The load-manager of two nodes has just been started.
    pub(super) fn new() -> Self {
        Self::of(settings(2))
    }

    pub(super) fn of(settings: Settings) -> Self {
        let now = s(1000);
        let holder = Holder::new(settings, now);
        let renewed = vec![Vec::new(); 3];
        let (news, entries, claims) = (Vec::new(), Vec::new(), Vec::new());
        Self { holder, now, done: Vec::new(), news, entries, claims, renewed }
    }

    /// The service-manager and both nodes answer, and nothing is held.
    pub(super) fn settled() -> Self {
        let mut day = Self::new();
        day.settle();
        day
    }

    pub(super) fn settle(&mut self) {
        self.hear(Heard::FrontUp(ChildList::default()));
        for node in 0..2 {
            self.linked(node, Vec::new());
            self.says(node, Vec::new());
        }
    }

    /// Both nodes are ready children.
    pub(super) fn with_children() -> Self {
        let mut day = Self::settled();
        day.add_children();
        day
    }

    pub(super) fn add_children(&mut self) {
        self.wait_for(9.0);
        for node in 0..2 {
            self.granted(node);
            self.started(node);
        }
    }

    pub(super) fn hear(&mut self, heard: Heard) {
        self.step(|holder, now| holder.hear(now, heard));
    }

    /// cluster.toml is another one.
    pub(super) fn reload(&mut self, settings: Settings) {
        self.step(|holder, now| holder.reload(now, settings));
    }

    /// What only a decision does otherwise.
    pub(super) fn act(&mut self, act: impl FnOnce(&mut Holder)) {
        self.step(|holder, now| holder.step(now, act));
    }

    /// For so long it looks each second who is silent.
    pub(super) fn later(&mut self, seconds: u64) {
        for _ in 0..seconds {
            self.now += s(1);
            self.step(Holder::look);
        }
    }

    /// So much later it wakes, and looks.
    pub(super) fn sleeps(&mut self, seconds: u64) {
        self.now += s(seconds);
        self.step(Holder::look);
    }

    pub(super) fn step(&mut self, input: impl FnOnce(&mut Holder, Duration)) {
        input(&mut self.holder, self.now);
        self.done.clear();
        for effect in self.holder.effects() {
            match effect {
                Effect::Record(entry) => self.entries.push(entry),
                Effect::Tell(news) => self.news.push(news),
                Effect::Claim { claim, guaranteed } => self.claims.push((claim, guaranteed)),
                Effect::Renew { node, ref leases } => {
                    self.renewed[node].clone_from(leases);
                    self.done.push(effect);
                }
                effect => self.done.push(effect),
            }
        }
    }

    /// The node's link is up, and it holds these for this front end.
    pub(super) fn linked(&mut self, node: usize, adopted: Vec<Adopted>) {
        self.hear(Heard::LinkUp { node, adopted: Some(adopted), asked_at: self.now });
    }

    /// The node answers a renewal that was sent just now.
    pub(super) fn says(&mut self, node: usize, leases: Vec<LeaseWord>) {
        self.hear(Heard::Renewed { node, word: word(leases), sent_at: Some(self.now) });
    }

    /// A request waits, the local copy does not serve, and so many requests are there in all.
    pub(super) fn wait_for(&mut self, demand: f64) {
        let load = Sample { interval: s(1), in_flight_mean: demand - 1.0, queued: 1, ..Sample::default() };
        self.hear(Heard::Sample(FrontSample { load, ..FrontSample::default() }));
    }

    /// The service-manager counts so many requests to each of these, by the list of `generation`.
    pub(super) fn counts(&mut self, generation: u64, children: &[(usize, FrontCount)]) {
        let child = |&(node, count): &(usize, FrontCount)| ChildCount { lease_id: lease(node).id, count };
        let children = children.iter().map(child).collect();
        let load = Sample { interval: s(1), local_ready: true, ..Sample::default() };
        self.hear(Heard::Sample(FrontSample { generation, load, children }));
    }

    /// The order at a node is granted.
    pub(super) fn granted(&mut self, node: usize) {
        self.hear(Heard::Reserved { node, lease: reserved(node), sent_at: self.now });
    }

    /// And its service is ready.
    pub(super) fn started(&mut self, node: usize) {
        self.hear(Heard::Added { node, result: Ok(lease(node)) });
    }

    /// A drain as the decider would begin it.
    pub(super) fn drain(&mut self, node: usize) {
        self.act(|holder| holder.begin_drain(name(node), "test"));
    }

    /// The same taken back.
    pub(super) fn take_back(&mut self, node: usize) {
        self.act(|holder| holder.take_back(name(node)));
    }

    /// The workers have the last list, and none of them counts a request to a child.
    pub(super) fn front_is_empty(&mut self) {
        let generation = self.holder.list().generation;
        self.hear(Heard::ListApplied(generation));
        self.counts(generation, &[]);
    }

    pub(super) fn node(&self, node: usize) -> &Node {
        &self.holder.nodes()[node]
    }

    pub(super) fn is_ready(&self, node: usize) -> bool {
        matches!(self.node(node).stage, Stage::Ready(_))
    }

    pub(super) fn is_free(&self, node: usize) -> bool {
        self.node(node).stage == Stage::Free
    }

    pub(super) fn drain_step(&self, node: usize) -> Option<DrainStep> {
        match self.node(node).stage {
            Stage::Draining(_, step) => Some(step),
            Stage::Free | Stage::Starting(_) | Stage::Ready(_) | Stage::Jeopardy(_) => None,
        }
    }

    /// The word that a person reads for where a node stands.
    pub(super) fn state(&self, node: usize) -> &'static str {
        self.node(node).state_name(self.now)
    }

    /// Who is on the list last published.
    pub(super) fn listed(&self) -> Vec<(&str, ChildState)> {
        self.holder.list().children.iter().map(|child| (child.node.as_str(), child.state)).collect()
    }

    /// Where the last input ordered a node.
    pub(super) fn ordered(&self) -> Vec<usize> {
        let node = |effect: &Effect| match effect {
            Effect::Add { node, .. } => Some(*node),
            _ => None,
        };
        self.done.iter().filter_map(node).collect()
    }

    /// The words of the journal, holds left out.
    pub(super) fn reasons(&self) -> Vec<&'static str> {
        self.entries.iter().filter(|entry| entry.action() != "hold").map(Entry::reason).collect()
    }
}

pub(super) fn name(node: usize) -> &'static str {
    ["c1", "c2", "c3"][node]
}

/// The lease of a running service.
pub(super) fn lease(node: usize) -> Lease {
    Lease { data_address: format!("127.0.0.1{}:7401", node + 1), ..reserved(node) }
}

fn reserved(node: usize) -> Lease {
    Lease { id: format!("lease-{node}"), epoch: 1, token: "secret".into(), data_address: String::new() }
}

/// The lease as a node hands it over to a new life, in a higher epoch.
pub(super) fn adopted(node: usize, state: LeaseState) -> Adopted {
    Adopted { lease: Lease { epoch: 5, ..lease(node) }, service_port: 0, state }
}

pub(super) fn child(node: usize, state: ChildState) -> Child {
    Child { node: name(node).to_owned(), lease: lease(node), speed: 1.0, state }
}

/// The word of a node in its first life with a free slot.
pub(super) fn word(leases: Vec<LeaseWord>) -> NodeWord {
    NodeWord { incarnation: 1, slots_free: 1, leases, ..NodeWord::default() }
}

pub(super) fn lease_word(node: usize, state: LeaseState) -> LeaseWord {
    LeaseWord {
        lease_id: lease(node).id,
        epoch: 1,
        state,
        in_flight: None,
        cpu: 0.0,
        memory_bytes: 0,
        probe_fails: false,
        ended_by_node: false,
        reclaim: None,
        detail: String::new(),
        command: None,
    }
}

/// So many requests in flight, none of them long-lived.
pub(super) fn in_flight(in_flight: u32) -> FrontCount {
    FrontCount { in_flight, ..FrontCount::default() }
}
