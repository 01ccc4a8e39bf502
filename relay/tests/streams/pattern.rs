//! A body that is different at every place, made and checked by the block, so that a missing, doubled or
//! misplaced byte shows at a speed that lets a gibibyte pass in a second.

use std::io::{Read, Write};

/// A prime, so that no buffer's length is a multiple of it.
const BLOCK: usize = 1_048_573;

/// An endless sequence of bytes, and the place in it.
pub(crate) struct Pattern {
    block: Vec<u8>,
    at: usize,
    /// Bytes checked or written so far.
    pub(crate) passed: u64,
}

impl Pattern {
    pub(crate) fn new() -> Pattern {
        // xorshift; any seed but 0 does.
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let words = std::iter::repeat_with(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()
        });
        Pattern { block: words.take(BLOCK / 8 + 1).flatten().take(BLOCK).collect(), at: 0, passed: 0 }
    }

    /// Its next bytes: at most so many, and at least one.
    pub(crate) fn next(&mut self, most: u64) -> &[u8] {
        let count = usize::try_from(most).unwrap_or(BLOCK).min(BLOCK - self.at);
        let from = self.at;
        self.at = (from + count) % BLOCK;
        self.passed += count as u64;
        &self.block[from..from + count]
    }

    /// Fails unless these are its next bytes.
    pub(crate) fn check(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let place = self.passed;
            let expected = self.next(bytes.len() as u64);
            assert!(expected == &bytes[..expected.len()], "another byte between {place} and its next block");
            bytes = &bytes[expected.len()..];
        }
    }

    /// Writes so many bytes.
    pub(crate) fn write(&mut self, to: &mut impl Write, bytes: u64) -> std::io::Result<()> {
        let end = self.passed + bytes;
        while self.passed < end {
            to.write_all(self.next(end - self.passed))?;
        }
        Ok(())
    }

    /// Reads and checks so many bytes.
    pub(crate) fn read(&mut self, from: &mut impl Read, bytes: u64) {
        let mut buffer = vec![0; 256 * 1024];
        let end = self.passed + bytes;
        while self.passed < end {
            let most = usize::try_from(end - self.passed).unwrap_or(usize::MAX).min(buffer.len());
            let count = from.read(&mut buffer[..most]).unwrap();
            assert!(count > 0, "it ended after {} bytes", self.passed);
            self.check(&buffer[..count]);
        }
    }

    /// Writes so many bytes in chunks of many sizes, without the last one.
    pub(crate) fn write_chunks(&mut self, to: &mut impl Write, bytes: u64) -> std::io::Result<()> {
        const SIZES: [u64; 6] = [100_000, 1, 4096, 65_536, 17, 300_000];
        let end = self.passed + bytes;
        let mut sizes = SIZES.into_iter().cycle();
        while self.passed < end {
            let size = sizes.next().unwrap_or(end).min(end - self.passed);
            write!(to, "{size:x}\r\n")?;
            self.write(to, size)?;
            to.write_all(b"\r\n")?;
        }
        Ok(())
    }

    /// Reads and checks chunks up to the last one, however they are cut.
    pub(crate) fn read_chunks(&mut self, from: &mut impl std::io::BufRead) {
        loop {
            let mut line = String::new();
            from.read_line(&mut line).unwrap();
            let size = u64::from_str_radix(line.trim_end(), 16).unwrap();
            self.read(from, size);
            line.clear();
            from.read_line(&mut line).unwrap();
            assert_eq!(line, "\r\n");
            if size == 0 {
                return;
            }
        }
    }
}
