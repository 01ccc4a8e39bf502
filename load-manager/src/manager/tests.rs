//! The manager's own part: that what it hears reaches the holder in the holder's time, and that what the
//! holder wants is carried out. What the holder makes of it is tested there.

use std::time::{Duration, Instant};

use cluster::config::sample;
use cluster::daemon::Reload;
use proto::load_manager::StatusReply;
use proto::service_manager as front;
use proto::task_processor as node;
use tokio::sync::{mpsc, watch};
use tonic::transport::Endpoint;

use super::{Links, Manager, Setup};
use crate::calls::{Identity, NodeClient};
use crate::event::{Event, Past};
use crate::holder::{AddFault, Heard};
use crate::journal::Journal;
use crate::node::Lease;

/// How long anything here may take.
const LIMIT: Duration = Duration::from_secs(10);

/// A manager of one node, on whose port nobody listens: its calls end in faults.
struct Desk {
    manager: Manager,
    wanted: watch::Receiver<front::SetChildListRequest>,
    renewals: watch::Receiver<Vec<node::LeaseRef>>,
    _directory: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        Self::of(&sample(1, ""))
    }

    fn of(config: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let cluster = cluster::config::parse("cluster.toml", config).unwrap();
        let (told, events) = mpsc::channel(64);
        let (wanted, list) = watch::channel(front::SetChildListRequest::default());
        let (renewal, renewals) = watch::channel(Vec::new());
        let identity = Identity { service: "shop".into(), front_end: "127.0.0.1".into(), incarnation: 7 };
        let mut links = Links::new(identity.clone(), Duration::from_secs(3), told.clone(), None);
        links.pretend(0, renewal);
        let manager = Manager::new(Setup {
            service: cluster.services[0].clone(),
            identity,
            journal: Journal::open(&directory.path().join("why.jsonl")),
            cluster,
            wanted,
            links,
            reload: Reload::manual().1,
            events,
            told,
        });
        Self { manager, wanted: list, renewals, _directory: directory }
    }

    /// A front end and the node are there, and a request waits: the node is ordered.
    fn ordering() -> Self {
        let mut desk = Self::new();
        desk.order();
        desk
    }

    /// The same for one that is there already.
    fn order(&mut self) {
        self.hear(Event::FrontUp(front::ChildList::default()));
        let nowhere = Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
        let (client, asked) = (NodeClient::new(nowhere), Instant::now());
        self.hear(Event::LinkUp { node: 0, client, adopted: Some(Vec::new()), asked });
        let reply = node::RenewReply { node_incarnation: 1, slots_free: 1, ..Default::default() };
        self.hear(Event::Renewed { node: 0, reply, sent: Some(Instant::now()) });
        self.hear(Event::Sample(front::LoadSample { interval_ms: 1000, queued: 1, ..Default::default() }));
    }

    /// The same a moment later: it is a child.
    fn with_child() -> Self {
        let mut desk = Self::ordering();
        desk.hear(Event::Reserved { node: 0, lease: lease(), sent: Instant::now() });
        desk.hear(Event::Heard(Heard::Added { node: 0, result: Ok(lease()) }));
        desk
    }

    fn hear(&mut self, event: Event) {
        self.manager.hear(event);
        self.manager.carry_out().unwrap();
    }

    fn status(&self) -> StatusReply {
        self.manager.status()
    }

    fn reasons(&self) -> Vec<String> {
        let past = Past { at_unix_ms: None, limit: 100 };
        self.manager.journal.past(past).into_iter().map(|decision| decision.reason).collect()
    }
}

fn lease() -> Lease {
    Lease { id: "lease".into(), epoch: 3, token: "secret".into(), data_address: "127.0.0.11:7401".into() }
}

