//! Who serves, and who waits: the door asked request by request.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use cluster::config::{Service, sample};
use relay::{Dispatch, Failure, Head, InFlight, Pick, Protocol, Upstream, UpstreamSpec};

use super::Door;
use crate::child_list::{ChildSpec, ChildState};
use crate::pick::Candidate;

fn service(lines: &str) -> Service {
    let text = sample(1, lines).replace("capacity = 8", "capacity = 4");
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
        protocol: Protocol::Http1,
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
        token: Some("secret".into()),
        speed: 1.0,
        state,
    }
}

fn ask(door: &Door) -> Pick {
    again(door, &[])
}

/// A request that was at these upstreams before.
fn again(door: &Door, tried: &[u64]) -> Pick {
    let client = IpAddr::V4(Ipv4Addr::LOCALHOST);
    door.pick(&Head::new("GET", "/", None, client), tried)
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
async fn a_repeated_request_waits_for_a_place_where_somebody_answers() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready), child("c2", ChildState::Jeopardy)]).unwrap();
    let (_, mut places) = names(&door, 8);
    let tried = [places[0].upstream().id()];
    let Pick::Wait(repeated) = again(&door, &tried) else { panic!("c2 does not answer") };
    // What comes now waits behind it, though it may go there.
    let Pick::Wait(new) = ask(&door) else { panic!("nobody overtakes") };
    drop(places.pop());
    let (Pick::Forward(repeated), Pick::Forward(new)) = (repeated.await, new.await) else {
        panic!("no places")
    };
    assert_eq!((repeated.upstream().name(), new.upstream().name()), ("local", "c2"));
    // One that was ejected does answer.
    let c1 = door.list().children[0].seat.upstream().unwrap();
    drop(places.drain(..1));
    door.eject(|id| id == c1.id());
    assert!(matches!(again(&door, &[u64::MAX]), Pick::Forward(place) if place.upstream().id() == c1.id()));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_request_waits_elsewhere_than_where_it_was_for_a_second() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (_, mut places) = names(&door, 8);
    let tried = [places[0].upstream().id()];
    let Pick::Wait(elsewhere) = again(&door, &tried) else { panic!("the local copy is full") };
    let Pick::Wait(anywhere) = again(&door, &tried) else { panic!("the local copy is full") };
    // c1 has a place again, and then the local copy.
    drop(places.remove(0));
    assert_eq!(door.queued(), 2);
    drop(places.pop());
    assert_eq!(door.queued(), 1);
    let first = tokio::time::Instant::now();
    // The last to come goes first, and keeps its place.
    let Pick::Forward(local) = anywhere.await else { panic!("a place came free") };
    assert_eq!((local.upstream().name(), first.elapsed()), ("local", Duration::ZERO));
    let Pick::Forward(c1) = elsewhere.await else { panic!("a place is free") };
    assert_eq!((c1.upstream().name(), first.elapsed().as_secs()), ("c1", 1));
}

#[tokio::test]
async fn an_always_local_copy_is_the_first_child() {
    let door = door("local = \"always\"\nslow_start = \"0s\"\n");
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
async fn a_draining_child_that_is_gone_with_a_plain_request_was_lost_and_is_closed_at_once() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (_, _place) = serve(&door);
    door.set_list(2, vec![child("c1", ChildState::Draining)]).unwrap();
    let left = door.set_list(3, Vec::new()).unwrap().unwrap();
    assert!(left.close(&door.list()).is_empty(), "it would hang for the time of a parting");
}

