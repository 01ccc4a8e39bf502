//! The request on its way to the service, and afterwards the watch for a client that goes away.

use std::task::{Context, Poll};

use super::fault::Fault;
use super::flight::Flight;
use super::order::Order;
use crate::connection::Conn;
use crate::io::Io;
use crate::lookout::Lookout;
use crate::refusal::{self, Refusal};

/// How far the request has gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Upload {
    Running,
    /// All of it is written.
    Ended,
    /// The service takes no more of it. It may have answered all the same.
    Broken,
}

/// Goes as far as it can; answers whether it waits for the client.
pub(super) fn poll(
    flight: &mut Flight,
    cx: &mut Context<'_>,
    conn: &mut Conn,
    order: &mut Order,
) -> Result<bool, Box<Fault>> {
    let mut waits_for_client = false;
    flight.is_stuck = false;
    loop {
        let step = match flight.upload {
            Upload::Running if flight.sent < order.out().len() => write_start(flight, cx, conn, order)?,
            Upload::Running if conn.inbox.is_ready() => write_part(flight, cx, conn, order)?,
            Upload::Running if order.body.is_done() => {
                flight.upload = Upload::Ended;
                continue;
            }
            Upload::Running => take_part(cx, conn, order, &mut waits_for_client)?,
            Upload::Ended | Upload::Broken => watch(cx, conn)?,
        };
        match step {
            Poll::Ready(()) => (),
            Poll::Pending => return Ok(waits_for_client),
        }
    }
}

fn write_start(
    flight: &mut Flight,
    cx: &mut Context<'_>,
    conn: &mut Conn,
    order: &Order,
) -> Result<Poll<()>, Box<Fault>> {
    let rest = &order.out()[flight.sent..];
    match flight.wire.io.poll_write(cx, rest) {
        Poll::Ready(Ok(count)) => {
            flight.sent += count;
            flight.written += count as u64;
            flight.has_written = true;
            conn.client.touch();
        }
        Poll::Ready(Err(_)) => flight.upload = Upload::Broken,
        Poll::Pending => {
            flight.is_stuck = true;
            return watch_unread(cx, conn);
        }
    }
    Ok(Poll::Ready(()))
}

fn write_part(
    flight: &mut Flight,
    cx: &mut Context<'_>,
    conn: &mut Conn,
    order: &mut Order,
) -> Result<Poll<()>, Box<Fault>> {
    match flight.wire.io.poll_write(cx, conn.inbox.ready()) {
        Poll::Ready(Ok(count)) => {
            conn.inbox.wrote(count);
            flight.written += count as u64;
            order.received += count as u64;
            conn.client.touch();
        }
        Poll::Ready(Err(_)) => flight.upload = Upload::Broken,
        Poll::Pending => {
            flight.is_stuck = true;
            return watch_unread(cx, conn);
        }
    }
    Ok(Poll::Ready(()))
}

/// Judges the next part of the body, or reads one.
fn take_part(
    cx: &mut Context<'_>,
    conn: &mut Conn,
    order: &mut Order,
    waits_for_client: &mut bool,
) -> Result<Poll<()>, Box<Fault>> {
    if conn.inbox.has_unread() && conn.judge_body(order)? {
        return Ok(Poll::Ready(()));
    }
    if conn.inbox.buffer().is_full() {
        // A trailer section that is larger than all of them may be; the codec says so before.
        return Err(Fault::of_client(refusal::BAD_BODY));
    }
    match conn.io.poll_read(cx, conn.inbox.buffer_mut()) {
        Poll::Ready(Ok(0)) => Err(Fault::of_client(refusal::BAD_BODY)),
        Poll::Ready(Ok(_)) => {
            conn.client.touch();
            Ok(Poll::Ready(()))
        }
        Poll::Ready(Err(_)) => Err(Fault::client_gone()),
        Poll::Pending => {
            *waits_for_client = true;
            Ok(Poll::Pending)
        }
    }
}

/// Notices that the client goes away; what it sends ahead of its turn is kept for then.
fn watch(cx: &mut Context<'_>, conn: &mut Conn) -> Result<Poll<()>, Box<Fault>> {
    if conn.is_unwatched() {
        return Ok(Poll::Pending);
    }
    if conn.inbox.is_ready() || conn.inbox.buffer().is_full() {
        return watch_unread(cx, conn);
    }
    match conn.io.poll_read(cx, conn.inbox.buffer_mut()) {
        Poll::Ready(Ok(0) | Err(_)) => Err(Fault::client_gone()),
        Poll::Ready(Ok(_)) => Ok(Poll::Ready(())),
        Poll::Pending => Ok(Poll::Pending),
    }
}

/// The same where nothing can be read, because what was read before has nowhere to go.
fn watch_unread(cx: &mut Context<'_>, conn: &mut Conn) -> Result<Poll<()>, Box<Fault>> {
    match conn.poll_broken_off(cx) {
        Poll::Ready(()) => Err(Fault::client_gone()),
        Poll::Pending => Ok(Poll::Pending),
    }
}

impl Conn {
    /// Whether the client is not watched yet, because its answer may come before that is worth it.
    pub(super) fn is_unwatched(&self) -> bool {
        self.io.is_fresh() && !self.client.must_be_watched()
    }

    /// Ready when the client has broken off, for when nothing is read from it.
    pub(super) fn poll_broken_off(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if let Io::Pipe(pipe) = &self.io {
            return pipe.poll_gone(cx);
        }
        if self.lookout.is_none() {
            // A short while is not worth it.
            if !self.client.must_be_watched() {
                return Poll::Pending;
            }
            self.lookout = Lookout::over(&self.io);
        }
        // Without one the end is heard with what is read or written next.
        self.lookout.as_ref().map_or(Poll::Pending, |lookout| lookout.poll_broken_off(cx))
    }

    /// Judges what is here of the body; true if that brought it on.
    pub(super) fn judge_body(&mut self, order: &mut Order) -> Result<bool, Box<Fault>> {
        let moved =
            self.inbox.judge(&mut order.body).map_err(|fault| Fault::of_client(Refusal::of_fault(fault)))?;
        self.check_length(order)?;
        Ok(moved)
    }

    /// Refuses a body that is larger than it may be, by its length before any of it has come.
    pub(super) fn check_length(&self, order: &Order) -> Result<(), Box<Fault>> {
        let most = self.client.worker().settings().body_bytes_max.unwrap_or(u64::MAX);
        let judged = order.received.saturating_add(self.inbox.ready().len() as u64);
        let known = judged.saturating_sub(order.body.framing_bytes());
        if known.saturating_add(order.body.remaining().unwrap_or(0)) > most {
            return Err(Fault::of_client(refusal::BODY_TOO_LARGE));
        }
        Ok(())
    }
}
