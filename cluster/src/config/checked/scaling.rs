//! `[service.NAME.scaling]`: the numbers that the decisions go by.

use std::time::Duration;

use super::{DAY, HOUR, MILLISECOND, SECOND};
use crate::config::kind::{Choice, Number, Share, Time, Whole, shown};
use crate::config::written::{Found, Table};
use crate::config::{Policy, Scaling};

/// Shorter, and it would decide more often than it hears of anything new.
const TICK_MIN: Duration = Duration::from_millis(100);

/// The numbers of the table, or the defaults where there is none.
///
/// A node's figures come with each renewal of its lease: `renew`.
pub(super) fn checked(table: Option<Table<'_>>, renew: &Found<Duration>) -> Scaling {
    let Some(mut table) = table else { return Scaling::default() };
    let policy = Choice(&[("adaptive", Policy::Adaptive), ("classic", Policy::Classic)]);
    let policy = table.or("policy", &policy, Policy::Adaptive).value;
    let scaling = Scaling { policy, ..Scaling::default() };
    let scaling = shares(&mut table, scaling);
    let scaling = windows(&mut table, scaling);
    let scaling = up(&mut table, scaling);
    let scaling = down(&mut table, scaling);
    let scaling = data(&mut table, scaling, renew);
    let scaling = long_lived(&mut table, scaling);
    table.finish();
    scaling
}

/// What share of its capacity a copy works at, and from where on that is too much or too little.
fn shares(table: &mut Table<'_>, default: Scaling) -> Scaling {
    let target = table.or("target", &Share, default.target);
    let high = table.or("high", &Share, default.high);
    let low = table.or("low", &Share, default.low);
    let half = high.value / 2.0;
    table.check(low.value < half, &[low.origin, high.origin], || {
        let low = table.shown("low", low.value, low.origin);
        format!("{low}, must be below half of high ({} / 2 = {half})", high.value)
    });
    table.check(target.value < high.value, &[target.origin, high.origin], || {
        let target = table.shown("target", target.value, target.origin);
        format!("{target}, must be below high ({})", high.value)
    });
    let cpu_target = table.optional("cpu_target", &Share).map(|share| share.value);
    Scaling { target: target.value, high: high.value, low: low.value, cpu_target, ..default }
}

/// How often it looks, and how far back.
fn windows(table: &mut Table<'_>, default: Scaling) -> Scaling {
    let tick = table.or("tick", &Time(TICK_MIN, HOUR), default.tick);
    let fast = table.or("fast_window", &Time(TICK_MIN, HOUR), default.fast_window);
    let slow = table.or("slow_window", &Time(TICK_MIN, HOUR), default.slow_window);
    table.check(tick.value <= fast.value, &[tick.origin, fast.origin], || {
        let tick = table.shown("tick", shown(tick.value), tick.origin);
        format!("{tick}, must be at most fast_window ({})", shown(fast.value))
    });
    table.check(fast.value <= slow.value, &[fast.origin, slow.origin], || {
        let fast = table.shown("fast_window", shown(fast.value), fast.origin);
        format!("{fast}, must be at most slow_window ({})", shown(slow.value))
    });
    Scaling { tick: tick.value, fast_window: fast.value, slow_window: slow.value, ..default }
}

/// When nodes are ordered, and how many.
fn up(table: &mut Table<'_>, default: Scaling) -> Scaling {
    Scaling {
        high_ticks: table.or("high_ticks", &Whole(1, 1000), default.high_ticks).value,
        surge: table.or("surge", &Number(1.0, 100.0), default.surge).value,
        queue_drain_time: table
            .or("queue_drain_time", &Time(100 * MILLISECOND, HOUR), default.queue_drain_time)
            .value,
        add_max: table.or("add_max", &Whole(1, 10_000), default.add_max).value,
        add_factor: table.or("add_factor", &Number(1.0, 100.0), default.add_factor).value,
        add_period: table.or("add_period", &Time(100 * MILLISECOND, HOUR), default.add_period).value,
        ..default
    }
}

/// When nodes are drained, and how many.
fn down(table: &mut Table<'_>, default: Scaling) -> Scaling {
    Scaling {
        down_window: table.or("down_window", &Time(TICK_MIN, HOUR), default.down_window).value,
        down_projection: table.or("down_projection", &Share, default.down_projection).value,
        down_after_up: table.or("down_after_up", &Time(Duration::ZERO, DAY), default.down_after_up).value,
        node_age_min: table.or("node_age_min", &Time(Duration::ZERO, DAY), default.node_age_min).value,
        drain_period: table.or("drain_period", &Time(Duration::ZERO, HOUR), default.drain_period).value,
        drain_share: table.or("drain_share", &Share, default.drain_share).value,
        ..default
    }
}

/// How old the figures may be that it decides by.
fn data(table: &mut Table<'_>, default: Scaling, renew: &Found<Duration>) -> Scaling {
    let data_timeout = table.or("data_timeout", &Time(SECOND, HOUR), default.data_timeout).value;
    let node_data = table.or("node_data_timeout", &Time(SECOND, HOUR), default.node_data_timeout);
    table.check(renew.value < node_data.value, &[node_data.origin, renew.origin], || {
        let node_data = table.shown("node_data_timeout", shown(node_data.value), node_data.origin);
        format!("{node_data}, must be above lease.renew, with which they come ({})", shown(renew.value))
    });
    Scaling { data_timeout, node_data_timeout: node_data.value, ..default }
}

/// Which requests are long-lived, and what they weigh.
fn long_lived(table: &mut Table<'_>, default: Scaling) -> Scaling {
    Scaling {
        long_lived_after: table
            .or("long_lived_after", &Time(100 * MILLISECOND, HOUR), default.long_lived_after)
            .value,
        long_lived_quiet: table
            .or("long_lived_quiet", &Time(100 * MILLISECOND, HOUR), default.long_lived_quiet)
            .value,
        long_lived_weight: table.or("long_lived_weight", &Share, default.long_lived_weight).value,
        ..default
    }
}
