//! The manager told what happens, event by event: what it holds and what it asks for follows.

use std::time::{Duration, Instant};

use proto::service_manager as front;
use proto::task_processor as wire;
use tokio::sync::{mpsc, watch};
use tonic::transport::Endpoint;

use super::{Manager, Setup};
use crate::calls::{AddFault, Identity, NodeClient};
use crate::decider::ReadyNode;
use crate::event::Event;
use crate::journal::Journal;
use crate::node::{DrainStep, Lease, Stage};

const CONFIG: &str = r#"
[cluster]
name = "test"
[[node]]
name = "c1"
address = "127.0.0.11"
[[node]]
name = "c2"
address = "127.0.0.12"
[service.shop]
front_end = "127.0.0.1"
listen = "127.0.0.1:8080"
command = ["shopd", "{port}"]
capacity = 8
"#;

/// A manager whose nodes answer nothing: its calls end in faults that nobody reads.
struct Desk {
    manager: Manager,
    wanted: watch::Receiver<front::ChildList>,
    renewals: Vec<watch::Receiver<Vec<wire::LeaseRef>>>,
    _directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::of(CONFIG)
    }

    /// Requests go straight to the services.
    fn direct() -> Self {
        Self::of(&CONFIG.replace("\"{port}\"]", "\"{address}:{port}\"]\npath = \"direct\""))
    }

    fn of(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cluster = cluster::config::parse("cluster.toml", config).unwrap();
        let (told, events) = mpsc::channel(64);
        let (wanted, list) = watch::channel(front::ChildList::default());
        let (senders, renewals) = (0..2).map(|_| watch::channel(Vec::new())).unzip();
        let manager = Manager::new(Setup {
            service: cluster.services[0].clone(),
            identity: Identity { service: "shop".into(), front_end: "127.0.0.1".into(), incarnation: 7 },
            journal: Journal::open(&directory.path().join("why.jsonl")),
            cluster,
            wanted,
            renewals: senders,
            events,
            told,
        });
        Self { manager, wanted: list, renewals, _directory: directory }
    }

    /// A front end and both nodes are there, and nothing is held.
    fn settled() -> Self {
        let mut desk = Self::new();
        desk.settle();
        desk
    }

    fn settle(&mut self) {
        self.hear(Event::FrontUp(front::ChildList::default()));
        for node in 0..2 {
            self.hear(up(node, Some(Vec::new())));
            self.renewed(node, Vec::new());
        }
    }

    fn hear(&mut self, event: Event) {
        self.manager.hear(event);
        self.manager.publish();
    }

    fn renewed(&mut self, node: usize, leases: Vec<wire::LeaseReport>) {
        let reply = wire::RenewReply {
            sequence: 1,
            node_incarnation: 1,
            leases,
            slots_free: 1,
            ..Default::default()
        };
        self.hear(Event::Renewed { node, reply, sent: Some(Instant::now()) });
    }

    /// Lets `node` become a child.
    fn add(&mut self, node: usize) {
        let now = self.manager.now();
        self.manager.nodes[node].enter(Stage::Starting(None), now);
        self.hear(Event::Reserved { node, lease: lease(node), sent: Instant::now() });
        self.hear(Event::Added { node, result: Ok(lease(node)) });
    }

    fn stage(&self, node: usize) -> &Stage {
        &self.manager.nodes[node].stage
    }

    fn is_ready(&self, node: usize) -> bool {
        matches!(self.stage(node), Stage::Ready(_))
    }

    fn step(&self, node: usize) -> Option<DrainStep> {
        match self.stage(node) {
            Stage::Draining(_, step) => Some(*step),
            Stage::Free | Stage::Starting(_) | Stage::Ready(_) | Stage::Jeopardy(_) => None,
        }
    }

    fn listed(&self) -> Vec<(String, front::ChildState)> {
        self.wanted.borrow().children.iter().map(|child| (child.node.clone(), child.state())).collect()
    }

    fn sample(&mut self, generation: u64, in_flight: &[(usize, u32)]) {
        let load = |&(node, in_flight): &(usize, u32)| front::Load {
            node: format!("c{}", node + 1),
            lease_id: lease(node).id,
            in_flight,
            ..Default::default()
        };
        let children = in_flight.iter().map(load).collect();
        self.hear(Event::Sample(front::LoadSample {
            interval_ms: 1000,
            generation,
            local_ready: true,
            children,
            ..Default::default()
        }));
    }

    /// What the decider is told of a child that its front end says this of.
    fn told_of(&mut self, node: usize, out: Option<(front::OutReason, u64)>) -> ReadyNode {
        let out = out.map(|(reason, lasted_ms)| front::Out { reason: reason.into(), lasted_ms });
        let load = front::Load { lease_id: lease(node).id, out, ..Default::default() };
        self.hear(Event::Sample(front::LoadSample { children: vec![load], ..Default::default() }));
        let now = self.manager.now();
        self.manager.ready_node(node, now).expect("it is a child")
    }

    fn reasons(&self) -> Vec<String> {
        self.manager.journal.newest(100).into_iter().map(|decision| decision.reason).collect()
    }
}

