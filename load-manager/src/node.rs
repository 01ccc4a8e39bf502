//! A node of the pool as its would-be or present holder sees it: the holder's side of a lease
//! (design section 6). Pure: time comes in as the time since the daemon's start, what was heard
//! comes in as arguments, what is to be done goes out as the answer.

mod front_count;
mod lease;
mod report;
mod silence;
mod stage;
#[cfg(test)]
mod tests;

use std::time::Duration;

use cluster::backoff::Backoff;

pub use front_count::{FrontCount, Out, OutReason};
pub use lease::{Lease, LeaseRef};
pub use report::Report;
pub use silence::{Patience, Silence};
pub use stage::{DrainStep, Link, Membership, Stage};

/// The first pause after a failed start, and the longest (they double).
const START_PAUSE_FIRST: Duration = Duration::from_secs(10);
const START_PAUSE_MAX: Duration = Duration::from_secs(300);

/// A node that refused is asked again no sooner than this.
const REFUSED_PAUSE_MIN: Duration = Duration::from_secs(2);

/// A node that this long served well starts with the first pause again.
const SERVED_WELL: Duration = Duration::from_secs(60);

/// One node of the pool.
#[derive(Debug, Clone)]
pub struct Node {
    /// Its name in cluster.toml.
    pub name: String,
    /// Against the machine that `capacity` was measured on.
    pub speed: f64,
    /// Whether it is one of the pool.
    pub membership: Membership,
    /// Where it stands.
    pub stage: Stage,
    /// Since when.
    pub since: Duration,
    /// When it became ready last; its age counts from here.
    pub ready_since: Duration,
    /// The link to it.
    pub link: Link,
    /// When the last renewal that it answered was sent.
    pub answered: Duration,
    /// What it said then.
    pub report: Report,
    /// What a person should know: why it was lost, refused or failed.
    pub detail: String,
    /// Not to be asked before this.
    pub paused_until: Duration,
    /// Whether that is because it had no slot for this service.
    is_refused: bool,
    /// What the service-manager counts to it.
    pub front: FrontCount,
    /// Whether its link was ever up: before that nothing can be asked of it.
    pub reached: bool,
    /// Whether it fell silent and has not spoken since.
    pub is_silent: bool,
    /// Whether it was asked to hand over what it still holds, and has not answered.
    pub is_adopting: bool,
    /// The generation of the child_list that marks it as draining.
    pub mark: u64,
    /// What its link was last told to renew.
    pub renewed: Option<LeaseRef>,
    /// Whether it is ready and on no list.
    pub stands_by: bool,
    /// Whether it will be so when its drain at the front end is over.
    pub rests: bool,
    /// Whether its drain is for a start of a newer command there.
    pub restarts: bool,
    /// Whether its lease is one of those that nobody may take back.
    pub is_guaranteed: bool,
    /// Until when a slot of it may become free that it takes back for this service.
    pub awaits_until: Option<Duration>,
    /// When it was last asked to take one back.
    pub asked_back: Option<Duration>,
    /// Whether its stage or its lease changed since the last `take_changed`.
    is_changed: bool,
    pause: Backoff,
}

impl Node {
    /// A node nobody has talked to yet.
    pub fn new(name: &str, speed: f64, now: Duration) -> Self {
        Self {
            name: name.to_owned(),
            speed,
            membership: Membership::Member,
            stage: Stage::Free,
            since: now,
            ready_since: now,
            link: Link::Unknown,
            answered: now,
            report: Report::default(),
            detail: String::new(),
            paused_until: Duration::ZERO,
            is_refused: false,
            front: FrontCount::default(),
            reached: false,
            is_silent: false,
            is_adopting: false,
            mark: 0,
            renewed: None,
            stands_by: false,
            rests: false,
            restarts: false,
            is_guaranteed: false,
            awaits_until: None,
            asked_back: None,
            is_changed: false,
            pause: Backoff::new(START_PAUSE_FIRST, START_PAUSE_MAX),
        }
    }

    /// The lease held, at whatever stage.
    pub fn lease(&self) -> Option<&Lease> {
        match &self.stage {
            Stage::Free | Stage::Starting(None) => None,
            Stage::Starting(Some(lease))
            | Stage::Ready(lease)
            | Stage::Jeopardy(lease)
            | Stage::Draining(lease, _) => Some(lease),
        }
    }

    /// The lease as the node has it now: of a higher epoch.
    pub fn take_up(&mut self, taken_up: Lease) {
        if let Some(lease) = self.lease_mut() {
            *lease = taken_up;
            self.is_changed = true;
        }
    }

