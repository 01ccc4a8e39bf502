//! Which child takes a request (design section 3; paper section 3.3, figure 10). Pure: the loads
//! are looked at, the turn and the dice come in as arguments, nothing is taken here.
//!
//! `Rule` is the reference: it looks at every candidate. `board` gives the same answers at a cost that
//! hardly grows with their number; `warmth` is slow start.

pub mod board;
pub mod warmth;

use cluster::config::DispatchRule;
use cluster::level::Level;

/// What a pick looks at.
pub trait Candidate {
    /// Requests in flight, long-lived ones weighed.
    fn load(&self) -> f64;
    /// K: what it handles well at a time, and its hard capacity.
    fn capacity(&self) -> f64;
    /// The share of K that its level is judged by while another one is below High: below 1 while it
    /// is new (`warmth`). Its hard capacity stays K.
    fn warmth(&self) -> f64 {
        1.0
    }
    /// Whether it may be sent a request that has already been at the upstreams of `avoid`.
    fn takes(&self, avoid: &[u64]) -> bool;
}

/// Where a candidate that has room stands for a pick.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Takes requests until it is Medium.
    Low,
    /// Takes its turn while none is Low.
    Medium,
    /// Takes none while another can.
    High,
    /// Low, but new and busy enough for that: as if High while another is below High.
    HeldLow,
    /// Medium, but new and busy enough for that: as if High while another is below High.
    HeldMedium,
}

/// How to pick, and between which levels.
#[derive(Debug, Clone, Copy)]
pub struct Rule {
    /// Which of the rules.
    pub dispatch: DispatchRule,
    /// Below this share of K a child is Low.
    pub low: f64,
    /// Above this share of K a child is High.
    pub high: f64,
}

/// What changes from pick to pick.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chance {
    /// Counts up with each pick; decides whose turn it is.
    pub turn: usize,
    /// Two numbers drawn at random, for `p2c`.
    pub dice: [usize; 2],
}

impl Standing {
    /// Whether only slow start keeps it from taking requests.
    pub const fn is_held(self) -> bool {
        matches!(self, Self::HeldLow | Self::HeldMedium)
    }
}

impl Rule {
    /// The index of the candidate that takes the request; `None` when no candidate can: each is
    /// closed, avoided or at its hard capacity.
    pub fn choose<C: Candidate>(
        &self,
        candidates: &[impl std::ops::Deref<Target = C>],
        avoid: &[u64],
        chance: Chance,
    ) -> Option<usize> {
        let standing = |index: usize| {
            let candidate = &*candidates[index];
            if candidate.takes(avoid) { self.standing(candidate) } else { None }
        };
        if self.dispatch == DispatchRule::Fill {
            return fill(candidates, standing, chance.turn);
        }
        let standings = || (0..candidates.len()).filter_map(standing);
        let holds = standings().any(Standing::is_held)
            && standings().any(|standing| matches!(standing, Standing::Low | Standing::Medium));
        let can = |index: usize| standing(index).is_some_and(|standing| !(holds && standing.is_held()));
        match self.dispatch {
            DispatchRule::RoundRobin => {
                let count = candidates.len();
                (0..count).map(|step| (chance.turn.wrapping_add(step)) % count).find(|&index| can(index))
            }
            DispatchRule::P2c => two_choices(candidates, chance.dice, can),
            DispatchRule::LeastInFlight => {
                let count = candidates.len();
                let in_turn = (0..count).map(|step| (chance.turn % count + step) % count);
                least_loaded(candidates, in_turn.filter(|&index| can(index)))
            }
            DispatchRule::Fill => least_loaded(candidates, (0..candidates.len()).filter(|&index| can(index))),
        }
    }

