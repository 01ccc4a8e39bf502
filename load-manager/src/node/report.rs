//! What a node says of itself, and what of that is news.

use std::time::Duration;

use super::{Node, Stage};

/// What a node said of itself with its last renewal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// Slots nobody holds.
    pub slots_free: u32,
    /// Whether it takes a slot back from somebody for this service, or keeps one that it took back.
    pub reclaiming: bool,
    /// Requests that it cut since its daemon's start, because the time for their end was over.
    pub requests_cut: u64,
    /// The digest of its cluster.toml; `None`: it did not tell.
    pub config_digest: Option<u64>,
    /// Whether an operator drained it.
    pub maintenance: bool,
    /// Whether its daemon is about to end.
    pub stopping: bool,
    /// Share of all its CPUs in use.
    pub cpu: f64,
    /// How many CPUs it has.
    pub cpus: u32,
    /// CPUs that our service's processes there use.
    pub service_cpu: f64,
    /// Resident memory of our service's processes there, in bytes.
    pub service_memory_bytes: u64,
    /// Our requests it counts in flight; `None`: none comes by it, or not yet.
    pub in_flight: Option<u32>,
    /// Whether our service there does not answer its readiness probe, and nobody but the front end can
    /// keep requests from it.
    pub probe_fails: bool,
    /// Whether it asks for our lease back.
    pub is_reclaimed: bool,
}

impl Node {
    /// What it says of itself. Answers whether its service stopped or began again to answer its probe.
    pub fn hear(&mut self, report: Report) -> bool {
        let is_news = report.probe_fails != self.report.probe_fails;
        self.is_changed |= is_news;
        self.report = report;
        is_news
    }

    /// Takes note where a report is the first one with a slot for this service: what it was refused
    /// before that is over. Answers whether it is.
    pub fn hear_of_slot(&mut self, report: &Report) -> bool {
        let is_freed = self.stage == Stage::Free && self.report.slots_free == 0 && report.slots_free > 0;
        if is_freed && self.is_refused {
            self.is_refused = false;
            self.paused_until = Duration::ZERO;
        }
        is_freed
    }
}
