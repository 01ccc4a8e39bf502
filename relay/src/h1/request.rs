//! The head of a request (RFC 9112, section 3) and every reason to refuse one.

use httparse::Status;

use super::facts::{Expectation, Facts, Hosts};
use super::fields::{Fields, Slots};
use super::framing::Framing;
use super::kind::{Kind, drop_all};
use super::target::Target;
use super::{Fault, Limits, Version, host};

/// The head of a request that may go on.
#[derive(Debug)]
pub struct Request<'s, 'b> {
    /// A token; never CONNECT or TRACE.
    pub method: &'b str,
    /// What it asks for.
    pub target: Target<'b>,
    /// The version of the message.
    pub version: Version,
    /// The `Host` to send on: the authority of an absolute-form without its userinfo, else the field's value.
    /// Empty only for HTTP/1.0 without one.
    pub host: &'b [u8],
    /// How the body ends.
    pub framing: Framing,
    /// Whether the client wants the connection kept: with HTTP/1.1 unless it says `close`, with HTTP/1.0 only
    /// if it says `keep-alive` (RFC 9112, section 9.3).
    pub keep_alive: bool,
    /// Whether the client waits for a 100 (Continue) before it sends the body that it announced.
    pub expects_continue: bool,
    /// The value of `Upgrade`, where `Connection: upgrade` is there too. HTTP/1.1 only.
    pub upgrade: Option<&'b [u8]>,
    /// Whether it says `TE: trailers`.
    pub accepts_trailers: bool,
    /// Length of the head in bytes, empty lines before the request line included.
    pub head_bytes: usize,
    /// All its fields.
    pub fields: Fields<'s, 'b>,
}

/// Reads a head from the start of `bytes`; what follows it does not matter. `None`: it is not complete yet, and
/// within the limits so far. Empty lines before the request line are skipped (RFC 9112, section 2.2).
///
/// # Errors
///
/// What makes a head unfit to go on. It is the same fault however the bytes come in.
pub fn parse_request<'s, 'b>(
    bytes: &'b [u8],
    limits: Limits,
    slots: &'s mut Slots<'b>,
) -> Result<Option<Request<'s, 'b>>, Fault> {
    let window = limits.window(bytes);
    let Slots { headers, kinds } = slots;
    let mut parsed = httparse::Request::new(&mut []);
    let head_bytes = match parsed.parse_with_uninit_headers(window, &mut headers[..limits.fields()]) {
        Ok(Status::Complete(head_bytes)) => head_bytes,
        Ok(Status::Partial) if limits.have_room(window) => return Ok(None),
        Ok(Status::Partial) => return Err(too_large(window)),
        Err(httparse::Error::Version) => match other_version(window) {
            Some(fault) => return Err(fault),
            None if limits.have_room(window) => return Ok(None),
            None => return Err(too_large(window)),
        },
        Err(error) => return Err(Fault::of_fields(error, "the request line is malformed")),
    };
    let (Some(method), Some(target), Some(minor)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(Fault::bad("the request line is malformed"));
    };
    // RFC 9110, section 9.3.6: a reverse proxy has no tunnels to open; section 9.3.8: a trace would show the
    // client what the front wrote into its request.
    if matches!(method, "CONNECT" | "TRACE") {
        return Err(Fault { status: 405, text: "neither CONNECT nor TRACE is served here" });
    }
    let version = if minor == 0 { Version::Http10 } else { Version::Http11 };
    let (target, authority) = Target::read(target, method)?;
    let headers: &'s [httparse::Header<'b>] = parsed.headers;
    let kinds = &mut kinds[..headers.len()];
    let facts = Facts::gather(headers, kinds)?;
    if facts.has_framing_alias {
        return Err(Fault::bad("a field can be taken for content-length or transfer-encoding"));
    }
    let host = host_of(&facts.hosts, authority, version)?;
    // RFC 9112, section 6.3: a request without both has no body.
    let framing = facts.framing.framing(version)?.unwrap_or(Framing::None);
    let expects_continue = expects_continue(facts.expect, version, framing)?;
    if version == Version::Http10 && facts.expect != Expectation::None {
        drop_all(kinds, Kind::Expect);
    }
    Ok(Some(Request {
        method,
        target,
        version,
        host,
        framing,
        keep_alive: facts.options.persist(version),
        expects_continue,
        upgrade: facts.upgrade(version),
        accepts_trailers: facts.accepts_trailers,
        head_bytes,
        fields: Fields { headers, kinds },
    }))
}

