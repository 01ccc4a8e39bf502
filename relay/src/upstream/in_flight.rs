//! How many requests an upstream has: one atomic for the count and its weight, and the guard that counts.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use super::Upstream;

/// What a request weighs, in thousandths.
pub(super) const WHOLE: u32 = 1000;

/// Requests in the upper half, the sum of their weights in thousandths in the lower, so that a limit on
/// the weight is one compare-exchange and both always agree. The lower half holds four million requests.
///
/// Everything here is sequentially consistent. A dispatcher with a queue finds no room, writes down that it
/// waits, and looks for room once more; whoever lets go makes room and looks whether anybody waits. With a
/// weaker order both could miss the other, and the place would stay free while a request waits for it. On
/// x86 it is the same instructions.
#[derive(Default)]
pub(super) struct Load(AtomicU64);

const ONE: u64 = 1 << 32;

impl Load {
    pub(super) fn requests(&self) -> u32 {
        (self.0.load(Ordering::SeqCst) >> 32) as u32
    }

    pub(super) fn thousandths(&self) -> u32 {
        self.0.load(Ordering::SeqCst) as u32
    }

    pub(super) fn add(&self) {
        self.0.fetch_add(ONE + u64::from(WHOLE), Ordering::SeqCst);
    }

    pub(super) fn try_add(&self, limit: u32) -> bool {
        let fits = |packed: u64| (packed as u32).saturating_add(WHOLE) <= limit;
        let more = |packed| fits(packed).then(|| packed + ONE + u64::from(WHOLE));
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
    }

    fn remove(&self, weight: u32) {
        self.0.fetch_sub(ONE + u64::from(weight), Ordering::SeqCst);
    }

    fn reweigh(&self, from: u32, to: u32) {
        if to >= from {
            self.0.fetch_add(u64::from(to - from), Ordering::SeqCst);
        } else {
            self.0.fetch_sub(u64::from(from - to), Ordering::SeqCst);
        }
    }
}

/// One request in flight to an [`Upstream`]; counts it down once when dropped.
#[must_use = "the request is counted only as long as this lives"]
pub struct InFlight {
    upstream: Arc<Upstream>,
    started: Instant,
    weight: Cell<u32>,
    /// The first digit of its answer's status, 0 until the answer has begun: only then does the time the
    /// request took tell how long the service works.
    class: Cell<u8>,
    ended: Cell<Option<Instant>>,
    long_lived: Cell<bool>,
    was_long_lived: Cell<bool>,
}

impl InFlight {
    pub(super) fn new(upstream: Arc<Upstream>) -> InFlight {
        InFlight {
            upstream,
            started: Instant::now(),
            weight: Cell::new(WHOLE),
            class: Cell::new(0),
            ended: Cell::new(None),
            long_lived: Cell::new(false),
            was_long_lived: Cell::new(false),
        }
    }

    /// Where the request goes.
    pub fn upstream(&self) -> &Arc<Upstream> {
        &self.upstream
    }

    pub(crate) fn started(&self) -> Instant {
        self.started
    }

    /// Its answer has begun, with this status.
    pub(crate) fn mark_answered(&self, status: u16) {
        self.class.set((status / 100).clamp(1, 5) as u8);
    }

    /// It has ended now; the clock need not be read again for it.
    pub(crate) fn end_at(&self, now: Instant) {
        self.ended.set(Some(now));
    }

    pub(crate) fn is_long_lived(&self) -> bool {
        self.long_lived.get()
    }

    /// From now on the request weighs `thousandths`, until it [moves](InFlight::weigh_whole) again.
    pub(crate) fn weigh_long_lived(&self, thousandths: u32) {
        if !self.long_lived.replace(true) {
            self.was_long_lived.set(true);
            self.upstream.long_lived.fetch_add(1, Ordering::Relaxed);
            self.weigh(thousandths);
            // There is room again, as after an end.
            (self.upstream.released)(&self.upstream);
        }
    }

    pub(crate) fn weigh_whole(&self) {
        if self.long_lived.replace(false) {
            self.upstream.long_lived.fetch_sub(1, Ordering::Relaxed);
            self.weigh(WHOLE);
        }
    }

    fn weigh(&self, thousandths: u32) {
        let before = self.weight.replace(thousandths);
        self.upstream.load.reweigh(before, thousandths);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let upstream = &self.upstream;
        if let Some(class) = usize::from(self.class.get()).checked_sub(1) {
            upstream.by_class[class].fetch_add(1, Ordering::Relaxed);
            if !self.was_long_lived.get() {
                let ended = self.ended.get().unwrap_or_else(Instant::now);
                let took = ended.saturating_duration_since(self.started);
                let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
                upstream.service_nanos.fetch_add(nanos, Ordering::Relaxed);
                upstream.ended.fetch_add(1, Ordering::Relaxed);
            }
        }
        if self.long_lived.get() {
            upstream.long_lived.fetch_sub(1, Ordering::Relaxed);
        }
        upstream.load.remove(self.weight.get());
        (upstream.released)(upstream);
    }
}

impl fmt::Debug for InFlight {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InFlight").field("upstream", &self.upstream).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::{Protocol, UpstreamSpec};

    #[test]
    fn answers_are_counted_by_class_when_they_end_and_what_was_not_answered_is_not() {
        let address = "127.0.0.1:1".parse().unwrap();
        let spec = UpstreamSpec {
            name: "c1".into(),
            address,
            token: None,
            may_refuse: false,
            protocol: Protocol::Http1,
        };
        let upstream = Upstream::new(spec, |_| ());
        for status in [101, 200, 204, 302, 404, 500, 503, 599, 999] {
            let request = upstream.acquire();
            let before = upstream.totals();
            request.mark_answered(status);
            assert_eq!(upstream.totals(), before, "it has not ended yet");
        }
        drop(upstream.acquire());
        let totals = upstream.totals();
        assert_eq!((totals.by_class, totals.served, totals.ended), ([1, 2, 1, 1, 4], 9, 9));
    }
}
