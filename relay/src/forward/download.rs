//! The answer on its way to the client.

use std::task::{Context, Poll};
use std::time::Instant;

use super::answer::{self, Manner, SWITCHING_PROTOCOLS};
use super::fault::Fault;
use super::flight::Flight;
use super::order::{Method, Order};
use super::splice;
use super::upload::Upload;
use crate::access_log::End;
use crate::connection::Conn;
use crate::dispatch::Failure;
use crate::h1::{self, Body, ChunkHead, Framing, Slots};
use crate::io::Io;
use crate::refusal;
use crate::retry::Ending;
use crate::upstream::InFlight;

/// Answers that are only information, before the last one; a service that sends more is at fault.
const INFORMED_MAX: u32 = 64;

/// How far the answer has come.
pub(super) enum Download {
    /// The head of the last answer has not come.
    Head,
    Body {
        body: Body,
        in_chunks: bool,
    },
    /// It is no longer HTTP.
    Switched,
    /// All of it is with the client.
    Ended,
}

/// Goes as far as it can.
pub(super) fn poll(
    flight: &mut Flight,
    cx: &mut Context<'_>,
    conn: &mut Conn,
    order: &Order,
) -> Result<(), Box<Fault>> {
    loop {
        flight.is_blocked = false;
        while !flight.spill.is_empty() || flight.outbox.is_ready() {
            match deliver(flight, cx, conn)? {
                Poll::Ready(()) => (),
                Poll::Pending => {
                    flight.is_blocked = true;
                    return Ok(());
                }
            }
        }
        if go_on(flight, conn, order)? {
            match flight.download {
                Download::Ended | Download::Switched => return Ok(()),
                Download::Head | Download::Body { .. } => continue,
            }
        }
        if let Some(spliced) = poll_spliced(flight, cx, conn)? {
            if spliced {
                continue;
            }
            return Ok(());
        }
        if flight.has_filled && flight.is_long() && !matches!(conn.io, Io::Pipe(_)) {
            flight.outbox.enlarge(conn.client.worker().buffers());
        }
        let room = flight.outbox.buffer_mut().space().len();
        match flight.wire.io.poll_read(cx, flight.outbox.buffer_mut()) {
            Poll::Ready(Ok(0)) => end_of_input(flight)?,
            // It spoke before it was asked: what comes is no answer to this request.
            Poll::Ready(Ok(_)) if !flight.has_written => return Err(flight.lost()),
            Poll::Ready(Ok(count)) => {
                if flight.answered.is_none() {
                    flight.answered = Some(Instant::now());
                }
                flight.received += count as u64;
                flight.has_filled = count == room;
                conn.client.touch();
            }
            Poll::Ready(Err(_)) => return Err(flight.lost()),
            Poll::Pending => return Ok(()),
        }
    }
}

/// Writes to the client what is ready for it.
fn deliver(flight: &mut Flight, cx: &mut Context<'_>, conn: &mut Conn) -> Result<Poll<()>, Box<Fault>> {
    let is_spill = !flight.spill.is_empty();
    let is_last = flight.is_last(is_spill);
    let bytes = if is_spill { &flight.spill[..] } else { flight.outbox.ready() };
    let written = if is_last { conn.io.poll_write_last(cx, bytes) } else { conn.io.poll_write(cx, bytes) };
    match written {
        Poll::Ready(Ok(count)) => {
            if is_spill {
                flight.spill.drain(..count);
            } else {
                flight.outbox.wrote(count);
            }
            flight.delivered += count as u64;
            conn.client.touch();
            Ok(Poll::Ready(()))
        }
        Poll::Ready(Err(_)) => Err(Fault::client_gone()),
        Poll::Pending => Ok(Poll::Pending),
    }
}

