//! How long each thing may take or be quiet: clients, the queue, copies, and the end of a copy.

use std::time::Duration;

use crate::config::checked::{DAY, HOUR, MILLISECOND, SECOND};
use crate::config::kind::Time;
use crate::config::written::Table;

pub(super) struct Patience {
    pub(super) head: Duration,
    pub(super) body_idle: Duration,
    pub(super) keep_alive: Duration,
    pub(super) tunnel_idle: Duration,
    pub(super) queue: Duration,
    pub(super) connect: Duration,
    pub(super) first_byte: Duration,
    pub(super) response_idle: Duration,
    pub(super) upstream_idle: Duration,
    pub(super) start: Duration,
    pub(super) stop: Duration,
    pub(super) long_lived: Duration,
}

pub(super) fn checked(table: &mut Table<'_>) -> Patience {
    let mut time = |key, from, to, default| table.or(key, &Time(from, to), default * SECOND).value;
    Patience {
        head: time("head_timeout", MILLISECOND, HOUR, 10),
        body_idle: time("body_idle_timeout", MILLISECOND, DAY, 60),
        keep_alive: time("keep_alive_timeout", MILLISECOND, DAY, 60),
        tunnel_idle: time("tunnel_idle_timeout", MILLISECOND, DAY, 3600),
        queue: time("queue_timeout", MILLISECOND, HOUR, 10),
        connect: time("connect_timeout", MILLISECOND, HOUR, 1),
        first_byte: time("first_byte_timeout", MILLISECOND, DAY, 60),
        response_idle: time("response_idle_timeout", MILLISECOND, DAY, 300),
        upstream_idle: time("upstream_idle_timeout", MILLISECOND, HOUR, 4),
        start: time("start_timeout", MILLISECOND, HOUR, 30),
        stop: time("stop_timeout", Duration::ZERO, HOUR, 10),
        long_lived: time("long_lived_timeout", Duration::ZERO, DAY, 300),
    }
}
