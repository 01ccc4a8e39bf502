//! Low, Medium, High: the paper's three levels of load (section 3.3, figure 10), between two
//! thresholds. Pure, and without memory: the gap between the thresholds is the hysteresis.

use std::fmt;

/// A load's level against a capacity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// Below `low` times the capacity.
    Low,
    /// Between the two: nothing changes.
    Medium,
    /// Above `high` times the capacity.
    High,
}

impl Level {
    /// The level of `load` requests in flight where `capacity` are handled well; `low` and `high`
    /// are shares of the capacity.
    pub fn of(load: f64, capacity: f64, low: f64, high: f64) -> Self {
        if load < low * capacity {
            Self::Low
        } else if load > high * capacity {
            Self::High
        } else {
            Self::Medium
        }
    }

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "Low",
            Self::Medium => "Medium",
            Self::High => "High",
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::Level;

    #[test]
    fn the_thresholds_themselves_are_medium() {
        let level = |load| Level::of(load, 8.0, 0.35, 0.75);
        assert_eq!(level(2.7), Level::Low);
        assert_eq!(level(2.8), Level::Medium);
        assert_eq!(level(6.0), Level::Medium);
        assert_eq!(level(6.1), Level::High);
    }
}
