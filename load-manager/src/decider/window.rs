//! A window over the newest stretch of counted time: amounts go in with the time they cover, out
//! come means over exactly the window's length. Samples may differ in length.
//!
//! The memory is bounded whatever the samples' lengths: short ones are joined.

use std::collections::VecDeque;
use std::time::Duration;

/// Two neighbours that together are shorter than this part of the window are joined, so there are at
/// most twice as many. Only the oldest piece is ever cut, so what is joined costs next to no precision.
const PIECES: f64 = 64.0;

/// `N` amounts a piece of time.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Window<const N: usize> {
    /// Seconds.
    length: f64,
    /// Oldest first.
    pieces: VecDeque<Piece<N>>,
}

/// The sums over a window, and the seconds they cover.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Piece<const N: usize> {
    pub(crate) seconds: f64,
    pub(crate) amounts: [f64; N],
}

impl<const N: usize> Window<N> {
    pub(crate) fn new(length: Duration) -> Self {
        Self { length: length.as_secs_f64(), pieces: VecDeque::new() }
    }

    /// Another length. What was seen and still fits is kept.
    pub(crate) fn resize(&mut self, length: Duration) {
        self.length = length.as_secs_f64();
        self.forget_old();
    }

    /// Forgets everything, as when the counts had a hole.
    pub(crate) fn clear(&mut self) {
        self.pieces.clear();
    }

    /// Adds the amounts of the newest `time`.
    pub(crate) fn push(&mut self, time: Duration, amounts: [f64; N]) {
        let piece = Piece { seconds: time.as_secs_f64(), amounts };
        match self.pieces.back_mut() {
            Some(newest) if newest.seconds + piece.seconds <= self.length / PIECES => {
                newest.join(&piece, 1.0)
            }
            // A piece that covers no time has no mean of its own.
            Some(newest) if newest.seconds == 0.0 || piece.seconds == 0.0 => newest.join(&piece, 1.0),
            Some(_) | None => self.pieces.push_back(piece),
        }
        self.forget_old();
    }

    /// The sums over the window, or over what there is of it. The oldest piece counts by its share.
    pub(crate) fn sums(&self) -> Piece<N> {
        let mut sums = Piece { seconds: 0.0, amounts: [0.0; N] };
        for piece in self.pieces.iter().rev() {
            let missing = self.length - sums.seconds;
            let share = if piece.seconds > missing { missing / piece.seconds } else { 1.0 };
            sums.join(piece, share.max(0.0));
        }
        sums
    }

    /// Whether the pieces cover all of it.
    pub(crate) fn is_full(&self) -> bool {
        self.missing().is_zero()
    }

    /// How much time it still has to cover.
    pub(crate) fn missing(&self) -> Duration {
        // Sums of seconds carry rounding errors; a microsecond is none of ours.
        let missing = self.length - self.covered();
        if missing < 1e-6 { Duration::ZERO } else { Duration::try_from_secs_f64(missing).unwrap_or_default() }
    }

    /// Seconds that the pieces cover. Summed anew each time: a running sum would keep its rounding
    /// errors for ever.
    fn covered(&self) -> f64 {
        self.pieces.iter().map(|piece| piece.seconds).sum()
    }

    fn forget_old(&mut self) {
        let mut covered = self.covered();
        while let Some(oldest) = self.pieces.front() {
            covered -= oldest.seconds;
            if covered < self.length || self.pieces.len() == 1 {
                break;
            }
            self.pieces.pop_front();
        }
    }
}

impl<const N: usize> Piece<N> {
    /// The amount a second, `None` while no time is covered.
    pub(crate) fn per_second(&self, amount: usize) -> Option<f64> {
        (self.seconds > 0.0).then(|| self.amounts[amount] / self.seconds)
    }

    fn join(&mut self, other: &Self, share: f64) {
        self.seconds += other.seconds * share;
        for (sum, amount) in self.amounts.iter_mut().zip(other.amounts) {
            *sum += amount * share;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Window;

    const SECOND: Duration = Duration::from_secs(1);

    fn mean(window: &Window<1>) -> Option<f64> {
        window.sums().per_second(0)
    }

    #[test]
    fn a_long_sample_weighs_more_than_a_short_one() {
        let mut window = Window::new(3 * SECOND);
        window.push(2 * SECOND, [2.0 * 10.0]);
        window.push(SECOND, [1.0 * 1.0]);
        assert_eq!(mean(&window), Some(7.0));
    }

    #[test]
    fn the_oldest_sample_counts_by_the_share_that_is_inside() {
        let mut window = Window::new(3 * SECOND);
        window.push(4 * SECOND, [4.0 * 8.0]);
        window.push(SECOND, [2.0]);
        // 2 s at 8 and 1 s at 2.
        assert_eq!(mean(&window), Some(6.0));
    }

    #[test]
    fn it_is_full_when_its_length_is_covered() {
        let mut window = Window::new(3 * SECOND);
        assert_eq!(mean(&window), None);
        window.push(2 * SECOND, [2.0]);
        assert!(!window.is_full());
        assert_eq!(window.missing(), SECOND);
        window.push(SECOND, [1.0]);
        assert!(window.is_full());
    }

    #[test]
    fn a_longer_length_has_to_fill_up_first() {
        let mut window = Window::new(3 * SECOND);
        for _ in 0..10 {
            window.push(SECOND, [5.0]);
        }
        window.resize(30 * SECOND);
        assert!(!window.is_full());
        assert_eq!(window.missing(), 27 * SECOND);
        assert_eq!(mean(&window), Some(5.0));
    }

    #[test]
    fn a_flood_of_short_samples_takes_no_more_memory() {
        let mut window = Window::new(30 * SECOND);
        for _ in 0..1_000_000 {
            window.push(Duration::from_millis(1), [0.004]);
        }
        assert!(window.pieces.len() <= 130, "{} pieces", window.pieces.len());
        let mean = mean(&window).expect("time is covered");
        assert!((mean - 4.0).abs() < 1e-6, "{mean}");
    }

    #[test]
    fn a_sample_of_no_length_is_counted_with_its_neighbour() {
        let mut window = Window::new(3 * SECOND);
        window.push(Duration::ZERO, [6.0]);
        assert_eq!(mean(&window), None);
        window.push(SECOND, [0.0]);
        window.push(Duration::ZERO, [2.0]);
        assert_eq!(mean(&window), Some(8.0));
    }
}
