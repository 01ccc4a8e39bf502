//! The paper's own client: httperf, Debian's 0.9.0. It never rests while it waits, so that it takes all that there
//! is of a core; its machine has a share for it.

use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail};
use tokio::process::Command;

use super::record::Times;
use crate::bench::tools;

/// A request without an answer is a failure after this long: longer than any queue here lets it wait.
const REPLY_TIMEOUT_S: u64 = 15;

/// Beyond its own time and the last replies it may take this long.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is asked of it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) target: SocketAddr,
    pub(super) uri: String,
    /// Connections a second, with a request each.
    pub(super) rate: u32,
    pub(super) requests: u64,
}

/// What it says.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Done {
    /// Answered well.
    pub(super) replies: u64,
    /// Not answered, or not well.
    pub(super) failed: u64,
    /// From the first request to the last reply.
    pub(super) seconds: f64,
    /// `None` where no connection came to its end.
    pub(super) times: Option<Times>,
}

impl Order {
    /// The command, as it can be typed. Without `--hog`, by which it would look for ports itself: among thousands that
    /// rest after their connections it looks for seconds, and counts these as reply times.
    pub(super) fn words(&self) -> Vec<String> {
        let Self { target, uri, rate, requests } = self;
        let own = format!(
            "--server {} --port {} --uri {uri} --rate {rate} --num-conns {requests} --timeout {REPLY_TIMEOUT_S}",
            target.ip(),
            target.port()
        );
        [tools::program("httperf")].into_iter().chain(own.split(' ').map(str::to_owned)).collect()
    }

    /// Runs it to its end by these words, which hold those of [`Order::words`]; dropped before that, it is killed.
    /// Where it finds no end, all of its requests have failed.
    ///
    /// # Errors
    /// It cannot be started, or says nothing that is understood.
    pub(super) async fn run(&self, words: &[String]) -> anyhow::Result<Done> {
        let mut command = Command::new(&words[0]);
        command.args(&words[1..]).stdin(Stdio::null()).process_group(0).kill_on_drop(true);
        let own = Duration::from_secs_f64(self.requests as f64 / f64::from(self.rate));
        let limit = own + Duration::from_secs(REPLY_TIMEOUT_S) + PATIENCE;
        let Ok(output) = tokio::time::timeout(limit, command.output()).await else {
            return Ok(Done { replies: 0, failed: self.requests, seconds: limit.as_secs_f64(), times: None });
        };
        let output = output.context("httperf cannot be started")?;
        let said = String::from_utf8_lossy(&output.stdout);
        match parse(&said, self.requests) {
            Some(done) if output.status.success() => Ok(done),
            _ => bail!(
                "{} ended with {} and said:\n{said}{}",
                words.join(" "),
                output.status,
                String::from_utf8_lossy(&output.stderr)
            ),
        }
    }
}

fn parse(said: &str, requests: u64) -> Option<Done> {
    let total = line(said, "Total:")?;
    let replies = number_after(line(said, "Reply status:")?, "2xx=")? as u64;
    let seconds = number_after(total, "test-duration ")?;
    let times = line(said, "Connection time [ms]: min").and_then(|line| {
        let times = Times {
            mean: number_after(line, "avg ")?,
            p50: number_after(line, "median ")?,
            p99: None,
            max: number_after(line, "max ")?,
        };
        Some(times).filter(|_| replies > 0)
    });
    Some(Done { replies, failed: requests.saturating_sub(replies), seconds, times })
}

fn line<'a>(said: &'a str, label: &str) -> Option<&'a str> {
    said.lines().find_map(|line| line.strip_prefix(label))
}

/// The number behind the first `label`.
fn number_after(line: &str, label: &str) -> Option<f64> {
    tools::number(line.split_once(label)?.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "Maximum connect burst length: 1\n\n\
        Total: connections 400 requests 400 replies 398 test-duration 3.999 s\n\n\
        Connection rate: 100.0 conn/s (10.0 ms/conn, <=2 concurrent connections)\n\
        Connection time [ms]: min 0.4 avg 0.7 max 9.2 median 0.5 stddev 0.5\n\
        Connection time [ms]: connect 0.1\n\n\
        Reply time [ms]: response 0.5 transfer 0.0\n\
        Reply status: 1xx=0 2xx=396 3xx=0 4xx=0 5xx=2\n\n\
        Errors: total 2 client-timo 2 socket-timo 0 connrefused 0 connreset 0\n";

    #[test]
    fn what_is_not_answered_well_has_failed() {
        let times = Times { mean: 0.7, p50: 0.5, p99: None, max: 9.2 };
        assert_eq!(
            parse(SAID, 400),
            Some(Done { replies: 396, failed: 4, seconds: 3.999, times: Some(times) })
        );
        let none = SAID.replace("2xx=396", "2xx=0");
        assert_eq!(parse(&none, 400).unwrap().times, None);
        assert_eq!(parse("httperf: connection failed", 400), None);
    }

    #[test]
    fn the_command_can_be_typed() {
        let target = "10.77.0.1:8080".parse().unwrap();
        let order = Order { target, uri: "/bytes/1024".to_owned(), rate: 100, requests: 400 };
        let line = order.words().join(" ");
        assert!(
            line.ends_with(
                "httperf --server 10.77.0.1 --port 8080 --uri /bytes/1024 --rate 100 --num-conns 400 --timeout 15"
            ),
            "{line}"
        );
    }
}
