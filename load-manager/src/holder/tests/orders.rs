//! Nodes ordered: whom, and what becomes of it.

use super::diary::*;
use crate::holder::*;
use crate::node::Stage;

fn refused(words: &str) -> AddFault {
    AddFault::Refused { words: words.into(), retry_after: s(0), reclaiming: false }
}

#[test]
fn a_started_node_is_listed_and_its_lease_renewed_from_its_grant_on() {
    let mut day = Diary::settled();
    // A request waits: one node is ordered, the first.
    day.wait_for(4.0);
    assert_eq!(day.done, [Effect::Add { node: 0, request_id: "7-1".into() }]);
    // It grants a slot: that is renewed from now on, but nobody is sent there yet.
    day.now += s(1);
    day.granted(0);
    assert_eq!(day.done, [Effect::Renew { node: 0, leases: vec![lease(0).reference()] }]);
    // The service is ready there.
    day.now += s(2);
    day.started(0);
    let list = ChildList { generation: 1, children: vec![child(0, ChildState::Ready)] };
    assert_eq!(day.done, [Effect::Publish(list)]);
    assert_eq!(day.news.last(), Some(&News::Ready { node: 0, lease_id: lease(0).id, took: s(3) }));
}

#[test]
fn what_a_schedule_keeps_is_ordered_without_any_load() {
    let mut day = Diary::settled();
    day.holder.keep(1);
    day.counts(0, &[]);
    day.act(Holder::decide);
    assert_eq!(day.ordered(), [0]);
    assert_eq!(day.reasons(), ["below-floor"]);
}

#[test]
fn each_order_has_a_name_of_its_own() {
    let mut day = Diary::settled();
    day.wait_for(9.0);
    let orders = [("7-1", 0), ("7-2", 1)];
    assert_eq!(day.done, orders.map(|(id, node)| Effect::Add { node, request_id: id.into() }));
}

#[test]
fn a_failed_start_backs_off_and_a_refusal_is_kept_with_its_words() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    // The order is passed on to the next node, ...
    day.hear(Heard::Added { node: 0, result: Err(AddFault::Failed("exits at once".into())) });
    assert_eq!(day.ordered(), [1]);
    assert_eq!((day.state(0), day.node(0).detail.as_str()), ("backing off", "exits at once"));
    // ... and ends where no further one can be asked.
    day.hear(Heard::Added { node: 1, result: Err(refused("all slots are held")) });
    assert_eq!(day.done, []);
    assert_eq!(day.node(1).detail, "all slots are held");
    assert_eq!(day.reasons(), ["queued", "start-failed", "refused"]);
    assert_eq!(day.entries.last().unwrap().nodes(), ["c2"]);
}

#[test]
fn a_node_that_was_never_reached_is_asked_nothing() {
    let mut day = Diary::new();
    day.hear(Heard::FrontUp(ChildList::default()));
    // Word of it without its link: whatever it is, there is nobody to call.
    for node in 0..2 {
        day.says(node, vec![lease_word(node, LeaseState::Ready)]);
    }
    day.wait_for(9.0);
    assert_eq!(day.done, []);
}

#[test]
fn nothing_is_decided_until_everybody_was_heard_or_had_the_time() {
    let mut day = Diary::new();
    day.hear(Heard::FrontUp(ChildList::default()));
    day.linked(0, Vec::new());
    day.says(0, Vec::new());
    // The second node has not answered yet.
    day.wait_for(9.0);
    assert_eq!(day.entries, []);
    day.now += s(2);
    day.wait_for(9.0);
    assert_eq!(day.ordered(), [0]);
}

#[test]
fn a_lease_that_is_lost_while_its_service_starts_is_given_back_when_it_has_started() {
    let mut day = Diary::settled();
    day.wait_for(4.0);
    day.granted(0);
    // Its daemon is started anew, which the call that starts the service does not know.
    let word = NodeWord { incarnation: 2, ..word(Vec::new()) };
    day.hear(Heard::Renewed { node: 0, word, sent_at: None });
    assert_eq!(day.renewed[0], []);
    assert_eq!(day.node(0).stage, Stage::Starting(None));
    day.started(0);
    assert_eq!(day.done[0], Effect::StopAndRelease { node: 0, lease: lease(0).reference() });
    assert_eq!((day.state(0), day.ordered()), ("backing off", vec![1]));
    assert!(day.listed().is_empty());
}
