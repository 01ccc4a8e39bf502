//! Memory that a burst needed, given back to the system when it is over. What is decided is pure: counts
//! in, a verdict out.

use crate::sys;

/// Fewer things than this left nothing behind that is worth the work.
const PEAK_MIN: u64 = 1000;

/// Watches how many memory-holding things there are, such as connections, and says when to give back.
#[derive(Debug, Default)]
pub struct Memory {
    peak: u64,
}

impl Memory {
    /// Nothing was seen yet.
    pub fn new() -> Memory {
        Memory::default()
    }

    /// Looks at how many there are `now`. True when there were many since the last time this was true, and
    /// fewer than half are left.
    pub fn is_to_be_given_back(&mut self, now: u64) -> bool {
        self.peak = self.peak.max(now);
        let is_over = self.peak >= PEAK_MIN && now < self.peak / 2;
        if is_over {
            self.peak = now;
        }
        is_over
    }

    /// Gives the heap's free pages back to the system; takes some milliseconds for each hundred megabytes.
    pub fn give_back() {
        sys::trim_heap();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_when_a_burst_is_over() {
        let mut memory = Memory::new();
        let said: Vec<bool> =
            [10, 5000, 4000, 2400, 2300, 1100, 1000, 10].map(|now| memory.is_to_be_given_back(now)).into();
        assert_eq!(said, [false, false, false, true, false, true, false, true]);
    }

    #[test]
    fn a_few_are_no_burst() {
        let mut memory = Memory::new();
        assert!([900, 0, 999, 1].into_iter().all(|now| !memory.is_to_be_given_back(now)));
    }
}
