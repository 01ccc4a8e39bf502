//! A world of five nodes, a second a pass: starts and drains take two of them, and whoever fails comes back.

use super::*;

/// Requests that one copy handles well; the rest may be at most this full when one is away.
const K: f64 = 8.0;
const LIMIT: f64 = 0.6375;

/// What a start or a drain takes, in passes.
const TAKES: usize = 2;

#[derive(Debug)]
pub(super) struct World {
    rollout: Rollout,
    places: [Place; NAMES.len()],
    has_room: bool,
    load: f64,
    passed: usize,
    /// When each node's file is edited.
    edits: Vec<usize>,
    pub(super) is_bad: bool,
    pub(super) failed: usize,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Place {
    Free,
    /// Not to be asked for so long.
    Away(usize),
    Starting(usize),
    Serving(Option<CommandDigest>),
    Leaving(usize, Option<CommandDigest>),
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Fault {
    None,
    /// Its daemon is gone for a while.
    Crash(usize),
    /// Somebody else has it for a while, if it is free.
    Refuse(usize),
    /// The decider orders it, if it is free, or has it drained.
    Decide(usize),
    /// So many requests.
    Load(u32),
}

impl World {
    pub(super) fn new(serving: usize, has_room: bool, edits: &[usize]) -> Self {
        let place = |node| if node < serving { Place::Serving(old()) } else { Place::Free };
        Self {
            rollout: Rollout::default(),
            places: std::array::from_fn(place),
            has_room,
            load: 0.0,
            passed: 0,
            edits: edits.to_vec(),
            is_bad: false,
            failed: 0,
        }
    }

    pub(super) fn serving(&self) -> usize {
        self.places.iter().filter(|place| matches!(place, Place::Serving(_))).count()
    }

    fn is_moving(place: &Place) -> bool {
        matches!(place, Place::Starting(_) | Place::Leaving(..))
    }

    pub(super) fn is_done(&self) -> bool {
        let is_new = |place: &Place| match place {
            Place::Serving(runs) => *runs == new(),
            Place::Free => true,
            Place::Away(_) | Place::Starting(_) | Place::Leaving(..) => false,
        };
        self.places.iter().all(is_new) && self.rollout.view(&self.scene()).is_none()
    }

    fn starts(&self, node: usize) -> Option<CommandDigest> {
        if self.passed >= self.edits[node] { new() } else { old() }
    }

    fn scene(&self) -> Scene<'static> {
        let seen = |(node, place): (usize, &Place)| {
            let (stands, runs) = match *place {
                Place::Free => (Stands::Free, None),
                Place::Away(_) => (Stands::Elsewhere, None),
                Place::Starting(_) => (Stands::Starting, None),
                Place::Serving(runs) => (Stands::Serving, runs),
                Place::Leaving(left, runs) => (Stands::Leaving { can_return: left == TAKES }, runs),
            };
            Seen { starts: self.starts(node), busy: (0, (node * 7 % 5) as u32), ..seen(node, stands, runs) }
        };
        let is_high = self.load > 0.75 * K * self.serving() as f64;
        Scene {
            has_room: self.has_room,
            pressure: is_high.then_some("the load is High"),
            ..scene(self.places.iter().enumerate().map(seen).collect())
        }
    }

    /// A second.
    pub(super) fn pass(&mut self, fault: Fault) {
        self.passed += 1;
        self.go_on();
        match fault {
            Fault::None => {}
            Fault::Crash(node) => self.places[node] = Place::Away(5),
            Fault::Refuse(node) if self.places[node] == Place::Free => self.places[node] = Place::Away(3),
            Fault::Decide(node) if self.places[node] == Place::Free => {
                self.places[node] = Place::Starting(TAKES)
            }
            Fault::Decide(node) => {
                if let Place::Serving(runs) = self.places[node] {
                    self.places[node] = Place::Leaving(TAKES, runs);
                }
            }
            Fault::Refuse(_) => {}
            Fault::Load(load) => self.load = f64::from(load),
        }
        self.roll();
    }

    fn go_on(&mut self) {
        for node in 0..self.places.len() {
            self.places[node] = match self.places[node] {
                Place::Away(0) | Place::Leaving(0, _) => Place::Free,
                Place::Away(left) => Place::Away(left - 1),
                Place::Leaving(left, runs) => Place::Leaving(left - 1, runs),
                Place::Starting(0) if self.is_bad && self.starts(node) == new() => {
                    self.failed += 1;
                    // As the holder tells it: the node is left alone by then.
                    self.places[node] = Place::Away(3);
                    let (scene, rollout) = (self.scene(), &mut self.rollout);
                    assert!(rollout.failed(&scene, node, "it exits").is_some());
                    Place::Away(3)
                }
                Place::Starting(0) => Place::Serving(self.starts(node)),
                Place::Starting(left) => Place::Starting(left - 1),
                place @ (Place::Free | Place::Serving(_)) => place,
            };
        }
    }

    fn roll(&mut self) {
        let scene = self.scene();
        let left = self.serving().saturating_sub(1);
        let projected = self.load / (K * left as f64);
        // The local copy carries nothing here.
        let is_spared = self.load == 0.0 || projected < LIMIT;
        let spares = |_: &str| if is_spared { Ok(()) } else { full("") };
        let Some(step) = self.rollout.next(&scene, spares).step else { return };
        let was_moving = self.places.iter().any(Self::is_moving);
        let runs_old = |place: Place| place == Place::Serving(old());
        match step {
            Step::Add { by } => {
                assert!(!was_moving && self.has_room && scene.pressure.is_none());
                assert_eq!((self.places[by], self.starts(by)), (Place::Free, new()));
                self.places[by] = Place::Starting(TAKES);
            }
            Step::Remove { old: node } | Step::Restart { node } => {
                assert!(!was_moving && is_spared && scene.pressure.is_none());
                assert!(runs_old(self.places[node]) && self.starts(node) == new());
                self.places[node] = Place::Leaving(TAKES, old());
            }
            Step::StartAgain { node } => {
                assert_eq!(self.places[node], Place::Free);
                self.places[node] = Place::Starting(TAKES);
            }
            Step::TakeBack { node } => {
                assert!(matches!(self.places[node], Place::Leaving(TAKES, _)));
                self.places[node] = Place::Serving(old());
            }
            Step::GiveUp { node } => assert!(matches!(self.places[node], Place::Away(_))),
        }
    }
}
