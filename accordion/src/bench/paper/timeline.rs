//! The elastic run, second by second: what was asked, what served, how long it took, and what was decided.

/// The whole run.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Timeline {
    /// In their order, without a gap.
    pub(super) seconds: Vec<Second>,
    /// In their order.
    pub(super) marks: Vec<Mark>,
}

/// One second of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Second {
    /// From the begin of the run on.
    pub(super) at: u32,
    /// Requests that were due in it.
    pub(super) due: u64,
    /// Of these, answered well.
    pub(super) replies: u64,
    /// Of these, not answered, or not well.
    pub(super) failed: u64,
    /// Of the reply times of the good ones, in milliseconds; `None` where there was none.
    pub(super) p50_ms: Option<f64>,
    pub(super) p99_ms: Option<f64>,
    /// Nodes that were given requests at its begin.
    pub(super) serving: u32,
    /// Nodes that were held at its begin, those that start or drain with them.
    pub(super) held: u32,
    /// Nodes that one who knows the load would hold.
    pub(super) oracle: u32,
    /// "Low", "Medium" or "High"; empty before the first decision.
    pub(super) level: String,
}

/// A decision that changed something.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Mark {
    /// Seconds from the begin of the run on.
    pub(super) at: f64,
    /// Like "add 2" or "drain 1".
    pub(super) what: String,
    /// The decision's own sentence.
    pub(super) reason: String,
}
