//! A node of the pool as its would-be or present holder sees it: the holder's side of a lease
//! (design section 6). Pure: time comes in as the time since the daemon's start, what was heard
//! comes in as arguments, what is to be done goes out as the answer.

mod front_count;

use std::fmt;
use std::time::Duration;

use cluster::backoff::Backoff;

pub use front_count::{FrontCount, Out, OutReason};

/// The first pause after a failed start, and the longest (they double).
const START_PAUSE_FIRST: Duration = Duration::from_secs(10);
const START_PAUSE_MAX: Duration = Duration::from_secs(300);

/// A node that refused is asked again no sooner than this.
const REFUSED_PAUSE_MIN: Duration = Duration::from_secs(2);

/// A node that this long served well starts with the first pause again.
const SERVED_WELL: Duration = Duration::from_secs(60);

/// What this front end holds of a node. Its token shows in no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    /// The node's name for it.
    pub id: String,
    /// Newest known; calls with an older one are refused.
    pub epoch: u64,
    /// What each request must carry; never logged. Empty: they go straight to the service, which must
    /// not see it.
    pub token: String,
    /// Where requests go, "address:port"; empty until the service runs.
    pub data_address: String,
}

/// A lease as a call or a renewal names it: an older epoch than the node's own is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRef {
    /// The node's name for it.
    pub id: String,
    /// Newest known.
    pub epoch: u64,
}

/// How far a drain has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DrainStep {
    /// Marked in the child_list; the service-manager's own requests end.
    AtFront,
    /// The node counts down to 0 too.
    AtNode,
    /// The node was told, and is asked to take requests again.
    Returning,
    /// The service is being stopped: no way back.
    Ending,
}

/// Whether cluster.toml has the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Membership {
    /// It does.
    Member,
    /// It does no more, and something of ours may still be there: it is drained and given back.
    Leaving,
    /// It does no more, and nothing of ours is there: nobody speaks to it.
    Left,
}

/// Where a node stands for this front end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stage {
    /// Not held.
    Free,
    /// Asked for, or granted and starting.
    Starting(Option<Lease>),
    /// In the child_list, taking requests.
    Ready(Lease),
    /// In the child_list, not answering: last to be asked.
    Jeopardy(Lease),
    /// On its way out.
    Draining(Lease, DrainStep),
}

/// What is known of the link to the node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Link {
    /// Not tried yet.
    Unknown,
    /// Answers; the incarnation is new with each start of its daemon.
    Up {
        /// Of the daemon that answers; 0 until its first report.
        incarnation: u64,
    },
    /// Does not answer, and why.
    Down {
        /// One sentence.
        words: String,
    },
}

/// What a node said of itself with its last renewal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Report {
    /// Slots nobody holds.
    pub slots_free: u32,
    /// Whether it takes a slot back from somebody for this service, or keeps one that it took back.
    pub reclaiming: bool,
    /// Whether an operator drained it.
    pub maintenance: bool,
    /// Whether its daemon is about to end.
    pub stopping: bool,
    /// Share of all its CPUs in use.
    pub cpu: f64,
    /// How many CPUs it has.
    pub cpus: u32,
    /// CPUs that our service's processes there use.
    pub service_cpu: f64,
    /// Resident memory of our service's processes there, in bytes.
    pub service_memory_bytes: u64,
    /// Our requests it counts in flight; `None`: none comes by it, or not yet.
    pub in_flight: Option<u32>,
    /// Whether our service there does not answer its readiness probe, and nobody but the front end can
    /// keep requests from it.
    pub probe_fails: bool,
    /// Whether it asks for our lease back.
    pub is_reclaimed: bool,
}

/// What the silence of a node means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Silence {
    /// It answers, or holds nothing of ours.
    None,
    /// Long enough to send it no new request while another is ready.
    Jeopardy,
    /// So long that the lease must be given up before the node gives it away.
    Expired,
}

/// When silence means what (design section 6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// No new requests after this.
    pub jeopardy: Duration,
    /// Given up after this: 0.8 of the time to live, so that the holder lets go first.
    pub expiry: Duration,
}

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

