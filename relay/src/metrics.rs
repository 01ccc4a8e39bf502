//! What the relay counts for its operator, and the text Prometheus reads.
//!
//! A worker counts into [`Metrics`] of its own, which only its thread writes; [`Scrape`] sums over the
//! workers when somebody asks. `text` knows the format and nothing of what is counted.

mod histogram;
mod reasons;
mod scrape;
mod text;
mod worker;

pub use histogram::{BOUNDS, Buckets, Histogram};
pub use scrape::{Scrape, UpstreamRow, UpstreamState};
pub use text::{Family, Kind, Text};
pub use worker::Metrics;

pub(crate) use reasons::listed as listed_reason;

use std::sync::atomic::{AtomicU64, Ordering};

/// Only the worker's own thread adds, so a load and a store do.
fn add(counter: &AtomicU64, more: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(more), Ordering::Relaxed);
}

fn read(counter: &AtomicU64) -> u64 {
    counter.load(Ordering::Relaxed)
}
