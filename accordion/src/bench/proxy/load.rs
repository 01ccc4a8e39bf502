//! The load tools of others: how each is called, and what it says it has done.

use std::net::SocketAddr;
use std::process::{Output, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use crate::bench::tools::{self, number};

/// Beyond its own time a tool may take this long, for connections that hang.
const PATIENCE: Duration = Duration::from_secs(30);

/// Requests that no tool can send in a second here; ab wants a number.
const RATE_MAX: u64 = 100_000;

/// Connections a second of httperf. It never rests, and the origin needs the rest of its CPU.
const HTTPERF_RATE: u64 = 1000;

/// Connections that wrk and ab have open at a time.
const CONNECTIONS: u64 = 32;

/// What was done.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Done {
    /// Answered well.
    pub(super) requests: u64,
    /// Not answered, or not well.
    pub(super) failed: u64,
    pub(super) seconds: f64,
}

/// Which tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Generator {
    /// Kept connections, as many requests as go.
    Wrk,
    /// A connection each, as many as go.
    Ab,
    /// A connection each, so many a second.
    Httperf,
}

/// What is asked for, of whom, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Order {
    pub(super) generator: Generator,
    pub(super) target: SocketAddr,
    pub(super) bytes: usize,
    pub(super) seconds: u64,
    /// Where it runs.
    pub(super) cpu: usize,
}

impl Order {
    /// The command, as it can be typed.
    pub(super) fn words(&self) -> Vec<String> {
        let Self { target, bytes, seconds, .. } = self;
        let url = format!("http://{target}/{bytes}");
        let own = match self.generator {
            Generator::Wrk => format!("-t 1 -c {CONNECTIONS} -d {seconds}s {url}"),
            Generator::Ab => {
                // -n after -t, which would set it to 50000.
                format!("-q -r -c {CONNECTIONS} -t {seconds} -n {} {url}", seconds * RATE_MAX)
            }
            Generator::Httperf => format!(
                "--server {} --port {} --uri /{bytes} --rate {HTTPERF_RATE} --num-conns {} --timeout 5",
                target.ip(),
                target.port(),
                HTTPERF_RATE * seconds
            ),
        };
        let mut words = pinned(self.cpu);
        words.push(tools::program(self.generator.name()));
        words.extend(own.split(' ').map(str::to_owned));
        words
    }

    /// Runs it to its end; dropped before that, it is killed.
    pub(super) async fn run(&self) -> anyhow::Result<Done> {
        let words = self.words();
        let output = output(self.generator.name(), &words, self.seconds).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let done = match self.generator {
            Generator::Wrk => wrk(&said),
            Generator::Ab => ab(&said),
            Generator::Httperf => httperf(&said),
        };
        match done {
            Some(done) if output.status.success() => Ok(done),
            _ => bail!(last_words(&words, &output)),
        }
    }
}

/// Runs a tool that should take so many seconds to its end, and answers with all that it said; dropped
/// before that, it is killed.
pub(super) async fn output(name: &str, words: &[String], seconds: u64) -> anyhow::Result<Output> {
    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
    let limit = Duration::from_secs(seconds) + PATIENCE;
    tokio::time::timeout(limit, command.output())
        .await
        .with_context(|| format!("{name} did not end within {} s", limit.as_secs()))?
        .with_context(|| format!("{name} cannot be started"))
}

/// What there is to say of a tool that did not do its work.
pub(super) fn last_words(words: &[String], output: &Output) -> String {
    let [said, complained] = [&output.stdout, &output.stderr].map(|said| String::from_utf8_lossy(said));
    format!("{} ended with {} and said:\n{said}{complained}", words.join(" "), output.status)
}

impl Generator {
    const fn name(self) -> &'static str {
        match self {
            Self::Wrk => "wrk",
            Self::Ab => "ab",
            Self::Httperf => "httperf",
        }
    }
}

/// The beginning of a command that is to run on that CPU.
pub(super) fn pinned(cpu: usize) -> Vec<String> {
    vec![tools::program("taskset"), "-c".to_owned(), cpu.to_string()]
}

/// The first number behind `label`, at the beginning of a line.
fn behind(said: &str, label: &str) -> Option<f64> {
    let rest = said.lines().find_map(|line| line.trim_start().strip_prefix(label))?;
    number(rest)
}

/// `2480 requests in 1.10s, 2.90MB read`, and lines for what went wrong.
fn wrk(said: &str) -> Option<Done> {
    let (requests, rest) = said.lines().find_map(|line| line.split_once(" requests in "))?;
    let all: u64 = requests.trim().parse().ok()?;
    let not_good = behind(said, "Non-2xx or 3xx responses:").unwrap_or(0.0) as u64;
    let lost: u64 =
        said.lines().find_map(|line| line.trim_start().strip_prefix("Socket errors:")).map_or(0, |errors| {
            errors
                .split_ascii_whitespace()
                .filter_map(|word| word.trim_end_matches(',').parse::<u64>().ok())
                .sum()
        });
    Some(Done { requests: all.checked_sub(not_good)?, failed: not_good + lost, seconds: wrk_time(rest)? })
}

