//! What the front end holds at a tick: its ready nodes, those on their way in and those on their way out.

use std::time::Duration;

use super::share::Share;

/// No machine handles a billion requests at a time; a K above it is a fault.
const K_MAX: f64 = 1e9;

/// The nodes of one service at one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Fleet {
    /// The nodes that may take requests, in the order of the child_list.
    pub ready: Vec<ReadyNode>,
    /// Nodes that are ready and stand by: they are sent no request.
    pub standby: Vec<ReadyNode>,
    /// Nodes ordered and not ready yet.
    pub ordered: u32,
    /// Nodes on their way out.
    pub draining: Vec<DrainingNode>,
    /// Nodes to hold whatever the load: a schedule, a forecast. 0: none.
    pub floor: u32,
    /// Nodes that could be tried now, those ordered left out.
    pub available: u32,
    /// What the service is due of the pool while another service is short; `None`: none is, and it may
    /// borrow what is free.
    pub share: Option<Share>,
}

/// One node that takes requests.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ReadyNode {
    /// Its name.
    pub node: String,
    /// Requests in flight that it handles well: `capacity` times its speed.
    pub k: f64,
    /// How long it has been ready.
    pub age: Duration,
    /// Long-lived requests on it now.
    pub long_lived: u32,
    /// Requests in flight on it now.
    pub in_flight: u32,
    /// The CPU its copy of the service uses; `None`: not known.
    pub cpu: Option<CpuUse>,
    /// How old its own figures are. One that is silent for `node_data_timeout` stays among the ready
    /// ones until it is given up: it is no capacity on the way up, and full on the way down.
    pub data_age: Duration,
    /// Whether the front end has put it out for its answers, because it takes no connection, or because
    /// its copy does not answer its probe. It is no capacity on the way up, and full on the way down, and
    /// it is still held: it will be in again.
    pub is_out: bool,
}

/// CPU time of a service's own processes against what they may use.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct CpuUse {
    /// CPUs used.
    pub used: f64,
    /// CPUs they may use.
    pub allowed: f64,
}

/// One node that takes no new request.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct DrainingNode {
    /// Its name.
    pub node: String,
    /// Whether the drain can still be taken back.
    pub undrainable: bool,
    /// How long it has been draining.
    pub since: Duration,
}

impl ReadyNode {
    /// Whether it takes requests, or would: it answers, and is not out.
    pub(super) fn serves(&self, node_data_timeout: Duration) -> bool {
        !self.is_stale(node_data_timeout) && !self.is_out
    }

    /// Its K where that is a usable number, else 0.
    pub(super) fn k(&self) -> f64 {
        if (0.0..=K_MAX).contains(&self.k) { self.k } else { 0.0 }
    }

    /// Whether its own figures are missing for too long to rely on it.
    pub(super) fn is_stale(&self, node_data_timeout: Duration) -> bool {
        self.data_age >= node_data_timeout
    }
}

impl Fleet {
    /// Ready nodes.
    pub(crate) fn ready_count(&self) -> u32 {
        u32::try_from(self.ready.len()).unwrap_or(u32::MAX)
    }

    /// Ready nodes whose own figures are not too old to rely on.
    pub(super) fn answering(&self, node_data_timeout: Duration) -> impl Iterator<Item = &ReadyNode> {
        self.ready.iter().filter(move |node| !node.is_stale(node_data_timeout))
    }

    /// Ready nodes that take requests: they answer, and are not out.
    pub(super) fn serving(&self, node_data_timeout: Duration) -> impl Iterator<Item = &ReadyNode> {
        self.ready.iter().filter(move |node| node.serves(node_data_timeout))
    }

    /// Nodes that stand by.
    pub(crate) fn standby_count(&self) -> u32 {
        u32::try_from(self.standby.len()).unwrap_or(u32::MAX)
    }

    /// Nodes ready or on their way, those that stand by among them.
    pub(crate) fn held(&self) -> u32 {
        self.to_serve().saturating_add(self.standby_count())
    }

    /// Nodes that serve or are on their way.
    pub(super) fn to_serve(&self) -> u32 {
        self.ready_count().saturating_add(self.ordered)
    }

    /// Whether a node that has just become ready stands by: too few do, and as many serve as the last
    /// decision wanted. Who carries decisions out asks.
    pub fn joins_standby(&self, standby: u32, want: u32) -> bool {
        self.standby_count() < standby && self.ready_count() >= want
    }

    /// Nodes whose drain can be taken back, the newest drain first: it has the longest way to its stop.
    pub(super) fn undrainable(&self, most: u32) -> Vec<String> {
        let mut nodes: Vec<_> = self.draining.iter().filter(|node| node.undrainable).collect();
        nodes.sort_by_key(|node| node.since);
        nodes.into_iter().take(most as usize).map(|node| node.node.clone()).collect()
    }
}
