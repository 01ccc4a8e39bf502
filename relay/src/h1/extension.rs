//! Chunk extensions (RFC 9112, section 7.1.1), byte by byte:
//!
//! ```text
//! chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
//! ```
//!
//! None has a meaning here and none passes. Their grammar is checked, because readers that skip them loosely
//! disagree on where the line ends.

use super::grammar::{is_space, is_text, is_token};

/// Where in an extension the next byte is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Extension {
    /// In white space that only a semicolon can end.
    BeforeSemicolon,
    BeforeName,
    Name,
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    /// After a backslash in a quoted string.
    Escaped,
    AfterQuoted,
    /// The CR of the line's end was read.
    Over,
}

impl Extension {
    /// Reads the byte after a chunk's size.
    pub(super) fn begin(byte: u8) -> Option<Extension> {
        Extension::AfterQuoted.read(byte)
    }

    /// Reads the next byte; `None` where there must not be such a one.
    pub(super) fn read(self, byte: u8) -> Option<Extension> {
        use Extension::*;
        let next = match (self, byte) {
            (Name | Value | AfterQuoted, b'\r') => Over,
            (BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => BeforeName,
            (Name | AfterName, b'=') => BeforeValue,
            (BeforeValue, b'"') => Quoted,
            (Quoted, b'"') => AfterQuoted,
            (Quoted, b'\\') => Escaped,
            (Quoted | Escaped, byte) if is_text(byte) => Quoted,
            (BeforeSemicolon | Value | AfterQuoted, byte) if is_space(byte) => BeforeSemicolon,
            (Name | AfterName, byte) if is_space(byte) => AfterName,
            (BeforeName | BeforeValue, byte) if is_space(byte) => self,
            (BeforeName | Name, byte) if is_token(byte) => Name,
            (BeforeValue | Value, byte) if is_token(byte) => Value,
            _ => return None,
        };
        Some(next)
    }
}
