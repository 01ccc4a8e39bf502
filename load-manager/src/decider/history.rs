//! What is remembered of earlier ticks: the largest want of the down window, and the orders of the
//! last add period. Both are bounded by the size of the pool, not by how often a tick comes.

use std::collections::VecDeque;
use std::time::Duration;

/// The largest of the values noted within a window.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Largest {
    window: Duration,
    /// Since when every value was noted; `None` before the first.
    since: Option<Duration>,
    /// Values that can still become the largest: falling, oldest first.
    values: VecDeque<(Duration, u32)>,
}

/// The nodes ordered within a period.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Orders {
    /// Oldest first.
    orders: VecDeque<Order>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
struct Order {
    at: Duration,
    count: u32,
    /// Ready and ordered before it.
    held: u32,
}

impl Largest {
    pub(super) fn new(window: Duration) -> Self {
        Self { window, since: None, values: VecDeque::new() }
    }

    /// Another window. What left a shorter one is gone, so a longer one has to fill up.
    pub(super) fn resize(&mut self, window: Duration, now: Duration) {
        self.since = self.since.map(|since| since.max(now.saturating_sub(self.window)));
        self.window = window;
    }

    /// Forgets everything: values are missing.
    pub(super) fn restart(&mut self) {
        self.values.clear();
        self.since = None;
    }

    pub(super) fn note(&mut self, now: Duration, value: u32) {
        while self.values.front().is_some_and(|(at, _)| now.saturating_sub(*at) >= self.window) {
            self.values.pop_front();
        }
        while self.values.back().is_some_and(|(_, earlier)| *earlier <= value) {
            self.values.pop_back();
        }
        self.values.push_back((now, value));
        self.since.get_or_insert(now);
    }

    /// The largest value of the window; 0 before the first.
    pub(super) fn largest(&self) -> u32 {
        self.values.front().map_or(0, |(_, value)| *value)
    }

    /// How long until values of the whole window were noted: all of it before the first.
    pub(super) fn missing(&self, now: Duration) -> Duration {
        let noted = self.since.map_or(Duration::ZERO, |since| now.saturating_sub(since));
        self.window.saturating_sub(noted)
    }
}

impl Orders {
    pub(super) fn note(&mut self, at: Duration, count: u32, held: u32) {
        if count > 0 {
            self.orders.push_back(Order { at, count, held });
        }
    }

    pub(super) fn forget_before(&mut self, now: Duration, period: Duration) {
        while self.orders.front().is_some_and(|order| now.saturating_sub(order.at) >= period) {
            self.orders.pop_front();
        }
    }

    /// Nodes ordered within the period.
    pub(super) fn count(&self) -> u32 {
        self.orders.iter().fold(0, |sum, order| sum.saturating_add(order.count))
    }

    /// How many may still be ordered within the period: what it began with may grow by `add_max`, or
    /// `add_factor` times if that is more.
    pub(super) fn allowed(&self, held: u32, add_max: u32, add_factor: f64) -> u32 {
        let base = self.orders.front().map_or(held, |order| order.held);
        let by_factor = (f64::from(base) * (add_factor - 1.0)).floor();
        // `as` saturates and turns a negative number into 0.
        add_max.max(by_factor as u32).saturating_sub(self.count())
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Largest, Orders};

    const fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn the_largest_stays_for_the_window_and_then_the_next_one_counts() {
        let mut wants = Largest::new(at(120));
        wants.note(at(0), 5);
        wants.note(at(50), 2);
        wants.note(at(60), 3);
        wants.note(at(119), 1);
        assert_eq!(wants.largest(), 5);
        wants.note(at(120), 1);
        assert_eq!(wants.largest(), 3);
        wants.note(at(180), 1);
        assert_eq!(wants.largest(), 1);
    }

    #[test]
    fn its_memory_is_bounded_by_the_values_not_by_the_ticks() {
        let mut wants = Largest::new(at(120));
        for tick in 0..100_000_u32 {
            wants.note(Duration::from_millis(u64::from(tick)), (100_000 - tick) % 9);
        }
        assert!(wants.values.len() <= 9);
    }

    #[test]
    fn a_longer_window_has_to_fill_up() {
        let mut wants = Largest::new(at(10));
        wants.note(at(90), 1);
        wants.note(at(100), 1);
        assert_eq!(wants.missing(at(100)), at(0));
        wants.resize(at(30), at(100));
        assert_eq!(wants.missing(at(100)), at(20));
    }

    #[test]
    fn it_fills_from_the_first_value_on_and_again_after_a_hole() {
        let mut wants = Largest::new(at(120));
        assert_eq!(wants.missing(at(500)), at(120));
        wants.note(at(500), 1);
        assert_eq!(wants.missing(at(530)), at(90));
        wants.restart();
        assert_eq!(wants.missing(at(531)), at(120));
    }

    #[test]
    fn a_few_may_grow_by_four_and_many_may_double() {
        let orders = Orders::default();
        assert_eq!(orders.allowed(0, 4, 2.0), 4);
        assert_eq!(orders.allowed(3, 4, 2.0), 4);
        assert_eq!(orders.allowed(10, 4, 2.0), 10);
    }

    #[test]
    fn what_was_ordered_within_the_period_counts_against_it() {
        let mut orders = Orders::default();
        orders.note(at(0), 3, 1);
        assert_eq!(orders.allowed(4, 4, 2.0), 1);
        // Two seconds later the four held are what the next period begins with.
        orders.forget_before(at(2), at(2));
        assert_eq!(orders.allowed(4, 4, 2.0), 4);
    }
}
