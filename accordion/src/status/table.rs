//! The status as a table: one line for the service, one for each copy and node, one for the last
//! decision.

use std::fmt::Write;

use comfy_table::{CellAlignment, Table, presets};
use proto::load_manager::{Claim, NodeView, StatusReply as Decisions};
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
    if view.service_manager.is_err() {
        let _ = write!(text, "  front end {}", view.front_end);
    }
    if let Ok(front) = &view.service_manager {
        let _ = write!(text, "  http://{}", front.listen);
        if !front.tls_listen.is_empty() {
            let _ = write!(text, "  https://{}", front.tls_listen);
        }
        let _ = write!(text, "  up {}", seconds(front.uptime_ms));
    }
    if let Ok(decisions) = &view.load_manager {
        let level = if decisions.level.is_empty() { "not decided yet" } else { &decisions.level };
        let _ = write!(text, "  load {level}  policy {}", decisions.policy);
    }
    if let Ok(decisions) = &view.load_manager {
        pool(text, decisions);
    }
    if let Ok(front) = &view.service_manager {
        let Front { queued, requests, refused, retries, connections, generation, .. } = front;
        let _ = write!(
            text,
            "\nqueued {queued}  connections {connections}  requests {requests}  refused {refused}  repeated {retries}  \
             child_list generation {generation}"
        );
        if front.learned_capacity > 0.0 {
            let how = if front.has_learned { "learned" } else { "to be learned" };
            let _ = write!(text, "  capacity {:.0} ({how})", front.learned_capacity);
        }
        if !front.config_digest.is_empty() {
            let _ = write!(text, "  cluster.toml {}", front.config_digest);
        }
        if !front.config_words.is_empty() {
            let _ = write!(text, "\nservice-manager: {}", front.config_words);
        }
    }
    if let Some(decisions) = view.load_manager.as_ref().ok().filter(|one| !one.config_words.is_empty()) {
        let _ = write!(text, "\nload-manager: {}", decisions.config_words);
    }
    text.push_str("\n\n");
}

/// What it has of the pool and would have; beside others, what it is due.
fn pool(text: &mut String, decisions: &Decisions) {
    if let Some(Claim { held, want, min, max, share }) = decisions.claim {
        let _ = write!(text, "\nholds {held}  wants {want}  min {min}  max {max}");
        if let Some(share) = share {
            let _ = write!(text, "  share {share}");
        }
        let _ = write!(text, "  standby {}", decisions.standby);
    }
}

fn foot(text: &mut String, view: &ServiceView) {
    if let Ok(decisions) = &view.load_manager {
        if let Some(last) = &decisions.last {
            let _ = writeln!(text, "\nlast decision  {}", why::line(last));
        }
        if let Some(rollout) = &decisions.rollout {
            let _ = writeln!(text, "{}", rollout.sentence);
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
        note([out(&local.out_reason, local.out_ms), local.detail.clone(), local.rollout.clone()]),
    ])
}

fn node_row(node: &NodeView, child: Option<&ChildStatus>) -> Vec<String> {
    let held = !node.lease_id.is_empty();
    let shown = |text: String| if held { text } else { String::new() };
    let [out, long_lived] = child.map(child_notes).unwrap_or_default();
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
        note([out, long_lived, node.detail.clone(), cut(node.requests_cut)]),
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
    row.resize(COLUMNS.len() - 1, String::new());
    row.push(note(child_notes(child)));
    row
}

/// What the front end has to say of a child: that it is out, and what keeps it.
fn child_notes(child: &ChildStatus) -> [String; 2] {
    let long_lived = match child.long_lived {
        0 => String::new(),
        count => format!("{count} long-lived"),
    };
    [out(&child.out_reason, child.out_ms), long_lived]
}

/// "out 8 s: 5xx"; nothing of a copy that is in.
fn out(reason: &str, lasted_ms: u64) -> String {
    if reason.is_empty() { String::new() } else { format!("out {} s: {reason}", lasted_ms / 1000) }
}

