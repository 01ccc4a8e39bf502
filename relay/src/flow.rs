//! One direction of a message through a buffer: bytes come in, those of the body are judged, those that
//! are ready go out.

use crate::buffer::{Buffer, Buffers};
use crate::h1::{Body, Fault};

/// A buffer whose first bytes are ready to go out, then some that are used up, then what was not looked at.
pub(crate) struct Flow {
    buffer: Buffer,
    ready: usize,
    gap: usize,
}

impl Flow {
    pub(crate) fn new(buffer: Buffer) -> Flow {
        Flow { buffer, ready: 0, gap: 0 }
    }

    pub(crate) fn into_buffer(self) -> Buffer {
        self.buffer
    }

    pub(crate) fn buffer(&self) -> &Buffer {
        &self.buffer
    }

    /// For reading more into it, or taking a head off it; nothing is ready then.
    pub(crate) fn buffer_mut(&mut self) -> &mut Buffer {
        &mut self.buffer
    }

    /// What may go out.
    pub(crate) fn ready(&self) -> &[u8] {
        &self.buffer.filled()[..self.ready]
    }

    /// Whether something is ready to go out.
    pub(crate) fn is_ready(&self) -> bool {
        self.ready > 0
    }

    /// Whether there are bytes that were not looked at.
    pub(crate) fn has_unread(&self) -> bool {
        self.buffer.len() > self.ready + self.gap
    }

    /// So many of the ready bytes have gone out.
    pub(crate) fn wrote(&mut self, count: usize) {
        self.buffer.consume(count);
        self.ready -= count;
        self.close_gap();
    }

    /// Looks at what is there: what of it belongs to the body becomes ready. Answers whether it used any.
    pub(crate) fn judge(&mut self, body: &mut Body) -> Result<bool, Fault> {
        debug_assert_eq!(self.ready + self.gap, 0, "what is ready goes out first");
        let taken = body.take(self.buffer.filled_mut())?;
        self.ready = taken.kept;
        self.gap = taken.taken - taken.kept;
        self.close_gap();
        Ok(taken.taken > 0)
    }

    /// Puts bytes before those that are ready; false where there is no room.
    pub(crate) fn prepend(&mut self, bytes: &[u8]) -> bool {
        let fits = self.buffer.prepend(bytes);
        if fits {
            self.ready += bytes.len();
        }
        fits
    }

    /// Puts a few bytes behind those that are ready, which must be all there are.
    pub(crate) fn append_few(&mut self, bytes: &[u8]) {
        debug_assert!(!self.has_unread() && self.gap == 0, "only ready bytes are here");
        self.buffer.append_few(bytes);
        self.ready += bytes.len();
    }

    /// Everything that is there may go out.
    pub(crate) fn pass_all(&mut self) {
        self.ready = self.buffer.len();
        self.gap = 0;
    }

    /// The first bytes may go out, and the others are nobody's.
    pub(crate) fn pass_first(&mut self, count: usize) {
        self.ready = count;
        self.gap = self.buffer.len() - count;
        if count == 0 {
            self.buffer.clear();
            self.gap = 0;
        }
    }

    /// Lets go of what is used up, once nothing before it has to go out.
    fn close_gap(&mut self) {
        if self.ready == 0 && self.gap > 0 {
            self.buffer.consume(std::mem::take(&mut self.gap));
        }
    }

    /// Goes on with a large buffer, where it is empty.
    pub(crate) fn enlarge(&mut self, buffers: &Buffers) {
        if self.buffer.is_empty() && !self.buffer.is_large() {
            buffers.give_back(std::mem::replace(&mut self.buffer, buffers.take_large()));
        }
    }
}