#[tokio::test]
async fn the_list_goes_to_the_service_manager_and_the_lease_to_its_link() {
    let desk = Desk::with_child();
    let child = front::Child {
        node: "c1".into(),
        lease_id: "lease".into(),
        address: "127.0.0.11:7401".into(),
        token: "secret".into(),
        speed: 1.0,
        state: front::ChildState::Ready.into(),
        epoch: 3,
    };
    let told = desk.wanted.borrow().clone();
    assert_eq!((told.generation, told.children, told.commands), (1, vec![child], Some(Default::default())));
    assert_eq!(*desk.renewals.borrow(), [node::LeaseRef { lease_id: "lease".into(), epoch: 3 }]);
}

#[tokio::test]
async fn where_requests_go_straight_the_service_itself_is_listed_and_shown_with_what_its_probe_says() {
    let direct = sample(1, "path = \"direct\"\n").replace("{port}", "{address}:{port}");
    let mut desk = Desk::of(&direct);
    desk.order();
    // What the calls make of it: no token, for the service would pass it on.
    let straight = Lease { token: String::new(), data_address: "127.0.0.11:20001".into(), ..lease() };
    desk.hear(Event::Reserved { node: 0, lease: lease(), sent: Instant::now() });
    desk.hear(Event::Heard(Heard::Added { node: 0, result: Ok(straight) }));
    let listed = |desk: &Desk| desk.wanted.borrow().children[0].clone();
    assert_eq!((listed(&desk).address.as_str(), listed(&desk).token.as_str()), ("127.0.0.11:20001", ""));
    assert_eq!(desk.status().nodes[0].address, "127.0.0.11:20001");

    let answers = |probe_fails: bool| {
        let state = node::LeaseState::Ready.into();
        let report = node::LeaseReport {
            lease_id: "lease".into(),
            epoch: 3,
            state,
            probe_fails,
            ..Default::default()
        };
        let reply = node::RenewReply {
            node_incarnation: 1,
            leases: vec![report],
            requests_cut: u64::from(probe_fails),
            ..Default::default()
        };
        Event::Renewed { node: 0, reply, sent: Some(Instant::now()) }
    };
    desk.hear(answers(true));
    assert_eq!(listed(&desk).state(), front::ChildState::NotReady);
    let shown = desk.status().nodes.remove(0);
    assert_eq!((shown.state.as_str(), shown.in_flight, shown.requests_cut), ("not ready", None, 1));
    assert_eq!(shown.detail, "the service does not answer its readiness probe there");
    desk.hear(answers(false));
    assert_eq!(listed(&desk).state(), front::ChildState::Ready);
    let shown = desk.status().nodes.remove(0);
    assert_eq!((shown.state.as_str(), shown.detail.as_str()), ("ready", ""));
}

#[tokio::test]
async fn which_command_a_copy_runs_is_shown_and_told_to_the_service_manager_once() {
    let mut desk = Desk::with_child();
    let old = "00000000000000ab".to_owned();
    let own = desk.manager.service.command_digest().to_string();
    let says = |runs: &str, starts: &str| {
        let report = node::LeaseReport {
            lease_id: "lease".into(),
            epoch: 3,
            state: node::LeaseState::Ready.into(),
            command_digest: runs.into(),
            ..Default::default()
        };
        let reply = node::RenewReply {
            node_incarnation: 1,
            leases: vec![report],
            command_digest: starts.into(),
            ..Default::default()
        };
        Event::Renewed { node: 0, reply, sent: Some(Instant::now()) }
    };
    let told = |desk: &mut Desk| {
        desk.wanted.mark_unchanged();
        desk.manager.tell_commands();
        let is_news = desk.wanted.has_changed().unwrap();
        is_news.then(|| desk.wanted.borrow().commands.unwrap())
    };
    desk.hear(says(&old, &old));
    let commands = front::Commands { new: 0, old: 1, stopped: false };
    assert_eq!((told(&mut desk), told(&mut desk)), (Some(commands), None));
    let (shown, rollout) = (desk.status().nodes.remove(0), desk.status().rollout.unwrap());
    assert_eq!(
        (shown.command.as_str(), shown.detail.as_str()),
        ("old", "its cluster.toml has another command than the front end's")
    );
    assert_eq!((rollout.state.as_str(), rollout.new, rollout.old), ("waiting", 0, 1));
    desk.hear(says(&old, &own));
    assert_eq!(desk.status().nodes.remove(0).detail, "it runs an older command");
    desk.hear(says(&own, &own));
    assert_eq!(told(&mut desk), Some(front::Commands { new: 1, ..Default::default() }));
    let shown = desk.status().nodes.remove(0);
    assert_eq!((shown.command.as_str(), shown.detail.as_str(), desk.status().rollout), ("new", "", None));
    // One of an earlier version does not say.
    let mut desk = Desk::with_child();
    desk.hear(says("", ""));
    assert_eq!((told(&mut desk), desk.status().nodes.remove(0).command.as_str()), (None, ""));
}

