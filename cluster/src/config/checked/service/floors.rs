//! `[[service.NAME.floor]]`: nodes at certain times of the week.

use crate::config::kind::Whole;
use crate::config::kind::time_of_day::{TimeOfDayUpTo, WEEKDAYS};
use crate::config::written::{Found, Table};
use crate::config::{Floor, NODES_MAX, Weekday};

const KEY: &str = "days";

/// The floors of a service that may hold `max` nodes; without those that have a fault.
pub(super) fn checked(tables: Vec<Table<'_>>, max: &Found<u32>) -> Vec<Floor> {
    tables.into_iter().filter_map(|table| floor(table, max)).collect()
}

fn floor(mut table: Table<'_>, max: &Found<u32>) -> Option<Floor> {
    let days = days(&mut table);
    let from = table.required("from", &TimeOfDayUpTo::MINUTE_LAST);
    let to = table.required("to", &TimeOfDayUpTo::MIDNIGHT);
    let nodes = table.required("nodes", &Whole(1, NODES_MAX));
    if let Some(nodes) = &nodes {
        table.check(nodes.value <= max.value, &[nodes.origin, max.origin], || {
            let nodes = table.shown("nodes", nodes.value, nodes.origin);
            format!("{nodes}, must be at most max of the service ({})", max.value)
        });
    }
    table.finish();
    Some(Floor { days, from: from?.value, to: to?.value, nodes: nodes?.value })
}

/// The days in the list, as they follow one another; every day where there is no list.
fn days(table: &mut Table<'_>) -> Vec<Weekday> {
    let Some(listed) = table.elements(KEY, &WEEKDAYS) else { return Weekday::ALL.to_vec() };
    let mut days = Vec::new();
    for Found { value: day, origin } in listed {
        table.check(!days.contains(&day), &[origin], || {
            format!("{} lists this day twice, must list it only once", table.name(KEY))
        });
        days.push(day);
    }
    days.sort();
    days
}
