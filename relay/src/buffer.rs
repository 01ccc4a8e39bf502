//! The buffers that bodies and heads pass through, and a worker's store of them.
//!
//! A connection has one only while bytes are on their way; while it rests it has none.

use std::cell::RefCell;

/// The largest head that a client may send. HAProxy's `tune.bufsize`.
pub(crate) const HEAD_BYTES_MAX: usize = 16 * 1024;

/// Bytes of a message that fit in: the largest head with what a front end adds to it, or a part of a body.
pub(crate) const ROOM: usize = HEAD_BYTES_MAX + 1024;

/// Bytes of a long body that fit in: what a loopback or a 10 Gbit/s link delivers while a worker does
/// something else. Fewer, larger system calls are what makes a long body cheap.
const LARGE_ROOM: usize = 128 * 1024;

/// Free bytes before the first: a rewritten head is put before the body that came with it, so that both
/// leave in one write without moving the body.
const HEADROOM: usize = 1024;

/// Free bytes behind the last, for the line end after a chunk.
const TAILROOM: usize = 8;

/// Buffers kept for the next user; more than that were needed for a burst only.
const KEPT_MAX: usize = 64;
const LARGE_KEPT_MAX: usize = 8;

/// A piece of memory with bytes in the middle.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
}

/// The free buffers of one worker.
#[derive(Default)]
pub(crate) struct Buffers {
    small: RefCell<Vec<Buffer>>,
    large: RefCell<Vec<Buffer>>,
}

impl Buffer {
    fn new(room: usize) -> Buffer {
        let bytes = vec![0; HEADROOM + room + TAILROOM].into_boxed_slice();
        Buffer { bytes, start: HEADROOM, end: HEADROOM }
    }

    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    pub(crate) fn is_large(&self) -> bool {
        self.bytes.len() > HEADROOM + ROOM + TAILROOM
    }

    /// Where the next bytes go. Empty when as much is in it as fits.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        if self.start > HEADROOM && self.limit() - self.end < self.start - HEADROOM {
            self.bytes.copy_within(self.start..self.end, HEADROOM);
            self.end -= self.start - HEADROOM;
            self.start = HEADROOM;
        }
        let limit = self.limit();
        &mut self.bytes[self.end..limit]
    }

    pub(crate) fn is_full(&self) -> bool {
        self.start <= HEADROOM && self.end >= self.limit()
    }

    /// So many bytes of the space are bytes now.
    pub(crate) fn fill(&mut self, count: usize) {
        self.end += count;
        debug_assert!(self.end <= self.bytes.len(), "no more is filled than there is space");
    }

    /// The first bytes are used up.
    pub(crate) fn consume(&mut self, count: usize) {
        self.start += count;
        debug_assert!(self.start <= self.end, "no more is used than there is");
        if self.start == self.end {
            self.clear();
        }
    }

    pub(crate) fn clear(&mut self) {
        self.start = HEADROOM;
        self.end = HEADROOM;
    }

    /// Puts bytes before the first; false where there is no room for them.
    pub(crate) fn prepend(&mut self, bytes: &[u8]) -> bool {
        let Some(start) = self.start.checked_sub(bytes.len()) else { return false };
        self.bytes[start..self.start].copy_from_slice(bytes);
        self.start = start;
        true
    }

    /// Puts a few bytes behind the last, where the tailroom is.
    pub(crate) fn append_few(&mut self, bytes: &[u8]) {
        self.bytes[self.end..self.end + bytes.len()].copy_from_slice(bytes);
        self.end += bytes.len();
    }

    fn limit(&self) -> usize {
        self.bytes.len() - TAILROOM
    }
}

impl Buffers {
    pub(crate) fn take(&self) -> Buffer {
        self.small.borrow_mut().pop().unwrap_or_else(|| Buffer::new(ROOM))
    }

    pub(crate) fn take_large(&self) -> Buffer {
        self.large.borrow_mut().pop().unwrap_or_else(|| Buffer::new(LARGE_ROOM))
    }

    pub(crate) fn give_back(&self, mut buffer: Buffer) {
        let (store, kept) =
            if buffer.is_large() { (&self.large, LARGE_KEPT_MAX) } else { (&self.small, KEPT_MAX) };
        let mut store = store.borrow_mut();
        if store.len() < kept {
            buffer.clear();
            store.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_head_goes_before_the_body_that_came_with_it() {
        let mut buffer = Buffer::new(ROOM);
        buffer.space()[..12].copy_from_slice(b"old headbody");
        buffer.fill(12);
        buffer.consume(8);
        assert!(buffer.prepend(b"a rather longer new head "));
        assert_eq!(buffer.filled(), b"a rather longer new head body");
        assert!(!buffer.prepend(&[0; HEADROOM]));
    }

    #[test]
    fn all_of_the_room_can_be_filled_however_much_was_used_before() {
        let mut buffer = Buffer::new(ROOM);
        buffer.fill(ROOM - 1);
        assert_eq!(buffer.space().len(), 1);
        buffer.consume(ROOM - 11);
        assert_eq!(buffer.space().len(), ROOM - 10);
        buffer.fill(ROOM - 10);
        assert!(buffer.is_full());
        assert!(buffer.space().is_empty());
        buffer.append_few(b"\r\n");
        assert_eq!(buffer.len(), ROOM + 2);
    }

    #[test]
    fn a_burst_of_buffers_is_not_kept() {
        let buffers = Buffers::default();
        let taken: Vec<_> = (0..2 * KEPT_MAX).map(|_| buffers.take()).collect();
        taken.into_iter().for_each(|buffer| buffers.give_back(buffer));
        assert_eq!(buffers.small.borrow().len(), KEPT_MAX);
    }
}
