//! A changed command rolled out: which copy is replaced next, and why none is now. Pure: what the nodes are
//! comes in as a `Scene`, one `Step` at a time goes out; `rolling` looks and carries out.
//!
//! One copy at a time. One that stands by is started again where it is. Of those that serve, one that is free
//! takes the place first, and the older one goes when it is ready; where no other can be had, the older one is
//! drained, stopped and started in place, which leaves one fewer for as long as that takes. Nothing is begun
//! while the load is High or the others could not carry it, and nothing more once the new command did not get
//! ready, until it is another one or somebody asks for it.

mod scene;
#[cfg(test)]
mod tests;

use std::fmt;

use cluster::config::CommandDigest;

use crate::decider::Away;

pub(super) use scene::{Scene, Seen, Stands};

/// What is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// Order this one, for the older one to go when it is ready.
    Add {
        /// Where.
        by: usize,
    },
    /// Drain this one: another runs in its place.
    Remove {
        /// Which.
        old: usize,
    },
    /// Drain this one, to be started again there.
    Restart {
        /// Which.
        node: usize,
    },
    /// Order it again: it is free.
    StartAgain {
        /// Which.
        node: usize,
    },
    /// Let it serve again: its drain has become too much.
    TakeBack {
        /// Which.
        node: usize,
    },
    /// It does not come back: whoever is wanted in its place is to be found elsewhere.
    GiveUp {
        /// Which.
        node: usize,
    },
}

/// What came of a look.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Turn {
    /// To be done.
    pub(super) step: Option<Step>,
    /// For the journal: the nodes that it is about, and why.
    pub(super) said: Option<(Vec<usize>, String)>,
}

/// One rollout after the other, and how far it is.
#[derive(Debug, Clone, Default)]
pub(super) struct Rollout {
    phase: Phase,
    /// Whether some of the copies were replaced, and the end has not been told.
    is_under_way: bool,
    /// Why nothing is begun; `None`: nothing keeps it.
    wait: Option<Wait>,
    /// The last reason for that which was said since the last step.
    told: Option<Wait>,
}

/// What is on its way.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
enum Phase {
    #[default]
    Resting,
    /// `by` was ordered, for `old` to go; for itself where it is started again.
    Adding { by: usize, old: usize },
    /// `old` goes.
    Removing { old: usize },
    /// `node` goes and is started again.
    Restarting { node: usize },
    /// That command did not get ready.
    Stopped { command: CommandDigest, why: String },
}

/// Why nothing is begun.
#[derive(Debug, Clone, PartialEq)]
enum Wait {
    /// Something is on its way already.
    OnTheWay(String),
    /// Of all.
    Pressure(&'static str),
    /// Of one that is not spared.
    NotSpared(String, Away),
}

/// How far a rollout is, for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RolloutView {
    /// "going", "paused", "waiting" (for nodes whose own file has another command) or "stopped".
    pub state: &'static str,
    /// One sentence.
    pub sentence: String,
    /// Copies that run the front end's command.
    pub new: u32,
    /// Copies that run another one.
    pub old: u32,
}

