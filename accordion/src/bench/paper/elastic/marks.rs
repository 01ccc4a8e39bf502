//! What was decided in a run, and why, asked of the load-manager after it.

use std::time::{SystemTime, UNIX_EPOCH};

use proto::load_manager::{Decision, WhyRequest};

use crate::bench::paper::timeline::Mark;
use crate::reach::{Reach, question, words};

/// Decisions that are asked for. A run has some dozens; so many fit into one answer.
const DECISIONS_MAX: u32 = 4096;

/// Those that changed something since then.
pub(super) async fn since(reach: &Reach, service: &str, began: SystemTime) -> anyhow::Result<Vec<Mark>> {
    let mut client = reach.load_manager(service).await.map_err(anyhow::Error::msg)?;
    let reply = client.why(question(WhyRequest { limit: DECISIONS_MAX, at_unix_ms: 0 })).await;
    let reply = reply.map_err(|status| anyhow::Error::msg(words("the load-manager", &status)))?;
    let began = began.duration_since(UNIX_EPOCH)?.as_secs_f64();
    Ok(of(&reply.into_inner().decisions, began))
}

/// The decisions after `began`, in seconds of Unix, but for those that held everything as it was.
fn of(decisions: &[Decision], began: f64) -> Vec<Mark> {
    let mark = |decision: &Decision| Mark {
        at: decision.unix_ms as f64 / 1000.0 - began,
        what: what(decision),
        reason: decision.sentence.clone(),
    };
    let changes = decisions.iter().filter(|decision| decision.action != "hold");
    changes.map(mark).filter(|mark| mark.at >= 0.0).collect()
}

fn what(decision: &Decision) -> String {
    match decision.count {
        0 => decision.action.clone(),
        count => format!("{} {count}", decision.action),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changed_something_is_a_mark_on_the_clock_of_the_run() {
        let decision = |unix_ms, action: &str, count| Decision {
            unix_ms,
            action: action.to_owned(),
            count,
            sentence: format!("why {action}"),
            ..Decision::default()
        };
        let decisions = [
            decision(99_000, "drain", 1),
            decision(100_500, "hold", 0),
            decision(102_500, "add", 2),
            decision(103_000, "failed", 0),
        ];
        let mark =
            |at, what: &str, reason: &str| Mark { at, what: what.to_owned(), reason: reason.to_owned() };
        let expected = [mark(2.5, "add 2", "why add"), mark(3.0, "failed", "why failed")];
        assert_eq!(of(&decisions, 100.0), expected);
    }
}
