//! What a guard and its daemon say to each other, a line each: reports on the guard's stdout,
//! orders on its stdin. The end of stdin is the end of the daemon. Stderr is the service's stdout
//! and stderr.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// From a guard to its daemon, in this order: the main process began or did not, it ended, all
/// ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Report {
    /// The main process runs.
    Pid(u32),
    /// The program could not be run: the system's error number.
    NotRun(i32),
    /// The main process ended with this status.
    Exited(i32),
    /// The main process was killed by this signal.
    Signal(i32),
    /// No process of the service is left.
    Gone,
}

/// From a daemon to its guard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    /// SIGTERM to all, and SIGKILL to what is left after this long.
    Stop(Duration),
}

/// A line that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a line of a guard")]
pub(crate) struct Garbled;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pid(pid) => write!(f, "pid {pid}"),
            Self::NotRun(number) => write!(f, "not-run {number}"),
            Self::Exited(status) => write!(f, "exited {status}"),
            Self::Signal(signal) => write!(f, "signal {signal}"),
            Self::Gone => f.write_str("gone"),
        }
    }
}

impl FromStr for Report {
    type Err = Garbled;

    fn from_str(line: &str) -> Result<Self, Garbled> {
        let (word, number) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "pid" => number.parse().map(Self::Pid).map_err(|_| Garbled),
            "not-run" => number.parse().map(Self::NotRun).map_err(|_| Garbled),
            "exited" => number.parse().map(Self::Exited).map_err(|_| Garbled),
            "signal" => number.parse().map(Self::Signal).map_err(|_| Garbled),
            "gone" => Ok(Self::Gone),
            _ => Err(Garbled),
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stop(grace) => write!(f, "stop {}", grace.as_millis()),
        }
    }
}

impl FromStr for Order {
    type Err = Garbled;

    fn from_str(line: &str) -> Result<Self, Garbled> {
        let millis = line.strip_prefix("stop ").and_then(|number| number.parse().ok());
        millis.map(|millis| Self::Stop(Duration::from_millis(millis))).ok_or(Garbled)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Garbled, Order, Report};

    #[test]
    fn every_line_is_read_as_it_was_written() {
        for report in [Report::Pid(7), Report::NotRun(2), Report::Exited(0), Report::Signal(9), Report::Gone]
        {
            assert_eq!(report.to_string().parse(), Ok(report));
        }
        let order = Order::Stop(Duration::from_millis(1500));
        assert_eq!(order.to_string().parse(), Ok(order));
    }

    #[test]
    fn other_lines_are_refused() {
        for line in ["", "pid", "pid x", "exited", "went"] {
            assert_eq!(line.parse::<Report>(), Err(Garbled));
        }
        for line in ["", "stop", "stop -1", "go"] {
            assert_eq!(line.parse::<Order>(), Err(Garbled));
        }
    }
}
