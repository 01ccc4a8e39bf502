//! What a person is shown of the nodes and of the last decision.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::config::{self, Policy};
use cluster::share::Claim;
use proto::load_manager as wire;

use super::Manager;
use crate::holder::Holder;
use crate::node::{Link, Membership, Node};

impl Manager {
    pub(super) fn status(&self) -> wire::StatusReply {
        let (now, holder) = (self.now(), &self.holder);
        let policy = match self.service.scaling.policy {
            Policy::Adaptive => "adaptive",
            Policy::Classic => "classic",
        };
        let members = holder.settings().order.iter().map(|&index| &holder.nodes()[index]);
        let leaving = holder.nodes().iter().filter(|node| node.membership == Membership::Leaving);
        let nodes = members.chain(leaving);
        let config_digest = Some(config::newest_digest()).filter(|digest| !digest.is_empty());
        wire::StatusReply {
            service: self.service.name.clone(),
            policy: policy.to_owned(),
            level: holder.last().map(|last| last.level.to_string()).unwrap_or_default(),
            generation: holder.list().generation,
            data: holder.has_data(now),
            nodes: nodes.map(|node| node_view(node, now, config_digest.as_deref())).collect(),
            last: self.journal.last_of_this_run(),
            uptime_ms: holder.uptime(now).as_millis() as u64,
            standby: holder.fleet().standby_count(),
            claim: claim_view(holder),
            certificate_expires_unix_s: self.links.certificate_expires().map(unix_s),
            config_digest: config_digest.unwrap_or_default(),
            config_words: self.reload.reloader().last().words(),
        }
    }

    /// The same in a line for systemd, like `3 children, level Medium, 212 requests in flight`.
    pub(super) fn status_line(&self) -> String {
        let Some(in_flight) = self.holder.in_flight(self.now()) else {
            return "the service-manager does not answer".to_owned();
        };
        let children = match self.holder.list().children.len() {
            1 => "1 child".to_owned(),
            count => format!("{count} children"),
        };
        let level = self.holder.last().map_or("not known yet", |last| last.level.name());
        let requests = if in_flight == 1 { "request" } else { "requests" };
        format!("{children}, level {level}, {in_flight} {requests} in flight")
    }
}

fn unix_s(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn claim_view(holder: &Holder) -> Option<wire::Claim> {
    let Claim { held, want, min, max, .. } = holder.claim()?;
    Some(wire::Claim { held, want, min, max, share: holder.share() })
}

fn node_view(node: &Node, now: Duration, digest: Option<&str>) -> wire::NodeView {
    let lease = node.lease();
    let millis = |since: Duration| now.saturating_sub(since).as_millis() as u64;
    wire::NodeView {
        node: node.name.clone(),
        address: lease.map(|lease| lease.data_address.clone()).unwrap_or_default(),
        state: node.state_name(now).to_owned(),
        detail: detail(node, now, digest),
        lease_id: lease.map(|lease| lease.id.clone()).unwrap_or_default(),
        epoch: lease.map_or(0, |lease| lease.epoch),
        since_ms: millis(node.since),
        answered_ms: millis(node.answered),
        cpu: node.report.cpu,
        service_cpu: node.report.service_cpu,
        service_memory_bytes: node.report.service_memory_bytes,
        in_flight: node.report.in_flight,
        requests_cut: node.report.requests_cut,
    }
}

/// What to add to the word for its state; `digest`: of the cluster.toml of this front end.
fn detail(node: &Node, now: Duration, digest: Option<&str>) -> String {
    let mut parts = Vec::new();
    if let Link::Down { words } = &node.link {
        parts.push(words.clone());
    }
    if !node.detail.is_empty() {
        parts.push(node.detail.clone());
    }
    if node.membership == Membership::Leaving {
        parts.push("not in cluster.toml any more".to_owned());
    }
    let ours = digest.and_then(|digest| u64::from_str_radix(digest, 16).ok());
    if node.report.config_digest.zip(ours).is_some_and(|(theirs, ours)| theirs != ours) {
        parts.push("its cluster.toml is another than this front end's".to_owned());
    }
    if node.report.probe_fails {
        parts.push("the service does not answer its readiness probe there".to_owned());
    }
    if node.paused_until > now {
        parts.push(format!("asked again in {} s", (node.paused_until - now).as_secs() + 1));
    }
    parts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_goes_by_another_file_than_the_front_end_is_shown_with_that() {
        let mut node = Node::new("c1", 1.0, Duration::ZERO);
        let shown = |node: &Node| detail(node, Duration::ZERO, Some("00000000000000aa"));
        assert_eq!(shown(&node), "");
        node.report.config_digest = Some(0xaa);
        assert_eq!(shown(&node), "");
        node.report.config_digest = Some(0xab);
        assert_eq!(shown(&node), "its cluster.toml is another than this front end's");
    }
}
