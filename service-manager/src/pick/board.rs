//! The quick pick: where each candidate of a row stands, kept in bits as it changes, so that a pick
//! looks at one word for 64 candidates instead of at each. It answers as `Rule` does.
//!
//! Whoever changes something about a candidate shows it here; nothing takes a lock. While several do
//! so at once the board may be behind for a moment, so an answer is a hint: the caller's grip on the
//! place decides, and `Rule` is asked when the board knows nobody.

mod block;
#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicU64, Ordering};

use cluster::config::DispatchRule;

use self::block::{Block, SIZE};
use super::{Candidate, Chance, Rule, Standing};

/// The standings of a row of candidates.
pub struct Board {
    rule: Rule,
    count: usize,
    blocks: Box<[Block]>,
    // Loads as shares of K, as the bits of an f64: positive ones are in the order of their bits. In step
    // only for candidates whose standing is ranked.
    shares: Box<[AtomicU64]>,
}

impl Board {
    /// A board for `count` candidates picked by `rule`, on which nobody stands yet.
    pub fn new(rule: Rule, count: usize) -> Self {
        Self {
            rule,
            count,
            blocks: (0..count.div_ceil(SIZE)).map(|_| Block::default()).collect(),
            shares: (0..count).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// Brings the board into step with the candidate. To be called after each change of what the
    /// candidate says of itself.
    ///
    /// Each call looks again after it has written, and returns only when what it looked at is what the
    /// board says. So whoever writes last has looked at the last change, or the one who made that
    /// change is still to write.
    pub fn show(&self, index: usize, candidate: &impl Candidate) {
        let block = &self.blocks[index / SIZE];
        loop {
            let standing = if candidate.takes(&[]) { self.rule.standing(candidate) } else { None };
            let mut is_changed = false;
            if standing.is_some_and(|standing| self.ranks(standing)) {
                let share = (candidate.load() / candidate.capacity()).to_bits();
                let shown = &self.shares[index];
                is_changed = shown.load(Ordering::SeqCst) != share;
                if is_changed {
                    shown.store(share, Ordering::SeqCst);
                }
            }
            is_changed |= block.set(index % SIZE, standing);
            if !is_changed {
                return;
            }
            block.touch();
        }
    }

    /// The index of the candidate that takes the request, as [`Rule::choose`] with nobody to avoid.
    /// `chance` is asked only where it decides.
    pub fn choose(&self, chance: impl FnOnce() -> Chance) -> Option<usize> {
        match self.rule.dispatch {
            DispatchRule::Fill => self.fill(chance),
            DispatchRule::RoundRobin => self.next_from(chance().turn.checked_rem(self.count)?),
            DispatchRule::LeastInFlight => self.least_from(chance().turn.checked_rem(self.count)?),
            DispatchRule::P2c => self.two_choices(chance().dice),
        }
    }

    /// Whether the pick may compare candidates of this standing by their shares.
    fn ranks(&self, standing: Standing) -> bool {
        match self.rule.dispatch {
            DispatchRule::Fill => standing == Standing::High,
            DispatchRule::RoundRobin => false,
            DispatchRule::LeastInFlight | DispatchRule::P2c => true,
        }
    }

    fn fill(&self, chance: impl FnOnce() -> Chance) -> Option<usize> {
        let (mut mediums, mut held_low, mut held_mediums) = (0, None, 0);
        for (number, block) in self.blocks.iter().enumerate() {
            let first = |standing| block.first(standing).map(|bit| number * SIZE + bit);
            if let Some(low) = first(Standing::Low) {
                return Some(low);
            }
            mediums += block.count(Standing::Medium);
            held_low = held_low.or_else(|| first(Standing::HeldLow));
            held_mediums += block.count(Standing::HeldMedium);
        }
        if mediums > 0 {
            return self.nth(Standing::Medium, chance().turn % mediums);
        }
        if held_low.is_some() {
            return held_low;
        }
        if held_mediums > 0 {
            return self.nth(Standing::HeldMedium, chance().turn % held_mediums);
        }
        self.least(&[Standing::High])
    }

    /// The one with so many of the same standing before it.
    fn nth(&self, standing: Standing, mut before: usize) -> Option<usize> {
        for (number, block) in self.blocks.iter().enumerate() {
            let count = block.count(standing);
            if before < count {
                return block.nth(standing, before).map(|bit| number * SIZE + bit);
            }
            before -= count;
        }
        None
    }

    /// The standings that may take a request: all, or all but the held while another is below High.
    fn below_hold(&self) -> &'static [Standing] {
        const HELD: [Standing; 2] = [Standing::HeldLow, Standing::HeldMedium];
        const NOT_HELD: [Standing; 3] = [Standing::Low, Standing::Medium, Standing::High];
        const ALL: [Standing; 5] = [Standing::Low, Standing::Medium, Standing::High, HELD[0], HELD[1]];
        let any = |standings: &[Standing]| self.blocks.iter().any(|block| block.mask(standings) != 0);
        if any(&HELD) && !any(&NOT_HELD[..2]) { &ALL } else { &NOT_HELD }
    }

    /// The first one from `start` on, the first of all after the last.
    fn next_from(&self, start: usize) -> Option<usize> {
        let standings = self.below_hold();
        let (number, bit) = (start / SIZE, start % SIZE);
        let after = self.blocks[number].mask(standings) & (u64::MAX << bit);
        let found = |number: usize, mask: u64| (mask != 0).then(|| number * SIZE + block::first(mask));
        found(number, after).or_else(|| {
            // The last one looked at is the block of `start` again, for what is before it.
            (1..=self.blocks.len()).find_map(|step| {
                let number = (number + step) % self.blocks.len();
                found(number, self.blocks[number].mask(standings))
            })
        })
    }

    fn two_choices(&self, dice: [usize; 2]) -> Option<usize> {
        let (first, second) = super::two_of(self.count, dice)?;
        let standings = self.below_hold();
        let can = |&index: &usize| self.blocks[index / SIZE].mask(standings) >> (index % SIZE) & 1 == 1;
        let two = [first.min(second), first.max(second)];
        two.into_iter().filter(can).min_by_key(|&index| self.share(index)).or_else(|| self.least(standings))
    }

    /// The one with the smallest share of its K in flight, the earlier one of two equals.
    fn least(&self, standings: &[Standing]) -> Option<usize> {
        let best = |(number, block): (usize, &Block)| {
            block.least(standings, |bit| self.share(number * SIZE + bit)).map(|bit| number * SIZE + bit)
        };
        self.blocks.iter().enumerate().filter_map(best).min_by_key(|&index| self.share(index))
    }

    /// The same, the first of equals from `start` on.
    fn least_from(&self, start: usize) -> Option<usize> {
        let (standings, count) = (self.below_hold(), self.blocks.len());
        let (number, after) = (start / SIZE, u64::MAX << (start % SIZE));
        // The last one looked at is the block of `start` again, for what is before it.
        let indices = (0..=count).flat_map(|step| {
            let block = (number + step) % count;
            let of = if step == 0 {
                after
            } else if step == count {
                !after
            } else {
                u64::MAX
            };
            block::bits(self.blocks[block].mask(standings) & of).map(move |bit| block * SIZE + bit)
        });
        indices.min_by_key(|&index| self.share(index))
    }

    fn share(&self, index: usize) -> u64 {
        self.shares[index].load(Ordering::SeqCst)
    }
}
