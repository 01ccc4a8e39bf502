//! The service-manager's counts: the decider's food, each child's own figures, and what the drains
//! wait for.

use std::collections::HashMap;

use super::Holder;
use crate::decider::Sample;
use crate::node::FrontCount;

/// What the service-manager counted in one interval.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FrontSample {
    /// The newest generation that every worker picked by when the counts were taken.
    pub generation: u64,
    /// What the decider looks at.
    pub load: Sample,
    /// What runs on each child of the list.
    pub children: Vec<ChildCount>,
}

/// What the service-manager counts to one child.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ChildCount {
    /// By which lease.
    pub lease_id: String,
    /// What it counts.
    pub count: FrontCount,
}

impl Holder {
    pub(super) fn sampled(&mut self, mut sample: FrontSample) {
        self.keep_learned(&mut sample);
        self.decider.observe(self.now, &sample.load);
        self.settings.decider.learn(&sample.load);
        let urgent = sample.load.queued > 0;
        self.count(&sample);
        self.sampled = self.now;
        self.sample = Some(sample);
        self.step_drains();
        if urgent {
            self.decide();
        }
    }

    /// Over a guess counts what was learned before: a service-manager that was restarted has to be told that.
    fn keep_learned(&mut self, sample: &mut FrontSample) {
        let Sample { learned_capacity, has_learned, .. } = &mut sample.load;
        if learned_capacity.is_none() || *has_learned {
            self.learned = *learned_capacity;
        } else if self.learned.is_some() {
            *learned_capacity = self.learned;
        }
    }

    /// Gives each child its own counts of the sample.
    fn count(&mut self, sample: &FrontSample) {
        let counts: HashMap<&str, FrontCount> =
            sample.children.iter().map(|child| (child.lease_id.as_str(), child.count)).collect();
        for node in &mut self.nodes {
            let count = node.lease().and_then(|lease| counts.get(lease.id.as_str()));
            node.front = count.copied().unwrap_or_default();
        }
    }
}
