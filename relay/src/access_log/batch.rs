//! One worker's lines on their way to a block. Used by one thread; rendering takes no lock and no memory.

use super::channel::BLOCK_BYTES;
use super::clock::Clock;
use super::record::{LINE_BYTES_MAX, Record};
use super::{AccessLog, Format, combined, json};

/// The worst line has room in an empty block.
const _: () = assert!(LINE_BYTES_MAX <= BLOCK_BYTES);

/// One worker's batch of lines. What it holds is handed over when the block is full, when somebody says
/// so, and when it is dropped.
pub(crate) struct Batch {
    log: AccessLog,
    pub(super) block: Vec<u8>,
    lines: u64,
    clock: Clock,
}

impl Batch {
    /// An empty batch.
    pub(crate) fn new(log: &AccessLog) -> Batch {
        Batch { log: log.clone(), block: log.channel().buffer(), lines: 0, clock: Clock::new() }
    }

    /// Renders the line of one request. To be called when its answer's last byte is out.
    pub(crate) fn push(&mut self, record: &Record<'_>) {
        if self.block.len() + record.line_bytes_max() > BLOCK_BYTES {
            self.hand_over();
        }
        let clock = self.clock.set(record.time);
        match self.log.format() {
            Format::Combined => combined::write(&mut self.block, record, clock),
            Format::Json => json::write(&mut self.block, record, clock),
        }
        self.lines += 1;
    }

    /// Gives the lines there are to the writer, or drops and counts them where it is too far behind.
    pub(crate) fn hand_over(&mut self) {
        if self.lines > 0 {
            self.log.channel().give(&mut self.block, self.lines);
            self.lines = 0;
        }
    }
}

impl Drop for Batch {
    fn drop(&mut self) {
        self.hand_over();
    }
}
