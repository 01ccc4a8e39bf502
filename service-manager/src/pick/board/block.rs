//! Sixty-four candidates of a board: a bit each in the word of its standing, and who of them was found
//! the least loaded, until something changes. All of it in one cache line.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::pick::Standing;

/// Candidates in a block.
pub(super) const SIZE: usize = u64::BITS as usize;

/// What is known of sixty-four candidates.
#[derive(Default)]
#[repr(align(64))]
pub(super) struct Block {
    standings: [AtomicU64; STANDINGS.len()],
    // Counts the changes.
    version: AtomicU64,
    // The version at which the least loaded one was sought, shifted left by a byte, and who it was.
    least: AtomicU64,
}

const STANDINGS: [Standing; 5] =
    [Standing::Low, Standing::Medium, Standing::High, Standing::HeldLow, Standing::HeldMedium];

impl Block {
    /// Puts the candidate where it stands, and nowhere else; answers whether that changed anything.
    pub(super) fn set(&self, bit: usize, standing: Option<Standing>) -> bool {
        let bit = 1 << bit;
        let mut is_changed = false;
        for (of, word) in STANDINGS.iter().zip(&self.standings) {
            let (stands, stood) = (standing == Some(*of), word.load(Ordering::SeqCst) & bit != 0);
            match (stood, stands) {
                (false, true) => word.fetch_or(bit, Ordering::SeqCst),
                (true, false) => word.fetch_and(!bit, Ordering::SeqCst),
                (false, false) | (true, true) => continue,
            };
            is_changed = true;
        }
        is_changed
    }

    /// Something about its candidates has changed: the least loaded one is to be sought anew.
    pub(super) fn touch(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
    }

    /// The candidates of this standing.
    fn word(&self, standing: Standing) -> u64 {
        let index = match standing {
            Standing::Low => 0,
            Standing::Medium => 1,
            Standing::High => 2,
            Standing::HeldLow => 3,
            Standing::HeldMedium => 4,
        };
        self.standings[index].load(Ordering::SeqCst)
    }

    /// The candidates of these standings.
    pub(super) fn mask(&self, standings: &[Standing]) -> u64 {
        standings.iter().fold(0, |mask, &standing| mask | self.word(standing))
    }

    /// How many are of this standing.
    pub(super) fn count(&self, standing: Standing) -> usize {
        self.word(standing).count_ones() as usize
    }

    /// The first of this standing.
    pub(super) fn first(&self, standing: Standing) -> Option<usize> {
        let word = self.word(standing);
        (word != 0).then(|| first(word))
    }

    /// The one of this standing with `before` others before it.
    pub(super) fn nth(&self, standing: Standing, before: usize) -> Option<usize> {
        bits(self.word(standing)).nth(before)
    }

    /// The one of these standings whose share is the smallest, the first of equals. What was found is
    /// kept until the next change.
    pub(super) fn least(&self, standings: &[Standing], share: impl Fn(usize) -> u64) -> Option<usize> {
        // Before the look: whatever changes during it makes what was found out of date.
        let version = self.version.load(Ordering::SeqCst) << 8;
        let mask = self.mask(standings);
        let found = self.least.load(Ordering::SeqCst);
        // One board asks for the same standings each time, but for those who are held: kept without them.
        let is_kept = !standings.iter().any(|standing| standing.is_held());
        if is_kept && found & !0xff == version && mask >> (found & 0x3f) & 1 == 1 {
            return Some((found & 0x3f) as usize);
        }
        let least = bits(mask).min_by_key(|&bit| share(bit))?;
        if is_kept {
            self.least.store(version | least as u64, Ordering::SeqCst);
        }
        Some(least)
    }
}

/// The index of the first bit of a word that has one.
pub(super) fn first(word: u64) -> usize {
    word.trailing_zeros() as usize
}

/// The indexes of the bits of a word, in order.
pub(super) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = (word != 0).then(|| first(word))?;
        word &= word - 1;
        Some(bit)
    })
}
