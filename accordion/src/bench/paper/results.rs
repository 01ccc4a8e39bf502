//! Everything that a run found, as the report takes it.

use super::record::Measurement;
use super::timeline::Timeline;

/// One run.
#[derive(Debug, Clone)]
pub(super) struct Results {
    pub(super) setting: Setting,
    pub(super) measurements: Vec<Measurement>,
    /// `None`: it was not asked for.
    pub(super) elastic: Option<Timeline>,
    /// Where the time of a request goes, a bar for each way.
    pub(super) phases: Vec<Bar>,
    pub(super) verdicts: Vec<Verdict>,
}

/// Under which conditions.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    /// The command as it can be typed.
    pub(super) command: String,
    /// Like 2026-11-21.
    pub(super) date: String,
    /// Sentences about the machine, the rack, the versions and the clients.
    pub(super) conditions: Vec<String>,
}

/// The way of one request as a bar: figure 13.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bar {
    /// Like "by a node".
    pub(super) way: String,
    /// In the order in which a request passes them: the name, and its microseconds (medians).
    pub(super) parts: Vec<(String, f64)>,
}

/// What became of one goal.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Verdict {
    pub(super) experiment: &'static str,
    /// Like "500 KB by a node, against that node alone".
    pub(super) what: String,
    /// Like "at most 1.30".
    pub(super) goal: String,
    /// Like "1.12 (1.08-1.20)".
    pub(super) found: String,
    pub(super) is_met: bool,
}