/// Does what can be done with the bytes that are here; false when more must be read.
fn go_on(flight: &mut Flight, conn: &Conn, order: &Order) -> Result<bool, Box<Fault>> {
    match &mut flight.download {
        Download::Head if flight.outbox.has_unread() => take_head(flight, conn, order),
        Download::Head => Ok(false),
        Download::Body { body, in_chunks } => {
            if body.is_done() && flight.pipe.is_none() {
                flight.keeps_upstream &= !flight.outbox.has_unread();
                flight.download = Download::Ended;
                return Ok(true);
            }
            if flight.outbox.has_unread() {
                let used = flight
                    .outbox
                    .judge(body)
                    .map_err(|_| Fault::broken_off(End::UpstreamTruncated, Some(Failure::Truncated)))?;
                if used {
                    let (in_chunks, framing_bytes) = (*in_chunks, body.framing_bytes());
                    pass_on(flight, in_chunks, framing_bytes);
                    return Ok(true);
                }
                if flight.outbox.buffer().is_full() {
                    return Err(Fault::broken_off(End::UpstreamTruncated, Some(Failure::Truncated)));
                }
            }
            Ok(false)
        }
        Download::Switched | Download::Ended => Ok(true),
    }
}

/// Moves a long body of known length past this process. None where it goes the ordinary way; otherwise
/// whether anything moved.
fn poll_spliced(flight: &mut Flight, cx: &mut Context<'_>, conn: &Conn) -> Result<Option<bool>, Box<Fault>> {
    let is_long = flight.is_long();
    let Download::Body { body, .. } = &mut flight.download else { return Ok(None) };
    let (Io::Tcp(source), Io::Tcp(sink)) = (&flight.wire.io, &conn.io) else { return Ok(None) };
    let left = match body.remaining() {
        Some(left) => left,
        // All of it was taken from the service, and the last of it is still in the pipe.
        None if flight.pipe.is_some() => 0,
        None => return Ok(None),
    };
    if flight.pipe.is_none() && is_long && flight.has_filled {
        flight.pipe = conn.client.worker().pipes().take();
    }
    let Some(pipe) = &mut flight.pipe else { return Ok(None) };
    let moved = splice::poll(pipe, cx, source, sink, left).map_err(|fault| match fault {
        splice::Fault::Source => Fault::broken_off(End::UpstreamTruncated, Some(Failure::Truncated)),
        splice::Fault::Sink => Fault::client_gone(),
    })?;
    body.advance(moved.taken);
    flight.received += moved.taken;
    flight.delivered += moved.given;
    flight.is_blocked = pipe.held() > 0;
    let has_moved = moved.taken + moved.given > 0;
    if has_moved {
        conn.client.touch();
    }
    if pipe.held() == 0 && body.is_done() {
        conn.client.worker().pipes().give_back(flight.pipe.take().expect("it was here just now"));
        return Ok(Some(true));
    }
    Ok(Some(has_moved))
}