#[tokio::test]
async fn a_child_that_is_not_ready_gets_nothing_more_keeps_what_runs_and_comes_back_cold() {
    let door = door("");
    let set = |generation, state| {
        let list = vec![child("c1", state), child("c2", ChildState::Ready)];
        door.set_list(generation, list).unwrap().unwrap().close(&door.list())
    };
    set(1, ChildState::Ready);
    let (name, place) = serve(&door);
    assert_eq!(name, "c1");
    assert!(set(2, ChildState::NotReady).is_empty());
    // c2 up to its hard capacity, then the local copy, and nobody after it.
    let (served, places) = names(&door, 8);
    assert_eq!(served, [["c2"; 4], ["local"; 4]].concat());
    assert!(matches!(ask(&door), Pick::Wait(_)));
    drop(places);
    set(3, ChildState::Ready);
    let seat = Arc::clone(&door.list().children[0].seat);
    assert_eq!((seat.upstream().unwrap().in_flight(), seat.warmth()), (1, 0.1), "the same seat, and cold");
    drop(place);
    assert_eq!(serve(&door).0, "c1");
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
    let Pick::Forward(elsewhere) = door.pick(&Head::new("GET", "/", None, head_client), &[tried]) else {
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

#[tokio::test(start_paused = true)]
async fn a_new_child_takes_little_while_another_is_below_high_and_all_it_can_when_none_is() {
    let door = door("slow_start = \"10s\"\n");
    // Five times as fast as `capacity` says: K = 20.
    let fast = |node| ChildSpec { speed: 5.0, ..child(node, ChildState::Ready) };
    door.set_list(1, vec![fast("c1")]).unwrap();
    let (served, _old) = names(&door, 7);
    assert_eq!(served, ["c1"; 7], "alone it is as any other");
    door.set_list(2, vec![fast("c1"), fast("c2")]).unwrap();
    // A tenth of 20: Low below 0.7, High above 1.5.
    let (served, _new) = names(&door, 3);
    assert_eq!(served, ["c2", "c1", "c2"], "Low, then in turn, then High");
    let (served, _more) = names(&door, 8);
    assert_eq!(served, ["c1"; 8], "as long as that one is below High");
    // c1 has 16 now, which is High: the new one fills up to its hard capacity before the local copy.
    let (served, _rest) = names(&door, 22);
    assert_eq!(served.iter().filter(|name| *name == "c2").count(), 18);
    assert_eq!(served.iter().filter(|name| *name == "c1").count(), 4);
}

#[tokio::test(start_paused = true)]
async fn warmth_grows_with_time_and_comes_to_an_end() {
    let door = door("slow_start = \"10s\"\n");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    door.set_list(2, vec![child("c1", ChildState::Ready), child("c2", ChildState::Ready)]).unwrap();
    let began = tokio::time::Instant::now().into_std();
    let warmth = || door.list().children.iter().map(|child| child.seat.warmth()).collect::<Vec<_>>();
    assert_eq!(warmth(), [1.0, 0.1], "the first one had nobody beside it");
    assert!(door.warm_up(began + Duration::from_secs(5)));
    assert_eq!(warmth(), [1.0, 0.5]);
    assert!(!door.warm_up(began + Duration::from_secs(10)));
    assert_eq!(warmth(), [1.0, 1.0]);
    let seat = Arc::clone(&door.list().children[0].seat);
    seat.set_out(true);
    assert!(door.bring_back(&seat));
    assert_eq!(warmth(), [0.1, 1.0], "one that was out is cold again");
}

#[tokio::test]
async fn a_restarted_always_local_copy_is_cold_while_children_serve() {
    let door = door("local = \"always\"\n");
    assert_eq!(door.local().warmth(), 1.0);
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    door.seat_local(None);
    assert_eq!(serve(&door).0, "c1");
    let restarted = seat_local(&door);
    assert_eq!(door.local().warmth(), 0.1);
    let (served, _places) = names(&door, 2);
    assert_eq!(served[0], "local");
    assert_eq!(restarted.in_flight(), 1, "what the pick reads is the new one's load");
}

#[tokio::test]
async fn an_ejected_child_takes_a_request_only_when_nobody_else_can_and_comes_back_cold() {
    let door = door("");
    let ready = |node| child(node, ChildState::Ready);
    door.set_list(1, vec![ready("c1"), ready("c2"), ready("c3")]).unwrap();
    let ids: Vec<_> = door.list().children.iter().map(|child| child.seat.upstream().unwrap().id()).collect();
    door.eject(|upstream| upstream == ids[0]);
    let (served, _places) = names(&door, 16);
    assert!(served[..8].iter().all(|name| name == "c2" || name == "c3"));
    assert_eq!(served[8..], [["local"; 4], ["c1"; 4]].concat());
    let Pick::Wait(waiting) = ask(&door) else { panic!("it is at its hard capacity too") };
    drop(waiting);
    drop(_places);
    door.eject(|_| false);
    let first = &door.list().first.seats[0];
    assert_eq!((first.name(), first.warmth(), serve(&door).0.as_str()), ("c1", 0.1, "c1"));
}

#[tokio::test]
async fn an_ejection_outlives_a_new_list_and_ends_with_the_child() {
    let door = door("");
    door.set_list(1, vec![child("c1", ChildState::Ready), child("c2", ChildState::Ready)]).unwrap();
    let id = door.list().children[0].seat.upstream().unwrap().id();
    door.eject(|upstream| upstream == id);
    door.set_list(2, vec![child("c1", ChildState::Ready)]).unwrap();
    let list = door.list();
    assert_eq!((list.first.seats.len(), list.last.seats[0].name()), (0, "c1"));
    assert_eq!(serve(&door).0, "local");
    let mut again = child("c1", ChildState::Ready);
    again.lease_id = "another".into();
    door.set_list(3, vec![again]).unwrap();
    assert_eq!(serve(&door).0, "c1");
}

#[tokio::test]
async fn the_next_pick_knows_what_was_given_back() {
    let door = door("slow_start = \"0s\"\n");
    door.set_list(1, vec![child("c1", ChildState::Ready), child("c2", ChildState::Ready)]).unwrap();
    let (served, places) = names(&door, 3);
    assert_eq!(served, ["c1", "c1", "c2"]);
    drop(places);
    assert_eq!(serve(&door).0, "c1");
}

#[tokio::test]
async fn what_still_runs_at_a_local_copy_that_was_replaced_says_nothing_of_the_new_one() {
    let door = door("local = \"always\"\nslow_start = \"0s\"\n");
    door.set_list(1, vec![child("c1", ChildState::Ready)]).unwrap();
    let (name, left_behind) = serve(&door);
    assert_eq!(name, "local");
    seat_local(&door);
    let (served, _places) = names(&door, 2);
    assert_eq!(served, ["local", "local"]);
    drop(left_behind);
    assert_eq!(serve(&door).0, "c1", "the new one is Medium");
}

/// Every place of a door with many children is found again, whoever gives it back at the same time.
#[test]
fn no_place_is_lost_while_many_take_and_give_back() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let door = door("queue_max = 100\nslow_start = \"0s\"\n");
        let specs = (0..5).map(|index| child(&format!("c{index}"), ChildState::Ready)).collect();
        door.set_list(1, specs).unwrap();
        // One more than the 24 places at a time, so that there is always somebody who waits or is about to.
        let tasks: Vec<_> = (0..25)
            .map(|_| {
                let door = Arc::clone(&door);
                tokio::spawn(async move {
                    for _ in 0..2000 {
                        let place = match ask(&door) {
                            Pick::Forward(place) => place,
                            Pick::Wait(waiting) => match waiting.await {
                                Pick::Forward(place) => place,
                                other => panic!("a place was lost: {other:?}"),
                            },
                            Pick::Refuse(refusal) => panic!("it was refused: {}", refusal.reason),
                        };
                        tokio::task::yield_now().await;
                        drop(place);
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let (served, _places) = names(&door, 24);
        assert_eq!(served.iter().filter(|name| *name == "local").count(), 4);
        assert!(matches!(ask(&door), Pick::Wait(_)));
    });
}

#[tokio::test]
async fn other_terms_hold_from_the_next_pick_and_whoever_waits_is_looked_at_again() {
    let door = door("queue_max = 1\n");
    let (_, _places) = names(&door, 4);
    let Pick::Wait(waiting) = ask(&door) else { panic!("the fifth has to wait") };
    assert!(matches!(ask(&door), Pick::Refuse(_)));
    let text = sample(1, "queue_max = 2\nlocal_capacity = 5\n");
    let wider = cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0);
    door.set_terms(&wider);
    let Pick::Forward(_fifth) = waiting.await else { panic!("there is a place for it now") };
    let _waiting = [ask(&door), ask(&door)];
    assert_eq!((door.queued(), door.queue_max()), (2, 2));
}

#[tokio::test]
async fn a_child_has_the_new_capacity_and_the_local_copy_becomes_one_with_nothing_lost() {
    let door = door("slow_start = \"0s\"\n");
    let mut fast = child("c1", ChildState::Ready);
    fast.speed = 2.0;
    door.set_list(1, vec![fast]).unwrap();
    let (served, _places) = names(&door, 3);
    assert_eq!(served, ["c1"; 3]);
    let text = sample(1, "slow_start = \"0s\"\nlocal = \"always\"\ndispatch = \"least-in-flight\"\n");
    door.set_terms(&cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0));
    let list = door.list();
    assert_eq!((list.generation, list.children[0].seat.capacity()), (1, 16.0));
    assert_eq!(serve(&door).0, "local");
    door.set_terms(&service(""));
    assert_eq!((door.list().children[0].seat.capacity(), serve(&door).0.as_str()), (8.0, "c1"));
}
