//! Requests that go straight to the services, and leases whose requests would go where they must not.

use super::diary::*;
use crate::holder::*;
use crate::node::{DrainStep, FrontCount, Lease};

/// A lease of a service that takes its requests itself, on that port.
fn adopted_direct(node: usize, service_port: u32) -> Adopted {
    let Adopted { lease, state, .. } = adopted(node, LeaseState::Ready);
    Adopted { lease: Lease { data_address: String::new(), ..lease }, service_port, state }
}

/// Both nodes are children whose requests go straight to the services.
fn with_children() -> Diary {
    let mut day = Diary::of(direct(2));
    day.settle();
    day.add_children();
    day
}

#[test]
fn a_service_that_takes_its_requests_itself_is_listed_by_its_port_and_without_a_token() {
    let mut day = Diary::of(direct(2));
    day.hear(Heard::FrontUp(ChildList::default()));
    day.linked(0, vec![adopted_direct(0, 20_001)]);
    let Lease { data_address, token, .. } = &day.holder.list().children[0].lease;
    assert_eq!((data_address.as_str(), token.as_str()), ("127.0.0.11:20001", ""));
}

#[test]
fn a_lease_whose_requests_would_go_where_they_must_not_is_given_back() {
    let ready = || adopted(0, LeaseState::Ready);
    let elsewhere =
        Adopted { lease: Lease { data_address: "10.9.9.9:7401".into(), ..ready().lease }, ..ready() };
    let cases = [
        (settings(2), elsewhere, "10.9.9.9:7401"),
        (settings(2), adopted_direct(0, 20_001), "relays no requests"),
        (direct(2), ready(), "relays requests"),
        (direct(2), adopted_direct(0, 22), "port 22"),
    ];
    for (settings, said, words) in cases {
        // By the list of an earlier life it is a child, until the node is heard.
        let mut day = Diary::of(settings.clone());
        let children = vec![child(0, ChildState::Ready)];
        day.hear(Heard::FrontUp(ChildList { generation: 3, children }));
        day.linked(0, vec![said.clone()]);
        assert!(day.listed().is_empty(), "{words}");
        assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
        assert!(day.node(0).detail.contains(words), "{}", day.node(0).detail);
        // And it becomes none when nothing but the node knows of it.
        let mut day = Diary::of(settings);
        day.hear(Heard::FrontUp(ChildList::default()));
        day.linked(0, vec![said]);
        assert!(day.listed().is_empty(), "{words}");
        assert_eq!(day.drain_step(0), Some(DrainStep::Ending));
        assert!(matches!(&day.news[..], [.., News::Unusable { node: 0, why }] if why.contains(words)));
    }
}

#[test]
fn a_child_whose_service_does_not_answer_its_probe_is_listed_so_where_its_node_cannot_refuse() {
    let said = |probe_fails| LeaseWord { probe_fails, ..lease_word(0, LeaseState::Ready) };
    let mut relayed = Diary::with_children();
    relayed.says(0, vec![said(true)]);
    assert_eq!(relayed.listed()[0], ("c1", ChildState::Ready));

    let mut day = with_children();
    day.says(0, vec![said(true)]);
    assert_eq!(day.listed()[0], ("c1", ChildState::NotReady));
    assert_eq!(day.state(0), "not ready");
    assert!(day.holder.fleet().ready[0].is_out, "it is no capacity on the way up");
    day.says(0, vec![said(false)]);
    assert_eq!(day.listed()[0], ("c1", ChildState::Ready));
    assert!(!day.holder.fleet().ready[0].is_out);
    // One that is drained is not held up by its probe.
    day.says(0, vec![said(true)]);
    day.drain(0);
    assert_eq!(day.listed()[0], ("c1", ChildState::Draining));
    // Its successor begins anew: the node has not said a word since that would make it so.
    day.hear(Heard::LinkRefused { node: 0, words: "nothing listens".into() });
    day.linked(0, Vec::new());
    day.wait_for(9.0);
    assert_eq!(day.ordered(), [0]);
    day.granted(0);
    day.started(0);
    assert_eq!(day.listed(), [("c2", ChildState::Ready), ("c1", ChildState::Ready)]);
}

#[test]
fn a_service_is_left_the_time_in_which_the_front_end_closes_what_goes_straight_to_it() {
    let waits = [(Diary::with_children(), 1, 0), (with_children(), 0, 0), (with_children(), 1, 6)];
    for (mut day, long_lived, parting_s) in waits {
        day.drain(0);
        let mark = day.holder.list().generation;
        day.hear(Heard::ListApplied(mark));
        day.now += s(300);
        day.counts(mark, &[(0, FrontCount { in_flight: long_lived, long_lived, out: None })]);
        let parting = s(parting_s);
        assert_eq!(day.done[0], Effect::Drain { node: 0, lease: lease(0).reference(), parting });
    }
}
