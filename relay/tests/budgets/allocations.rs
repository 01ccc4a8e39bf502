//! Heap allocations: what the worker's thread asks the allocator for. Others' threads do not count.

use std::sync::atomic::Ordering;

use crate::client::Client;
use crate::descriptors;
use crate::origin::Origin;
use crate::rows::{self, Row};
use crate::subject::Subject;

rows::hold_each!(hold);

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
