//! What is measured: the rows, who takes part in each, and the goals. Pure; how a row is measured is
//! in `run`, what became of it in `summary`.

use clap::ValueEnum;

/// One kind of work, done by each of its contestants in every round.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, ValueEnum)]
pub(super) enum Row {
    /// 1 KB answers on 32 kept connections
    #[value(name = "keep-alive-1k")]
    KeepAlive1k,
    /// 1 KB answers, a connection each, 32 at a time (ab)
    #[value(name = "close-1k")]
    Close1k,
    /// 1 KB answers, a connection each, 1000 a second (httperf)
    #[value(name = "close-1k-httperf")]
    Close1kHttperf,
    /// 10 KB answers on 32 kept connections
    #[value(name = "keep-alive-10k")]
    KeepAlive10k,
    /// 100 KB answers on 32 kept connections
    #[value(name = "keep-alive-100k")]
    KeepAlive100k,
    /// 500 KB answers on 32 kept connections
    #[value(name = "keep-alive-500k")]
    KeepAlive500k,
    /// 1 KB answers by way of a node, on 32 kept connections
    #[value(name = "node-1k")]
    Node1k,
    /// Median latency at 300 requests a second, a connection each
    #[value(name = "p50")]
    P50,
    /// 99th percentile of the latency at 70 % of the better peer's top rate, on kept connections
    #[value(name = "p99")]
    P99,
    /// Memory of idle connections
    #[value(name = "idle")]
    Idle,
    /// 100 requests a second beside 500 clients with slow heads, then with slow bodies (slowhttptest)
    #[value(name = "slow")]
    Slow,
}

/// Who does the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Contestant {
    /// Nobody between the load and the origin.
    Direct,
    /// Debian's nginx.
    Nginx,
    /// Debian's HAProxy.
    Haproxy,
    /// A HAProxy before a HAProxy.
    TwoHaproxies,
    /// A service-manager that writes X-Forwarded-For and no more, and no log.
    Accordion,
    /// A service-manager as it is when nothing is said.
    AccordionDefaults,
    /// A service-manager as it is when nothing is said, with an access log.
    AccordionLogged,
    /// A service-manager before a task-processor.
    AccordionNode,
}

/// What is to be reached.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Goal {
    /// This many times the better peer.
    Ratio(f64),
    /// This much.
    AtMost(f64),
    /// It is shown only.
    None,
}

/// One line of the table: an Accordion beside its peers, in one row.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Line {
    pub(super) row: Row,
    /// What the line says it is.
    pub(super) title: &'static str,
    pub(super) ours: Contestant,
    pub(super) peers: &'static [Contestant],
    pub(super) goal: Goal,
}

/// The size of a small answer, in bytes.
pub(super) const SMALL: usize = 1024;

/// All sizes of answers, in bytes: 1, 10, 100 and 500 KB.
pub(super) const SIZES: [usize; 4] = [SMALL, 10 * 1024, 100 * 1024, 500 * 1024];

const BOTH: &[Contestant] = &[Contestant::Nginx, Contestant::Haproxy];
const HAPROXY: &[Contestant] = &[Contestant::Haproxy];
const TWO: &[Contestant] = &[Contestant::TwoHaproxies];

/// The table. The goals are those of the design ("Numbers to reach").
pub(super) const LINES: [Line; 15] = [
    line(Row::KeepAlive1k, "keep-alive, 1 KB", Contestant::Accordion, BOTH, Goal::Ratio(0.88)),
    line(
        Row::KeepAlive1k,
        "keep-alive, 1 KB, Accordion's defaults",
        Contestant::AccordionDefaults,
        BOTH,
        Goal::None,
    ),
    line(
        Row::KeepAlive1k,
        "keep-alive, 1 KB, defaults and access log",
        Contestant::AccordionLogged,
        BOTH,
        Goal::None,
    ),
    line(Row::Close1k, "a connection each, 1 KB (ab)", Contestant::Accordion, BOTH, Goal::Ratio(0.92)),
    line(
        Row::Close1kHttperf,
        "a connection each, 1 KB (httperf)",
        Contestant::Accordion,
        BOTH,
        Goal::Ratio(0.92),
    ),
    line(Row::KeepAlive10k, "keep-alive, 10 KB", Contestant::Accordion, BOTH, Goal::Ratio(0.80)),
    line(Row::KeepAlive100k, "keep-alive, 100 KB", Contestant::Accordion, BOTH, Goal::Ratio(0.80)),
    line(Row::KeepAlive500k, "keep-alive, 500 KB", Contestant::Accordion, BOTH, Goal::Ratio(0.60)),
    line(Row::Node1k, "by a node, 1 KB", Contestant::AccordionNode, TWO, Goal::Ratio(0.85)),
    line(Row::P50, "p50 at 300/s, local", Contestant::Accordion, HAPROXY, Goal::Ratio(1.0)),
    line(Row::P50, "p50 at 300/s, by a node", Contestant::AccordionNode, TWO, Goal::Ratio(1.0)),
    line(Row::P99, "p99 at 70 % of the top rate", Contestant::Accordion, BOTH, Goal::None),
    line(Row::Idle, "idle connection", Contestant::Accordion, BOTH, Goal::AtMost(3.0)),
    line(
        Row::Idle,
        "idle connection, Accordion's defaults",
        Contestant::AccordionDefaults,
        BOTH,
        Goal::AtMost(3.0),
    ),
    line(Row::Slow, "p99 at 100/s beside slow clients", Contestant::Accordion, BOTH, Goal::None),
];

