//! The pool as its nodes tell it: who holds which slots. Only a node knows that, of all front ends alike,
//! so it is the nodes that are asked.

use std::fmt::Write;

use cluster::config::Node;
use comfy_table::{Table, presets};
use proto::task_processor::{LeaseState, LeaseStatus, NodeStatus};
use serde::Serialize;
use tokio::task::JoinSet;

use super::table;
use crate::reach::Nodes;

/// Nodes that are asked at a time: one that is gone takes the whole time for an answer.
const ASKED_MAX: usize = 64;

const COLUMNS: [&str; 5] = ["NODE", "ADDRESS", "SLOTS", "HELD BY", "NOTE"];

/// One node of the pool.
#[derive(Debug, Serialize)]
pub(super) struct NodeView {
    pub(super) node: String,
    address: String,
    /// What its task-processor says, or why it says nothing.
    task_processor: Result<Slots, String>,
}

/// What runs on it.
#[derive(Debug, Serialize)]
struct Slots {
    slots: u32,
    maintenance: bool,
    stopping: bool,
    /// Slots that nobody holds and that are not free yet: processes of the daemon's previous life still end.
    leftovers: u32,
    /// Requests cut since its daemon's start, because the time for their end was over.
    requests_cut: u64,
    /// Of the cluster.toml that its task-processor has read; empty where it does not tell.
    config_digest: String,
    /// One for each slot that is held.
    held: Vec<Held>,
    /// Where there are certificates: when the node's ends, and who was refused for theirs.
    #[serde(skip_serializing_if = "Option::is_none")]
    certificate_expires_unix_s: Option<u64>,
    connections_refused: u64,
    calls_refused: u64,
}

/// A slot and its holder.
#[derive(Debug, Serialize)]
struct Held {
    service: String,
    front_end: String,
    state: &'static str,
    /// The service that the node has asked it back for, and how long it still waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    reclaim: Option<Reclaim>,
}

#[derive(Debug, Serialize)]
struct Reclaim {
    for_service: String,
    notice_ms: u64,
}

impl NodeView {
    pub(super) fn name(&self) -> &str {
        &self.node
    }

    /// One with everything that there can be.
    #[cfg(test)]
    pub(super) fn sample() -> Self {
        let reclaim = Some(proto::task_processor::Reclaim::default());
        let leases = vec![LeaseStatus { reclaim, ..LeaseStatus::default() }];
        let status = NodeStatus { leases, ..NodeStatus::default() };
        Self { node: "c1".into(), address: "127.0.0.11".into(), task_processor: Ok(status.into()) }
    }

    /// None where it does not answer.
    pub(super) fn config_digest(&self) -> Option<&str> {
        self.task_processor.as_ref().ok().map(|slots| slots.config_digest.as_str())
    }
}

/// Every node, in the order given; `reach` says how, or why it cannot be done.
pub(super) async fn ask(nodes: &[Node], reach: &Result<Nodes, String>) -> Vec<NodeView> {
    let (mut views, mut asked) = (Vec::new(), JoinSet::new());
    for (index, node) in nodes.iter().cloned().enumerate() {
        if asked.len() >= ASKED_MAX {
            views.extend(asked.join_next().await.and_then(Result::ok));
        }
        let reach = reach.clone();
        asked.spawn(async move { (index, view(&node, reach).await) });
    }
    while let Some(answered) = asked.join_next().await {
        views.extend(answered.ok());
    }
    views.sort_by_key(|(index, _)| *index);
    views.into_iter().map(|(_, view)| view).collect()
}

async fn view(node: &Node, reach: Result<Nodes, String>) -> NodeView {
    let answer = async { reach?.status(node).await };
    NodeView {
        node: node.name.clone(),
        address: node.address.to_string(),
        task_processor: answer.await.map(Into::into),
    }
}

/// As text: how much of the pool is held, and one line for each node.
pub(super) fn of(nodes: &[NodeView]) -> String {
    let known = || nodes.iter().filter_map(|node| node.task_processor.as_ref().ok());
    let slots: u32 = known().map(|node| node.slots).sum();
    let held: usize = known().map(|node| node.held.len()).sum();
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(COLUMNS);
    for node in nodes {
        table.add_row(row(node));
    }
    let mut text = String::new();
    // Writing into a String cannot fail.
    let _ = writeln!(text, "pool  {held} of {slots} slots held\n\n{}\n", table.trim_fmt());
    text
}

fn row(view: &NodeView) -> [String; COLUMNS.len()] {
    let (node, address) = (view.node.clone(), view.address.clone());
    match &view.task_processor {
        Ok(slots) => {
            let held: Vec<_> = slots.held.iter().map(Held::told).collect();
            [node, address, format!("{}/{}", held.len(), slots.slots), held.join(", "), slots.note()]
        }
        Err(why) => [node, address, String::new(), String::new(), why.clone()],
    }
}

impl NodeView {
    /// When its certificate ends, where it has one and answers.
    pub(super) fn certificate_expires_unix_s(&self) -> Option<u64> {
        self.task_processor.as_ref().ok()?.certificate_expires_unix_s
    }