    /// Where the candidate stands, whether it takes requests or not; `None`: at its hard capacity.
    pub fn standing(&self, candidate: &impl Candidate) -> Option<Standing> {
        let (load, capacity, warmth) = (candidate.load(), candidate.capacity(), candidate.warmth());
        if load + 1.0 > capacity {
            return None;
        }
        let level = |capacity| Level::of(load, capacity, self.low, self.high);
        Some(match level(capacity * warmth) {
            Level::Low => Standing::Low,
            Level::Medium => Standing::Medium,
            Level::High => match level(capacity) {
                Level::Low => Standing::HeldLow,
                Level::Medium => Standing::HeldMedium,
                Level::High => Standing::High,
            },
        })
    }
}

/// Figure 10: the first Low one; no Low one: round robin among the Medium ones; then the same among
/// those that slow start holds; all High: the least loaded up to the hard capacity.
fn fill<C: Candidate>(
    candidates: &[impl std::ops::Deref<Target = C>],
    standing: impl Fn(usize) -> Option<Standing> + Copy,
    turn: usize,
) -> Option<usize> {
    let all = || (0..candidates.len()).filter_map(|index| Some((index, standing(index)?)));
    let nth =
        |wanted, nth| all().filter(|&(_, standing)| standing == wanted).map(|(index, _)| index).nth(nth);
    let (mut mediums, mut held_low, mut held_mediums, mut any_high) = (0, None, 0, false);
    for (index, standing) in all() {
        match standing {
            Standing::Low => return Some(index),
            Standing::Medium => mediums += 1,
            Standing::High => any_high = true,
            Standing::HeldLow => held_low = held_low.or(Some(index)),
            Standing::HeldMedium => held_mediums += 1,
        }
    }
    let in_turn = |wanted, count| nth(wanted, turn.checked_rem(count)?);
    in_turn(Standing::Medium, mediums)
        .or(held_low)
        .or_else(|| in_turn(Standing::HeldMedium, held_mediums))
        .or_else(|| {
            let roomy = (0..candidates.len()).filter(|&index| standing(index).is_some());
            if any_high { least_loaded(candidates, roomy) } else { None }
        })
}

/// Of these the one with the smallest share of its K in flight, the earlier one of two equals.
fn least_loaded<C: Candidate>(
    candidates: &[impl std::ops::Deref<Target = C>],
    indices: impl Iterator<Item = usize>,
) -> Option<usize> {
    let share = |index: usize| candidates[index].load() / candidates[index].capacity();
    indices.min_by(|&a, &b| share(a).total_cmp(&share(b)))
}

/// The better of two drawn at random; where neither can, the best of all.
fn two_choices<C: Candidate>(
    candidates: &[impl std::ops::Deref<Target = C>],
    dice: [usize; 2],
    can: impl Fn(usize) -> bool + Copy,
) -> Option<usize> {
    let (first, second) = two_of(candidates.len(), dice)?;
    let all = || (0..candidates.len()).filter(|&index| can(index));
    least_loaded(candidates, all().filter(|&index| index == first || index == second))
        .or_else(|| least_loaded(candidates, all()))
}