const fn line(
    row: Row,
    title: &'static str,
    ours: Contestant,
    peers: &'static [Contestant],
    goal: Goal,
) -> Line {
    Line { row, title, ours, peers, goal }
}

impl Row {
    /// What it is called on the command line and in the records.
    pub(super) fn name(self) -> String {
        self.to_possible_value().map_or_else(String::new, |value| value.get_name().to_owned())
    }

    /// What its figures are in.
    pub(super) const fn unit(self) -> &'static str {
        match self {
            Self::KeepAlive1k
            | Self::Close1k
            | Self::Close1kHttperf
            | Self::KeepAlive10k
            | Self::KeepAlive100k
            | Self::KeepAlive500k
            | Self::Node1k => "CPU us/request",
            Self::P50 | Self::P99 | Self::Slow => "us",
            Self::Idle => "KiB each",
        }
    }

    /// Whether everybody is started for it alone, each time anew, and only for as long as it is measured.
    pub(super) const fn is_by_itself(self) -> bool {
        matches!(self, Self::Idle | Self::Slow)
    }

    /// Everybody who does its work, in the order of the first round.
    pub(super) fn contestants(self) -> Vec<Contestant> {
        let mut all: Vec<Contestant> = Vec::new();
        for line in LINES.iter().filter(|line| line.row == self) {
            for contestant in line.peers.iter().chain([&line.ours]) {
                if !all.contains(contestant) {
                    all.push(*contestant);
                }
            }
        }
        if self == Self::P50 {
            all.push(Contestant::Direct);
        }
        all
    }
}

impl Contestant {
    /// What people read.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "HAProxy",
            Self::TwoHaproxies => "HAProxy before HAProxy",
            Self::Accordion => "Accordion",
            Self::AccordionDefaults => "Accordion, defaults",
            Self::AccordionLogged => "Accordion, defaults and access log",
            Self::AccordionNode => "Accordion by a node",
        }
    }

    /// What its files and its column in the records are called.
    pub(super) const fn key(self) -> &'static str {
        match self {
            Self::Direct => "direct",
            Self::Nginx => "nginx",
            Self::Haproxy => "haproxy",
            Self::TwoHaproxies => "two-haproxies",
            Self::Accordion => "accordion",
            Self::AccordionDefaults => "accordion-defaults",
            Self::AccordionLogged => "accordion-logged",
            Self::AccordionNode => "accordion-node",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::rotated;

    #[test]
    fn everybody_is_first_equally_often() {
        let all = [Contestant::Nginx, Contestant::Haproxy, Contestant::Accordion];
        let first: Vec<_> = (0..6).map(|round| rotated(&all, round)[0]).collect();
        assert_eq!(first[..3], all);
        assert_eq!(first[3..], all);
    }

    #[test]
    fn every_row_has_a_line_with_a_peer_and_each_contestant_once() {
        for row in Row::value_variants() {
            let contestants = row.contestants();
            assert!(contestants.len() >= 2, "{row:?}");
            let mut once = contestants.clone();
            once.dedup();
            assert_eq!(contestants, once);
        }
        assert_eq!(Row::P50.contestants().last(), Some(&Contestant::Direct));
    }

    #[test]
    fn rows_are_called_what_the_command_line_calls_them() {
        assert_eq!(Row::KeepAlive500k.name(), "keep-alive-500k");
        assert_eq!(Row::Close1kHttperf.name(), "close-1k-httperf");
    }
}