#[tokio::test]
async fn an_order_is_made_and_what_comes_of_it_is_heard() {
    let mut desk = Desk::ordering();
    let event = tokio::time::timeout(LIMIT, desk.manager.events.recv()).await.unwrap().unwrap();
    assert!(matches!(&event, Event::Heard(Heard::Added { node: 0, result: Err(AddFault::Refused { .. }) })));
    desk.hear(event);
    assert_eq!(desk.reasons(), ["queued", "refused"]);
}

#[tokio::test]
async fn a_call_that_nobody_waits_for_any_more_is_given_up() {
    let mut desk = Desk::with_child();
    let reclaim = Some(node::Reclaim {
        notice_ms: 30_000,
        reason: "an operator drained the node".into(),
        ..Default::default()
    });
    let state = node::LeaseState::Ready.into();
    let report =
        node::LeaseReport { lease_id: "lease".into(), epoch: 3, state, reclaim, ..Default::default() };
    let reply = node::RenewReply { node_incarnation: 1, leases: vec![report], ..Default::default() };
    desk.hear(Event::Renewed { node: 0, reply, sent: Some(Instant::now()) });
    let generation = desk.wanted.borrow().generation;
    desk.hear(Event::Heard(Heard::ListApplied(generation)));
    desk.hear(Event::Sample(front::LoadSample { generation, ..Default::default() }));
    assert_eq!(desk.status().nodes[0].state, "draining");
    desk.hear(Event::Heard(Heard::LinkRefused { node: 0, words: "nothing listens".into() }));
    // The order was never answered either, but that call ends by itself.
    let mut ends = Vec::new();
    while let Some(end) = tokio::time::timeout(LIMIT, desk.manager.calls.join_next()).await.unwrap() {
        ends.push(end.is_err_and(|fault| fault.is_cancelled()));
    }
    ends.sort_unstable();
    assert_eq!(ends, [false, true]);
}

#[tokio::test(start_paused = true)]
async fn a_drain_is_answered_so_much_later_as_it_is_to_be() {
    let mut desk = Desk::with_child();
    let began = tokio::time::Instant::now();
    desk.manager.drain(0, lease().reference(), Duration::from_secs(6));
    loop {
        let event = desk.manager.events.recv().await.unwrap();
        // What comes of the order is not looked at.
        if let Event::Heard(Heard::NodeDrained { node, lease_id, .. }) = event {
            assert_eq!((node, lease_id.as_str()), (0, "lease"));
            break;
        }
    }
    let waited = began.elapsed();
    assert!(waited >= Duration::from_secs(6) && waited < Duration::from_secs(7), "{waited:?}");
}

#[tokio::test]
async fn a_moment_is_told_in_the_holders_time() {
    let mut desk = Desk::ordering();
    let sent = desk.manager.born + Duration::from_secs(3);
    desk.hear(Event::Reserved { node: 0, lease: lease(), sent });
    assert_eq!(desk.manager.holder.nodes()[0].answered, Duration::from_secs(3));
    // The first question was asked before the manager was there.
    let before = desk.manager.born.checked_sub(Duration::from_secs(1)).unwrap();
    let reply = node::RenewReply { node_incarnation: 1, ..Default::default() };
    desk.hear(Event::Renewed { node: 0, reply, sent: Some(before) });
    assert_eq!(desk.manager.holder.nodes()[0].answered, Duration::ZERO);
}

