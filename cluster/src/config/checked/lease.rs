//! `[cluster.lease]`: the times that a node and its holder go by.

use std::time::Duration;

use super::{DAY, HOUR, MILLISECOND};
use crate::config::Lease;
use crate::config::kind::{Time, shown};
use crate::config::written::{Found, Origin, Table};

/// A lease's times; what is judged against them elsewhere with its origin.
pub(super) struct CheckedLease {
    pub(super) lease: Lease,
    pub(super) renew: Found<Duration>,
}

/// The times of the table, or the defaults where there is none.
pub(super) fn checked(table: Option<Table<'_>>) -> CheckedLease {
    let Some(mut table) = table else {
        return CheckedLease { lease: Lease::default(), renew: renew_default() };
    };
    let default = Lease::default();
    let ttl = table.or("ttl", &Time(100 * MILLISECOND, HOUR), default.ttl);
    let renew = table.or("renew", &Time(10 * MILLISECOND, HOUR), default.renew);
    let jeopardy = table.or("jeopardy", &Time(10 * MILLISECOND, HOUR), default.jeopardy);
    let lease = Lease {
        ttl: ttl.value,
        renew: renew.value,
        jeopardy: jeopardy.value,
        orphan_grace: table.or("orphan_grace", &Time(Duration::ZERO, DAY), default.orphan_grace).value,
        reservation_timeout: table
            .or("reservation_timeout", &Time(MILLISECOND, HOUR), default.reservation_timeout)
            .value,
        reclaim_notice: table.or("reclaim_notice", &Time(MILLISECOND, HOUR), default.reclaim_notice).value,
    };
    in_order(&table, &ttl, &renew, &jeopardy);
    table.finish();
    CheckedLease { lease, renew }
}

pub(super) fn renew_default() -> Found<Duration> {
    Found { value: Lease::default().renew, origin: Origin::Default }
}

/// A renewal may be lost before the holder worries, and it worries before it gives up.
fn in_order(table: &Table<'_>, ttl: &Found<Duration>, renew: &Found<Duration>, jeopardy: &Found<Duration>) {
    table.check(renew.value < jeopardy.value, &[renew.origin, jeopardy.origin], || {
        let renew = table.shown("renew", shown(renew.value), renew.origin);
        format!("{renew}, must be below jeopardy ({})", shown(jeopardy.value))
    });
    let given_up = ttl.value * 4 / 5;
    table.check(jeopardy.value < given_up, &[jeopardy.origin, ttl.origin], || {
        let jeopardy = table.shown("jeopardy", shown(jeopardy.value), jeopardy.origin);
        format!("{jeopardy}, must be below 0.8 x ttl, where the holder gives up ({})", shown(given_up))
    });
}