impl Rollout {
    /// The next step. `spares` says whether the others can carry the load while that node is away.
    pub(super) fn next(&mut self, scene: &Scene<'_>, spares: impl Fn(&str) -> Result<(), Away>) -> Turn {
        if self.is_stopped(scene) {
            return Turn::default();
        }
        if let Some(turn) = self.follow(scene) {
            return turn;
        }
        self.wait = None;
        let Some(old) = scene.first_outdated() else { return self.end(scene) };
        let (name, node) = (old.name, old.node);
        if let Some(seen) = scene.on_the_way() {
            self.wait = Some(Wait::OnTheWay(seen.name.to_owned()));
            return Turn::default();
        }
        if let Some(pressure) = scene.pressure {
            return self.pause(scene, Wait::Pressure(pressure));
        }
        if let Phase::Adding { by, old } = self.phase {
            let said = format!(
                "{} runs the new command: {}, which runs an older one, is drained",
                scene.name(by),
                scene.name(old)
            );
            return match spares(scene.name(old)) {
                Ok(()) => self.begin(Phase::Removing { old }, Step::Remove { old }, said),
                Err(away) => self.pause(scene, Wait::NotSpared(scene.name(old).to_owned(), away)),
            };
        }
        if old.stands == Stands::StandingBy {
            self.begin(
                Phase::Restarting { node },
                Step::Restart { node },
                format!("{name} runs an older command and stands by: started again in place"),
            )
        } else if let Some(by) = scene.free().filter(|_| scene.has_room) {
            let said = format!("{name} runs an older command; {} is free: ordered in its place", by.name);
            self.begin(Phase::Adding { by: by.node, old: node }, Step::Add { by: by.node }, said)
        } else {
            match spares(name) {
                Ok(()) => self.begin(
                    Phase::Restarting { node },
                    Step::Restart { node },
                    format!(
                        "{name} runs an older command and no other can be had: drained, to be started again in place"
                    ),
                ),
                Err(away) => self.pause(scene, Wait::NotSpared(name.to_owned(), away)),
            }
        }
    }

    /// A copy of the new command did not get ready, or ended soon after. Answers the sentence where that ends
    /// the rollout.
    pub(super) fn failed(&mut self, scene: &Scene<'_>, node: usize, words: &str) -> Option<String> {
        let seen = scene.nodes.iter().find(|seen| seen.node == node)?;
        let is_its_own = matches!(self.phase, Phase::Adding { by, .. } if by == node);
        let is_new = seen.starts == Some(scene.command);
        if self.is_stopped(scene) || !is_new || !(is_its_own || scene.first_outdated().is_some()) {
            return None;
        }
        let why = format!("{}: {words}", seen.name);
        let said = format!("rollout stopped: {why}; {}", scene.count());
        *self = Self { phase: Phase::Stopped { command: scene.command, why }, ..Self::default() };
        Some(said)
    }

    /// Somebody asks for it: what was stopped is tried again.
    pub(super) fn resume(&mut self) {
        if matches!(self.phase, Phase::Stopped { .. }) {
            self.phase = Phase::Resting;
        }
    }

    /// Whether the node was ordered for the rollout.
    pub(super) fn awaits(&self, node: usize) -> bool {
        matches!(self.phase, Phase::Adding { by, .. } if by == node)
    }

    /// The node that was ordered for another one, which is still there.
    pub(super) fn extra(&self) -> Option<usize> {
        match self.phase {
            Phase::Adding { by, old } if by != old => Some(by),
            _ => None,
        }
    }

    /// Whether there is nothing to look at but the copies.
    pub(super) fn rests(&self) -> bool {
        self.phase == Phase::Resting && !self.is_under_way && self.wait.is_none()
    }

    /// How far it is; `None`: every copy runs the front end's command, as far as is known.
    pub(super) fn view(&self, scene: &Scene<'_>) -> Option<RolloutView> {
        let (new, old) = scene.counts();
        let count = scene.count();
        let (state, sentence) = match (&self.phase, &self.wait) {
            (Phase::Stopped { command, why }, _) if *command == scene.command => {
                ("stopped", format!("rollout stopped: {why}; {count}"))
            }
            _ if old == 0 => return None,
            _ if scene.first_outdated().is_none() && matches!(self.phase, Phase::Resting) => {
                ("waiting", format!("rollout waits for {}: {count}", scene.others()))
            }
            (_, Some(Wait::OnTheWay(_)) | None) => ("going", format!("rollout: {count}")),
            (_, Some(wait)) => ("paused", format!("rollout paused: {wait}; {count}")),
        };
        Some(RolloutView { state, sentence, new, old })
    }

    /// Whether it is over with this command.
    fn is_stopped(&mut self, scene: &Scene<'_>) -> bool {
        let Phase::Stopped { command, .. } = &self.phase else { return false };
        let (new, old) = scene.counts();
        if *command != scene.command || (old == 0 && new > 0) {
            self.phase = Phase::Resting;
        }
        self.phase != Phase::Resting
    }