/// Reads a head off the outbox and readies what the client gets of it.
fn take_head(flight: &mut Flight, conn: &Conn, order: &Order) -> Result<bool, Box<Fault>> {
    let limits = h1::Limits { head_bytes_max: crate::buffer::ROOM, fields_max: h1::FIELDS_MAX };
    let mut slots = Slots::new();
    let bytes = flight.outbox.buffer().filled();
    let parsed = h1::parse_response(bytes, limits, order.method == Method::Head, &mut slots);
    let response = match parsed {
        Ok(Some(response)) => response,
        Ok(None) => return Ok(false),
        Err(fault) => {
            tracing::debug!(upstream = flight.wire.upstream().name(), fault.text, "bad answer");
            return Err(bad_response());
        }
    };
    let upstream = flight.wire.upstream();
    answer::inspect(&response, order, upstream)?;
    let head_bytes = response.head_bytes;
    if response.status < 200 && response.status != SWITCHING_PROTOCOLS {
        flight.informed += 1;
        if flight.informed > INFORMED_MAX {
            return Err(bad_response());
        }
        // RFC 9110 section 15.2: none to a client of HTTP/1.0; 100 only to one that asked for it.
        let passes = !order.is_http_10 && (response.status != 100 || order.expects_continue);
        if passes {
            let before = flight.spill.len();
            answer::write_informational(&mut flight.spill, &response);
            flight.head_bytes_sent += (flight.spill.len() - before) as u64;
        }
        flight.is_continued |= response.status == 100;
        flight.outbox.buffer_mut().consume(head_bytes);
        return Ok(true);
    }
    if response.status == SWITCHING_PROTOCOLS && flight.upload != Upload::Ended {
        return Err(bad_response());
    }
    let manner = answer::manner(&response, order, conn, flight.upload == Upload::Ended);
    let mut head = conn.client.worker().scratch();
    answer::write(&mut head, &response, &manner, order, conn, upstream);
    flight.status = response.status;
    flight.node_reason = answer::node_reason(&response, upstream);
    flight.head_bytes_sent += head.len() as u64;
    flight.keeps_client = manner.keeps_client;
    flight.keeps_upstream = response.keep_alive && manner.framing != Framing::Close;
    let is_switch = response.status == SWITCHING_PROTOCOLS;
    flight.outbox.buffer_mut().consume(head_bytes);
    conn.client.with_guard(|guard| InFlight::mark_answered(guard, flight.status));
    begin_body(flight, &manner, &head, order, is_switch)?;
    conn.client.worker().keep_scratch(head);
    Ok(true)
}

/// Puts the rewritten head before what came of the body with it, so that one write sends both.
fn begin_body(
    flight: &mut Flight,
    manner: &Manner,
    head: &[u8],
    order: &Order,
    is_switch: bool,
) -> Result<(), Box<Fault>> {
    if is_switch {
        flight.outbox.pass_all();
        flight.download = Download::Switched;
    } else {
        // Framing that the client cannot read is taken off.
        let mut body = Body::new(manner.framing, !order.is_http_10);
        if !body.is_done() && flight.outbox.has_unread() {
            flight.outbox.judge(&mut body).map_err(|_| bad_response())?;
            pass_on(flight, manner.in_chunks, body.framing_bytes());
        }
        flight.download = Download::Body { body, in_chunks: manner.in_chunks };
    }
    if flight.outbox.prepend(head) {
        flight.head_bytes = head.len();
    } else {
        flight.spill.extend_from_slice(head);
    }
    Ok(())
}

/// What is ready of the body may go out: as it came, with `framing_bytes` so far, or made a chunk.
fn pass_on(flight: &mut Flight, in_chunks: bool, framing_bytes: u64) {
    const END: &[u8] = b"\r\n";
    if !in_chunks {
        flight.framing_bytes = framing_bytes;
        return;
    }
    let count = flight.outbox.ready().len();
    if count > 0 {
        let head = ChunkHead::new(count);
        flight.outbox.append_few(END);
        let fits = flight.outbox.prepend(head.as_bytes());
        debug_assert!(fits, "a chunk's head is shorter than the head room");
        flight.framing_bytes += (head.as_bytes().len() + END.len()) as u64;
    }
}

/// The service has ended its side.
fn end_of_input(flight: &mut Flight) -> Result<(), Box<Fault>> {
    flight.keeps_upstream = false;
    let Download::Body { body, in_chunks } = &mut flight.download else { return Err(flight.lost()) };
    if body.end().is_err() {
        return Err(Fault::broken_off(End::UpstreamTruncated, Some(Failure::Truncated)));
    }
    if *in_chunks {
        flight.spill.extend_from_slice(h1::LAST_CHUNK);
        flight.framing_bytes += h1::LAST_CHUNK.len() as u64;
    }
    *body = Body::Done;
    Ok(())
}

fn bad_response() -> Box<Fault> {
    Fault::new(Ending::Begun, Failure::Truncated, refusal::BAD_RESPONSE)
}
