//! The decisions of a day, newest last: what `accordion why` prints. Holds for the same reason that
//! follow one another, or take turns with a few others, are one entry. Kept in memory, and in a JSONL
//! file (`file`) that a restart reads again.

mod file;

use std::collections::VecDeque;
use std::path::Path;

use proto::load_manager::Decision;

use file::Writer;

use crate::event::Past;

/// Entries kept in memory. One takes about 600 bytes.
const ENTRIES_MAX: usize = 16_384;

/// What the entries may take in memory together, as `size` counts it.
const ENTRIES_BYTES_MAX: usize = 12 << 20;

/// A hold is counted with one of its reason that is at most this many entries back, where only holds
/// lie between: reasons that take turns at each tick would fill a day with lines that say nothing.
const OPEN_MAX: usize = 4;

/// Entries older than a day are not shown.
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

const HOLD: &str = "hold";

/// The record of decisions.
pub(crate) struct Journal {
    writer: Option<Writer>,
    /// Oldest first, by when each began.
    entries: VecDeque<Decision>,
    /// What `size` says of all of them.
    bytes: usize,
    /// The newest so many entries are holds of this run that may still be counted on. Each is written
    /// when it is over, so that its line has its count.
    open: usize,
    /// Where this run's last decision went, counted from the newest entry.
    last: Option<usize>,
}

impl Journal {
    /// Opens the record at `path`, with what former runs left there. A file that cannot be read or
    /// written is said once; the decisions are kept in memory all the same.
    pub(crate) fn open(path: &Path) -> Self {
        let mut journal =
            Self { writer: Writer::start(path), entries: VecDeque::new(), bytes: 0, open: 0, last: None };
        for decision in file::read(path) {
            journal.push(decision);
        }
        journal
    }

    /// Keeps one decision of this run.
    pub(crate) fn record(&mut self, mut decision: Decision) {
        decision.until_unix_ms = decision.until_unix_ms.max(decision.unix_ms);
        let is_hold = decision.action == HOLD;
        if is_hold && let Some(back) = self.open_row(&decision.reason) {
            self.count_on(back, decision);
            return;
        }
        // Rows that can be counted on no more are written, in their order.
        self.close(if is_hold { OPEN_MAX - 1 } else { 0 });
        if is_hold {
            self.open += 1;
        } else {
            self.write(&decision);
        }
        self.push(decision);
        self.last = Some(0);
    }

    /// What a person asks for.
    pub(crate) fn past(&self, past: Past) -> Vec<Decision> {
        past.at_unix_ms.map_or_else(|| self.newest(past.limit), |at| self.around(at, past.limit))
    }

    /// The newest `limit` entries, oldest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<Decision> {
        self.entries.iter().skip(self.entries.len().saturating_sub(limit)).cloned().collect()
    }

    /// At most `limit` entries around a moment, oldest first: the half that began until then, of which
    /// the newest was in force, and the half that followed. What one half lacks the other has.
    fn around(&self, unix_ms: u64, limit: usize) -> Vec<Decision> {
        let until = self.entries.partition_point(|entry| entry.unix_ms <= unix_ms);
        let first = until.saturating_sub(limit.div_ceil(2)).min(self.entries.len().saturating_sub(limit));
        self.entries.iter().skip(first).take(limit).cloned().collect()
    }

    /// The last decision of this run, with the row of equal holds that it belongs to.
    pub(crate) fn last_of_this_run(&self) -> Option<Decision> {
        self.nth_newest(self.last?).cloned()
    }

    /// How far back the open hold of this reason is.
    fn open_row(&self, reason: &str) -> Option<usize> {
        self.entries.iter().rev().take(self.open).position(|entry| entry.reason == reason)
    }

    fn count_on(&mut self, back: usize, decision: Decision) {
        self.last = Some(back);
        let index = self.entries.len() - 1 - back;
        let Some(row) = self.entries.get_mut(index) else { return };
        let before = size(row);
        row.repeats = row.repeats.saturating_add(1);
        row.until_unix_ms = row.until_unix_ms.max(decision.until_unix_ms);
        row.demand_min = row.demand_min.min(decision.demand_min);
        row.demand_max = row.demand_max.max(decision.demand_max);
        row.sentence = decision.sentence;
        row.figures = decision.figures;
        row.level = decision.level;
        self.bytes = self.bytes - before + size(row);
    }

    /// Writes the oldest open rows until `left` are open.
    fn close(&mut self, left: usize) {
        while self.open > left {
            if let Some(row) = self.nth_newest(self.open - 1).cloned() {
                self.write(&row);
            }
            self.open -= 1;
        }
    }

    fn push(&mut self, decision: Decision) {
        let newest = decision.until_unix_ms.max(decision.unix_ms);
        self.bytes += size(&decision);
        self.entries.push_back(decision);
        // What is open is neither old nor many.
        while self.entries.len() > self.open.max(1) && self.is_oldest_too_much(newest) {
            if let Some(oldest) = self.entries.pop_front() {
                self.bytes -= size(&oldest);
            }
        }
    }

    fn is_oldest_too_much(&self, newest_ms: u64) -> bool {
        let is_old = |oldest: &Decision| oldest.until_unix_ms.max(oldest.unix_ms) + DAY_MS < newest_ms;
        self.entries.len() > ENTRIES_MAX
            || self.bytes > ENTRIES_BYTES_MAX
            || self.entries.front().is_some_and(is_old)
    }

    fn nth_newest(&self, back: usize) -> Option<&Decision> {
        self.entries.len().checked_sub(back + 1).and_then(|index| self.entries.get(index))
    }

    fn write(&mut self, decision: &Decision) {
        if let Some(writer) = &mut self.writer {
            writer.write(decision);
        }
    }
}