    /// Whether its stage or its lease changed since this was asked last.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.is_changed)
    }

    fn lease_mut(&mut self) -> Option<&mut Lease> {
        match &mut self.stage {
            Stage::Free | Stage::Starting(None) => None,
            Stage::Starting(Some(lease))
            | Stage::Ready(lease)
            | Stage::Jeopardy(lease)
            | Stage::Draining(lease, _) => Some(lease),
        }
    }

    /// Whether it is one of the pool.
    pub fn is_member(&self) -> bool {
        self.membership == Membership::Member
    }

    /// From now on it counts for so much against the machine that `capacity` was measured on.
    pub fn set_speed(&mut self, speed: f64) {
        self.is_changed |= self.speed != speed;
        self.speed = speed;
    }

    /// It is forgotten but for its name: nothing of ours is there, and nobody speaks to it.
    pub fn leave(&mut self, now: Duration) {
        let fresh = Self::new(&self.name, self.speed, now);
        *self = Self { membership: Membership::Left, is_changed: self.is_changed, ..fresh };
    }

    /// Whether it may be asked for a slot now.
    pub fn can_be_asked(&self, now: Duration) -> bool {
        self.is_at_hand(now) && self.report.slots_free > 0
    }

    /// It is a child from now on.
    pub fn serve(&mut self) {
        (self.stands_by, self.rests, self.is_changed) = (false, false, true);
    }

    /// Whether it may be asked to take a slot back from another service.
    pub fn can_be_asked_back(&self, now: Duration) -> bool {
        self.is_at_hand(now) && self.report.slots_free == 0 && !self.awaits_slot(now)
    }

    /// Whether a slot of it may become free that it takes back for this service.
    pub fn awaits_slot(&self, now: Duration) -> bool {
        self.stage == Stage::Free && self.awaits_until.is_some_and(|until| now < until)
    }

    /// Whether it is free of this service and would answer.
    fn is_at_hand(&self, now: Duration) -> bool {
        self.stage == Stage::Free
            && self.is_member()
            && matches!(self.link, Link::Up { .. })
            && !self.is_silent
            && !self.is_adopting
            && now >= self.paused_until
            && !self.report.maintenance
            && !self.report.stopping
    }

    /// Moves it on.
    pub fn enter(&mut self, stage: Stage, now: Duration) {
        self.since = now;
        self.is_changed = true;
        self.awaits_until = None;
        self.is_refused = false;
        // What stands by does so as long as it is held; silent for a while or not.
        self.stands_by &= matches!(stage, Stage::Ready(_) | Stage::Jeopardy(_));
        self.restarts &= matches!(stage, Stage::Draining(..));
        // What was said of another lease says nothing of the one to come.
        let goes_on = !matches!(stage, Stage::Free | Stage::Starting(_));
        self.report.probe_fails &= goes_on;
        self.report.is_reclaimed &= goes_on;
        self.report.runs = self.report.runs.filter(|_| goes_on);
        match stage {
            Stage::Ready(_) => {
                // A drain taken back or a link that answers again does not make a node young.
                if !matches!(self.stage, Stage::Jeopardy(_) | Stage::Draining(..)) {
                    self.ready_since = now;
                }
                self.detail.clear();
            }
            Stage::Free
                if matches!(self.stage, Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..)) =>
            {
                if !self.is_young(now) {
                    self.pause.reset();
                }
            }
            Stage::Free | Stage::Starting(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {}
        }
        self.stage = stage;
    }

    /// A start failed: the node is left alone for 10 s, the next time for twice as long, up to
    /// 5 min. Answers for how long.
    pub fn start_failed(&mut self, words: String, now: Duration) -> Duration {
        let pause = self.pause.next();
        self.enter(Stage::Free, now);
        self.detail = words;
        self.paused_until = now + pause;
        pause
    }

    /// It refused a reservation: somebody else holds it, or it is drained. It has no slot for this service
    /// until it says so.
    pub fn refused(&mut self, words: String, retry_after: Duration, now: Duration) {
        self.enter(Stage::Free, now);
        self.detail = words;
        (self.report.slots_free, self.report.reclaiming) = (0, false);
        self.is_refused = true;
        self.paused_until = now + retry_after.max(REFUSED_PAUSE_MIN);
    }

    /// It was silent for so long that its lease is let go.
    pub fn fell_silent(&mut self, words: String, now: Duration) {
        self.lost(words, now);
        self.is_silent = true;
    }

    /// Whether its service has not been ready for long enough to be believed in.
    pub fn is_young(&self, now: Duration) -> bool {
        now.saturating_sub(self.ready_since) < SERVED_WELL
    }

    /// It is lost: gone, restarted or silent for too long.
    pub fn lost(&mut self, words: String, now: Duration) {
        self.enter(Stage::Free, now);
        self.detail = words;
    }

    /// Its service ended there by itself. One that does so soon after it got ready would do so again:
    /// the node is left alone as after a failed start.
    pub fn crashed(&mut self, words: String, now: Duration) {
        let is_young = self.is_young(now);
        self.lost(words, now);
        if is_young {
            self.paused_until = now + self.pause.next();
        }
    }
}
