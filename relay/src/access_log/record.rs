//! What is known of a request when its answer's last byte is out. Borrowed from the connection: it lives
//! as long as one call.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

/// Bytes of each field that are logged; a longer one is cut. Apache and nginx take a request line of 8 KiB
/// at most by default; half of it names any resource, and the worst line fits one block.
pub(super) const METHOD_BYTES_MAX: usize = 32;
pub(super) const TARGET_BYTES_MAX: usize = 4096;
pub(super) const HOST_BYTES_MAX: usize = 255;
pub(super) const REFERER_BYTES_MAX: usize = 2048;
pub(super) const USER_AGENT_BYTES_MAX: usize = 1024;
/// For words of our own: a version, an upstream's name, a reason.
pub(super) const WORD_BYTES_MAX: usize = 64;

/// Everything in a line that is no field of the client's: keys, numbers, an address, a time.
const FIXED_BYTES_MAX: usize = 800;
/// One byte of a field, at worst: `\u001f`.
const ESCAPED_BYTES_MAX: usize = 6;

/// One request, for its line and its counts.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Record<'a> {
    /// Where the connection came from.
    pub(crate) client: IpAddr,
    /// Wall clock when the request's head was complete.
    pub(crate) time: SystemTime,
    /// Empty where no request line was read.
    pub(crate) method: &'a [u8],
    /// As the client wrote it.
    pub(crate) target: &'a [u8],
    /// `HTTP/1.1` or `HTTP/1.0`.
    pub(crate) version: &'a str,
    pub(crate) host: Option<&'a [u8]>,
    pub(crate) referer: Option<&'a [u8]>,
    pub(crate) user_agent: Option<&'a [u8]>,
    /// 0 where no answer was sent.
    pub(crate) status: u16,
    /// Of the request's body as it came, without the framing of chunks.
    pub(crate) request_bytes: u64,
    /// Of the answer's body as it was sent, without the framing of chunks.
    pub(crate) response_bytes: u64,
    /// The upstream's name; `-` where the relay answered itself.
    pub(crate) served_by: &'a str,
    /// Attempts beyond the first.
    pub(crate) retries: u8,
    pub(crate) times: Times,
    pub(crate) ended: End,
}

/// How long the phases of a request took, in microseconds; 0 where a phase did not happen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Times {
    /// From the first byte of the head to its last.
    pub(crate) head: u64,
    /// From the question where it goes to the answer.
    pub(crate) queue: u64,
    /// Of the connect to the upstream; 0 on a pooled connection.
    pub(crate) connect: u64,
    /// From the request sent to the first byte of its answer.
    pub(crate) first_byte: u64,
    /// From the first byte of the head to the last of the answer.
    pub(crate) total: u64,
}

/// Why a request ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// The answer was sent whole.
    Completed,
    /// The client closed or reset its connection first.
    ClientGone,
    /// The relay answered by itself, or a node did, for this reason (a [`Refusal`](crate::Refusal)'s).
    Refused(&'static str),
    /// The upstream's answer began and did not come to a proper end.
    UpstreamTruncated,
    /// The upstream's answer began and then nothing came for too long.
    ResponseIdle,
    /// The client sent nothing of its body, or took nothing of the answer's, for too long.
    BodyIdle,
    /// It still ran at the deadline of a drain.
    Cut,
    /// A tunnel (an upgraded connection) that one side closed.
    TunnelClosed,
    /// A tunnel through which nothing went for too long.
    TunnelIdle,
}

impl Record<'_> {
    /// No line of this record is longer, in any format.
    pub(super) fn line_bytes_max(&self) -> usize {
        let of = |field: Option<&[u8]>, max: usize| field.map_or(0, |field| field.len().min(max));
        let fields = of(Some(self.method), METHOD_BYTES_MAX)
            + of(Some(self.target), TARGET_BYTES_MAX)
            + of(self.host, HOST_BYTES_MAX)
            + of(self.referer, REFERER_BYTES_MAX)
            + of(self.user_agent, USER_AGENT_BYTES_MAX)
            + of(Some(self.version.as_bytes()), WORD_BYTES_MAX)
            + of(Some(self.served_by.as_bytes()), WORD_BYTES_MAX)
            + of(self.ended.reason().map(str::as_bytes), WORD_BYTES_MAX);
        FIXED_BYTES_MAX + ESCAPED_BYTES_MAX * fields
    }
}

/// The longest line there can be.
pub(super) const LINE_BYTES_MAX: usize = FIXED_BYTES_MAX
    + ESCAPED_BYTES_MAX
        * (METHOD_BYTES_MAX
            + TARGET_BYTES_MAX
            + HOST_BYTES_MAX
            + REFERER_BYTES_MAX
            + USER_AGENT_BYTES_MAX
            + 3 * WORD_BYTES_MAX);

impl End {
    /// How many there are.
    pub(crate) const COUNT: usize = 9;

    /// Their words, each at its [`index`](End::index).
    pub(crate) const WORDS: [&'static str; End::COUNT] = [
        "completed",
        "client-gone",
        "refused",
        "upstream-truncated",
        "response-idle",
        "body-idle",
        "cut",
        "tunnel-closed",
        "tunnel-idle",
    ];

    /// Its place in [`End::WORDS`].
    pub(crate) const fn index(self) -> usize {
        match self {
            End::Completed => 0,
            End::ClientGone => 1,
            End::Refused(_) => 2,
            End::UpstreamTruncated => 3,
            End::ResponseIdle => 4,
            End::BodyIdle => 5,
            End::Cut => 6,
            End::TunnelClosed => 7,
            End::TunnelIdle => 8,
        }
    }

    /// Its fixed word.
    pub(crate) const fn word(self) -> &'static str {
        End::WORDS[self.index()]
    }

    /// Why the relay or a node answered by itself, if one did.
    pub(crate) const fn reason(self) -> Option<&'static str> {
        match self {
            End::Refused(reason) => Some(reason),
            _ => None,
        }
    }

    /// Whether it was a tunnel, whose length says nothing of the service's.
    pub(crate) const fn is_tunnel(self) -> bool {
        matches!(self, End::TunnelClosed | End::TunnelIdle)
    }
}

/// A duration in whole microseconds, as [`Times`] has them.
pub(crate) fn micros(duration: Duration) -> u64 {
    duration.as_secs().saturating_mul(1_000_000).saturating_add(u64::from(duration.subsec_micros()))
}
