//! One measurement, and all of them as the raw file that is kept.

use std::fmt::Write as _;
use std::time::Duration;

use super::meter::Cpu;
use super::rows::{Contestant, Row};

/// What one contestant did in one row of one round.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measurement {
    /// From 1 on.
    pub(super) round: usize,
    pub(super) row: Row,
    pub(super) contestant: Contestant,
    /// Answered well.
    pub(super) requests: u64,
    /// Not answered, or not well.
    pub(super) failed: u64,
    /// What the proxy used for them.
    pub(super) cpu: Cpu,
    pub(super) seconds: f64,
    pub(super) extra: Extra,
}

/// What a row knows beyond CPU time.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Extra {
    None,
    /// Latencies at that many requests a second.
    Latency {
        rate: f64,
        p50: Duration,
        p99: Duration,
    },
    /// Memory in KiB before the crowd came, while it stayed, and after it had gone.
    Memory {
        connections: u64,
        before: u64,
        idle: u64,
        after: u64,
    },
    /// That many requests a second, beside slow clients of both kinds.
    Slow {
        rate: f64,
        heads: Beside,
        bodies: Beside,
    },
}

/// What became of requests, and of the slow clients beside them.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Beside {
    pub(super) answered: u64,
    pub(super) failed: u64,
    /// `None`: none was answered.
    pub(super) p99: Option<Duration>,
    pub(super) clients: u64,
    /// Of the slow clients, those that the proxy had closed at the end.
    pub(super) closed: u64,
}

impl Measurement {
    /// What the row is about, in its unit; `None` where nothing was answered.
    pub(super) fn figure(&self) -> Option<f64> {
        match (self.row, &self.extra) {
            (Row::P99, Extra::Latency { p99, .. }) => Some(p99.as_secs_f64() * 1e6),
            (_, Extra::Latency { p50, .. }) => Some(p50.as_secs_f64() * 1e6),
            (_, Extra::Memory { connections, before, idle, .. }) => {
                (*connections > 0).then(|| idle.saturating_sub(*before) as f64 / *connections as f64)
            }
            // Of both kinds the one that was worse.
            (_, Extra::Slow { heads, bodies, .. }) => Some(heads.p99?.max(bodies.p99?).as_secs_f64() * 1e6),
            (_, Extra::None) => {
                let used = self.cpu.total().as_secs_f64() * 1e6;
                (self.requests > 0).then(|| used / self.requests as f64)
            }
        }
    }

    /// The share of what a crowd took that came back when it had gone, 0 to 1.
    pub(super) fn given_back(&self) -> Option<f64> {
        let Extra::Memory { before, idle, after, .. } = self.extra else { return None };
        let grown = idle.checked_sub(before).filter(|grown| *grown > 0)?;
        Some(idle.saturating_sub(after).min(grown) as f64 / grown as f64)
    }
}

/// The raw file: one line for each measurement, in their order.
pub(super) fn csv(measurements: &[Measurement]) -> String {
    let mut text = "round,row,proxy,requests,user_us,sys_us,seconds,extra\n".to_owned();
    for measurement in measurements {
        let Measurement { round, row, contestant, requests, failed, cpu, seconds, extra } = measurement;
        let (user, system) = (cpu.user.as_micros(), cpu.system.as_micros());
        // Writing into a String cannot fail.
        let _ = write!(
            text,
            "{round},{},{},{requests},{user},{system},{seconds:.3},failed={failed}",
            row.name(),
            contestant.key()
        );
        let _ = match extra {
            Extra::None => writeln!(text),
            Extra::Latency { rate, p50, p99 } => {
                writeln!(text, ";rate={rate:.0};p50_us={};p99_us={}", p50.as_micros(), p99.as_micros())
            }
            Extra::Memory { connections, before, idle, after } => writeln!(
                text,
                ";connections={connections};before_kib={before};idle_kib={idle};after_kib={after}"
            ),
            Extra::Slow { rate, heads, bodies } => {
                writeln!(text, ";rate={rate:.0}{}{}", fields("heads", heads), fields("bodies", bodies))
            }
        };
    }
    text
}