impl Lease {
    /// How calls and renewals name it.
    pub fn reference(&self) -> LeaseRef {
        LeaseRef { id: self.id.clone(), epoch: self.epoch }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, epoch, token: _, data_address } = self;
        formatter
            .debug_struct("Lease")
            .field("id", id)
            .field("epoch", epoch)
            .field("token", &"(..)")
            .field("data_address", data_address)
            .finish()
    }
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

    /// What it says of itself. Answers whether its service stopped or began again to answer its probe.
    pub fn hear(&mut self, report: Report) -> bool {
        let is_news = report.probe_fails != self.report.probe_fails;
        self.is_changed |= is_news;
        self.report = report;
        is_news
    }

    /// Takes note where a report is the first one with a slot for this service: what it was refused
    /// before that is over. Answers whether it is.
    pub fn hear_of_slot(&mut self, report: &Report) -> bool {
        let is_freed = self.stage == Stage::Free && self.report.slots_free == 0 && report.slots_free > 0;
        if is_freed && self.is_refused {
            self.is_refused = false;
            self.paused_until = Duration::ZERO;
        }
        is_freed
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
        self.is_at_hand(now)
            && self.report.slots_free == 0
            && !self.awaits_slot(now)
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
        // What was said of another lease says nothing of the one to come.
        let goes_on = !matches!(stage, Stage::Free | Stage::Starting(_));
        self.report.probe_fails &= goes_on;
        self.report.is_reclaimed &= goes_on;
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
                if now.saturating_sub(self.ready_since) >= SERVED_WELL {
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

    /// It is lost: gone, restarted or silent for too long.
    pub fn lost(&mut self, words: String, now: Duration) {
        self.enter(Stage::Free, now);
        self.detail = words;
    }

    /// Its service ended there by itself. One that does so soon after it got ready would do so again:
    /// the node is left alone as after a failed start.
    pub fn crashed(&mut self, words: String, now: Duration) {
        let lived = now.saturating_sub(self.ready_since);
        self.lost(words, now);
        if lived < SERVED_WELL {
            self.paused_until = now + self.pause.next();
        }
    }

    /// What its silence means at `now`.
    pub fn silence(&self, now: Duration, patience: Patience) -> Silence {
        let silent = now.saturating_sub(self.answered);
        match self.stage {
            Stage::Free | Stage::Starting(None) => Silence::None,
            Stage::Starting(Some(_)) | Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {
                if silent >= patience.expiry {
                    Silence::Expired
                } else if silent >= patience.jeopardy {
                    Silence::Jeopardy
                } else {
                    Silence::None
                }
            }
        }
    }

    /// How long ago the data of its last report were sent. One that is reached for control and has
    /// taken no connection for a while is as good as silent for so long.
    pub fn data_age(&self, now: Duration) -> Duration {
        now.saturating_sub(self.answered).max(self.front.unreached())
    }

    /// The word for where it stands, for a person.
    pub fn state_name(&self, now: Duration) -> &'static str {
        match (&self.stage, &self.link) {
            (Stage::Starting(_), _) => "starting",
            (Stage::Ready(_), _) if self.report.probe_fails => "not ready",
            (Stage::Ready(_), _) if self.stands_by => "standby",
            (Stage::Ready(_), _) => "ready",
            (Stage::Jeopardy(_), _) => "jeopardy",
            (Stage::Draining(_, DrainStep::Ending), _) => "stopping",
            (Stage::Draining(..), _) => "draining",
            // It has not said yet what it has.
            (Stage::Free, Link::Unknown | Link::Up { incarnation: 0 }) => "unknown",
            (Stage::Free, Link::Down { .. }) => "unreachable",
            (Stage::Free, Link::Up { .. }) if self.is_silent => "unreachable",
            (Stage::Free, Link::Up { .. }) => self.free_name(now),
        }
    }

    fn free_name(&self, now: Duration) -> &'static str {
        if self.report.maintenance {
            "drained by operator"
        } else if self.report.stopping {
            "going down"
        } else if self.awaits_slot(now) {
            "awaited"
        } else if now < self.paused_until {
            "backing off"
        } else if self.report.slots_free == 0 {
            "taken"
        } else {
            "free"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Patience = Patience { jeopardy: Duration::from_secs(6), expiry: Duration::from_secs(8) };

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn lease() -> Lease {
        Lease { id: "l1".into(), epoch: 1, token: "t".into(), data_address: "127.0.0.1:1".into() }
    }

    fn reachable() -> Node {
        let mut node = Node::new("c1", 1.0, s(0));
        node.link = Link::Up { incarnation: 1 };
        node.report.slots_free = 1;
        node
    }

    #[test]
    fn a_failed_start_backs_the_node_off_for_ten_seconds_doubling_to_five_minutes() {
        let mut node = reachable();
        let mut now = s(100);
        let mut pauses = Vec::new();
        for _ in 0..7 {
            assert!(node.can_be_asked(now));
            node.enter(Stage::Starting(None), now);
            pauses.push(node.start_failed("exits at once".into(), now).as_secs());
            assert!(!node.can_be_asked(now));
            now = node.paused_until;
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 300, 300]);
    }

    #[test]
    fn a_node_that_served_well_starts_with_the_first_pause_again() {
        let mut node = reachable();
        node.start_failed("no".into(), s(0));
        node.enter(Stage::Ready(lease()), s(10));
        node.enter(Stage::Free, s(80));
        assert_eq!(node.start_failed("no".into(), s(81)), s(10));
    }

    #[test]
    fn a_service_that_ends_soon_after_it_got_ready_backs_the_node_off() {
        let mut node = reachable();
        let mut now = s(100);
        let mut pauses = Vec::new();
        for _ in 0..3 {
            node.enter(Stage::Ready(lease()), now);
            node.crashed("it was killed by signal 11".into(), now + s(2));
            pauses.push((node.paused_until - (now + s(2))).as_secs());
            now = node.paused_until;
        }
        assert_eq!(pauses, [10, 20, 40]);
        node.enter(Stage::Ready(lease()), now);
        node.crashed("it was killed by signal 11".into(), now + s(61));
        assert!(node.can_be_asked(now + s(61)), "it served well");
    }

    #[test]
    fn silence_is_jeopardy_at_six_seconds_and_the_end_at_eight() {
        let mut node = reachable();
        node.enter(Stage::Ready(lease()), s(10));
        node.answered = s(20);
        assert_eq!(node.silence(s(25), PATIENCE), Silence::None);
        assert_eq!(node.silence(s(26), PATIENCE), Silence::Jeopardy);
        assert_eq!(node.silence(s(28), PATIENCE), Silence::Expired);
    }

    #[test]
    fn the_silence_of_a_node_that_holds_nothing_of_ours_means_nothing() {
        assert_eq!(reachable().silence(s(1000), PATIENCE), Silence::None);
    }

    #[test]
    fn a_drained_or_full_or_unreachable_node_is_not_asked() {
        let mut drained = reachable();
        drained.report.maintenance = true;
        let mut full = reachable();
        full.report.slots_free = 0;
        let mut away = reachable();
        away.link = Link::Down { words: "refused".into() };
        for node in [drained, full, away] {
            assert!(!node.can_be_asked(s(1)), "{}", node.state_name(s(1)));
        }
    }

    #[test]
    fn a_refusal_lasts_until_the_node_has_a_slot_and_the_pause_of_a_failed_start_does_not() {
        let free = Report { slots_free: 1, ..Report::default() };
        let mut node = reachable();
        node.refused("all slots are held".into(), s(10), s(0));
        assert!(!node.can_be_asked(s(3)));
        assert!(node.hear_of_slot(&free));
        node.hear(free);
        assert!(node.can_be_asked(s(3)));
        assert!(!node.hear_of_slot(&free), "that is no news");
        node.start_failed("exits at once".into(), s(3));
        node.hear(Report::default());
        assert!(node.hear_of_slot(&free));
        node.hear(free);
        assert!(!node.can_be_asked(s(4)));
    }

    #[test]
    fn a_drain_taken_back_does_not_make_a_node_young() {
        let mut node = reachable();
        node.enter(Stage::Ready(lease()), s(10));
        node.enter(Stage::Draining(lease(), DrainStep::AtFront), s(90));
        node.enter(Stage::Ready(lease()), s(95));
        assert_eq!(node.ready_since, s(10));
    }
}
