//! What a policy would make of a load: a closed loop of an offered load, a front end with its queue,
//! and nodes that take a while to start and to drain. Pure, as the decider is, which it drives as it
//! stands; other systems' rules stand beside it to compare with.
//!
//! It is a fluid model: requests are a level, not single ones, a copy handles just its K, and each child is
//! loaded alike. What a local copy takes beside full children, requests that live long or give up
//! waiting, and nodes that are lost or refuse are left out, for every rule alike. `site` is
//! the world, `load` and `synthetic` are what is offered, `policy` is who decides, `course` what came of it.

pub mod comparison;
mod course;
mod hpa;
mod knative;
mod load;
mod policy;
mod site;
mod synthetic;
#[cfg(test)]
mod tests;

use std::time::Duration;

use cluster::config::Local;

use crate::decider::Settings;

pub use course::Course;
pub use load::{Load, POINTS_MAX, Point};
pub use policy::Rule;
pub use site::World;
pub use synthetic::Synthetic;

pub(crate) use policy::{Policy, Verdict};
pub(crate) use site::Site;

/// A load is looked at this often at least, also by a rule that decides more seldom.
const STEP_MAX: Duration = Duration::from_secs(1);

/// While requests wait, the service-manager says so this often, and the decider is woken.
const URGENT_EVERY: Duration = Duration::from_millis(100);

/// How much of a load tells what is ready when it begins.
const BEFORE: Duration = Duration::from_secs(30);

/// One service's cluster, and who decides for it.
#[derive(Debug, Clone)]
pub(crate) struct Simulation {
    pub(crate) policy: Policy,
    pub(crate) site: Site,
    pub(crate) now: Duration,
    tick: Duration,
    next_tick: Duration,
}

/// What one step was like.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Step {
    pub(crate) from: Duration,
    pub(crate) length: Duration,
    /// Nodes that were held, and that were ready, before the verdict at its end.
    pub(crate) held: u32,
    pub(crate) ready: u32,
    /// Whether more was offered than those, or the local copy alone, handle well.
    pub(crate) is_overloaded: bool,
    pub(crate) verdict: Verdict,
    /// Nodes that the verdict moved: more are positive, fewer negative.
    pub(crate) moved: i64,
}

impl Simulation {
    /// A cluster with that many ready nodes, about which `rule` knows nothing yet.
    pub(crate) fn new(settings: &Settings, world: &World, rule: Rule, ready: u32) -> Self {
        let site = Site::new(settings, world, ready);
        let policy = Policy::new(settings, rule, site.fleet());
        let tick = settings.scaling.tick;
        Self { policy, site, now: Duration::ZERO, tick, next_tick: tick }
    }

    /// Goes on to the next moment at which anybody looks, or to `until` if that is sooner, at a load
    /// that would keep so many requests in flight if none had to wait.
    pub(crate) fn step(&mut self, offered: f64, until: Duration) -> Step {
        let from = self.now;
        let presses = self.site.has_queue() || self.site.is_overloaded(offered);
        let longest = if presses { URGENT_EVERY } else { STEP_MAX };
        self.now = until.min(self.next_tick).min(from + longest);
        let length = self.now - from;
        self.site.advance(length);
        let (held, ready) = (self.site.held(), self.site.ready());
        let is_overloaded = self.site.is_overloaded(offered);
        self.site.serve(offered, length);
        let is_tick = self.now >= self.next_tick;
        if is_tick {
            self.next_tick += self.tick;
        }
        let verdict = self.policy.decide(self.now, is_tick, self.site.sample(), self.site.fleet());
        let moved = self.site.carry_out(&verdict);
        Step { from, length, held, ready, is_overloaded, verdict, moved }
    }
}

/// How it would go. What the beginning of the load wants is ready then, so that no rule is judged by
/// how it finds its feet.
pub fn run(settings: &Settings, world: &World, rule: Rule, load: &Load) -> Course {
    let mut simulation = Simulation::new(settings, world, rule, ready_before(settings, load));
    let mut course = Course::new(simulation.site.ready());
    for (offered, until) in load.pieces() {
        while simulation.now < until {
            course.note(&simulation.step(offered, until));
        }
    }
    course
}

/// The nodes that the beginning of a load wants, and none where the local copy suffices.
fn ready_before(settings: &Settings, load: &Load) -> u32 {
    let (scaling, demand) = (&settings.scaling, load.mean_until(BEFORE));
    let local = match settings.local {
        Local::Auto if demand <= scaling.high * settings.k_local => return settings.min,
        Local::Auto => 0.0,
        Local::Always => settings.k_local,
    };
    // `as` saturates and turns what is below 0 into 0.
    let wanted = ((demand / scaling.target - local) / settings.capacity).ceil() as u32;
    wanted.max(settings.min).min(settings.max).min(settings.pool)
}
