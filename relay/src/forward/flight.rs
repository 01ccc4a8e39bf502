//! One attempt under way: the connection it has, how far the request has gone and the answer come.

use std::task::{Context, Poll};
use std::time::Instant;

use super::download::{self, Download};
use super::fault::Fault;
use super::order::Order;
use super::splice::Pipe;
use super::upload::{self, Upload};
use crate::access_log::End;
use crate::connection::Conn;
use crate::dispatch::Failure;
use crate::flow::Flow;
use crate::live::{Phase, Signal};
use crate::pool::Wire;
use crate::refusal;
use crate::retry::Ending;

/// A body of which this much is still to come goes through a large buffer or, where its length is known, past
/// this process.
const LONG: u64 = 64 * 1024;

pub(super) struct Flight {
    pub(super) wire: Wire,
    /// Bytes of the order's `out` that are written.
    pub(super) sent: usize,
    pub(super) upload: Upload,
    pub(super) download: Download,
    /// From the service to the client.
    pub(super) outbox: Flow,
    /// Goes to the client before what is ready in the outbox.
    pub(super) spill: Vec<u8>,
    /// A byte of the request was written.
    pub(super) has_written: bool,
    /// When the first byte of an answer was read.
    pub(super) answered: Option<Instant>,
    /// The last read brought as much as there was room for: there may be more at once.
    pub(super) has_filled: bool,
    /// The service has told the client to go on with its body.
    pub(super) is_continued: bool,
    /// Answers so far that were only information.
    pub(super) informed: u32,
    pub(super) status: u16,
    /// Why a node gave the answer itself.
    pub(super) node_reason: Option<&'static str>,
    /// Of what is ready in the outbox when its head has been put there.
    pub(super) head_bytes: usize,
    /// The upstream connection can serve another request after this one.
    pub(super) keeps_upstream: bool,
    /// The client's connection can.
    pub(super) keeps_client: bool,
    /// Bytes that went to the client, and how many of these were heads.
    pub(super) delivered: u64,
    pub(super) head_bytes_sent: u64,
    /// Of the body that is readied for the client, the bytes that are the framing of chunks.
    pub(super) framing_bytes: u64,
    /// Bytes that came from the service, and that went there.
    pub(super) received: u64,
    pub(super) written: u64,
    /// A long body goes through it.
    pub(super) pipe: Option<Pipe>,
    waits_for_client: bool,
    /// The service takes no more of the request now.
    pub(super) is_stuck: bool,
    /// The client takes no more of the answer now.
    pub(super) is_blocked: bool,
}

impl Flight {
    pub(super) fn new(wire: Wire, outbox: Flow) -> Flight {
        Flight {
            wire,
            sent: 0,
            upload: Upload::Running,
            download: Download::Head,
            outbox,
            spill: Vec::new(),
            has_written: false,
            answered: None,
            has_filled: false,
            is_continued: false,
            informed: 0,
            status: 0,
            node_reason: None,
            head_bytes: 0,
            keeps_upstream: false,
            keeps_client: false,
            delivered: 0,
            head_bytes_sent: 0,
            framing_bytes: 0,
            received: 0,
            written: 0,
            pipe: None,
            waits_for_client: false,
            is_stuck: false,
            is_blocked: false,
        }
    }

    /// Whether the client has seen nothing of a last answer, so that there can be another.
    pub(super) fn is_untold(&self) -> bool {
        matches!(self.download, Download::Head)
    }

    /// Whether what is ready now is all that the client's connection still gets.
    pub(super) fn is_last(&self, is_spill: bool) -> bool {
        let is_whole = match &self.download {
            Download::Body { body, .. } => body.is_done(),
            Download::Head | Download::Switched | Download::Ended => false,
        };
        is_whole && !self.keeps_client && !(is_spill && self.outbox.is_ready())
    }

    /// Bytes of the answer's body that went to the client, without the framing of chunks. It is less by the framing
    /// that was not delivered where the answer breaks off.
    pub(super) fn content_bytes(&self) -> u64 {
        self.delivered.saturating_sub(self.head_bytes_sent + self.framing_bytes)
    }

