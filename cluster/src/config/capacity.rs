//! `capacity`: how many requests in flight one copy handles well (K), as a number, or learned while it runs.

use std::fmt;

/// What `capacity` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capacity {
    /// So many.
    Requests(u32),
    /// The service-manager learns it.
    Auto,
}

/// As it is written in the file.
impl fmt::Display for Capacity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Requests(requests) => requests.fmt(formatter),
            Self::Auto => formatter.write_str("\"auto\""),
        }
    }
}

impl Capacity {
    /// K until something is learned: where Netflix's Gradient2 begins.
    pub const AUTO_START: f64 = 20.0;

    /// K as far as the file tells it.
    pub fn at_start(self) -> f64 {
        match self {
            Self::Requests(requests) => f64::from(requests),
            Self::Auto => Self::AUTO_START,
        }
    }

    /// Whether it is learned.
    pub fn is_auto(self) -> bool {
        self == Self::Auto
    }
}