fn lease(node: usize) -> Lease {
    Lease {
        id: format!("lease-{node}"),
        epoch: 1,
        token: "secret".into(),
        data_address: format!("127.0.0.1{}:7401", node + 1),
    }
}

fn adopted(node: usize, state: wire::LeaseState) -> wire::Adopted {
    let Lease { id, token, data_address, .. } = lease(node);
    let (ttl_ms, service_port) = (10_000, 0);
    wire::Adopted { lease_id: id, epoch: 5, ttl_ms, token, state: state.into(), data_address, service_port }
}

/// The same of a service that takes its requests itself, on that port.
fn adopted_direct(node: usize, service_port: u32) -> wire::Adopted {
    let data_address = String::new();
    wire::Adopted { data_address, service_port, ..adopted(node, wire::LeaseState::Ready) }
}

fn report(node: usize, state: wire::LeaseState) -> wire::LeaseReport {
    wire::LeaseReport { lease_id: lease(node).id, epoch: 1, state: state.into(), ..Default::default() }
}

fn child(node: usize, state: front::ChildState) -> front::Child {
    let Lease { id, epoch, token, data_address } = lease(node);
    front::Child {
        node: format!("c{}", node + 1),
        lease_id: id,
        address: data_address,
        token,
        speed: 1.0,
        state: state.into(),
        epoch,
    }
}

fn up(node: usize, adopted: Option<Vec<wire::Adopted>>) -> Event {
    let nowhere = Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
    Event::LinkUp { node, client: NodeClient::new(nowhere), adopted, asked: Instant::now() }
}

#[tokio::test]
async fn a_started_node_is_listed_and_its_lease_renewed() {
    let mut desk = Desk::settled();
    desk.add(0);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Ready)]);
    assert_eq!(desk.renewals[0].borrow().len(), 1);
}

#[tokio::test]
async fn a_failed_start_backs_off_and_a_refusal_is_kept_with_its_words() {
    let mut desk = Desk::settled();
    let now = desk.manager.now();
    for node in 0..2 {
        desk.manager.nodes[node].enter(Stage::Starting(None), now);
    }
    desk.hear(Event::Added { node: 0, result: Err(AddFault::Failed("exits at once".into())) });
    let words = "all slots are held".to_owned();
    desk.hear(Event::Added {
        node: 1,
        result: Err(AddFault::Refused { words, retry_after: Duration::ZERO }),
    });
    let status = desk.manager.status();
    assert_eq!(status.nodes[0].state, "backing off");
    assert!(status.nodes[0].detail.contains("exits at once"), "{}", status.nodes[0].detail);
    assert!(status.nodes[1].detail.contains("all slots are held"));
    assert_eq!(desk.reasons(), ["start-failed", "refused"]);
}

#[tokio::test]
async fn a_drain_waits_for_a_count_that_was_taken_after_every_worker_had_the_list() {
    let mut desk = Desk::settled();
    desk.add(0);
    desk.hear(Event::ListApplied(1));
    desk.manager.begin_drain("c1", "test");
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Draining)]);
    let mark = desk.wanted.borrow().generation;
    // Counted before the workers had the list: a request may still be on its way to it.
    desk.sample(mark - 1, &[(0, 0)]);
    desk.hear(Event::ListApplied(mark));
    assert_eq!(desk.step(0), Some(DrainStep::AtFront));
    // Counted after, and one still runs.
    desk.sample(mark, &[(0, 1)]);
    assert_eq!(desk.step(0), Some(DrainStep::AtFront));
    desk.sample(mark, &[(0, 0)]);
    assert_eq!(desk.step(0), Some(DrainStep::AtNode));
    assert!(desk.listed().is_empty());
}

