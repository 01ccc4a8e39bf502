//! A connection that is no longer HTTP: bytes go both ways until both sides have ended.
//!
//! When the relay drains, or the child does, the two ends are told politely: a WebSocket's client gets the
//! close frame of a server that goes away and answers it to the service; any other protocol sees the end of
//! the stream. What is left after that is cut by whoever drains.

use std::io;
use std::task::{Context, Poll};

use super::exchange::Ended;
use super::flight::Flight;
use super::frames::{Frames, GOING_AWAY};
use super::order::Upgrade;
use crate::access_log::End;
use crate::connection::Conn;
use crate::flow::Flow;
use crate::io::Io;
use crate::live::{Client, Signal};

/// One of the two directions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Open,
    /// Its source has ended, and its sink must hear of it.
    Ending,
    Ended,
}

/// How far a polite end is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Farewell {
    NotAsked,
    /// It is asked for, and a frame is under way.
    Due,
    /// The close frame is on its way; nothing of the service may follow it.
    Said,
}

struct Tunnel<'c> {
    conn: &'c mut Conn,
    service: Io,
    /// From the service to the client.
    outbox: Flow,
    up: Way,
    down: Way,
    frames: Option<Frames>,
    farewell: Farewell,
    /// Of the head of the answer, or of the close frame, what is not written.
    words: Vec<u8>,
    to_client: u64,
    to_service: u64,
}

/// How a tunnel ended, and what went through it.
pub(super) struct Past {
    pub(super) ended: Ended,
    pub(super) end: End,
    pub(super) to_client: u64,
    pub(super) to_service: u64,
}

/// Copies until the end; says why it ended.
pub(super) async fn run(conn: &mut Conn, flight: Flight, upgrade: Upgrade) -> Past {
    let Flight { wire, outbox, spill, head_bytes, .. } = flight;
    let (service, link) = wire.into_parts();
    conn.inbox.pass_all();
    let mut frames = (upgrade == Upgrade::WebSocket).then(Frames::default);
    if let Some(frames) = &mut frames {
        // What came with the head of the answer is the start of the first frames.
        frames.follow(&outbox.ready()[head_bytes.min(outbox.ready().len())..]);
    }
    let mut tunnel = Tunnel {
        conn,
        service,
        outbox,
        up: Way::Open,
        down: Way::Open,
        frames,
        farewell: Farewell::NotAsked,
        words: spill,
        to_client: 0,
        to_service: 0,
    };
    let (ended, end) = std::future::poll_fn(|cx| {
        let client = &tunnel.conn.client;
        let told = client.watch(cx);
        if told == Signal::Cut || link.watch(cx) {
            return Poll::Ready((Ended::Reset, End::Cut));
        }
        if client.has_expired() {
            return Poll::Ready((Ended::Reset, End::TunnelIdle));
        }
        if told == Signal::Finish || link.is_leaving() {
            tunnel.say_farewell();
        }
        match tunnel.poll(cx) {
            Err(_) => Poll::Ready((Ended::Reset, End::TunnelClosed)),
            Ok(()) if (tunnel.up, tunnel.down) == (Way::Ended, Way::Ended) => {
                Poll::Ready((Ended::Close, End::TunnelClosed))
            }
            Ok(()) => Poll::Pending,
        }
    })
    .await;
    let Tunnel { conn, outbox, to_client, to_service, .. } = tunnel;
    conn.client.worker().buffers().give_back(outbox.into_buffer());
    Past { ended, end, to_client, to_service }
}

impl Tunnel<'_> {
    fn poll(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let Conn { io, inbox, client, .. } = &mut *self.conn;
        self.to_service += poll_up(cx, &mut self.up, io, inbox, &mut self.service, client)?;
        self.poll_down(cx)?;
        // Whichever of both nobody reads now.
        self.conn.io.push(cx);
        self.service.push(cx);
        Ok(())
    }

    fn say_farewell(&mut self) {
        if self.farewell != Farewell::NotAsked {
            return;
        }
        match &self.frames {
            Some(frames) if frames.is_between() && !self.outbox.is_ready() => self.part(),
            Some(_) => self.farewell = Farewell::Due,
            None => {
                self.farewell = Farewell::Said;
                if self.down == Way::Open {
                    self.down = Way::Ending;
                }
            }
        }
    }

    /// Sends the close frame after everything that is ready.
    fn part(&mut self) {
        self.farewell = Farewell::Said;
        self.words.extend_from_slice(GOING_AWAY);
    }

    fn poll_down(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        loop {
            if self.outbox.is_ready() && (self.words.is_empty() || self.farewell == Farewell::Said) {
                let Poll::Ready(written) = self.conn.io.poll_write(cx, self.outbox.ready()) else {
                    return Ok(());
                };
                let written = written?;
                self.outbox.wrote(written);
                self.to_client += written as u64;
                self.conn.client.touch();
                continue;
            }
            if !self.words.is_empty() {
                let Poll::Ready(written) = self.conn.io.poll_write(cx, &self.words) else { return Ok(()) };
                self.words.drain(..written?);
                continue;
            }
            if self.farewell == Farewell::Due && self.frames.as_ref().is_some_and(Frames::is_between) {
                self.part();
                continue;
            }
            match self.down {
                Way::Open => {
                    let Poll::Ready(read) = self.service.poll_read(cx, self.outbox.buffer_mut()) else {
                        return Ok(());
                    };
                    if read? == 0 {
                        self.down = Way::Ending;
                    } else {
                        self.take();
                    }
                }
                Way::Ending => {
                    let Poll::Ready(finished) = self.conn.io.poll_finish(cx) else { return Ok(()) };
                    finished?;
                    self.down = Way::Ended;
                }
                Way::Ended => return Ok(()),
            }
        }
    }

    /// Readies what was read of the service, as far as it may still go to the client.
    fn take(&mut self) {
        self.conn.client.touch();
        match (self.farewell, &mut self.frames) {
            (Farewell::Said, _) => self.outbox.buffer_mut().clear(),
            (Farewell::NotAsked, frames) => {
                if let Some(frames) = frames {
                    frames.follow(self.outbox.buffer().filled());
                }
                self.outbox.pass_all();
            }
            (Farewell::Due, None) => self.outbox.pass_all(),
            (Farewell::Due, Some(frames)) => {
                let last = frames.frame(self.outbox.buffer().filled());
                let is_between = frames.is_between();
                self.outbox.pass_first(last);
                if is_between {
                    self.part();
                }
            }
        }
    }
}

/// Moves what can be moved from the client to the service; answers how many bytes.
fn poll_up(
    cx: &mut Context<'_>,
    way: &mut Way,
    source: &mut Io,
    flow: &mut Flow,
    sink: &mut Io,
    client: &Client,
) -> io::Result<u64> {
    let mut moved = 0;
    loop {
        if flow.is_ready() {
            let Poll::Ready(written) = sink.poll_write(cx, flow.ready()) else { return Ok(moved) };
            let written = written?;
            flow.wrote(written);
            moved += written as u64;
            client.touch();
            continue;
        }
        match way {
            Way::Open => {
                let Poll::Ready(read) = source.poll_read(cx, flow.buffer_mut()) else { return Ok(moved) };
                if read? == 0 {
                    *way = Way::Ending;
                } else {
                    flow.pass_all();
                    client.touch();
                }
            }
            Way::Ending => {
                let Poll::Ready(finished) = sink.poll_finish(cx) else { return Ok(moved) };
                finished?;
                *way = Way::Ended;
            }
            Way::Ended => return Ok(moved),
        }
    }
}
