//! `accordion reload`: has each daemon of this machine read its cluster.toml again and tells what came of
//! it; and for `accordion check --diff`, what would.

use std::process::ExitCode;
use std::time::Duration;

use cluster::config::{self, Cluster};
use cluster::daemon::DaemonArgs;
use proto::reload::{RehearseRequest, ReloadReply, ReloadRequest};
use tonic::{Request, Status};

use crate::answer;
use crate::reach::{DaemonHere, Which, block_on, words};

/// How long a daemon may take that is not waited for, and one that is.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(60);

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Only these, by the names of their units: service-manager@shop, load-manager@shop, task-processor
    #[arg(value_name = "DAEMON")]
    daemons: Vec<String>,
    /// Wait for a busy daemon for a minute, and not for 3 s only
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    which: Which,
}

/// Which daemons are asked.
struct Asked {
    cluster: Option<Cluster>,
    all: Vec<DaemonHere>,
    /// Nothing: all of them.
    only: Vec<String>,
}

/// 0 when each daemon that runs here has taken the file, as far as it can without a restart; 1 for a fault.
pub(crate) fn main(args: &Args) -> ExitCode {
    let (asked, faults) = match Asked::find(&args.which.daemon_args(), args.daemons.clone()) {
        Ok(found) => found,
        Err(code) => return code,
    };
    let limit = if args.wait { LONG } else { SHORT };
    block_on(async {
        let replies = asked.ask(limit, None).await;
        if let Some(faults) = faults.filter(|_| replies.is_empty()) {
            return Err(faults);
        }
        asked.all_answered(&replies)?;
        tell(&replies, "applied")
    })
}

/// Tells what each daemon would make of this text, and which nodes go by another file than this front end.
pub(crate) fn rehearse(args: &DaemonArgs, name: &str, text: &str) -> ExitCode {
    let asked = match Asked::find(args, Vec::new()) {
        Ok((asked, _)) => asked,
        Err(code) => return code,
    };
    block_on(async {
        let replies = asked.ask(SHORT, Some((name, text))).await;
        let told = tell(&replies, "would be applied");
        for line in asked.other_nodes(&replies).await {
            answer::give(line + "\n")?;
        }
        told
    })
}

type Replies = Vec<(DaemonHere, Result<ReloadReply, Status>)>;

impl Asked {
    /// Those of the file, with its faults where it has some: they are to hear of those too, so that their
    /// status tells of them.
    fn find(args: &DaemonArgs, only: Vec<String>) -> Result<(Self, Option<String>), ExitCode> {
        let path = args.config_path();
        match config::read(path) {
            Ok(cluster) => {
                let directories = args.places(&cluster).map_err(|fault| {
                    eprintln!("accordion: {fault}");
                    ExitCode::FAILURE
                })?;
                let all = DaemonHere::all(&directories.runtime, Some(&cluster));
                Ok((Self { cluster: Some(cluster), all, only }, None))
            }
            Err(faults) => {
                let place = config::text(path).ok().and_then(|text| config::whereabouts(&text));
                let runtime = place.and_then(|place| args.runtime_place(&place));
                let all = runtime.map(|runtime| DaemonHere::all(&runtime, None)).unwrap_or_default();
                Ok((Self { cluster: None, all, only }, Some(faults.to_string())))
            }
        }
    }

    /// One after the other: who picks by a rule before who decides by it.
    async fn ask(&self, limit: Duration, rehearsed: Option<(&str, &str)>) -> Replies {
        let mut replies = Vec::new();
        let is_meant = |daemon: &&DaemonHere| {
            self.only.is_empty() || self.only.iter().any(|unit| daemon.is_called(unit))
        };
        for daemon in self.all.iter().filter(is_meant) {
            let Some(client) = daemon.reloading().await else { continue };
            let mut client = client.max_encoding_message_size(usize::MAX);
            let reply = match rehearsed {
                None => client.reload(limited(ReloadRequest {}, limit)).await,
                Some((name, text)) => {
                    let message = RehearseRequest { name: name.to_owned(), text: text.to_owned() };
                    client.rehearse(limited(message, limit)).await
                }
            };
            replies.push((daemon.clone(), reply.map(tonic::Response::into_inner)));
        }
        replies
    }

