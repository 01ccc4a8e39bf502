//! The board against the rule: the same answer in any state, and in step after any race.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;

use proptest::prelude::*;

use super::*;

#[derive(Debug, Clone)]
struct Fake {
    load: f64,
    capacity: f64,
    warmth: f64,
    takes: bool,
}

impl Candidate for Fake {
    fn load(&self) -> f64 {
        self.load
    }
    fn capacity(&self) -> f64 {
        self.capacity
    }
    fn warmth(&self) -> f64 {
        self.warmth
    }
    fn takes(&self, _avoid: &[u64]) -> bool {
        self.takes
    }
}

fn rule(dispatch: DispatchRule) -> Rule {
    Rule { dispatch, low: 0.35, high: 0.75 }
}

fn any_rule() -> impl Strategy<Value = Rule> {
    prop_oneof![
        Just(DispatchRule::Fill),
        Just(DispatchRule::RoundRobin),
        Just(DispatchRule::LeastInFlight),
        Just(DispatchRule::P2c),
    ]
    .prop_map(rule)
}

/// Loads from `from` on, so that rows without a Low or a Medium one come often enough.
fn fake(from: f64) -> impl Strategy<Value = Fake> {
    let capacity = prop_oneof![Just(1.0), Just(4.0), Just(8.0), Just(64.0), Just(12.5)];
    let warmth = prop_oneof![4 => Just(1.0), 1 => 0.1f64..1.0];
    // In tenths, as long-lived requests weigh.
    (0u32..=12, capacity, warmth, prop::bool::weighted(0.9)).prop_map(
        move |(load, capacity, warmth, takes)| {
            let share = from + f64::from(load) / 12.0 * (1.0 - from);
            Fake { load: (share * capacity * 10.0).round() / 10.0, capacity, warmth, takes }
        },
    )
}

/// Rows of one, of a few, and of more than two blocks.
fn row() -> impl Strategy<Value = Vec<Fake>> {
    let length = prop_oneof![0usize..5, 60usize..70, 128usize..140];
    let from = prop_oneof![Just(0.0), Just(0.4), Just(0.76), Just(1.0)];
    (length, from).prop_flat_map(|(length, from)| prop::collection::vec(fake(from), length))
}

fn change() -> impl Strategy<Value = (usize, Fake)> {
    (any::<usize>(), fake(0.0))
}

proptest! {
    #[test]
    fn it_picks_as_the_rule_does_in_any_state_and_after_any_change(
        rule in any_rule(),
        row in row(),
        changes in prop::collection::vec(change(), 0..20),
        turn in any::<usize>(),
        dice in any::<[usize; 2]>(),
    ) {
        let mut row: Vec<_> = row.into_iter().map(Arc::new).collect();
        let board = Board::new(rule, row.len());
        for (index, fake) in row.iter().enumerate() {
            board.show(index, &**fake);
        }
        let chance = Chance { turn, dice };
        prop_assert_eq!(board.choose(|| chance), rule.choose(&row, &[], chance));
        for (index, fake) in changes {
            let Some(index) = index.checked_rem(row.len()) else { break };
            row[index] = Arc::new(fake);
            board.show(index, &*row[index]);
            prop_assert_eq!(board.choose(|| chance), rule.choose(&row, &[], chance));
        }
    }
}

/// A candidate whose load grows after the first look at it.
struct Moving(AtomicU32);

impl Candidate for Moving {
    fn load(&self) -> f64 {
        if self.0.fetch_add(1, Ordering::SeqCst) == 0 { 0.0 } else { 4.0 }
    }
    fn capacity(&self) -> f64 {
        8.0
    }
    fn takes(&self, _avoid: &[u64]) -> bool {
        true
    }
}

#[test]
fn a_change_after_the_look_is_shown_too() {
    let board = Board::new(rule(DispatchRule::Fill), 2);
    let low = Fake { load: 0.0, capacity: 8.0, warmth: 1.0, takes: true };
    board.show(0, &Moving(AtomicU32::new(0)));
    board.show(1, &low);
    assert_eq!(board.choose(Chance::default), Some(1), "the first one is Medium");
}

/// A candidate that several threads load at once.
struct Shared(AtomicU32);

impl Candidate for Shared {
    fn load(&self) -> f64 {
        f64::from(self.0.load(Ordering::SeqCst))
    }
    fn capacity(&self) -> f64 {
        8.0
    }
    fn takes(&self, _avoid: &[u64]) -> bool {
        true
    }
}

#[test]
fn it_is_in_step_when_all_have_shown_what_they_changed() {
    let row: Vec<_> = (0..3).map(|_| Arc::new(Shared(AtomicU32::new(0)))).collect();
    let rule = rule(DispatchRule::Fill);
    for round in 0..200 {
        let board = Board::new(rule, row.len());
        std::thread::scope(|scope| {
            for thread in 0..4 {
                let (board, row) = (&board, &row);
                scope.spawn(move || {
                    let mut random = fastrand::Rng::with_seed(round * 4 + thread);
                    for _ in 0..100 {
                        let index = random.usize(..row.len());
                        row[index].0.store(random.u32(0..=8), Ordering::SeqCst);
                        board.show(index, &*row[index]);
                    }
                });
            }
        });
        let loads = || row.iter().map(|shared| shared.load()).collect::<Vec<_>>();
        let chance = Chance { turn: round as usize, dice: [0, 0] };
        // Twice: what was found the first time is kept for the second.
        for _ in 0..2 {
            assert_eq!(board.choose(|| chance), rule.choose(&row, &[], chance), "{:?}", loads());
        }
    }
}