impl Drop for Journal {
    fn drop(&mut self) {
        self.close(0);
        if let Some(writer) = self.writer.take() {
            writer.finish();
        }
    }
}

/// What an entry takes in memory, in bytes; the allocator's part is left out.
fn size(decision: &Decision) -> usize {
    let nodes = decision.nodes.iter().map(|node| size_of::<String>() + node.len());
    let words = [&decision.action, &decision.level, &decision.reason, &decision.sentence];
    size_of::<Decision>() + words.iter().map(|word| word.len()).sum::<usize>() + nodes.sum::<usize>()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn equal_holds_in_a_row_are_one_entry_with_count_and_range() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        for (ms, demand) in [(1_000, 3.0), (2_000, 5.0), (3_000, 4.0)] {
            journal.record(decision(ms, "hold", "steady", demand));
        }
        journal.record(decision(4_000, "hold", "window", 4.0));
        let entries = journal.newest(10);
        assert_eq!(entries.len(), 2);
        assert_eq!((entries[0].unix_ms, entries[0].until_unix_ms), (1_000, 3_000));
        assert_eq!((entries[0].repeats, entries[0].demand_min, entries[0].demand_max), (3, 3.0, 5.0));
    }

    #[test]
    fn holds_that_take_turns_are_an_entry_each_until_something_changes() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        for tick in 0..10_000 {
            let reason = ["medium", "wanted-lately", "projection"][tick as usize % 3];
            journal.record(decision(tick, "hold", reason, 1.0));
        }
        journal.record(decision(10_000, "add", "high", 9.0));
        journal.record(decision(10_001, "hold", "medium", 1.0));
        let repeats: Vec<_> = journal.newest(10).iter().map(|entry| entry.repeats).collect();
        assert_eq!(repeats, [3334, 3333, 3333, 1, 1]);
    }

    #[test]
    fn the_last_decision_is_one_of_this_run_and_the_newest_of_them() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        journal.record(decision(1_000, "add", "high", 9.0));
        drop(journal);
        let mut journal = Journal::open(&path);
        assert_eq!(journal.last_of_this_run(), None);
        journal.record(decision(2_000, "hold", "medium", 1.0));
        journal.record(decision(3_000, "hold", "projection", 1.0));
        journal.record(decision(4_000, "hold", "medium", 1.0));
        let last = journal.last_of_this_run().unwrap();
        assert_eq!((last.reason.as_str(), last.unix_ms, last.until_unix_ms), ("medium", 2_000, 4_000));
    }

    #[test]
    fn a_restart_neither_changes_nor_repeats_what_it_reads() {
        let (_directory, path) = place();
        for run in 0..3 {
            let mut journal = Journal::open(&path);
            journal.record(decision(run, "hold", "medium", 1.0));
        }
        let lines = fs::read_to_string(&path).unwrap().lines().count();
        assert_eq!(lines, 3);
        let entries = Journal::open(&path).newest(10);
        let found: Vec<_> = entries.iter().map(|entry| (entry.unix_ms, entry.repeats)).collect();
        assert_eq!(found, [(0, 1), (1, 1), (2, 1)]);
    }

    #[test]
    fn holds_are_written_in_the_order_in_which_they_began() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        for (ms, reason) in ["a", "b", "a", "c", "d", "e", "f"].into_iter().enumerate() {
            journal.record(decision(ms as u64, "hold", reason, 1.0));
        }
        drop(journal);
        let entries = Journal::open(&path).newest(10);
        let found: Vec<_> = entries.iter().map(|entry| (entry.reason.as_str(), entry.repeats)).collect();
        assert_eq!(found, [("a", 2), ("b", 1), ("c", 1), ("d", 1), ("e", 1), ("f", 1)]);
    }

    #[test]
    fn its_memory_is_bounded_by_entries_by_bytes_and_by_a_day() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        for ms in 0..20_000 {
            journal.record(decision(ms, "add", "high", 1.0));
        }
        assert_eq!(journal.entries.len(), ENTRIES_MAX);
        for ms in 20_000..20_500 {
            let sentence = "x".repeat(100_000);
            journal.record(Decision { sentence, ..decision(ms, "add", "high", 1.0) });
        }
        assert!(journal.bytes <= ENTRIES_BYTES_MAX);
        assert_eq!(journal.bytes, journal.entries.iter().map(size).sum::<usize>());
        journal.record(decision(DAY_MS + 30_000, "drain", "low", 1.0));
        assert_eq!(journal.newest(10).len(), 1);
    }

    #[test]
    fn around_a_moment_are_what_led_to_it_and_what_followed() {
        let (_directory, path) = place();
        let mut journal = Journal::open(&path);
        for second in 1..=10 {
            journal.record(decision(second * 1_000, "add", "high", 1.0));
        }
        let found = |at, limit| {
            let entries = journal.around(at, limit);
            entries.iter().map(|entry| entry.unix_ms / 1_000).collect::<Vec<_>>()
        };
        assert_eq!(found(5_500, 4), [4, 5, 6, 7]);
        assert_eq!(found(5_000, 3), [4, 5, 6], "what began at that moment was in force");
        assert_eq!(found(0, 3), [1, 2, 3], "before the first");
        assert_eq!(found(99_000, 3), [8, 9, 10], "after the last");
        assert_eq!(found(5_000, 100).len(), 10);
        assert_eq!(found(5_000, 0).len(), 0);
    }

    pub(super) fn place() -> (TempDir, PathBuf) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("why.jsonl");
        (directory, path)
    }

    pub(super) fn decision(unix_ms: u64, action: &str, reason: &str, demand: f64) -> Decision {
        Decision {
            unix_ms,
            action: action.into(),
            reason: reason.into(),
            repeats: 1,
            demand_min: demand,
            demand_max: demand,
            ..Decision::default()
        }
    }
}
