//! The mark of one copy of a service: a word of its own, by which its unit and its processes are known.

use std::fmt;
use std::str::FromStr;

const DIGITS: usize = 16;

/// 16 hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Mark(u64);

/// Anything else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a mark")]
pub(crate) struct NoMark;

impl Mark {
    /// One that no other copy has.
    pub(crate) fn new() -> Self {
        Self(fastrand::u64(..))
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$x}", self.0, width = DIGITS)
    }
}

impl FromStr for Mark {
    type Err = NoMark;

    fn from_str(word: &str) -> Result<Self, NoMark> {
        let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
        if word.len() != DIGITS || !word.bytes().all(is_digit) {
            return Err(NoMark);
        }
        u64::from_str_radix(word, 16).map(Self).map_err(|_| NoMark)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_read_as_it_was_written_and_nothing_else_is_one() {
        for mark in [Mark(0), Mark(0xab), Mark(u64::MAX), Mark::new()] {
            assert_eq!(mark.to_string().parse(), Ok(mark));
        }
        for word in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789ABCDEF",
            "0123456789abcde/",
            "+123456789abcdef",
        ] {
            assert_eq!(word.parse::<Mark>(), Err(NoMark), "{word}");
        }
    }
}