    /// Whether each that was named is there.
    fn all_answered(&self, replies: &Replies) -> Result<(), String> {
        let is_there = |unit: &&String| replies.iter().any(|(daemon, _)| daemon.is_called(unit));
        match self.only.iter().find(|unit| !is_there(unit)) {
            None => Ok(()),
            Some(unit) => Err(format!("no {unit} of this cluster answers on this machine")),
        }
    }

    /// A line for each node that goes by another file than this machine's front end does now.
    async fn other_nodes(&self, replies: &Replies) -> Vec<String> {
        let ours = replies.iter().find_map(|(daemon, reply)| {
            reply.as_ref().ok().filter(|_| daemon.is_of_a_front_end()).map(|reply| &reply.digest)
        });
        let (Some(cluster), Some(ours)) = (&self.cluster, ours) else { return Vec::new() };
        let others = crate::status::nodes_of_another_file(cluster, ours).await;
        let line = |node: &String| format!("node {node} goes by another cluster.toml than this front end");
        others.iter().map(line).collect()
    }
}

fn limited<T>(message: T, limit: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(limit);
    request
}

fn tell(replies: &Replies, applied: &str) -> Result<(), String> {
    if replies.is_empty() {
        return Err("no daemon of this cluster answers on this machine".to_owned());
    }
    let named = replies.iter().map(|(daemon, reply)| (daemon.name(), reply));
    let (text, failed) = text(named, applied);
    answer::give(text)?;
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} of {} daemons did not take the file", replies.len())),
    }
}

/// A block for each daemon, and how many of them did not take it.
fn text<'a>(
    replies: impl Iterator<Item = (String, &'a Result<ReloadReply, Status>)>,
    applied: &str,
) -> (String, usize) {
    let (mut text, mut failed) = (String::new(), 0);
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    for (daemon, reply) in replies {
        match reply {
            Err(status) => {
                failed += 1;
                line(&words(&daemon, status));
            }
            Ok(reply) if !reply.faults.is_empty() => {
                failed += 1;
                line(&format!("{daemon}: not taken, the one in force stays"));
                reply.faults.iter().for_each(|fault| line(&format!("  {fault}")));
            }
            Ok(ReloadReply { applied: done, needs_restart, digest, .. }) => {
                line(&format!("{daemon}: {digest}"));
                done.iter().for_each(|change| line(&format!("  {applied}: {change}")));
                needs_restart.iter().for_each(|change| line(&format!("  needs a restart: {change}")));
            }
        }
    }
    (text, failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_daemon_has_its_block_and_faults_are_counted() {
        let words = |words: &str| vec![words.to_owned()];
        let replies = [
            (
                "service-manager shop".to_owned(),
                Ok(ReloadReply {
                    applied: words("service shop: queue_max is 7, was 1000"),
                    needs_restart: words("service shop: workers is 3, was unset"),
                    digest: "00000000000000aa".to_owned(),
                    ..ReloadReply::default()
                }),
            ),
            (
                "load-manager shop".to_owned(),
                Ok(ReloadReply { faults: words("listen: in use"), ..ReloadReply::default() }),
            ),
            ("task-processor c1".to_owned(), Err(Status::deadline_exceeded("too late"))),
        ];
        let expected = "service-manager shop: 00000000000000aa\n  applied: service shop: queue_max is 7, was 1000\n  \
                        needs a restart: service shop: workers is 3, was unset\nload-manager shop: not taken, the one \
                        in force stays\n  listen: in use\ntask-processor c1 did not answer: too late\n";
        let replies = replies.iter().map(|(daemon, reply)| (daemon.clone(), reply));
        assert_eq!(text(replies, "applied"), (expected.to_owned(), 2));
    }
}
