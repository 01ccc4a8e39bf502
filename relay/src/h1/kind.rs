//! What a field means to a relay, told from its name alone. No allocation, and at most two comparisons of a
//! name: one on the way of nearly all.

/// What a field means to a relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Nothing: it passes.
    Other,
    /// It ends here: `Keep-Alive`, `Proxy-Connection`, whatever a `Connection` field names (RFC 9110, section
    /// 7.6.1), a `Content-Length` where there must be none (section 8.6), and an `Expect` of HTTP/1.0, where it
    /// means nothing (section 10.1.1).
    Dropped,
    /// `Host`.
    Host,
    /// `Content-Length`.
    ContentLength,
    /// `Transfer-Encoding`. Ends here.
    TransferEncoding,
    /// `Upgrade`. Ends here.
    Upgrade,
    /// `Connection`. Ends here.
    Connection,
    /// `TE`. Ends here.
    Te,
    /// `Expect`.
    Expect,
    /// `Trailer`.
    Trailer,
    /// `Via`.
    Via,
    /// `Forwarded` (RFC 7239).
    Forwarded,
    /// `X-Forwarded-For`, or a name that a CGI-like service cannot tell from it: `X_Forwarded_For`.
    XForwardedFor,
    /// `X-Forwarded-Host`, likewise.
    XForwardedHost,
    /// `X-Forwarded-Proto`, likewise.
    XForwardedProto,
    /// `x-accordion-token`.
    Token,
    /// `x-accordion-refused`.
    Refused,
    /// `x-accordion-lost`.
    Lost,
    /// `x-accordion-reason`.
    Reason,
    /// `x-accordion-served-by`.
    ServedBy,
    /// Any other name that begins with `x-accordion-`.
    Mark,
    /// `Date`.
    Date,
    /// `Server`.
    Server,
    /// `User-Agent`.
    UserAgent,
    /// `Referer`.
    Referer,
}

impl Kind {
    /// The kind of the field with this name, which is a token.
    #[inline]
    pub(super) fn of(name: &str) -> Kind {
        let first = name.as_bytes().first().map_or(0, |byte| byte | 0x20);
        let (known, kind) = match (name.len(), first) {
            (2, b't') => ("te", Kind::Te),
            (3, b'v') => ("via", Kind::Via),
            (4, b'h') => ("host", Kind::Host),
            (4, b'd') => ("date", Kind::Date),
            (6, b'e') => ("expect", Kind::Expect),
            (6, b's') => ("server", Kind::Server),
            (7, b'r') => ("referer", Kind::Referer),
            (7, b't') => ("trailer", Kind::Trailer),
            (7, b'u') => ("upgrade", Kind::Upgrade),
            (9, b'f') => ("forwarded", Kind::Forwarded),
            (10, b'c') => ("connection", Kind::Connection),
            (10, b'k') => ("keep-alive", Kind::Dropped),
            (10, b'u') => ("user-agent", Kind::UserAgent),
            (14, b'c') => ("content-length", Kind::ContentLength),
            (16, b'p') => ("proxy-connection", Kind::Dropped),
            (17, b't') => ("transfer-encoding", Kind::TransferEncoding),
            (12.., b'x') => return Kind::of_extension(name.as_bytes()),
            _ => return Kind::Other,
        };
        if is_same(name.as_bytes(), known.as_bytes()) { kind } else { Kind::Other }
    }

    /// Names that begin with `x`, at least 12 bytes long.
    fn of_extension(name: &[u8]) -> Kind {
        const MARK: &[u8] = b"x-accordion-";
        if name[..MARK.len()].eq_ignore_ascii_case(MARK) {
            return match &name[MARK.len()..] {
                rest if rest.eq_ignore_ascii_case(b"token") => Kind::Token,
                rest if rest.eq_ignore_ascii_case(b"refused") => Kind::Refused,
                rest if rest.eq_ignore_ascii_case(b"lost") => Kind::Lost,
                rest if rest.eq_ignore_ascii_case(b"reason") => Kind::Reason,
                rest if rest.eq_ignore_ascii_case(b"served-by") => Kind::ServedBy,
                _ => Kind::Mark,
            };
        }
        // To a service behind CGI, WSGI or Rack `X_Forwarded_For` is `X-Forwarded-For`. Who replaces the one
        // must not let the other pass.
        let is = |known: &[u8]| {
            let same = |(byte, known): (&u8, &u8)| {
                byte.eq_ignore_ascii_case(known) || (*byte == b'_' && *known == b'-')
            };
            name.len() == known.len() && name.iter().zip(known).all(same)
        };
        match name.len() {
            15 if is(b"x-forwarded-for") => Kind::XForwardedFor,
            16 if is(b"x-forwarded-host") => Kind::XForwardedHost,
            17 if is(b"x-forwarded-proto") => Kind::XForwardedProto,
            _ => Kind::Other,
        }
    }

    /// Whether a `Connection` field that names it drops it. Without some fields a message would mean something
    /// else, or come from somebody else: to name them is an attack and no wish.
    #[inline]
    pub(super) const fn can_be_dropped(self) -> bool {
        !matches!(
            self,
            Kind::Host | Kind::ContentLength | Kind::TransferEncoding | Kind::Connection | Kind::Token
        ) && !self.is_mark()
    }

    /// Whether a field goes on to the next hop unless the caller knows better. `Host`, `Content-Length` and
    /// `Expect` do, though a caller will seldom copy them as they are.
    #[inline]
    pub const fn passes(self) -> bool {
        !matches!(self, Kind::Dropped | Kind::TransferEncoding | Kind::Upgrade | Kind::Connection | Kind::Te)
    }

    /// Whether it is how Accordion's own parts speak of a response, which nobody else may do. The token is
    /// not one: it proves who sends a request.
    #[inline]
    pub const fn is_mark(self) -> bool {
        matches!(self, Kind::Refused | Kind::Lost | Kind::Reason | Kind::ServedBy | Kind::Mark)
    }
}

/// Lets no field of this kind pass.
pub(super) fn drop_all(kinds: &mut [Kind], unwanted: Kind) {
    for kind in kinds.iter_mut().filter(|kind| **kind == unwanted) {
        *kind = Kind::Dropped;
    }
}

/// Whether a service behind CGI, WSGI or Rack would take a field with this name, which is no framing field, for
/// one: `Content_Length`.
#[inline]
pub(super) fn is_alias_of_framing(name: &str) -> bool {
    match name.len() {
        14 => name.eq_ignore_ascii_case("content_length"),
        17 => name.eq_ignore_ascii_case("transfer_encoding"),
        _ => false,
    }
}

/// Compares two names of the same length, the second in lower case, without a branch for each byte. Of the
/// bytes that a name may have only a letter becomes another by the bit that tells its case from the other.
fn is_same(name: &[u8], known: &[u8]) -> bool {
    name.iter().zip(known).fold(0, |differing, (byte, known)| differing | ((byte | 0x20) ^ known)) == 0
}