#[tokio::test]
async fn a_drain_can_be_taken_back_until_the_stop() {
    let mut desk = Desk::settled();
    desk.add(0);
    desk.manager.begin_drain("c1", "test");
    desk.manager.take_back("c1");
    assert!(desk.is_ready(0));
    desk.manager.begin_drain("c1", "test");
    let mark = desk.manager.generation;
    desk.hear(Event::ListApplied(mark));
    desk.sample(mark, &[(0, 0)]);
    assert_eq!(desk.step(0), Some(DrainStep::AtNode));
    // The node was told: it is asked to take requests again, once.
    desk.manager.take_back("c1");
    assert_eq!(desk.step(0), Some(DrainStep::Returning));
    desk.manager.take_back("c1");
    desk.hear(Event::Undrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Ready)]);
    desk.manager.begin_drain("c1", "test");
    let mark = desk.manager.generation;
    desk.hear(Event::ListApplied(mark));
    desk.sample(mark, &[(0, 0)]);
    desk.hear(Event::NodeDrained { node: 0, lease_id: lease(0).id, result: Ok(()) });
    desk.manager.take_back("c1");
    assert_eq!(desk.step(0), Some(DrainStep::Ending));
    desk.hear(Event::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
    assert!(*desk.stage(0) == Stage::Free);
}

#[tokio::test]
async fn a_daemon_that_is_gone_takes_its_child_off_the_list_at_once() {
    let mut desk = Desk::settled();
    desk.add(0);
    desk.add(1);
    desk.hear(Event::LinkRefused { node: 0, words: "nothing listens".into() });
    assert_eq!(desk.listed(), [("c2".to_owned(), front::ChildState::Ready)]);
    assert_eq!(desk.manager.status().nodes[0].state, "unreachable");
    assert!(desk.reasons().contains(&"lost".to_owned()));
    assert!(desk.renewals[0].borrow().is_empty());
}

#[tokio::test]
async fn a_service_that_crashes_soon_after_its_start_backs_its_node_off() {
    let mut desk = Desk::settled();
    desk.add(0);
    desk.renewed(0, vec![report(0, wire::LeaseState::Gone)]);
    assert!(desk.listed().is_empty());
    assert_eq!(desk.manager.status().nodes[0].state, "backing off");
}

#[tokio::test]
async fn a_node_that_drains_by_itself_is_drained_and_one_that_stops_is_lost() {
    let mut desk = Desk::settled();
    desk.add(0);
    desk.add(1);
    desk.renewed(0, vec![report(0, wire::LeaseState::Draining)]);
    desk.renewed(1, vec![report(1, wire::LeaseState::Stopping)]);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Draining)]);
    assert!(*desk.stage(1) == Stage::Free);
}

#[tokio::test]
async fn a_lease_of_ours_that_nobody_knows_is_given_back() {
    let mut desk = Desk::settled();
    desk.renewed(0, vec![report(0, wire::LeaseState::Ready)]);
    assert_eq!(desk.step(0), Some(DrainStep::Ending));
    assert!(desk.listed().is_empty());
}

#[tokio::test]
async fn a_restarted_load_manager_goes_on_from_the_list_and_the_nodes() {
    // Whichever is heard first, and whatever the lease is at.
    for front_first in [true, false] {
        let mut desk = Desk::new();
        let list = || front::ChildList {
            generation: 41,
            children: vec![child(1, front::ChildState::Ready), child(0, front::ChildState::Ready)],
        };
        let nodes = [wire::LeaseState::Ready, wire::LeaseState::Draining];
        if front_first {
            desk.hear(Event::FrontUp(list()));
        }
        for (node, state) in nodes.into_iter().enumerate() {
            desk.hear(up(node, Some(vec![adopted(node, state)])));
        }
        if !front_first {
            desk.hear(Event::FrontUp(list()));
        }
        let expected =
            [("c2".to_owned(), front::ChildState::Draining), ("c1".to_owned(), front::ChildState::Ready)];
        assert_eq!(desk.listed(), expected, "front first: {front_first}");
        assert!(desk.wanted.borrow().generation > 41);
        assert!(desk.wanted.borrow().children.iter().all(|child| child.epoch == 5), "the newer epochs count");
    }
}

