//! Who serves, and who waits: the door asked request by request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use cluster::config::Service;
use relay::{Dispatch, Failure, Head, InFlight, Pick, Upstream, UpstreamSpec};

use super::Door;
use crate::child_list::{ChildSpec, ChildState};

fn service(lines: &str) -> Service {
    let text = format!(
        "[cluster]\nname = \"test\"\n[[node]]\nname = \"c1\"\naddress = \"127.0.0.11\"\n[service.shop]\n\
         front_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\ncommand = [\"shopd\", \"{{port}}\"]\ncapacity = 4\n{lines}"
    );
    cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0)
}

/// A door whose local copy is ready.
fn door(lines: &str) -> Arc<Door> {
    let (door, _lost) = Door::new(&service(lines));
    // The receiver of lost seats is gone: nothing probes here, so nothing is taken out either.
    seat_local(&door);
    door
}

fn seat_local(door: &Arc<Door>) -> Arc<Upstream> {
    let upstream = door.upstream(UpstreamSpec {
        name: "local".into(),
        address: "127.0.0.1:1".parse().unwrap(),
        token: None,
        may_refuse: false,
    });
    door.seat_local(Some(Arc::clone(&upstream)));
    upstream
}

fn child(node: &str, state: ChildState) -> ChildSpec {
    ChildSpec {
        node: node.into(),
        lease_id: format!("lease-{node}"),
        epoch: 1,
        address: "127.0.0.1:2".parse().unwrap(),
        token: "secret".into(),
        speed: 1.0,
        state,
    }
}

fn ask(door: &Door) -> Pick {
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    door.pick(&Head::listed("GET", "/", &[], client), &[])
}

/// Takes a place and says at whom.
fn serve(door: &Door) -> (String, InFlight) {
    match ask(door) {
        Pick::Forward(place) => (place.upstream().name().to_owned(), place),
        Pick::Wait(_) => panic!("it had to wait"),
        Pick::Refuse(refusal) => panic!("it was refused: {}", refusal.reason),
    }
}

fn names(door: &Door, count: usize) -> (Vec<String>, Vec<InFlight>) {
    (0..count).map(|_| serve(door)).unzip()
}

#[tokio::test]
async fn the_local_copy_serves_alone_up_to_its_capacity_then_requests_wait() {
    let door = door("");
    let (served, places) = names(&door, 4);
    assert_eq!(served, ["local"; 4]);
    let Pick::Wait(waiting) = ask(&door) else { panic!("the fifth has to wait") };
    assert_eq!(door.queued(), 1);
    drop(places);
    assert!(matches!(waiting.await, Pick::Forward(_)));
    assert_eq!(door.queued(), 0);
}

#[tokio::test]
async fn children_serve_before_the_local_copy_and_it_before_the_queue() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready), child("c2", ChildState::Jeopardy)]).unwrap();
    let (served, _places) = names(&door, 12);
    // c1 up to its hard capacity, then the local copy, then the one whose node does not answer.
    let expected = [["c1"; 4], ["local"; 4], ["c2"; 4]].concat();
    assert_eq!(served, expected);
    assert!(matches!(ask(&door), Pick::Wait(_)));
}

#[tokio::test]
async fn an_always_local_copy_is_the_first_child() {
    let door = door("local = \"always\"\n");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    // low = 0.35 of 4: Low below 1.4, so each takes two until it is Medium.
    let (served, _places) = names(&door, 4);
    assert_eq!(served, ["local", "local", "c1", "c1"]);
}

#[tokio::test]
async fn a_draining_child_gets_nothing_more_and_keeps_what_runs() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (_, place) = serve(&door);
    door.set_list(2, vec![child("c1", ChildState::Draining)]).unwrap();
    assert_eq!(serve(&door).0, "local");
    assert_eq!(place.upstream().in_flight(), 1);
    assert_eq!(door.list().children[0].seat.upstream().unwrap().in_flight(), 1, "it is the same seat");
}

#[tokio::test]
async fn a_new_child_serves_those_who_wait() {
    let door = door("");
    let (_, _places) = names(&door, 4);
    let Pick::Wait(waiting) = ask(&door) else { panic!("the fifth has to wait") };
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let Pick::Forward(place) = waiting.await else { panic!("c1 has room") };
    assert_eq!(place.upstream().name(), "c1");
}

#[tokio::test]
async fn nobody_overtakes_those_who_wait() {
    let door = door("");
    let (_, mut places) = names(&door, 4);
    let Pick::Wait(first) = ask(&door) else { panic!("the fifth has to wait") };
    let Pick::Wait(second) = ask(&door) else { panic!("the sixth too") };
    places.pop();
    // The place is the first one's already, whoever asks now.
    assert!(matches!(ask(&door), Pick::Wait(_)));
    assert!(matches!(first.await, Pick::Forward(_)));
    drop(second);
    assert_eq!(door.queued(), 0);
}

#[tokio::test(start_paused = true)]
async fn waiting_has_its_bounds_and_each_has_its_reason() {
    let door = door("queue_max = 1\nqueue_timeout = \"2s\"\n");
    let (_, _places) = names(&door, 4);
    let Pick::Wait(waiting) = ask(&door) else { panic!("the fifth has to wait") };
    let Pick::Refuse(full) = ask(&door) else { panic!("the queue is full") };
    assert_eq!((full.status, full.reason, full.retry_after), (503, "queue-full", Some(1)));
    let Pick::Refuse(late) = waiting.await else { panic!("no place came free") };
    assert_eq!((late.status, late.reason), (503, "queue-timeout"));
    door.seat_local(None);
    let Pick::Wait(waiting) = ask(&door) else { panic!("it may come back") };
    let Pick::Refuse(nobody) = waiting.await else { panic!("it did not come back") };
    assert_eq!(nobody.reason, "no-upstream");
}

#[tokio::test]
async fn a_repeated_request_goes_elsewhere_and_waits_in_front() {
    let door = door("queue_max = 1\n");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (name, place) = serve(&door);
    assert_eq!(name, "c1");
    let tried = place.upstream().id();
    drop(place);
    let head_client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let Pick::Forward(elsewhere) = door.pick(&Head::listed("GET", "/", &[], head_client), &[tried]) else {
        panic!("the local copy has room")
    };
    assert_eq!(elsewhere.upstream().name(), "local");
}

#[tokio::test]
async fn a_copy_whose_connects_fail_is_passed_over() {
    let (door, mut lost) = Door::new(&service(""));
    seat_local(&door);
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (_, place) = serve(&door);
    door.failed(place.upstream(), Failure::Connect);
    assert_eq!(serve(&door).0, "local");
    let seat = tokio::time::timeout(Duration::from_secs(5), lost.recv()).await.unwrap().unwrap();
    assert_eq!(seat.name(), "c1");
    seat.set_out(false);
    assert_eq!(serve(&door).0, "c1");
}
