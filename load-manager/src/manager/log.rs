//! One log line for each thing an operator should hear.

use tracing::{debug, error, info, warn};

use crate::decider::{Action, Decision};
use crate::holder::News;
use crate::node::Node;

/// What the decider said, where it changes something; else for whoever looks closely.
pub(super) fn decided(decision: &Decision) {
    let Decision { action, level, reason, .. } = decision;
    if *action == Action::Hold {
        debug!(%level, "held: {reason}");
    } else {
        let (count, nodes) = (action.count(), action.nodes().join(" "));
        info!(action = action.name(), count, nodes, %level, "decided: {reason}");
    }
}

/// `nodes`: the pool that the news are of.
pub(super) fn news(news: &News, nodes: &[Node]) {
    let name = |node: &usize| nodes[*node].name.as_str();
    match news {
        News::FrontUp { generation, children } => {
            info!(generation, children, "the service-manager answers");
        }
        News::FrontDown { words } => warn!("the service-manager does not answer: {words}"),
        News::Overslept { slept } => {
            warn!(
                slept_ms = slept.as_millis() as u64,
                "this load-manager was stopped; the nodes are asked first"
            );
        }
        News::Reachable { node } => info!(node = name(node), "reachable"),
        News::Unreachable { node, words } => warn!(node = name(node), "unreachable: {words}"),
        News::Silent { node } => {
            warn!(node = name(node), "silent: gets no new request while another is ready");
        }
        News::AnswersAgain { node } => info!(node = name(node), "answers again"),
        News::Lost { node, why } => warn!(node = name(node), "lost: {why}"),
        News::Rollout { words } => info!("{words}"),
        News::Ordered { node } => info!(node = name(node), "ordered"),
        News::Refused { node, words } => info!(node = name(node), "refused: {words}"),
        News::StartFailed { node, words, pause } => {
            let backoff_s = pause.as_secs();
            error!(node = name(node), backoff_s, "the service did not start there: {words}");
        }
        News::Ready { node, lease_id, took } => {
            info!(node = name(node), lease = lease_id, took_ms = took.as_millis() as u64, "ready");
        }
        News::TakenUp { node, lease, drains } => {
            info!(node = name(node), lease = lease.id, epoch = lease.epoch, drains, "lease taken up");
        }
        News::NotHandedOver { node, words } => {
            warn!(node = name(node), "what it still holds was not taken up: {words}");
        }
        News::Unusable { node, why } => {
            warn!(node = name(node), "what it still held is given back: {why}");
        }
        News::Stray { node, lease_id } => {
            info!(node = name(node), lease = lease_id, "a lease nobody knows here is given back");
        }
        News::Resting { node } => info!(node = name(node), "is to stand by"),
        News::Draining { node, why } => info!(node = name(node), "draining: {why}"),
        News::DrainTakenBack { node } => info!(node = name(node), "drain taken back"),
        News::UndrainFailed { node, words } => {
            warn!(node = name(node), "the drain could not be taken back: {words}");
        }
        News::DrainUnanswered { node, words } => {
            warn!(node = name(node), "the drain was not answered: {words}");
        }
        News::GivenBack { node } => info!(node = name(node), "given back"),
        News::Left { node } => info!(node = name(node), "has left the pool"),
        News::GiveBackFailed { node, words } => {
            warn!(node = name(node), "giving it back failed, its time to live will: {words}");
        }
    }
}