#[tokio::test]
async fn a_node_that_has_forgotten_the_lease_of_the_list_is_no_child() {
    let mut desk = Desk::new();
    desk.hear(Event::FrontUp(front::ChildList {
        generation: 3,
        children: vec![child(0, front::ChildState::Ready)],
    }));
    desk.hear(up(0, Some(Vec::new())));
    assert!(desk.listed().is_empty());
}

#[tokio::test]
async fn a_restarted_service_manager_is_given_the_list_again() {
    let mut desk = Desk::settled();
    desk.add(0);
    let before = desk.wanted.borrow_and_update().generation;
    desk.hear(Event::FrontDown("gone".into()));
    desk.hear(Event::FrontUp(front::ChildList::default()));
    assert!(desk.wanted.has_changed().unwrap());
    assert!(desk.wanted.borrow().generation > before);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Ready)]);
}

#[tokio::test]
async fn a_reclaim_drains_the_child() {
    let mut desk = Desk::settled();
    desk.add(0);
    let reason = "an operator drained the node".to_owned();
    let reclaim = Some(wire::Reclaim { notice_ms: 30_000, reason, ..Default::default() });
    desk.renewed(0, vec![wire::LeaseReport { reclaim, ..report(0, wire::LeaseState::Ready) }]);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Draining)]);
    assert!(desk.reasons().contains(&"reclaimed".to_owned()));
}

#[tokio::test]
async fn a_child_that_its_front_end_put_out_is_told_to_the_decider_and_after_a_while_as_silent() {
    let mut desk = Desk::settled();
    desk.add(0);
    let (no_connection, errors) = (front::OutReason::NoConnection, front::OutReason::OutReason5xx);
    let silent = desk.manager.service.scaling.node_data_timeout;
    let mut told = |out| {
        let node = desk.told_of(0, out);
        (node.is_out, node.data_age >= silent)
    };
    assert_eq!(told(None), (false, false));
    // A blip, which its probes end within a second, replaces nobody ...
    assert_eq!(told(Some((no_connection, 500))), (true, false));
    // ... and one that cannot be reached for longer is as good as silent.
    assert_eq!(told(Some((no_connection, 6_000))), (true, true));
    // It answers, if not well, however long it is out for that.
    assert_eq!(told(Some((errors, 60_000))), (true, false));
    assert_eq!(told(None), (false, false));
}

#[tokio::test]
async fn word_from_before_a_stage_does_not_end_it() {
    let mut desk = Desk::settled();
    let before = Instant::now();
    desk.add(0);
    let reply = wire::RenewReply {
        sequence: 1,
        node_incarnation: 1,
        leases: vec![report(0, wire::LeaseState::Draining)],
        ..Default::default()
    };
    desk.hear(Event::Renewed { node: 0, reply, sent: Some(before) });
    assert!(desk.is_ready(0));
}

#[tokio::test]
async fn a_service_that_takes_its_requests_itself_is_listed_by_its_port_and_without_a_token() {
    let mut desk = Desk::direct();
    desk.hear(Event::FrontUp(front::ChildList::default()));
    desk.hear(up(0, Some(vec![adopted_direct(0, 20_001)])));
    let child = desk.wanted.borrow().children[0].clone();
    assert_eq!((child.address.as_str(), child.token.as_str()), ("127.0.0.11:20001", ""));
    assert_eq!(desk.manager.status().nodes[0].address, "127.0.0.11:20001");
}