/// wrk writes 1.10s, and 1.02m or 100.00ms where that is shorter.
fn wrk_time(text: &str) -> Option<f64> {
    let text = text.split(',').next()?;
    let unit = text.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == '.');
    let factor = match unit {
        "us" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        _ => return None,
    };
    Some(number(text)? * factor)
}

fn ab(said: &str) -> Option<Done> {
    let all = behind(said, "Complete requests:")? as u64;
    let failed =
        behind(said, "Failed requests:")? as u64 + behind(said, "Non-2xx responses:").unwrap_or(0.0) as u64;
    Some(Done {
        requests: all.saturating_sub(failed),
        failed,
        seconds: behind(said, "Time taken for tests:")?,
    })
}

/// `Total: connections 100 requests 100 replies 100 test-duration 0.991 s`.
fn httperf(said: &str) -> Option<Done> {
    let total = said.lines().find_map(|line| line.strip_prefix("Total:"))?;
    let field = |label: &str| number(total.split_once(label)?.1);
    let good =
        number(said.lines().find_map(|line| line.strip_prefix("Reply status:"))?.split_once("2xx=")?.1)?
            as u64;
    let not_good = (field("replies ")? as u64).saturating_sub(good);
    let lost = behind(said, "Errors: total")? as u64;
    Some(Done { requests: good, failed: not_good + lost, seconds: field("test-duration ")? })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "Running 1s test @ http://127.0.0.1:18765/f\n  1 threads and 4 connections\n  \
        Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.80ms    1.16ms  17.11ms   92.75%\n    \
        Req/Sec     2.26k   232.52     2.52k    72.73%\n  2480 requests in 1.10s, 2.90MB read\n\
        Requests/sec:   2255.03\nTransfer/sec:      2.64MB\n";

    const AB: &str = "Concurrency Level:      4\nTime taken for tests:   1.001 seconds\n\
        Complete requests:      2309\nFailed requests:        0\nTotal transferred:      2832262 bytes\n\
        Requests per second:    2307.15 [#/sec] (mean)\n";

    const HTTPERF: &str = "Maximum connect burst length: 1\n\n\
        Total: connections 100 requests 100 replies 100 test-duration 0.991 s\n\n\
        Reply status: 1xx=0 2xx=100 3xx=0 4xx=0 5xx=0\n\n\
        Errors: total 0 client-timo 0 socket-timo 0 connrefused 0 connreset 0\n\
        Errors: fd-unavail 0 addrunavail 0 ftab-full 0 other 0\n";

    #[test]
    fn wrk_is_understood_and_what_went_wrong_is_no_request() {
        assert_eq!(wrk(WRK), Some(Done { requests: 2480, failed: 0, seconds: 1.10 }));
        let bad = WRK.replace(
            "Requests/sec",
            "  Socket errors: connect 1, read 2, write 0, timeout 3\n  Non-2xx or 3xx responses: 80\nRequests/sec",
        );
        assert_eq!(wrk(&bad), Some(Done { requests: 2400, failed: 86, seconds: 1.10 }));
        assert_eq!(wrk(&WRK.replace("1.10s,", "1.50m,")).unwrap().seconds, 90.0);
        assert_eq!(wrk("unable to connect"), None);
    }

    #[test]
    fn ab_is_understood_and_what_went_wrong_is_no_request() {
        assert_eq!(ab(AB), Some(Done { requests: 2309, failed: 0, seconds: 1.001 }));
        let bad = AB.replace("requests:        0", "requests:        7\nNon-2xx responses:      2");
        assert_eq!(ab(&bad), Some(Done { requests: 2300, failed: 9, seconds: 1.001 }));
        assert_eq!(ab(""), None);
    }

    #[test]
    fn httperf_is_understood_and_what_went_wrong_is_no_request() {
        assert_eq!(httperf(HTTPERF), Some(Done { requests: 100, failed: 0, seconds: 0.991 }));
        let bad = HTTPERF.replace("2xx=100 3xx=0 4xx=0 5xx=0", "2xx=90 3xx=0 4xx=0 5xx=10");
        let bad = bad.replace("total 0", "total 5");
        assert_eq!(httperf(&bad), Some(Done { requests: 90, failed: 15, seconds: 0.991 }));
        assert_eq!(httperf(""), None);
    }

    #[test]
    fn a_command_can_be_typed() {
        let target = "127.200.0.1:8080".parse().unwrap();
        let order = Order { generator: Generator::Wrk, target, bytes: 1024, seconds: 4, cpu: 1 };
        let line = order.words().join(" ");
        assert!(line.ends_with("wrk -t 1 -c 32 -d 4s http://127.200.0.1:8080/1024"), "{line}");
        assert!(line.contains("taskset -c 1 "), "{line}");
    }
}