    /// Connections and calls.
    pub(super) fn refused(&self) -> (u64, u64) {
        let known = self.task_processor.as_ref();
        known.map_or((0, 0), |slots| (slots.connections_refused, slots.calls_refused))
    }
}

impl Slots {
    fn note(&self) -> String {
        let standing = match (self.stopping, self.maintenance) {
            (true, _) => "going down",
            (false, true) => "drained by operator",
            (false, false) if self.leftovers > 0 => "was killed, what it ran still ends",
            (false, false) => "",
        };
        table::note([standing.to_owned(), table::cut(self.requests_cut)])
    }
}

impl Held {
    fn told(&self) -> String {
        let Self { service, front_end, state, reclaim } = self;
        let mut told = format!("{service} ({front_end}) {state}");
        if let Some(Reclaim { for_service, notice_ms }) = reclaim {
            let whom = if for_service.is_empty() { "the node" } else { for_service };
            let _ = write!(told, ", asked back for {whom} within {} s", notice_ms.div_ceil(1000));
        }
        told
    }
}

impl From<NodeStatus> for Slots {
    fn from(status: NodeStatus) -> Self {
        let NodeStatus {
            slots, maintenance, stopping, leases, leftovers, requests_cut, config_digest, ..
        } = status;
        Self {
            slots,
            maintenance,
            stopping,
            leftovers,
            requests_cut,
            config_digest,
            held: leases.into_iter().map(Held::from).collect(),
            certificate_expires_unix_s: status.certificate_expires_unix_s,
            connections_refused: status.connections_refused,
            calls_refused: status.calls_refused,
        }
    }
}

impl From<LeaseStatus> for Held {
    fn from(lease: LeaseStatus) -> Self {
        let state = state(lease.state());
        let LeaseStatus { service, front_end, reclaim, .. } = lease;
        let reclaim =
            reclaim.map(|reclaim| Reclaim { for_service: reclaim.for_service, notice_ms: reclaim.notice_ms });
        Self { service, front_end, state, reclaim }
    }
}

/// The words of the status of a node.
fn state(state: LeaseState) -> &'static str {
    match state {
        LeaseState::Unspecified => "unknown",
        LeaseState::Reserved => "reserved",
        LeaseState::Starting => "starting",
        LeaseState::Ready => "ready",
        LeaseState::Orphan => "orphan",
        LeaseState::Draining => "draining",
        LeaseState::Stopping => "stopping",
        LeaseState::Gone => "gone",
    }
}

#[cfg(test)]
mod tests {
    use proto::task_processor as pb;

    use super::*;

    fn node(name: &str, task_processor: Result<NodeStatus, String>) -> NodeView {
        let task_processor = task_processor.map(Slots::from);
        NodeView { node: name.into(), address: "127.0.0.11".into(), task_processor }
    }

    fn lease(service: &str, state: LeaseState) -> LeaseStatus {
        LeaseStatus {
            service: service.into(),
            front_end: "127.0.0.1".into(),
            state: state.into(),
            ..LeaseStatus::default()
        }
    }

    #[test]
    fn each_node_has_a_line_of_who_holds_its_slots_or_why_nobody_knows() {
        let reclaim = pb::Reclaim { notice_ms: 4_200, for_service: "news".into(), ..pb::Reclaim::default() };
        let asked_back = LeaseStatus { reclaim: Some(reclaim), ..lease("blog", LeaseState::Draining) };
        let leases = vec![lease("shop", LeaseState::Ready), asked_back];
        let status =
            |leases, maintenance| NodeStatus { slots: 2, leases, maintenance, ..NodeStatus::default() };
        let nodes = [
            node("c1", Ok(status(leases, false))),
            node("c2", Ok(NodeStatus { requests_cut: 3, ..status(Vec::new(), true) })),
            node("c3", Err("it does not answer".into())),
            node("c4", Ok(NodeStatus { leftovers: 1, ..status(Vec::new(), false) })),
            node("c5", Ok(NodeStatus { requests_cut: 1, ..status(Vec::new(), false) })),
        ];
        let json = serde_json::to_value(&nodes[1]).unwrap();
        assert_eq!(json["task_processor"]["Ok"]["requests_cut"], 3);
        let text = of(&nodes);
        let lines: Vec<Vec<&str>> = text.lines().map(|line| line.split_whitespace().collect()).collect();
        let expected = [
            "pool 2 of 8 slots held",
            "",
            "NODE ADDRESS SLOTS HELD BY NOTE",
            "c1 127.0.0.11 2/2 shop (127.0.0.1) ready, blog (127.0.0.1) draining, asked back for news within 5 s",
            "c2 127.0.0.11 0/2 drained by operator; 3 requests cut",
            "c3 127.0.0.11 it does not answer",
            "c4 127.0.0.11 0/2 was killed, what it ran still ends",
            "c5 127.0.0.11 0/2 1 request cut",
            "",
        ];
        assert_eq!(lines.iter().map(|words| words.join(" ")).collect::<Vec<_>>(), expected);
    }
}