fn fields(kind: &str, beside: &Beside) -> String {
    let Beside { answered, failed, p99, clients, closed } = beside;
    let p99 = p99.map_or_else(|| "-".to_owned(), |p99| p99.as_micros().to_string());
    format!(
        ";{kind}={clients};{kind}_closed={closed};{kind}_answered={answered};{kind}_failed={failed};{kind}_p99_us={p99}"
    )
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A measurement of `us` microseconds for each of 1000 requests.
    pub(in super::super) fn cpu(round: usize, row: Row, contestant: Contestant, us: u64) -> Measurement {
        let cpu = Cpu { user: Duration::from_micros(us * 300), system: Duration::from_micros(us * 700) };
        Measurement {
            round,
            row,
            contestant,
            requests: 1000,
            failed: 0,
            cpu,
            seconds: 1.0,
            extra: Extra::None,
        }
    }

    /// A crowd of 1000 that takes `grown` KiB, of which `back` come back.
    pub(in super::super) fn memory(contestant: Contestant, grown: u64, back: u64) -> Measurement {
        let (before, idle) = (5000, 5000 + grown);
        let extra = Extra::Memory { connections: 1000, before, idle, after: idle - back };
        Measurement { extra, ..cpu(1, Row::Idle, contestant, 10) }
    }

    /// 1000 requests beside slow clients of each kind, of which those with slow heads are closed.
    pub(in super::super) fn slow(contestant: Contestant, heads_us: u64, bodies_us: u64) -> Measurement {
        let beside = |us, closed| Beside {
            answered: 1000,
            failed: 0,
            p99: Some(Duration::from_micros(us)),
            clients: 500,
            closed,
        };
        let extra = Extra::Slow { rate: 100.0, heads: beside(heads_us, 500), bodies: beside(bodies_us, 0) };
        Measurement { requests: 2000, extra, ..cpu(1, Row::Slow, contestant, 10) }
    }

    #[test]
    fn the_figure_is_the_one_that_the_row_is_about() {
        assert_eq!(cpu(1, Row::KeepAlive1k, Contestant::Nginx, 11).figure(), Some(11.0));
        let extra =
            Extra::Latency { rate: 300.0, p50: Duration::from_micros(95), p99: Duration::from_millis(1) };
        let latency = |row| Measurement { extra: extra.clone(), ..cpu(1, row, Contestant::Nginx, 11) };
        assert_eq!(latency(Row::P50).figure(), Some(95.0));
        assert_eq!(latency(Row::P99).figure(), Some(1000.0));
        assert_eq!(memory(Contestant::Nginx, 2500, 0).figure(), Some(2.5));
        assert_eq!(slow(Contestant::Nginx, 800, 900).figure(), Some(900.0));
        assert_eq!(slow(Contestant::Nginx, 800, 700).figure(), Some(800.0));
        let nothing = Measurement { requests: 0, ..cpu(1, Row::Close1k, Contestant::Nginx, 11) };
        assert_eq!(nothing.figure(), None);
    }

    #[test]
    fn what_came_back_is_a_share_of_what_was_taken() {
        assert_eq!(memory(Contestant::Nginx, 2000, 500).given_back(), Some(0.25));
        // It may end below where it began.
        assert_eq!(memory(Contestant::Nginx, 2000, 2500).given_back(), Some(1.0));
        assert_eq!(memory(Contestant::Nginx, 0, 0).given_back(), None);
    }

    #[test]
    fn every_measurement_is_one_line_with_as_many_fields_as_the_head() {
        let all = [
            cpu(1, Row::Close1k, Contestant::Accordion, 20),
            memory(Contestant::Haproxy, 10, 10),
            slow(Contestant::Nginx, 800, 900),
        ];
        let text = csv(&all);
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 4);
        assert!(lines[3].contains(";rate=100;heads=500;heads_closed=500;heads_answered=1000;"), "{text}");
        assert_eq!(lines[1], "1,close-1k,accordion,1000,6000,14000,1.000,failed=0");
        assert!(lines.iter().all(|line| line.split(',').count() == 8), "{text}");
    }
}
