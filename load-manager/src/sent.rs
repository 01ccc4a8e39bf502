//! The renewals of one link that wait for their answers, each with the moment at which it was sent: a
//! lease counts from there.

use std::collections::VecDeque;

/// Renewals that may wait for their answers; older ones are given up.
pub const WAITING_MAX: usize = 8;

/// Their sequences with their moments, in the order of sending.
#[derive(Debug)]
pub struct Sent<T> {
    waiting: VecDeque<(u64, T)>,
}

impl<T> Default for Sent<T> {
    fn default() -> Self {
        Self { waiting: VecDeque::new() }
    }
}

impl<T> Sent<T> {
    /// One more was sent.
    pub fn push(&mut self, sequence: u64, at: T) {
        self.waiting.push_back((sequence, at));
        if self.waiting.len() > WAITING_MAX {
            self.waiting.pop_front();
        }
    }

    /// When the renewal of that sequence was sent; older ones are forgotten with it.
    pub fn take(&mut self, sequence: u64) -> Option<T> {
        while self.waiting.front().is_some_and(|(oldest, _)| *oldest <= sequence) {
            let (oldest, at) = self.waiting.pop_front()?;
            if oldest == sequence {
                return Some(at);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::Sent;

    #[test]
    fn an_answer_is_matched_with_the_sending_of_its_own_question() {
        let start = Instant::now();
        let mut sent = Sent::default();
        (1..=3).for_each(|n| sent.push(n, start + Duration::from_secs(n)));
        assert_eq!(sent.take(2), Some(start + Duration::from_secs(2)));
        assert_eq!(sent.take(1), None);
        assert_eq!(sent.take(0), None);
        assert_eq!(sent.take(3), Some(start + Duration::from_secs(3)));
    }
}
