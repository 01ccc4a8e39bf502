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
    /// Only then does the time the request took tell how long the service works.
    is_answered: Cell<bool>,
    long_lived: Cell<bool>,
    was_long_lived: Cell<bool>,
}

impl InFlight {
    pub(super) fn new(upstream: Arc<Upstream>) -> InFlight {
        InFlight {
            upstream,
            started: Instant::now(),
            weight: Cell::new(WHOLE),
            is_answered: Cell::new(false),
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

    /// Its answer has begun.
    pub(crate) fn mark_answered(&self) {
        self.is_answered.set(true);
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
        if self.is_answered.get() {
            upstream.served.fetch_add(1, Ordering::Relaxed);
            if !self.was_long_lived.get() {
                let nanos = u64::try_from(self.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
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
