//! Heap allocations: what the worker's thread asks the allocator for. Others' threads do not count.

use std::sync::atomic::Ordering;

use crate::client::Client;
use crate::descriptors;
use crate::origin::Origin;
use crate::rows::{self, Row};
use crate::subject::Subject;

#[test]
fn of_a_get_on_a_kept_connection() {
    hold(rows::KEPT);
}

#[test]
fn do_not_grow_with_the_number_of_upstreams() {
    hold(rows::KEPT_AMONG_1000);
}

#[test]
fn of_a_post_of_1_kb() {
    hold(rows::POST);
}

#[test]
fn of_a_get_that_is_logged() {
    hold(rows::LOGGED);
}

#[test]
fn of_a_get_by_front_end_and_node() {
    hold(rows::BY_NODE);
}

#[test]
fn of_a_get_on_a_connection_of_its_own() {
    hold(rows::CLOSED_BY_RELAY);
}

#[test]
fn of_a_get_on_a_connection_that_its_client_closes() {
    hold(rows::CLOSED_BY_CLIENT);
}

fn hold(row: Row) {
    descriptors::make_room_for(row.upstreams);
    let origin = Origin::start();
    let subject = Subject::start(row, origin.address);
    let mut client = Client::new(row, subject.address);
    client.warm_up();
    let before = subject.allocations.load(Ordering::Relaxed);
    client.run();
    let counted = subject.allocations.load(Ordering::Relaxed) - before;
    row.hold(counted, row.allocations_max, "allocations");
}
