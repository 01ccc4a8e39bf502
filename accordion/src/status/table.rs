//! The status as a table: one line for the service, one for each copy and node, one for the last
//! decision.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use proto::load_manager::{NodeView, StatusReply as Decisions};
use proto::service_manager::{ChildStatus, StatusReply as Front};

use super::ServiceView;
use crate::why;

const COLUMNS: [&str; 10] =
    ["WHERE", "STATE", "LEVEL", "IN FLIGHT", "SERVED", "CPU", "MEMORY", "FOR", "LEASE", "NOTE"];

/// As much of a lease's id as tells it from the others.
const LEASE_DIGITS: usize = 8;

/// Columns of figures, to be set flush right.
const FIGURES: std::ops::RangeInclusive<usize> = 3..=6;

/// All services, as text.
pub(super) fn of(views: &[ServiceView]) -> String {
    let mut text = String::new();
    for view in views {
        head(&mut text, view);
        let mut table = Table::new();
        table.load_style(presets::NOTHING).set_header(COLUMNS);
        for column in FIGURES {
            if let Some(column) = table.column_mut(column) {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        let (front, decisions) = (view.service_manager.as_ref().ok(), view.load_manager.as_ref().ok());
        for row in rows(front, decisions) {
            table.add_row(row);
        }
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{}", table.trim_fmt());
        foot(&mut text, view);
    }
    text
}

fn head(text: &mut String, view: &ServiceView) {
    let _ = write!(text, "{}", view.service);
    if let Ok(front) = &view.service_manager {
        let _ = write!(text, "  http://{}  up {}", front.listen, seconds(front.uptime_ms));
    }
    if let Ok(decisions) = &view.load_manager {
        let level = if decisions.level.is_empty() { "not decided yet" } else { &decisions.level };
        let _ = write!(text, "  load {level}  policy {}", decisions.policy);
    }
    if let Ok(front) = &view.service_manager {
        let Front { queued, requests, refused, retries, connections, generation, .. } = front;
        let _ = write!(
            text,
            "\nqueued {queued}  connections {connections}  requests {requests}  refused {refused}  repeated {retries}  \
             child_list generation {generation}"
        );
    }
    text.push_str("\n\n");
}

fn foot(text: &mut String, view: &ServiceView) {
    if let Ok(decisions) = &view.load_manager {
        if let Some(last) = &decisions.last {
            let _ = writeln!(text, "\nlast decision  {}", why::line(last));
        }
        if !decisions.data {
            text.push_str("the service-manager's counts do not arrive: nothing is decided\n");
        }
    }
    for silent in
        [view.service_manager.as_ref().err(), view.load_manager.as_ref().err()].into_iter().flatten()
    {
        let _ = writeln!(text, "\n{silent}");
    }
    text.push('\n');
}

/// The local copy, then the pool in the order in which it is tried.
fn rows(front: Option<&Front>, decisions: Option<&Decisions>) -> Vec<Vec<String>> {
    let mut rows: Vec<_> = front.and_then(local_row).into_iter().collect();
    let children = front.map_or(&[][..], |front| front.children.as_slice());
    let child_of = |node: &str| children.iter().find(|child| child.node == node);
    match decisions {
        Some(decisions) => {
            rows.extend(decisions.nodes.iter().map(|node| node_row(node, child_of(&node.node))))
        }
        None => rows.extend(children.iter().map(child_row)),
    }
    rows
}

fn local_row(front: &Front) -> Option<Vec<String>> {
    let local = front.local.as_ref()?;
    Some(vec![
        "local".to_owned(),
        local.state.clone(),
        local.level.clone(),
        format!("{}/{}", local.in_flight, local.capacity),
        local.served.to_string(),
        String::new(),
        String::new(),
        String::new(),
        String::new(),
        local.detail.clone(),
    ])
}

fn node_row(node: &NodeView, child: Option<&ChildStatus>) -> Vec<String> {
    let held = !node.lease_id.is_empty();
    let shown = |text: String| if held { text } else { String::new() };
    let mut note = node.detail.clone();
    if child.is_some_and(|child| child.out) {
        note = format!("connects to it fail; {note}");
    }
    if child.is_some_and(|child| child.long_lived > 0) {
        note = format!("{} long-lived; {note}", child.map_or(0, |child| child.long_lived));
    }
    vec![
        node.node.clone(),
        node.state.clone(),
        child.map(|child| child.level.clone()).unwrap_or_default(),
        child.map(|child| format!("{}/{}", child.in_flight, child.capacity)).unwrap_or_default(),
        child.map(|child| child.served.to_string()).unwrap_or_default(),
        shown(format!("{:.2}", node.service_cpu)),
        shown(mebibytes(node.service_memory_bytes)),
        seconds(node.since_ms),
        shown(lease(node)),
        note.trim_end_matches([';', ' ']).to_owned(),
    ]
}

/// A child while the load-manager is away.
fn child_row(child: &ChildStatus) -> Vec<String> {
    let mut row = vec![
        child.node.clone(),
        child.state.clone(),
        child.level.clone(),
        format!("{}/{}", child.in_flight, child.capacity),
        child.served.to_string(),
    ];
    row.resize(COLUMNS.len(), String::new());
    row
}

fn seconds(millis: u64) -> String {
    humantime::format_duration(std::time::Duration::from_secs(millis / 1000)).to_string()
}

/// The lease's id, shortened, and its epoch.
fn lease(node: &NodeView) -> String {
    let id: String = node.lease_id.chars().take(LEASE_DIGITS).collect();
    format!("{id} epoch {}", node.epoch)
}

fn mebibytes(bytes: u64) -> String {
    format!("{:.0} MiB", bytes as f64 / f64::from(1 << 20))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn foot_of(load_manager: Result<Decisions, String>) -> String {
        let service_manager = Err("no service-manager answers".to_owned());
        let mut text = String::new();
        foot(&mut text, &ServiceView { service: "shop".into(), service_manager, load_manager });
        text
    }

    #[test]
    fn counts_that_do_not_arrive_are_told_where_the_load_manager_says_so() {
        let silence = "the service-manager's counts do not arrive: nothing is decided\n";
        assert!(foot_of(Ok(Decisions { data: false, ..Decisions::default() })).contains(silence));
        assert!(!foot_of(Ok(Decisions { data: true, ..Decisions::default() })).contains(silence));
        // Who says nothing does not say that.
        assert!(!foot_of(Err("the load-manager did not answer: no".into())).contains(silence));
    }
}