/// Requests that a node cut since its daemon's start; nothing where it cut none.
pub(super) fn cut(requests: u64) -> String {
    match requests {
        0 => String::new(),
        1 => "1 request cut".to_owned(),
        count => format!("{count} requests cut"),
    }
}

/// The parts that say something, in one.
pub(super) fn note<const N: usize>(parts: [String; N]) -> String {
    parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("; ")
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
    use proto::service_manager::LocalStatus;

    use super::*;

    /// The notes of the table, by where.
    fn notes(front: &Front, decisions: Option<&Decisions>) -> Vec<(String, String)> {
        rows(Some(front), decisions).into_iter().map(|row| (row[0].clone(), row[9].clone())).collect()
    }

    fn child(node: &str, out_reason: &str, out_ms: u64, long_lived: u32) -> ChildStatus {
        ChildStatus {
            node: node.into(),
            out_reason: out_reason.into(),
            out_ms,
            long_lived,
            ..ChildStatus::default()
        }
    }

    #[test]
    fn a_copy_that_is_out_has_a_note_of_why_and_for_how_long_and_a_node_of_what_it_cut() {
        let local = LocalStatus { out_reason: "no connection".into(), out_ms: 300, ..LocalStatus::default() };
        let children = vec![child("c1", "5xx", 8_900, 2), child("c2", "", 0, 0)];
        let front = Front { local: Some(local), children, ..Front::default() };
        let node = |node: &str, detail: &str| NodeView {
            node: node.into(),
            detail: detail.into(),
            ..NodeView::default()
        };
        let cut = NodeView { requests_cut: 2, ..node("c3", "") };
        let nodes = vec![node("c1", ""), node("c2", "it was refused"), cut];
        let decisions = Decisions { nodes, ..Decisions::default() };
        let expected = [
            ("local", "out 0 s: no connection"),
            ("c1", "out 8 s: 5xx; 2 long-lived"),
            ("c2", "it was refused"),
            ("c3", "2 requests cut"),
        ]
        .map(|(place, note)| (place.to_owned(), note.to_owned()));
        assert_eq!(notes(&front, Some(&decisions)), expected);
        // The front end knows it while the load-manager is away, too.
        assert_eq!(notes(&front, None)[..2], expected[..2]);
    }

    #[test]
    fn the_claim_to_the_pool_is_a_line_and_the_share_only_beside_others() {
        let line = |share| {
            let claim = Claim { held: 2, want: 3, min: 1, max: 8, share };
            let mut text = String::new();
            pool(&mut text, &Decisions { claim: Some(claim), standby: 1, ..Decisions::default() });
            text
        };
        assert_eq!(line(None), "\nholds 2  wants 3  min 1  max 8  standby 1");
        assert_eq!(line(Some(2)), "\nholds 2  wants 3  min 1  max 8  share 2  standby 1");
        let mut text = String::new();
        pool(&mut text, &Decisions::default());
        assert!(text.is_empty(), "it has not decided yet");
    }

    fn foot_of(load_manager: Result<Decisions, String>) -> String {
        let service_manager = Err("no service-manager answers".to_owned());
        let mut text = String::new();
        foot(
            &mut text,
            &ServiceView {
                service: "shop".into(),
                front_end: "127.0.0.1".into(),
                service_manager,
                load_manager,
            },
        );
        text
    }

    #[test]
    fn a_rollout_is_a_sentence_and_the_local_copys_a_note() {
        let sentence = "rollout stopped: c4: it exits; 2 of 5 run the new command".to_owned();
        let rollout = Some(proto::load_manager::Rollout { sentence: sentence.clone(), ..Default::default() });
        assert!(foot_of(Ok(Decisions { rollout, ..Decisions::default() })).contains(&(sentence + "\n")));
        let local =
            LocalStatus { rollout: "the changed command did not get ready".into(), ..LocalStatus::default() };
        let front = Front { local: Some(local), ..Front::default() };
        assert_eq!(notes(&front, None)[0].1, "the changed command did not get ready");
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
