//! What a front end holds, asked of its daemons once a second.

use std::time::{Duration, Instant};

use anyhow::ensure;
use proto::load_manager::load_manager_client::LoadManagerClient;
use proto::load_manager::{NodeView, StatusRequest as DecisionsRequest};
use proto::service_manager::service_manager_client::ServiceManagerClient;
use proto::service_manager::{ChildStatus, StatusRequest};
use tonic::transport::Channel;

use crate::reach::{Reach, question, words};

/// How often.
const EVERY: Duration = Duration::from_secs(1);

/// Samples in a row that may be missing. A front end that is silent for longer would leave a hole in the picture.
const MISSING_MAX: usize = 5;

/// What was seen at one time.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Sample {
    /// From the begin of the run on.
    pub(super) at: Duration,
    /// Nodes that are given requests.
    pub(super) serving: u32,
    /// Nodes that are held, those that start or drain with them.
    pub(super) held: u32,
    pub(super) level: String,
}

/// One front end under watch.
pub(super) struct Watch {
    front: ServiceManagerClient<Channel>,
    decisions: LoadManagerClient<Channel>,
    samples: Vec<Sample>,
    asked: u32,
    missing: usize,
}

impl Watch {
    /// Of the front end of `service`.
    pub(super) async fn new(reach: &Reach, service: &str) -> anyhow::Result<Self> {
        let front = reach.service_manager(service).await.map_err(anyhow::Error::msg)?;
        let decisions = reach.load_manager(service).await.map_err(anyhow::Error::msg)?;
        Ok(Self { front, decisions, samples: Vec::new(), asked: 0, missing: 0 })
    }

    /// What was seen, in its order.
    pub(super) fn samples(&self) -> &[Sample] {
        &self.samples
    }

    /// Waits for the next second after `began` and asks. Where no answer comes, what was seen last is taken to
    /// hold on.
    ///
    /// # Errors
    /// It has been silent for too long.
    pub(super) async fn next(&mut self, began: Instant) -> anyhow::Result<Sample> {
        tokio::time::sleep_until((began + EVERY * self.asked).into()).await;
        self.asked += 1;
        let at = began.elapsed();
        let last = self.samples.last().cloned().unwrap_or_default();
        let sample = match self.ask(at).await {
            Ok(sample) => {
                self.missing = 0;
                sample
            }
            Err(why) => {
                self.missing += 1;
                ensure!(self.missing <= MISSING_MAX && !self.samples.is_empty(), "{why}");
                Sample { at, ..last }
            }
        };
        self.samples.push(sample.clone());
        Ok(sample)
    }

    async fn ask(&mut self, at: Duration) -> Result<Sample, String> {
        let front = self.front.status(question(StatusRequest {})).await;
        let front = front.map_err(|status| words("the service-manager", &status))?.into_inner();
        let decisions = self.decisions.status(question(DecisionsRequest {})).await;
        let decisions = decisions.map_err(|status| words("the load-manager", &status))?.into_inner();
        let serving = front.children.iter().filter(|child| is_serving(child)).count() as u32;
        let held = decisions.nodes.iter().filter(|node| is_held(node)).count() as u32;
        Ok(Sample { at, serving, held, level: decisions.level })
    }
}

fn is_serving(child: &ChildStatus) -> bool {
    child.state == "ready" && !child.out
}

/// From its start to its release; one that stands by is held too, and one that another service has is not.
fn is_held(node: &NodeView) -> bool {
    const HELD: [&str; 7] = ["starting", "ready", "standby", "not ready", "jeopardy", "draining", "stopping"];
    HELD.contains(&node.state.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_is_held_from_its_start_to_its_end_and_serves_in_between() {
        let node = |state: &str| is_held(&NodeView { state: state.to_owned(), ..NodeView::default() });
        assert!(["starting", "ready", "jeopardy", "draining", "stopping"].into_iter().all(node));
        assert!(!["free", "unreachable", "taken", "backing off", "unknown", ""].into_iter().any(node));
        let child = |state: &str, out| {
            is_serving(&ChildStatus { state: state.to_owned(), out, ..ChildStatus::default() })
        };
        assert_eq!(
            [child("ready", false), child("ready", true), child("draining", false)],
            [true, false, false]
        );
    }
}
