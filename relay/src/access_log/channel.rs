//! The way from the workers to the writer: a bounded queue of blocks, and the empty buffers back.
//!
//! The lock is taken once for a block of many lines and never held while something is written, so that no
//! worker waits for a disk.

use std::collections::VecDeque;
use std::mem;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// What a block holds at most: large enough that its write and its wake cost a line nothing.
pub(super) const BLOCK_BYTES: usize = 64 << 10;

/// Blocks that may wait for the writer, 64 MiB: seconds of a disk that stalls at a high load.
pub(super) const BLOCKS_MAX: usize = 1024;

/// Empty buffers kept, 2 MiB: one on its way for each of as many workers.
const SPARE_MAX: usize = 32;

/// The queue, seen from both sides.
pub(super) struct Channel {
    state: Mutex<State>,
    /// Something came for the writer.
    work: Condvar,
    /// The writer is done with something.
    progress: Condvar,
    dropped: AtomicU64,
}

/// What the writer is to do, in the order it was asked.
#[derive(Debug)]
pub(super) enum Task {
    /// To write these lines.
    Write { block: Vec<u8>, lines: u64 },
    /// To tell that here so many lines were dropped.
    TellLost(u64),
    /// To open the file anew.
    Reopen,
}

/// Why a writer that could not write goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// To try again.
    Retry,
    /// To open the file anew and try again.
    Reopen,
    /// To try no more: the log ends.
    GiveUp,
}

#[derive(Default)]
struct State {
    tasks: VecDeque<Task>,
    /// Of these, the ones to write.
    blocks: usize,
    spare: Vec<Vec<u8>>,
    /// Tasks given and tasks done since the start; they are done in order.
    given: u64,
    done: u64,
    /// Somebody waits for what is not yet written.
    is_urgent: bool,
    is_reopening: bool,
    is_ending: bool,
    has_ended: bool,
    #[cfg(test)]
    buffers_made: u64,
}

impl Channel {
    pub(super) fn new() -> Channel {
        Channel {
            state: Mutex::default(),
            work: Condvar::new(),
            progress: Condvar::new(),
            dropped: AtomicU64::new(0),
        }
    }

    /// One that has no writer: what is given is dropped.
    pub(super) fn ended() -> Channel {
        let channel = Channel::new();
        channel.has_ended();
        channel
    }

    /// An empty buffer with room for a block.
    pub(super) fn buffer(&self) -> Vec<u8> {
        let spare = self.lock().spare.pop();
        spare.unwrap_or_else(|| self.make())
    }

    /// Takes a block and leaves an empty buffer in its place. Where too many wait, its lines are dropped.
    pub(super) fn give(&self, block: &mut Vec<u8>, lines: u64) {
        let mut state = self.lock();
        if state.blocks < BLOCKS_MAX && !state.is_ending {
            let spare = state.spare.pop();
            state.blocks += 1;
            let given = mem::replace(block, spare.unwrap_or_default());
            state.give(Task::Write { block: given, lines });
            drop(state);
            self.work.notify_one();
            if block.capacity() == 0 {
                *block = self.make();
            }
            return;
        }
        // The writer is not woken for it: it is behind already.
        match state.tasks.back_mut() {
            Some(Task::TellLost(lost)) => *lost += lines,
            _ => state.give(Task::TellLost(lines)),
        }
        drop(state);
        block.clear();
        self.lose(lines);
    }

    /// Counts lines as dropped.
    pub(super) fn lose(&self, lines: u64) {
        self.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    pub(super) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Asks the writer to open the file anew; once is enough for all who ask before it has.
    pub(super) fn reopen(&self) {
        let mut state = self.lock();
        if !state.is_reopening && !state.is_ending {
            state.is_reopening = true;
            state.give(Task::Reopen);
            drop(state);
            self.work.notify_one();
        }
    }

    /// Waits until everything given before is done; false when `timeout` is over first or nobody writes.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        let given = state.given;
        state.is_urgent = true;
        self.work.notify_one();
        let waits = |state: &mut State| state.done < given && !state.has_ended;
        let waited = self.progress.wait_timeout_while(state, timeout, waits);
        waited.unwrap_or_else(PoisonError::into_inner).0.done >= given
    }

    /// Lets the writer end when all is done, and waits for that; false when `timeout` is over first.
    pub(super) fn end(&self, timeout: Duration) -> bool {
        let mut state = self.lock();
        state.is_ending = true;
        self.work.notify_one();
        let waited = self.progress.wait_timeout_while(state, timeout, |state| !state.has_ended);
        waited.unwrap_or_else(PoisonError::into_inner).0.has_ended
    }

    /// For the writer: what comes next; waits for it. `None` at the end.
    pub(super) fn next(&self) -> Option<Task> {
        let mut state = self.lock();
        loop {
            match state.tasks.pop_front() {
                Some(task) => {
                    state.blocks -= usize::from(matches!(task, Task::Write { .. }));
                    state.is_reopening &= !matches!(task, Task::Reopen);
                    return Some(task);
                }
                None if state.is_ending => return None,
                None => state = self.work.wait(state).unwrap_or_else(PoisonError::into_inner),
            }
        }
    }

    /// For the writer: the last task is done, here is its buffer, if it had one.
    pub(super) fn done(&self, buffer: Option<Vec<u8>>) {
        let mut state = self.lock();
        state.done += 1;
        if let Some(mut buffer) = buffer.filter(|_| state.spare.len() < SPARE_MAX) {
            buffer.clear();
            state.spare.push(buffer);
        }
        drop(state);
        self.progress.notify_all();
    }

    /// For a writer that cannot write: waits until it is worth another try, at most `timeout`.
    pub(super) fn pause(&self, timeout: Duration) -> Wake {
        let state = self.lock();
        let rests = |state: &mut State| !(state.is_urgent || state.is_reopening || state.is_ending);
        let waited = self.work.wait_timeout_while(state, timeout, rests);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        state.is_urgent = false;
        if mem::take(&mut state.is_reopening) {
            // Its task is still in the queue and opens the same file once more, which does no harm.
            Wake::Reopen
        } else if state.is_ending {
            Wake::GiveUp
        } else {
            Wake::Retry
        }
    }

    /// For the writer: it has ended, however it did.
    pub(super) fn has_ended(&self) {
        let mut state = self.lock();
        state.is_ending = true;
        state.has_ended = true;
        drop(state);
        self.progress.notify_all();
    }

    #[cfg(test)]
    pub(super) fn buffers_made(&self) -> u64 {
        self.lock().buffers_made
    }

    fn make(&self) -> Vec<u8> {
        #[cfg(test)]
        {
            self.lock().buffers_made += 1;
        }
        Vec::with_capacity(BLOCK_BYTES)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Each change is whole before anything can panic.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn give(&mut self, task: Task) {
        self.tasks.push_back(task);
        self.given += 1;
    }
}