#[tokio::test]
async fn a_lease_whose_requests_would_go_where_they_must_not_is_given_back() {
    let ready = |node| adopted(node, wire::LeaseState::Ready);
    let elsewhere = wire::Adopted { data_address: "10.9.9.9:7401".into(), ..ready(0) };
    let cases = [
        (Desk::new(), elsewhere, "10.9.9.9:7401"),
        (Desk::new(), adopted_direct(0, 20_001), "relays no requests"),
        (Desk::direct(), ready(0), "relays requests"),
        (Desk::direct(), adopted_direct(0, 22), "port 22"),
    ];
    for (mut desk, said, words) in cases {
        // By the list of an earlier life it is a child, until the node is heard.
        let children = vec![child(0, front::ChildState::Ready)];
        desk.hear(Event::FrontUp(front::ChildList { generation: 3, children }));
        desk.hear(up(0, Some(vec![said.clone()])));
        assert!(desk.listed().is_empty(), "{words}");
        assert_eq!(desk.step(0), Some(DrainStep::Ending));
        let detail = desk.manager.status().nodes[0].detail.clone();
        assert!(detail.contains(words), "{detail}");
        // And it becomes none when nothing but the node knows of it.
        desk.hear(Event::Released { node: 0, lease_id: lease(0).id, result: Ok(()) });
        desk.hear(up(0, Some(vec![said])));
        assert!(desk.listed().is_empty(), "{words}");
        assert_eq!(desk.step(0), Some(DrainStep::Ending));
    }
}

#[tokio::test]
async fn a_child_whose_service_does_not_answer_its_probe_is_listed_so_where_its_node_cannot_refuse() {
    let mut relayed = Desk::settled();
    relayed.add(0);
    relayed.renewed(0, vec![wire::LeaseReport { probe_fails: true, ..report(0, wire::LeaseState::Ready) }]);
    assert_eq!(relayed.listed(), [("c1".to_owned(), front::ChildState::Ready)]);

    let mut desk = Desk::direct();
    desk.settle();
    desk.add(0);
    let said = |probe_fails| wire::LeaseReport { probe_fails, ..report(0, wire::LeaseState::Ready) };
    desk.renewed(0, vec![said(true)]);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::NotReady)]);
    assert_eq!(desk.manager.status().nodes[0].state, "not ready");
    let now = desk.manager.now();
    assert!(desk.manager.fleet(now).ready[0].is_out, "it is no capacity on the way up");
    desk.renewed(0, vec![said(false)]);
    assert!(!desk.manager.fleet(now).ready[0].is_out);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Ready)]);
    // One that is drained is not held up by its probe, and its successor begins anew.
    desk.renewed(0, vec![said(true)]);
    desk.manager.begin_drain("c1", "test");
    desk.manager.publish();
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Draining)]);
    desk.hear(Event::LinkRefused { node: 0, words: "nothing listens".into() });
    desk.add(0);
    assert_eq!(desk.listed(), [("c1".to_owned(), front::ChildState::Ready)]);
}

#[tokio::test(start_paused = true)]
async fn a_service_is_left_the_time_in_which_the_front_end_closes_what_goes_straight_to_it() {
    let waits = [(Desk::new(), 1, 0), (Desk::direct(), 0, 0), (Desk::direct(), 1, 6)];
    for (mut desk, long_lived, wait_s) in waits {
        desk.settle();
        desk.add(0);
        desk.manager.service.long_lived_timeout = Duration::ZERO;
        desk.manager.begin_drain("c1", "test");
        let mark = desk.wanted.borrow().generation;
        desk.hear(Event::ListApplied(mark));
        let load =
            front::Load { lease_id: lease(0).id, in_flight: long_lived, long_lived, ..Default::default() };
        let sample = front::LoadSample { generation: mark, children: vec![load], ..Default::default() };
        desk.hear(Event::Sample(sample));
        assert_eq!(desk.step(0), Some(DrainStep::AtNode));
        let asked = tokio::time::Instant::now();
        // Nobody answers there; the clock is paused and goes on only where nothing else is left to do.
        while desk.step(0) == Some(DrainStep::AtNode) {
            let event = desk.manager.events.recv().await.unwrap();
            desk.hear(event);
        }
        let waited = asked.elapsed();
        assert!(
            waited >= Duration::from_secs(wait_s) && waited < Duration::from_secs(wait_s + 1),
            "{waited:?}"
        );
    }
}
