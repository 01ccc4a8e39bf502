//! What the fields of one head say together: one pass over them, and a second only where a `Connection` field
//! names others.

use super::connection::Options;
use super::framing::Said;
use super::kind::{Kind, is_alias_of_framing};
use super::{Fault, Version};

/// What a request or a response makes its rules from.
#[derive(Default)]
pub(super) struct Facts<'b> {
    pub(super) options: Options,
    pub(super) framing: Said,
    pub(super) hosts: Hosts<'b>,
    pub(super) expect: Expectation,
    pub(super) accepts_trailers: bool,
    /// Has a field that a service may take for a framing one.
    pub(super) has_framing_alias: bool,
    upgrade: Option<&'b [u8]>,
}

/// `Host` fields.
#[derive(Default)]
pub(super) enum Hosts<'b> {
    #[default]
    None,
    One(&'b [u8]),
    Many,
}

/// `Expect` fields.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Expectation {
    #[default]
    None,
    Continue,
    Other,
}

impl<'b> Facts<'b> {
    /// Fills `kinds`, one for each of `headers`.
    pub(super) fn gather(headers: &[httparse::Header<'b>], kinds: &mut [Kind]) -> Result<Facts<'b>, Fault> {
        let mut facts = Facts::default();
        for (header, kind) in headers.iter().zip(kinds.iter_mut()) {
            *kind = Kind::of(header.name);
            facts.see(*kind, header);
        }
        facts.options.drop_named(headers, kinds)?;
        Ok(facts)
    }

    #[inline]
    fn see(&mut self, kind: Kind, header: &httparse::Header<'b>) {
        let value = header.value;
        match kind {
            Kind::Other => self.has_framing_alias |= is_alias_of_framing(header.name),
            Kind::Host => {
                self.hosts = match self.hosts {
                    Hosts::None => Hosts::One(value),
                    Hosts::One(_) | Hosts::Many => Hosts::Many,
                }
            }
            Kind::ContentLength => self.framing.content_length(value),
            Kind::TransferEncoding => self.framing.transfer_encoding(value),
            Kind::Connection => self.options.read(value),
            Kind::Upgrade => self.upgrade = self.upgrade.or(Some(value).filter(|value| !value.is_empty())),
            Kind::Expect => {
                self.expect = match self.expect {
                    Expectation::None | Expectation::Continue
                        if value.eq_ignore_ascii_case(b"100-continue") =>
                    {
                        Expectation::Continue
                    }
                    _ => Expectation::Other,
                }
            }
            // RFC 9110, section 10.1.4.
            Kind::Te => {
                let mut codings = super::grammar::members(value);
                self.accepts_trailers |= codings.any(|coding| coding.eq_ignore_ascii_case(b"trailers"));
            }
            Kind::Dropped
            | Kind::Trailer
            | Kind::Via
            | Kind::Forwarded
            | Kind::XForwardedFor
            | Kind::XForwardedHost
            | Kind::XForwardedProto
            | Kind::Token
            | Kind::Refused
            | Kind::Lost
            | Kind::Reason
            | Kind::ServedBy
            | Kind::Mark
            | Kind::Date
            | Kind::Server
            | Kind::UserAgent
            | Kind::Referer => (),
        }
    }

    /// The first `Upgrade`, if `Connection` names it. RFC 9110, section 7.8: ignored in HTTP/1.0.
    pub(super) fn upgrade(&self, version: Version) -> Option<&'b [u8]> {
        self.upgrade.filter(|_| self.options.upgrade && version == Version::Http11)
    }
}
