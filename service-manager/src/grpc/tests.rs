//! What is said to the service-manager, and what it takes.

use std::time::Duration;

use cluster::config::sample;
use tokio_util::sync::CancellationToken;

use super::*;

#[test]
fn a_child_is_told_again_as_it_came_with_or_without_a_token() {
    let states = [
        wire::ChildState::Ready,
        wire::ChildState::Jeopardy,
        wire::ChildState::Draining,
        wire::ChildState::NotReady,
    ];
    for (state, token) in states.into_iter().flat_map(|state| [(state, "secret"), (state, "")]) {
        let child = wire::Child {
            node: "c1".into(),
            lease_id: "l1".into(),
            address: "127.0.0.11:20001".into(),
            token: token.into(),
            speed: 1.5,
            state: state.into(),
            epoch: 7,
        };
        let spec = spec(child.clone()).unwrap();
        assert_eq!(spec.token.as_deref().unwrap_or("none"), if token.is_empty() { "none" } else { token });
        assert_eq!(child_message(&spec), child);
    }
}

#[tokio::test]
async fn a_load_manager_that_slept_through_its_successors_start_sets_no_list() {
    let text = sample(1, "");
    let service = cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0);
    let (door, _lost) = Door::new(&service);
    let listener = cluster::daemon::listener(([127, 0, 0, 1], 0).into()).unwrap();
    let dispatch = Arc::clone(&door) as Arc<dyn relay::Dispatch>;
    let relay = Relay::start(vec![listener], 1, dispatch, relay::Settings::default()).unwrap();
    let local = LocalCopy::new(Arc::clone(&door), &service);
    let setting = Arc::<Mutex<Fence>>::default();
    let control = Control {
        service: service.name,
        listen: Arc::default(),
        reloader: cluster::daemon::Reload::manual().0,
        tls_listen: None,
        certificates: None,
        door: Arc::clone(&door),
        relay: Arc::new(relay),
        local,
        commands: Arc::default(),
        listeners: mpsc::channel(1).0,
        born: Instant::now(),
        setting: Arc::clone(&setting),
        partings: TaskTracker::new(),
        upgrade: Arc::new(Upgrade {
            program: cluster::daemon::Program::of_this_process().unwrap(),
            given: std::sync::Mutex::new(None),
            door: Arc::clone(&door),
            setting: Arc::clone(&setting),
            start_timeout: ArcSwap::from_pointee(Duration::ZERO),
            successors: mpsc::channel(1).0,
            one_at_a_time: Mutex::default(),
            end: CancellationToken::new(),
        }),
    };
    let list = |incarnation, generation, nodes: &[&str]| {
        let child = |node: &&str| wire::Child {
            node: (*node).to_owned(),
            lease_id: format!("lease-{node}"),
            address: "127.0.0.11:7401".into(),
            speed: 1.0,
            state: wire::ChildState::Ready.into(),
            ..Default::default()
        };
        let children = nodes.iter().map(child).collect();
        Request::new(wire::SetChildListRequest { generation, children, incarnation, ..Default::default() })
    };
    let get = |incarnation| Request::new(wire::GetChildListRequest { incarnation });
    let (older, newer) = (7, 8);
    control.set_child_list(list(older, 1, &["c1"])).await.unwrap();
    // The newer one has only asked what there is when the older one wakes and lets go of all.
    control.get_child_list(get(newer)).await.unwrap();
    let refused = control.set_child_list(list(older, 5, &[])).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::FailedPrecondition);
    assert_eq!(control.get_child_list(get(older)).await.unwrap_err().code(), refused.code());
    assert_eq!((door.list().generation, door.list().children.len()), (1, 1));
    control.set_child_list(list(newer, 2, &[])).await.unwrap();
    assert_eq!(door.list().children.len(), 0);

    // A successor has the list: whoever asks this process is to ask again, and is not told that it is too old.
    setting.lock().await.give_up();
    let refused = control.set_child_list(list(newer, 3, &["c1"])).await.unwrap_err();
    assert_eq!(refused.code(), tonic::Code::Unavailable);
    assert_eq!(control.get_child_list(get(newer)).await.unwrap_err().code(), refused.code());
    assert_eq!(door.list().children.len(), 0);
}
