//! The request target (RFC 9112, section 3.2), reduced to what an origin server is asked for.

use std::fmt;

use super::{Fault, host};

/// What a request asks for. Visible ASCII without `#`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target<'b> {
    /// Path and query. The absolute-form is reduced to it.
    Origin {
        /// A `/` comes before `rest`: the absolute-form had a query and no path.
        slash: bool,
        /// Begins with `/` where `slash` is false, and with `?` where it is true.
        rest: &'b str,
    },
    /// `*`: the server as a whole, with OPTIONS only.
    Asterisk,
}

impl<'b> Target<'b> {
    /// Reads it, and the authority of an absolute-form without its userinfo. The parser of heads let through
    /// what is above SP, and no DEL.
    pub(super) fn read(text: &'b str, method: &str) -> Result<(Target<'b>, Option<&'b [u8]>), Fault> {
        // RFC 3986, section 2: a URI is ASCII; section 3.5: a fragment is no part of what is asked for.
        if !text.is_ascii() {
            return Err(Fault::bad("the request target has a byte that is not ASCII"));
        }
        if memchr::memchr(b'#', text.as_bytes()).is_some() {
            return Err(Fault::bad("the request target has a fragment"));
        }
        match text.as_bytes() {
            [b'/', ..] => Ok((Target::Origin { slash: false, rest: text }, None)),
            // RFC 9112, section 3.2.4.
            b"*" if method == "OPTIONS" => Ok((Target::Asterisk, None)),
            b"*" => Err(Fault::bad("the request target * goes with OPTIONS only")),
            _ => Target::read_absolute(text, method),
        }
    }

    /// RFC 9112, section 3.2.2. What is none, such as the authority-form of CONNECT, is a fault.
    fn read_absolute(text: &'b str, method: &str) -> Result<(Target<'b>, Option<&'b [u8]>), Fault> {
        let Some((scheme, rest)) = text.split_once("://") else {
            return Err(Fault::bad("the request target is neither a path nor a URI"));
        };
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(Fault::bad("the scheme of the request target is neither http nor https"));
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        // RFC 9110, section 4.2.4: user information is a fault, and an @ in a host is one.
        let host = authority.as_bytes();
        if !host::is_valid(host) {
            return Err(Fault::bad("the authority of the request target is malformed"));
        }
        let target = match rest.as_bytes() {
            // RFC 9112, section 3.2.4: so asks a URI without path and query for the server as a whole.
            [] if method == "OPTIONS" => Target::Asterisk,
            [] => Target::Origin { slash: false, rest: "/" },
            [b'?', ..] => Target::Origin { slash: true, rest },
            _ => Target::Origin { slash: false, rest },
        };
        Ok((target, Some(host)))
    }
}

impl Target<'_> {
    /// Appends it as it is written in a request line.
    pub fn write(&self, text: &mut Vec<u8>) {
        let (slash, rest) = self.parts();
        text.extend_from_slice(slash.as_bytes());
        text.extend_from_slice(rest.as_bytes());
    }

    fn parts(&self) -> (&'static str, &str) {
        match self {
            Target::Origin { slash: true, rest } => ("/", rest),
            Target::Origin { slash: false, rest } => ("", rest),
            Target::Asterisk => ("", "*"),
        }
    }
}

impl fmt::Display for Target<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (slash, rest) = self.parts();
        formatter.write_str(slash)?;
        formatter.write_str(rest)
    }
}