    /// What is on its way already; `None`: nothing is, or it has come.
    fn follow(&mut self, scene: &Scene<'_>) -> Option<Turn> {
        let turn = match self.phase {
            Phase::Resting | Phase::Stopped { .. } => return None,
            Phase::Adding { by, old } => match scene.stands(by) {
                Stands::Starting => Turn::default(),
                // Its word on what it runs comes with its next renewal.
                Stands::Serving | Stands::StandingBy if by != old && scene.runs(by).is_none() => {
                    Turn::default()
                }
                Stands::Serving | Stands::StandingBy
                    if scene.runs(by) == Some(scene.command) && scene.is_outdated(old) =>
                {
                    return None;
                }
                _ => return self.rest(),
            },
            Phase::Removing { old } => match scene.stands(old) {
                Stands::Leaving { .. } => Turn::default(),
                _ => return self.rest(),
            },
            Phase::Restarting { node } => match (scene.stands(node), scene.pressure) {
                (Stands::Leaving { can_return: true }, Some(pressure)) => {
                    let said = format!("{pressure}: {} serves on for now", scene.name(node));
                    self.begin(Phase::Resting, Step::TakeBack { node }, said)
                }
                (Stands::Leaving { .. }, _) => Turn::default(),
                (Stands::Free, _) => {
                    let said = format!("{} is free: started again with the new command", scene.name(node));
                    self.begin(Phase::Adding { by: node, old: node }, Step::StartAgain { node }, said)
                }
                (Stands::Starting | Stands::Serving | Stands::StandingBy, _) => return self.rest(),
                (Stands::Elsewhere, _) => {
                    let said = format!("{} cannot be started again now", scene.name(node));
                    self.begin(Phase::Resting, Step::GiveUp { node }, said)
                }
            },
        };
        Some(turn)
    }

    fn rest(&mut self) -> Option<Turn> {
        self.phase = Phase::Resting;
        None
    }

    fn begin(&mut self, phase: Phase, step: Step, said: String) -> Turn {
        *self = Self { phase, is_under_way: true, wait: None, told: None };
        let node = match step {
            Step::Add { by } => by,
            Step::Remove { old } => old,
            Step::Restart { node }
            | Step::StartAgain { node }
            | Step::TakeBack { node }
            | Step::GiveUp { node } => node,
        };
        Turn { step: Some(step), said: Some((vec![node], said)) }
    }

    /// Said once, for as long as it is for the same reason.
    fn pause(&mut self, scene: &Scene<'_>, wait: Wait) -> Turn {
        let is_news = self.told.as_ref().is_none_or(|told| !told.is_like(&wait));
        let said = is_news.then(|| (Vec::new(), format!("rollout paused: {wait}; {}", scene.count())));
        self.told = Some(wait.clone());
        self.wait = Some(wait);
        // One that is ready in another's place serves beside it then, and is one of many when this goes on.
        self.phase = Phase::Resting;
        Turn { step: None, said }
    }

    fn end(&mut self, scene: &Scene<'_>) -> Turn {
        let (new, old) = scene.counts();
        if !self.is_under_way || old > 0 || scene.on_the_way().is_some() {
            return Turn::default();
        }
        self.is_under_way = false;
        let copies = if new == 1 { "the one copy".to_owned() } else { format!("all {new} copies") };
        Turn {
            step: None,
            said: Some((Vec::new(), format!("rollout done: {copies} on nodes run the new command"))),
        }
    }
}

impl Wait {
    fn is_like(&self, other: &Self) -> bool {
        match (self, other) {
            // Who has the fewest requests is somebody else each second.
            (Self::NotSpared(..), Self::NotSpared(..)) => true,
            _ => self == other,
        }
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OnTheWay(name) => write!(formatter, "{name} is on its way"),
            Self::Pressure(pressure) => formatter.write_str(pressure),
            Self::NotSpared(name, away) => write!(formatter, "without {name} {away}"),
        }
    }
}