/// RFC 9112, section 3.2: exactly one, and a valid one; HTTP/1.0 knows none. With an absolute-form it must be
/// what the authority says, or two readers could see two hosts.
fn host_of<'b>(hosts: &Hosts<'b>, authority: Option<&'b [u8]>, version: Version) -> Result<&'b [u8], Fault> {
    match (hosts, authority) {
        (Hosts::Many, _) => Err(Fault::bad("there is more than one host field")),
        (Hosts::None, _) if version == Version::Http11 => Err(Fault::bad("there is no host field")),
        (Hosts::None, authority) => Ok(authority.unwrap_or_default()),
        (Hosts::One(host), Some(authority)) if !host.eq_ignore_ascii_case(authority) => {
            Err(Fault::bad("the host field differs from the request target"))
        }
        (Hosts::One(_), Some(authority)) => Ok(authority),
        // RFC 9112, section 3.2: so says a client whose target has no authority, such as one of HTTP/1.0 that
        // came by way of another relay.
        (Hosts::One(b""), None) => Ok(b""),
        (Hosts::One(host), None) if host::is_valid(host) => Ok(host),
        (Hosts::One(_), None) => Err(Fault::bad("the host field is malformed")),
    }
}

/// RFC 9110, section 10.1.1: 417 for another expectation; in HTTP/1.0 none is heeded; without a body there is
/// nothing to wait for.
fn expects_continue(expect: Expectation, version: Version, framing: Framing) -> Result<bool, Fault> {
    match (expect, version) {
        (Expectation::None, _) | (_, Version::Http10) => Ok(false),
        (Expectation::Continue, Version::Http11) => {
            Ok(!matches!(framing, Framing::None | Framing::Length(0)))
        }
        (Expectation::Other, Version::Http11) => {
            Err(Fault { status: 417, text: "the only expectation met here is 100-continue" })
        }
    }
}

/// A head that fills the window and has no end. RFC 9112, section 3: 414 where the request line alone does.
#[cold]
fn too_large(window: &[u8]) -> Fault {
    let line = without_empty_lines(window);
    if line.is_empty() {
        return Fault::bad("there are too many empty lines before the request");
    }
    match memchr::memchr(b'\n', line) {
        Some(_) => Fault::too_large("the head of the request is too large"),
        None => Fault { status: 414, text: "the request line is too long" },
    }
}

/// A request line whose third word is not one of our versions. `None`: what there is of it could still become a
/// well-formed other one, which is a 505 (RFC 9110, section 15.6.6), and anything else a 400.
#[cold]
fn other_version(window: &[u8]) -> Option<Fault> {
    const SHAPE: &[u8] = b"HTTP/0.0";
    let malformed = Some(Fault::bad("the request line is malformed"));
    let Some(version) = without_empty_lines(window).splitn(3, |byte| *byte == b' ').nth(2) else {
        return malformed;
    };
    for (byte, shape) in version.iter().zip(SHAPE) {
        let fits = if *shape == b'0' { byte.is_ascii_digit() } else { byte == shape };
        if !fits {
            return malformed;
        }
    }
    match version.get(SHAPE.len()..) {
        None | Some([] | [b'\r']) => None,
        Some([b'\n', ..] | [b'\r', b'\n', ..]) => {
            Some(Fault { status: 505, text: "the versions served here are HTTP/1.1 and HTTP/1.0" })
        }
        Some(_) => malformed,
    }
}

fn without_empty_lines(window: &[u8]) -> &[u8] {
    let start = window.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(window.len());
    &window[start..]
}