#[tokio::test]
async fn a_person_is_shown_what_is_held_wanted_and_due() {
    assert_eq!(Desk::new().status().claim, None, "nothing is wanted before the first decision");
    let mut desk = Desk::with_child();
    let claim = |desk: &Desk| desk.status().claim.map(|claim| (claim.held, claim.want, claim.share));
    assert_eq!(claim(&desk), Some((1, 1, None)));
    let mail = node::Claim {
        service: "mail".into(),
        front_end: "127.0.0.2".into(),
        want: 1,
        max: 1,
        weight: 1.0,
        priority: 1,
        ..Default::default()
    };
    let claims = vec![mail];
    let reply = node::RenewReply { node_incarnation: 1, claims, ..Default::default() };
    desk.hear(Event::Renewed { node: 0, reply, sent: Some(Instant::now()) });
    // There is one node, and mail goes before it.
    assert_eq!(claim(&desk), Some((1, 1, Some(0))));
    assert_eq!(desk.status().standby, 0);
}

#[tokio::test]
async fn what_had_to_be_done_is_kept_and_shown() {
    let mut desk = Desk::ordering();
    desk.hear(Event::Heard(Heard::Added { node: 0, result: Err(AddFault::Failed("exits at once".into())) }));
    let status = desk.status();
    assert_eq!(status.nodes[0].state, "backing off");
    assert!(status.nodes[0].detail.starts_with("exits at once; asked again in "));
    assert_eq!(desk.reasons(), ["queued", "start-failed"]);
    let last = status.last.unwrap();
    assert_eq!((last.action.as_str(), last.count, last.nodes), ("failed", 1, vec!["c1".to_owned()]));
    assert_eq!(last.sentence, "exits at once; the node is left alone for 10 s");
    assert!(last.unix_ms > 0 && last.figures.is_some());
}

#[tokio::test]
async fn a_node_that_joins_has_a_link_and_one_that_has_left_has_none_and_is_not_heard() {
    let mut desk = Desk::ordering();
    let renamed = sample(1, "").replace("c1", "c2").replace("127.0.0.11", "127.0.0.12");
    let read = cluster::config::parse("cluster.toml", &renamed).unwrap();
    desk.manager.follow(&read);
    desk.manager.carry_out().unwrap();
    // Its order is under way and comes to its end first.
    assert_eq!([0, 1].map(|node| desk.manager.links.is_open(node)), [true, true]);
    let states: Vec<_> = desk.status().nodes.into_iter().map(|node| (node.node, node.state)).collect();
    let expected = [("c2", "unknown"), ("c1", "starting")].map(|(name, state)| (name.into(), state.into()));
    assert_eq!(states, expected);
    desk.hear(Event::Heard(Heard::Added { node: 0, result: Err(AddFault::Failed("exits at once".into())) }));
    assert_eq!([0, 1].map(|node| desk.manager.links.is_open(node)), [false, true]);
    let nowhere = Endpoint::from_static("http://127.0.0.1:9").connect_lazy();
    let (client, asked) = (NodeClient::new(nowhere), Instant::now());
    desk.hear(Event::LinkUp { node: 0, client, adopted: Some(Vec::new()), asked });
    assert!(desk.manager.clients[0].is_none());
    assert_eq!(desk.status().nodes.len(), 1);
    assert_eq!(desk.reasons(), ["queued", "removed", "joined", "start-failed"]);
}

#[tokio::test]
async fn one_that_was_fenced_ends_and_says_so() {
    let desk = Desk::new();
    let reply = node::RenewReply { fenced: true, ..Default::default() };
    desk.manager.told.try_send(Event::Renewed { node: 0, reply, sent: None }).ok().unwrap();
    let ended = tokio::time::timeout(LIMIT, desk.manager.run(std::future::pending())).await.unwrap();
    assert!(ended.unwrap_err().to_string().contains("node c1 serves a newer one"));
}
