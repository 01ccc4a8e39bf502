//! Twenty services that share two hundred nodes, without a fault: how long it takes until each holds just
//! what it is due, from an empty pool and from one holder of everything, and that nothing moves after that.

use std::fmt;

use cluster::share::{Claim, shares};

use crate::faults::Fault;
use crate::pool::{self, Numbers};
use crate::standing;
use crate::world::World;
use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;
const NODES: u64 = 200;
const SERVICES: usize = 20;

/// Requests in flight that one node is wanted for: `capacity` 8 at the target of 0.6.
const PER_NODE: f64 = 4.8;

/// How long nothing may move once everybody is settled.
const STILL: u64 = 120;

/// How long one holder may take to get everything.
const TAKEN_WITHIN: u64 = 60;

/// Who holds what when the services begin to want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Begin {
    Empty,
    OneHolder,
}

/// What the services want.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Wants {
    /// More than it is due, each of them.
    More,
    /// A third of them less than that, or as much.
    Mixed,
}

/// One run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Case {
    pub(crate) begin: Begin,
    pub(crate) wants: Wants,
    pub(crate) seed: u64,
}

/// What came of it.
#[derive(Debug)]
pub(crate) struct Settled {
    pub(crate) case: Case,
    /// Simulated seconds until the last node moved.
    pub(crate) seconds: u64,
    /// Orders, drains, reclaims and releases until then.
    pub(crate) moves: u64,
    /// What everybody holds from then on, of all that there is.
    pub(crate) held: u32,
}

impl Case {
    /// Every way to begin and to want with that seed.
    pub(crate) fn all(seed: u64) -> [Self; 4] {
        let case = |begin, wants| Self { seed, begin, wants };
        [
            case(Begin::Empty, Wants::More),
            case(Begin::Empty, Wants::Mixed),
            case(Begin::OneHolder, Wants::More),
            case(Begin::OneHolder, Wants::Mixed),
        ]
    }

    /// Simulated seconds until everybody is settled, at most.
    fn limit(self) -> u64 {
        match self.begin {
            Begin::Empty => 60,
            Begin::OneHolder => 180,
        }
    }

    /// Plays it until nothing has moved for long.
    pub(crate) fn play(self) -> Settled {
        let mut dice = Dice::new(self.seed);
        let services = draw(&mut dice);
        let wants = self.draw_wants(&services, &mut dice);
        let mut world = World::new(dice, pool::of(NODES as usize, &services), 0, None);
        let first = match self.begin {
            Begin::Empty => 0,
            Begin::OneHolder => 1,
        };
        for (service, want) in wants.iter().enumerate() {
            // One that holds everything wants it all, and stays at that.
            let want = if service < first { 2 * NODES } else { *want };
            let in_flight = (want as f64 * PER_NODE - 1.0).max(0.0) as u64;
            world.plan(0, Fault::Load { service, in_flight });
        }
        let begin = if first == 0 { 0 } else { take_everything(&mut world) };
        world.run(begin);
        for service in first..SERVICES {
            world.start_manager(service);
        }
        self.until_still(&mut world, begin)
    }

    fn until_still(self, world: &mut World, begin: u64) -> Settled {
        let (mut since, mut before) = (None, moves(world));
        for second in 1.. {
            world.run(begin + second * SECOND);
            let (wrong, moved) = (wrong(world), moves(world));
            if moved != before || !wrong.is_empty() {
                since = None;
            } else if since.is_none() {
                since = Some(second);
            }
            before = moved;
            let settled = since.is_some_and(|since| since <= self.limit());
            assert!(second < self.limit() || settled, "{self} is not settled: {}", wrong.join("; "));
            if since.is_some_and(|since| second >= since + STILL) {
                break;
            }
        }
        let held = standing::of_all(world).unwrap_or_default().iter().map(|standing| standing.ready).sum();
        Settled { case: self, seconds: since.unwrap_or(0), moves: before, held }
    }

    /// What each wants, against what it is due if all want everything.
    fn draw_wants(self, services: &[Numbers], dice: &mut Dice) -> Vec<u64> {
        let claims: Vec<Claim> = services.iter().map(wants_all).collect();
        let dues = shares(&claims, NODES as u32);
        let mut want = |due: u64| match self.wants {
            Wants::Mixed if dice.permille(333) => dice.within(0..due + 1),
            // So much that its load is High with its share too.
            Wants::More | Wants::Mixed => due + due / 4 + dice.within(3..40),
        };
        dues.iter().map(|due| want(u64::from(due.share))).collect()
    }
}

/// Weights and mins, and priorities every other time.
fn draw(dice: &mut Dice) -> Vec<Numbers> {
    let has_priorities = dice.permille(500);
    let numbers = |index: usize| Numbers {
        name: format!("s{index:02}"),
        min: if dice.permille(500) { 0 } else { dice.within(1..6) },
        max: NODES,
        weight: dice.within(1..5),
        priority: if has_priorities { dice.within(0..3) } else { 0 },
    };
    (1..=SERVICES).map(numbers).collect()
}

fn wants_all(numbers: &Numbers) -> Claim {
    Claim {
        service: numbers.name.clone(),
        front_end: String::new(),
        held: 0,
        want: NODES as u32,
        min: numbers.min as u32,
        max: numbers.max as u32,
        weight: numbers.weight as f64,
        priority: numbers.priority as u32,
        slots: 0,
    }
}

/// The first service alone, until it holds every node: when that is.
fn take_everything(world: &mut World) -> u64 {
    world.run(0);
    world.start_manager(0);
    for second in 1..TAKEN_WITHIN {
        world.run(second * SECOND);
        let ready = world.managers[0].holder.list().children.len();
        if ready as u64 == NODES {
            return second * SECOND;
        }
    }
    panic!("nobody holds everything");
}

fn moves(world: &World) -> u64 {
    world.managers.iter().map(|manager| manager.moves).sum()
}

/// What is not as it is to stay.
fn wrong(world: &World) -> Vec<String> {
    let Some(standings) = standing::of_all(world) else {
        return vec!["somebody has not said what it wants".to_owned()];
    };
    let mut wrong = standing::in_limbo(world);
    let off = standings
        .iter()
        .filter(|standing| standing.claim.held != standing.share || standing.ready != standing.share);
    wrong.extend(off.map(|standing| format!("{standing:?}")));
    if !standing::are_at_rest(world) {
        wrong.push("some lease is on its way".to_owned());
    }
    wrong
}

impl fmt::Display for Begin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Empty => "an empty pool",
            Self::OneHolder => "one holder of everything",
        })
    }
}

impl fmt::Display for Wants {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::More => "all want more",
            Self::Mixed => "some want less",
        })
    }
}

impl fmt::Display for Case {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "seed {}, from {}, {}", self.seed, self.begin, self.wants)
    }
}
