//! The `Connection` fields of a head (RFC 9110, section 7.6.1): what becomes of the connection, and which
//! other fields end here.

use super::grammar::members;
use super::kind::Kind;
use super::{Fault, Version};

/// How many fields they may name: as many as a head may have by default, and some.
const NAMES_MAX: usize = 128;

/// What they say together.
#[derive(Default)]
pub(super) struct Options {
    close: bool,
    keep_alive: bool,
    pub(super) upgrade: bool,
    /// How many other options there are, each of which names a field that ends here.
    names: usize,
}

impl Options {
    /// Reads one field's value.
    pub(super) fn read(&mut self, value: &[u8]) {
        for option in members(value) {
            if option.eq_ignore_ascii_case(b"close") {
                self.close = true;
            } else if option.eq_ignore_ascii_case(b"keep-alive") {
                self.keep_alive = true;
            } else if option.eq_ignore_ascii_case(b"upgrade") {
                self.upgrade = true;
            } else if !option.eq_ignore_ascii_case(b"te") {
                self.names += 1;
            }
        }
    }

    /// Whether the connection outlives the message (RFC 9112, section 9.3).
    pub(super) fn persist(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// Marks the fields that are named. A head that names more than it can have is refused, so that the work
    /// has a bound.
    pub(super) fn drop_named(
        &self,
        headers: &[httparse::Header<'_>],
        kinds: &mut [Kind],
    ) -> Result<(), Fault> {
        if self.names == 0 {
            return Ok(());
        }
        if self.names > NAMES_MAX {
            return Err(Fault::bad("the connection field names too many fields"));
        }
        for at in 0..headers.len() {
            if kinds[at] != Kind::Connection {
                continue;
            }
            for option in members(headers[at].value) {
                for (header, kind) in headers.iter().zip(kinds.iter_mut()) {
                    if kind.can_be_dropped() && header.name.as_bytes().eq_ignore_ascii_case(option) {
                        *kind = Kind::Dropped;
                    }
                }
            }
        }
        Ok(())
    }
}
