//! How requests reach the copies of a service: who waits, who is picked, who is spared.

use std::time::Duration;

use crate::config::checked::{HOUR, SECOND};
use crate::config::kind::{Choice, ShareOrOff, Time, Whole};
use crate::config::written::Table;
use crate::config::{DispatchRule, Local};

const WORKERS_MAX: u32 = 1024;
const QUEUE_MAX: u32 = 1_000_000;

/// A copy that fails every second request does more harm than its absence.
const EJECT_5XX: f64 = 0.5;

pub(super) struct Relaying {
    pub(super) workers: Option<usize>,
    pub(super) queue_max: u32,
    pub(super) local: Local,
    pub(super) dispatch: DispatchRule,
    pub(super) slow_start: Duration,
    pub(super) eject_5xx: Option<f64>,
    pub(super) eject_time: Duration,
}

pub(super) fn checked(table: &mut Table<'_>) -> Relaying {
    let local = Choice(&[("auto", Local::Auto), ("always", Local::Always)]);
    let dispatch = Choice(&[
        ("fill", DispatchRule::Fill),
        ("round-robin", DispatchRule::RoundRobin),
        ("least-in-flight", DispatchRule::LeastInFlight),
        ("p2c", DispatchRule::P2c),
    ]);
    Relaying {
        workers: table.optional("workers", &Whole(1, WORKERS_MAX)).map(|workers| workers.value as usize),
        queue_max: table.or("queue_max", &Whole(0, QUEUE_MAX), 1000).value,
        local: table.or("local", &local, Local::Auto).value,
        dispatch: table.or("dispatch", &dispatch, DispatchRule::Fill).value,
        slow_start: table.or("slow_start", &Time(Duration::ZERO, HOUR), 10 * SECOND).value,
        eject_5xx: table.or("eject_5xx", &ShareOrOff, Some(EJECT_5XX)).value,
        eject_time: table.or("eject_time", &Time(SECOND, HOUR), 10 * SECOND).value,
    }
}
