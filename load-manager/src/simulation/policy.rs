//! Who decides: the decider as it stands, or one of the rules to compare it with.

use std::time::Duration;

use cluster::config;

use super::hpa::Hpa;
use super::knative::Knative;
use crate::decider::{Decider, Decision, Fleet, Sample, Settings};

/// A rule by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    /// Ours, the default.
    Adaptive,
    /// The paper's.
    Classic,
    /// The autoscaler of Knative.
    Knative,
    /// The horizontal pod autoscaler of Kubernetes.
    Hpa,
}

/// A rule with what it remembers.
#[derive(Debug, Clone)]
pub(crate) enum Policy {
    Decider(Box<Decider>),
    Knative(Box<Knative>),
    Hpa(Box<Hpa>),
}

/// What a rule answers.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Verdict {
    /// It did not look.
    None,
    /// Ours.
    Decided(Box<Decision>),
    /// The others': how many nodes there are to be, ready or on their way.
    Scale(u32),
}

impl Rule {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [Self::Adaptive, Self::Classic, Self::Knative, Self::Hpa];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Adaptive => "adaptive",
            Self::Classic => "classic",
            Self::Knative => "knative",
            Self::Hpa => "hpa",
        }
    }

    /// The one that a service's settings name.
    pub const fn of(policy: config::Policy) -> Self {
        match policy {
            config::Policy::Adaptive => Self::Adaptive,
            config::Policy::Classic => Self::Classic,
        }
    }
}

impl Policy {
    /// The rule at its beginning; nodes may be ready already.
    pub(crate) fn new(settings: &Settings, rule: Rule, fleet: &Fleet) -> Self {
        let decider = |policy| {
            let mut settings = settings.clone();
            settings.scaling.policy = policy;
            Self::Decider(Box::new(Decider::new(settings, Duration::ZERO)))
        };
        match rule {
            Rule::Adaptive => decider(config::Policy::Adaptive),
            Rule::Classic => decider(config::Policy::Classic),
            Rule::Knative => Self::Knative(Box::new(Knative::new(settings, fleet.ready_count()))),
            Rule::Hpa => Self::Hpa(Box::new(Hpa::new(settings, fleet.ready_count()))),
        }
    }

    /// Takes the newest counts and, if it is time, decides. The decider is woken between two ticks
    /// when requests wait; the others have periods of their own.
    pub(crate) fn decide(&mut self, now: Duration, is_tick: bool, sample: &Sample, fleet: &Fleet) -> Verdict {
        let wanted = match self {
            Self::Decider(decider) => {
                decider.observe(now, sample);
                if !is_tick && sample.queued == 0 {
                    return Verdict::None;
                }
                return Verdict::Decided(Box::new(decider.tick(now, fleet)));
            }
            Self::Knative(knative) => knative.decide(now, sample, fleet),
            Self::Hpa(hpa) => hpa.decide(now, sample, fleet),
        };
        wanted.map_or(Verdict::None, Verdict::Scale)
    }
}

/// Whole pods, rounded up, but not for a rounding error of a mean. Never less than none.
pub(super) fn pods(needed: f64) -> f64 {
    (needed - 1e-9).ceil().max(0.0)
}