/// Two of `count`, different ones wherever there are two; `None` of none.
fn two_of(count: usize, dice: [usize; 2]) -> Option<(usize, usize)> {
    let first = dice[0].checked_rem(count)?;
    Some((first, (first + 1 + dice[1].checked_rem(count - 1).unwrap_or(0)) % count))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use proptest::prelude::*;

    use super::*;

    struct Fake {
        load: f64,
        open: bool,
    }

    impl Candidate for Fake {
        fn load(&self) -> f64 {
            self.load
        }
        fn capacity(&self) -> f64 {
            8.0
        }
        fn takes(&self, avoid: &[u64]) -> bool {
            self.open && !avoid.contains(&(self.load as u64 + 1000))
        }
    }

    fn fakes(loads: &[f64]) -> Vec<Arc<Fake>> {
        loads.iter().map(|&load| Arc::new(Fake { load, open: true })).collect()
    }

    fn rule(dispatch: DispatchRule) -> Rule {
        Rule { dispatch, low: 0.35, high: 0.75 }
    }

    fn fill(loads: &[f64], turn: usize) -> Option<usize> {
        rule(DispatchRule::Fill).choose(&fakes(loads), &[], Chance { turn, dice: [0, 0] })
    }

    #[test]
    fn the_first_low_child_takes_requests_until_it_is_medium() {
        assert_eq!(fill(&[0.0, 0.0], 7), Some(0));
        assert_eq!(fill(&[2.0, 0.0], 7), Some(0));
        assert_eq!(fill(&[3.0, 0.0], 7), Some(1));
    }

    #[test]
    fn medium_children_take_turns_when_none_is_low() {
        let picks: Vec<_> = (0..4).map(|turn| fill(&[4.0, 7.0, 5.0], turn)).collect();
        assert_eq!(picks, [Some(0), Some(2), Some(0), Some(2)]);
    }

    #[test]
    fn a_high_child_takes_none_while_another_can() {
        assert_eq!(fill(&[7.0, 6.0], 0), Some(1));
    }

    #[test]
    fn all_high_goes_to_the_fewest_in_flight_up_to_the_hard_capacity() {
        assert_eq!(fill(&[8.0, 7.0, 7.0], 5), Some(1));
        assert_eq!(fill(&[8.0, 8.0], 5), None);
        assert_eq!(fill(&[], 5), None);
    }

    #[test]
    fn a_child_that_was_tried_is_avoided() {
        let picked = rule(DispatchRule::Fill).choose(&fakes(&[1.0, 2.0]), &[1001], Chance::default());
        assert_eq!(picked, Some(1));
    }

    #[test]
    fn the_other_rules_pick_as_their_names_say() {
        let pick = |dispatch, loads: &[f64], turn, dice| {
            rule(dispatch).choose(&fakes(loads), &[], Chance { turn, dice })
        };
        assert_eq!(pick(DispatchRule::RoundRobin, &[0.0, 8.0, 0.0], 1, [0, 0]), Some(2));
        assert_eq!(pick(DispatchRule::LeastInFlight, &[3.0, 1.0, 2.0], 0, [0, 0]), Some(1));
        // Of equals each has its turn, or an idle service would run on the first one alone.
        let turns = (0..4).map(|turn| pick(DispatchRule::LeastInFlight, &[1.0, 1.0, 2.0], turn, [0, 0]));
        assert_eq!(turns.collect::<Vec<_>>(), [Some(0), Some(1), Some(0), Some(0)]);
        assert_eq!(pick(DispatchRule::P2c, &[3.0, 1.0, 2.0], 0, [0, 1]), Some(2));
        assert_eq!(pick(DispatchRule::P2c, &[1.0], 0, [5, 9]), Some(0));
    }

    fn any_rule() -> impl Strategy<Value = DispatchRule> {
        prop_oneof![
            Just(DispatchRule::Fill),
            Just(DispatchRule::RoundRobin),
            Just(DispatchRule::LeastInFlight),
            Just(DispatchRule::P2c),
        ]
    }

    proptest! {
        #[test]
        fn a_pick_has_room_and_there_is_one_where_somebody_has_room(
            dispatch in any_rule(),
            children in prop::collection::vec((0u32..=8, any::<bool>()), 0..12),
            turn in any::<usize>(),
            dice in any::<[usize; 2]>(),
        ) {
            let children: Vec<_> =
                children.into_iter().map(|(load, open)| Arc::new(Fake { load: f64::from(load), open })).collect();
            let picked = rule(dispatch).choose(&children, &[], Chance { turn, dice });
            let roomy = |child: &Fake| child.open && child.load < 8.0;
            prop_assert_eq!(picked.is_some(), children.iter().any(|child| roomy(child)));
            if let Some(index) = picked {
                prop_assert!(roomy(&children[index]));
            }
        }
    }
}
