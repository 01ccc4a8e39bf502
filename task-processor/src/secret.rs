//! Random names and tokens from the system's own source: what a token protects must not be guessable.

use std::fmt::Write;
use std::fs::File;
use std::io::{self, Read};

/// Bytes in a token: 128 bits.
const TOKEN_BYTES: usize = 16;

/// Bytes in a lease id: enough that two lives of a node never share one.
const ID_BYTES: usize = 8;

/// The system's source of random bytes, kept open.
#[derive(Debug)]
pub(crate) struct Secrets {
    source: File,
}

impl Secrets {
    /// Opens the source.
    ///
    /// # Errors
    /// When the system has none.
    pub(crate) fn open() -> io::Result<Self> {
        Ok(Self { source: File::open("/dev/urandom")? })
    }

    /// A lease id, as hexadecimal digits.
    pub(crate) fn lease_id(&mut self) -> io::Result<String> {
        self.hexadecimal(ID_BYTES)
    }

    /// A token, as hexadecimal digits.
    pub(crate) fn token(&mut self) -> io::Result<String> {
        self.hexadecimal(TOKEN_BYTES)
    }

    /// A number that tells one start of the daemon from another.
    pub(crate) fn incarnation(&mut self) -> io::Result<u64> {
        let mut bytes = [0; 8];
        self.source.read_exact(&mut bytes)?;
        Ok(u64::from_le_bytes(bytes).max(1))
    }

    fn hexadecimal(&mut self, count: usize) -> io::Result<String> {
        let mut bytes = [0; TOKEN_BYTES];
        let bytes = &mut bytes[..count];
        self.source.read_exact(bytes)?;
        Ok(bytes.iter().fold(String::new(), |mut text, byte| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_tokens_have_their_length_and_do_not_repeat() {
        let mut secrets = Secrets::open().unwrap();
        assert_eq!((secrets.token().unwrap().len(), secrets.lease_id().unwrap().len()), (32, 16));
        assert_ne!(secrets.token().unwrap(), secrets.token().unwrap());
    }
}
