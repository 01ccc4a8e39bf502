//! What a sample says of copies that are out.

use std::net::SocketAddr;

use cluster::config::sample;
use relay::{Dispatch, Failure, Protocol, UpstreamSpec};

use super::*;
use crate::child_list::{ChildSpec, ChildState};

const NOWHERE: &str = "127.0.0.1:1";

fn address() -> SocketAddr {
    NOWHERE.parse().unwrap()
}

/// A door with a local copy that serves beside two children, c1 and c2; what is lost waits for its probes.
fn door() -> (Arc<Door>, mpsc::Receiver<Arc<Seat>>) {
    let text = sample(1, "local = \"always\"\n");
    let (door, lost) = Door::new(&cluster::config::parse("cluster.toml", &text).unwrap().services[0]);
    let local = UpstreamSpec {
        name: "local".into(),
        address: address(),
        token: None,
        may_refuse: false,
        protocol: Protocol::Http1,
    };
    door.seat_local(Some(door.upstream(local)));
    let child = |node: &str| ChildSpec {
        node: node.into(),
        lease_id: format!("lease-{node}"),
        epoch: 1,
        address: address(),
        token: Some("secret".into()),
        speed: 1.0,
        state: ChildState::Ready,
    };
    door.set_list(1, vec![child("c1"), child("c2")]).unwrap();
    (door, lost)
}

/// Whether the local copy counts, and why each child is out.
fn told(door: &Arc<Door>) -> (bool, Vec<Option<OutReason>>) {
    let sample = Sampler::new(Arc::clone(door), watch::channel(Duration::from_secs(1)).1).sample(1);
    (sample.local_ready, sample.children.iter().map(|load| load.out.map(|out| out.reason())).collect())
}

#[tokio::test]
async fn each_child_that_is_out_is_told_with_the_reason_until_it_is_in() {
    let (door, _lost) = door();
    let c2 = Arc::clone(&door.list().children[1].seat);
    assert_eq!(told(&door), (true, vec![None, None]));
    door.failed(&c2.upstream().unwrap(), Failure::Connect);
    assert_eq!(told(&door), (true, vec![None, Some(OutReason::NoConnection)]));
    let c1 = door.list().children[0].seat.upstream().unwrap();
    door.eject(|upstream| upstream == c1.id());
    let both = vec![Some(OutReason::OutReason5xx), Some(OutReason::NoConnection)];
    assert_eq!(told(&door), (true, both));
    assert!(door.bring_back(&c2));
    door.eject(|_| false);
    assert_eq!(told(&door), (true, vec![None, None]));
}

#[tokio::test]
async fn a_local_copy_that_is_out_is_not_told_as_ready() {
    let (door, _lost) = door();
    let local = door.local().upstream().unwrap();
    door.eject(|upstream| upstream == local.id());
    assert_eq!(told(&door), (false, vec![None, None]));
    door.eject(|_| false);
    door.failed(&local, Failure::Refused);
    assert_eq!(told(&door), (false, vec![None, None]));
}
