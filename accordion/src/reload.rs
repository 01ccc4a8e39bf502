//! `accordion reload`: has each daemon of this machine read its cluster.toml again and tells what came of
//! it; and for `accordion check --diff`, what would.

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use proto::reload::{RehearseRequest, ReloadReply, ReloadRequest};
use tonic::{Request, Status};

use crate::reach::{Reach, Which, block_on, words};

/// How long a daemon may take that is not waited for, and one that is.
const SHORT: Duration = Duration::from_secs(3);
const LONG: Duration = Duration::from_secs(60);

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Wait for a busy daemon for a minute, and not for 3 s only
    #[arg(long)]
    wait: bool,
    #[command(flatten)]
    which: Which,
}

/// 0 when each daemon that runs here has taken the file, as far as it can without a restart; 1 for a fault.
pub(crate) fn main(args: &Args) -> ExitCode {
    let reach = match args.which.reach() {
        Ok(reach) => reach,
        // Its faults are told; nothing is asked, and nothing changes.
        Err(_) => return ExitCode::FAILURE,
    };
    let limit = if args.wait { LONG } else { SHORT };
    block_on(async {
        let replies = ask_all(&reach, limit, None).await;
        tell(&replies, "applied")
    })
}

/// Tells what each daemon would make of this text.
pub(crate) fn rehearse(which: &Which, name: &str, text: &str) -> ExitCode {
    let reach = match which.reach() {
        Ok(reach) => reach,
        Err(code) => return code,
    };
    block_on(async {
        let replies = ask_all(&reach, SHORT, Some((name, text))).await;
        tell(&replies, "would be applied")
    })
}

type Replies = Vec<(String, Result<ReloadReply, Status>)>;

/// One after the other, in the order of the file: who picks by a rule before who decides by it.
async fn ask_all(reach: &Reach, limit: Duration, rehearsed: Option<(&str, &str)>) -> Replies {
    let mut replies = Vec::new();
    for (daemon, path) in reach.daemons() {
        let Some(client) = Reach::reloading(&path).await else { continue };
        let mut client = client.max_encoding_message_size(usize::MAX);
        let reply = match rehearsed {
            None => client.reload(limited(ReloadRequest {}, limit)).await,
            Some((name, text)) => {
                let message = RehearseRequest { name: name.to_owned(), text: text.to_owned() };
                client.rehearse(limited(message, limit)).await
            }
        };
        replies.push((daemon, reply.map(tonic::Response::into_inner)));
    }
    replies
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
    let (text, failed) = text(replies, applied);
    // Nobody reads it: the status still tells.
    let _ = write!(io::stdout(), "{text}");
    match failed {
        0 => Ok(()),
        _ => Err(format!("{failed} of {} daemons did not take the file", replies.len())),
    }
}

/// A block for each daemon, and how many of them did not take it.
fn text(replies: &Replies, applied: &str) -> (String, usize) {
    let (mut text, mut failed) = (String::new(), 0);
    let mut line = |words: &str| {
        text.push_str(words);
        text.push('\n');
    };
    for (daemon, reply) in replies {
        match reply {
            Err(status) => {
                failed += 1;
                line(&words(daemon, status));
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
        let replies = vec![
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
        assert_eq!(text(&replies, "applied"), (expected.to_owned(), 2));
    }
}
