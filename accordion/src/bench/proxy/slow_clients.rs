//! Clients that are slow on purpose, as slowhttptest plays them: heads that never end, bodies that hardly
//! move. How it is called, and how many of them it says were closed.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::Context;

use super::config::BODY_PATH;
use super::load::{last_words, output, pinned};
use super::rows::SMALL;
use crate::bench::tools;

const TOOL: &str = "slowhttptest";

/// What a slow body promises, in bytes: far more than it will have sent.
const BODY_BYTES: u64 = 8192;

/// So many of them, and for how long. Times are in seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SlowClients {
    pub(super) count: u64,
    /// How many come a second.
    pub(super) rate: u64,
    /// From a bit of what each sends to the next.
    pub(super) interval: u64,
    /// How long a proxy lets one take for its head, and pause within its body.
    pub(super) timeout: u64,
    /// From the first to the end.
    pub(super) seconds: u64,
}

/// Of a whole run. They never pause for as long as the timeout is, so that only heads are too slow.
pub(super) const SLOW: SlowClients =
    SlowClients { count: 500, rate: 250, interval: 2, timeout: 5, seconds: 10 };

/// Of a quick one.
pub(super) const SLOW_QUICK: SlowClients =
    SlowClients { count: 100, rate: 100, interval: 1, timeout: 2, seconds: 5 };

/// What is slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// A head gets a field more, again and again.
    Heads,
    /// A body gets a few bytes more, again and again.
    Bodies,
}

/// What is asked of slowhttptest.
#[derive(Debug, Clone)]
pub(super) struct SlowOrder {
    pub(super) clients: SlowClients,
    pub(super) manner: Manner,
    pub(super) target: SocketAddr,
    /// Where it runs.
    pub(super) cpu: usize,
    /// Where it keeps its count.
    pub(super) directory: PathBuf,
}

impl SlowOrder {
    /// The command, as it can be typed.
    pub(super) fn words(&self) -> Vec<String> {
        let SlowClients { count, rate, interval, seconds, .. } = self.clients;
        let target = self.target;
        let own = match self.manner {
            Manner::Heads => format!("-H -u http://{target}/{SMALL}"),
            Manner::Bodies => format!("-B -s {BODY_BYTES} -u http://{target}{BODY_PATH}"),
        };
        let all = format!("{own} -c {count} -r {rate} -i {interval} -l {seconds} -g -o");
        let mut words = pinned(self.cpu);
        // It looks at all its connections again and again; those who are measured must not wait for it.
        words.extend([tools::program("nice"), "-n".to_owned(), "19".to_owned(), tools::program(TOOL)]);
        words.extend(all.split(' ').map(str::to_owned));
        words.push(self.prefix().to_string_lossy().into_owned());
        words
    }

    /// Runs it to its end, and answers how many of its clients were closed by then; dropped before that, it
    /// is killed.
    pub(super) async fn run(&self) -> anyhow::Result<u64> {
        let words = self.words();
        let output = output(TOOL, &words, self.clients.seconds).await?;
        let said = String::from_utf8_lossy(&output.stdout);
        let count = fs::read_to_string(self.prefix().with_extension("csv")).unwrap_or_default();
        let closed = closed(&said, &count, self.clients.count).filter(|_| output.status.success());
        closed.with_context(|| last_words(&words, &output))
    }

    fn prefix(&self) -> PathBuf {
        let name = match self.manner {
            Manner::Heads => "slow-heads",
            Manner::Bodies => "slow-bodies",
        };
        Path::new(&self.directory).join(name)
    }
}

/// Of so many clients, those that were closed. It ends by itself when none is left, which is after the last
/// line of its count.
fn closed(said: &str, csv: &str, clients: u64) -> Option<u64> {
    if said.contains("No open connections left") {
        return Some(clients);
    }
    let mut lines = csv.lines();
    let column = lines.next()?.split(',').position(|name| name == "Closed")?;
    lines.last()?.split(',').nth(column)?.parse().ok().filter(|_| said.contains("Hit test time limit"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "Seconds,Closed,Pending,Connected,Service Available\n0,0,1,0,500\n6,233,0,267,500\n";

    #[test]
    fn those_that_were_closed_are_counted_up_to_the_end() {
        let limit = "\u{1b}[0mExit status:\u{1b}[1;36m Hit test time limit\n";
        assert_eq!(closed(limit, CSV, 500), Some(233));
        // It was over before the next line.
        assert_eq!(closed("Exit status: No open connections left\n", CSV, 500), Some(500));
        assert_eq!(closed("Exit status: Cannot establish connection\n", CSV, 500), None);
        assert_eq!(closed(limit, "", 500), None);
    }

    #[test]
    fn heads_and_bodies_are_ordered_as_can_be_typed() {
        let target = "127.200.0.1:8080".parse().unwrap();
        let order = |manner| SlowOrder { clients: SLOW, manner, target, cpu: 1, directory: "/tmp/b".into() };
        let heads = order(Manner::Heads).words().join(" ");
        let expected = "slowhttptest -H -u http://127.200.0.1:8080/1024 -c 500 -r 250 -i 2 -l 10 -g -o /tmp/b/slow-heads";
        assert!(heads.ends_with(expected), "{heads}");
        let bodies = order(Manner::Bodies).words().join(" ");
        assert!(bodies.contains(" -B -s 8192 -u http://127.200.0.1:8080/body -c 500 "), "{bodies}");
    }

    #[test]
    fn a_head_that_never_ends_is_too_slow_within_the_time_of_a_run() {
        for SlowClients { count, rate, interval, timeout, seconds } in [SLOW, SLOW_QUICK] {
            assert!(interval < timeout, "a pause is not what is too long");
            // All have come, and had their time, and a second more for those who look now and then.
            assert!(count.div_ceil(rate) + timeout + 1 < seconds, "{count} at {rate}/s within {seconds} s");
        }
    }
}