    /// Whether much of the body is still to come, as far as one can tell.
    pub(super) fn is_long(&self) -> bool {
        match &self.download {
            Download::Body { body, .. } => body.remaining().is_none_or(|bytes| bytes >= LONG),
            Download::Head | Download::Switched | Download::Ended => false,
        }
    }

    /// Moves bytes both ways until the answer has ended or nothing can be moved.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        conn: &mut Conn,
        order: &mut Order,
    ) -> Poll<Result<(), Box<Fault>>> {
        if conn.client.watch(cx) == Signal::Cut {
            return Poll::Ready(Err(Fault::cut()));
        }
        if self.wire.link().watch(cx) {
            let mut fault = self.lost();
            if fault.ending == Ending::NoAnswer {
                fault.ending = Ending::Severed;
            }
            return Poll::Ready(Err(fault));
        }
        // Each goes as far as it can. The answer comes first: when it has come whole, nobody need ask for
        // more of the request or whether the client is still there, and a long upload does not keep an
        // early answer waiting.
        download::poll(self, cx, conn, order)?;
        if self.is_under_way() {
            self.waits_for_client =
                upload::poll(self, cx, conn, order).map_err(|fault| self.in_time(fault))?;
        }
        if !self.is_under_way() {
            return Poll::Ready(Ok(()));
        }
        // Whichever of both nobody reads now.
        conn.io.push(cx);
        self.wire.io.push(cx);
        conn.client.enter(self.phase(order));
        if conn.client.has_expired() {
            return Poll::Ready(Err(self.expired(conn.client.phase())));
        }
        Poll::Pending
    }

    /// Whether the answer has not ended.
    fn is_under_way(&self) -> bool {
        match self.download {
            Download::Head | Download::Body { .. } => true,
            Download::Switched | Download::Ended => false,
        }
    }

    /// What it waits for.
    fn phase(&self, order: &Order) -> Phase {
        match self.download {
            Download::Head if self.waits_for_client && (!order.expects_continue || self.is_continued) => {
                Phase::Receiving
            }
            Download::Head => Phase::Awaiting,
            _ if self.is_blocked => Phase::Delivering,
            _ => Phase::Answering,
        }
    }

    /// A fault of the client's, as what it still can be: once an answer has begun there cannot be another.
    fn in_time(&self, fault: Box<Fault>) -> Box<Fault> {
        match &fault.refusal {
            Some(refusal) if !self.is_untold() => Fault::broken_off(End::Refused(refusal.reason), None),
            Some(_) | None => fault,
        }
    }

    fn expired(&self, phase: Phase) -> Box<Fault> {
        match phase {
            Phase::Receiving => Box::new(Fault {
                ending: Ending::TimedOut,
                failure: None,
                refusal: Some(refusal::BODY_TIMEOUT),
                end: End::Completed,
            }),
            Phase::Awaiting => {
                Fault::new(Ending::TimedOut, Failure::FirstByteTimeout, refusal::FIRST_BYTE_TIMEOUT)
            }
            Phase::Delivering => Fault::broken_off(End::BodyIdle, None),
            _ => Fault::broken_off(End::ResponseIdle, Some(Failure::Truncated)),
        }
    }

    /// The upstream connection ended or failed.
    pub(super) fn lost(&self) -> Box<Fault> {
        if !self.is_untold() {
            return Fault::broken_off(End::UpstreamTruncated, Some(Failure::Truncated));
        }
        if self.wire.io.was_refused() {
            return Fault::refused();
        }
        if self.answered.is_some() {
            return Fault::new(Ending::Begun, Failure::Truncated, refusal::BAD_RESPONSE);
        }
        let ending = if self.has_written { Ending::NoAnswer } else { Ending::NotWritten };
        Fault::new(ending, Failure::Closed, refusal::UPSTREAM_CLOSED)
    }
}
