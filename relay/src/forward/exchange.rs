//! The attempts of one request: pick, send, and either pass the answer on or judge whether to go again.

use std::future::{self, Future};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::download::Download;
use super::fault::Fault;
use super::flight::Flight;
use super::order::{Method, Order};
use super::trace::Trace;
use super::tried::Tried;
use super::tunnel;
use super::upload::Upload;
use crate::access_log::End;
use crate::buffer::ROOM;
use crate::connection::Conn;
use crate::dispatch::{Failure, Head, Pick};
use crate::flow::Flow;
use crate::live::{Phase, Signal};
use crate::pool::Wire;
use crate::refusal::{self, Manner, Refusal};
use crate::retry::{Attempt, Ending, History, Verdict};
use crate::upstream::{InFlight, Upstream};
use crate::worker::{PaidRepeat, Worker};

/// What becomes of a connection after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// Another request may follow.
    Keep,
    /// It ends here, and all that was sent on it was read.
    Close,
    /// It ends here; more may be coming that nobody reads.
    Linger,
    /// It ends with a reset: nobody may take this for a proper end.
    Reset,
}

/// One request's way to its answer.
pub(crate) struct Exchange<'c> {
    conn: &'c mut Conn,
    order: &'c mut Order,
    worker: Rc<Worker>,
    tried: Tried,
    history: History,
    paid: Option<PaidRepeat>,
    trace: Trace,
}

impl<'c> Exchange<'c> {
    /// `began` is when the first byte of the head came, where that was before its last.
    pub(crate) fn new(conn: &'c mut Conn, order: &'c mut Order, began: Option<Instant>) -> Exchange<'c> {
        let worker = Rc::clone(conn.client.worker());
        let trace = Trace::new(&conn.client, began);
        let (tried, history) = (Tried::default(), History::default());
        Exchange { conn, order, worker, tried, history, paid: None, trace }
    }

    /// Brings the request to its end, and writes down how it went.
    pub(crate) async fn run(&mut self) -> Ended {
        let ended = self.answer().await;
        self.trace.close(self.order, &self.conn.client);
        ended
    }

    /// Attempts until there is an answer, or none is to be had.
    async fn answer(&mut self) -> Ended {
        if let Err(fault) = self.take_start() {
            return Box::pin(self.give_up(*fault)).await;
        }
        loop {
            let upstream = match self.pick().await {
                Ok(guard) => {
                    self.trace.picked(guard.started());
                    let upstream = Arc::clone(guard.upstream());
                    self.conn.client.hold(guard);
                    upstream
                }
                Err(fault) => return Box::pin(self.give_up(*fault)).await,
            };
            match self.attempt(&upstream).await {
                Ok(ended) => return ended,
                Err(fault) => {
                    if let Some(fault) = self.settle(*fault, &upstream) {
                        return Box::pin(self.give_up(fault)).await;
                    }
                }
            }
        }
    }

    /// Takes as much of the body as is here and can be kept.
    fn take_start(&mut self) -> Result<(), Box<Fault>> {
        self.conn.check_length(self.order)?;
        while !self.order.body.is_done()
            && self.order.start.len() < ROOM
            && self.conn.inbox.has_unread()
            && self.conn.judge_body(self.order)?
        {
            let ready = self.conn.inbox.ready().len();
            self.order.start.extend_from_slice(self.conn.inbox.ready());
            self.order.received += ready as u64;
            self.conn.inbox.wrote(ready);
        }
        Ok(())
    }

    /// Asks the dispatcher, and waits where it says so.
    async fn pick(&mut self) -> Result<InFlight, Box<Fault>> {
        let mut pick = self.ask();
        loop {
            match pick {
                Pick::Forward(guard) => return Ok(guard),
                Pick::Wait(mut later) => {
                    pick = future::poll_fn(|cx| self.poll_wait(cx, later.as_mut())).await?;
                }
                Pick::Refuse(refusal) => return Err(Fault::of_client(refusal)),
            }
        }
    }

    /// Waits for the dispatcher, and meanwhile for the client, which may go away or send more of its body.
    fn poll_wait(
        &mut self,
        cx: &mut Context<'_>,
        later: Pin<&mut (dyn Future<Output = Pick> + Send)>,
    ) -> Poll<Result<Pick, Box<Fault>>> {
        if let Poll::Ready(pick) = later.poll(cx) {
            return Poll::Ready(Ok(pick));
        }
        match self.poll_client(cx) {
            Ok(()) => Poll::Pending,
            Err(fault) => Poll::Ready(Err(fault)),
        }
    }

    /// Takes what comes from the client while the request is nowhere.
    fn poll_client(&mut self, cx: &mut Context<'_>) -> Result<(), Box<Fault>> {
        if self.conn.client.watch(cx) == Signal::Cut {
            return Err(Fault::cut());
        }
        if self.order.body.is_done() && self.conn.is_unwatched() {
            return Ok(());
        }
        while !self.conn.inbox.buffer().is_full() && self.order.start.len() < ROOM {
            match self.conn.io.poll_read(cx, self.conn.inbox.buffer_mut()) {
                Poll::Ready(Ok(0)) if self.order.body.is_done() => return Err(Fault::client_gone()),
                Poll::Ready(Ok(0)) => return Err(Fault::of_client(refusal::BAD_BODY)),
                Poll::Ready(Ok(_)) => self.take_start()?,
                Poll::Ready(Err(_)) => return Err(Fault::client_gone()),
                Poll::Pending => return Ok(()),
            }
        }
        self.conn.io.push(cx);
        match self.conn.poll_broken_off(cx) {
            Poll::Ready(()) => Err(Fault::client_gone()),
            Poll::Pending => Ok(()),
        }
    }

    fn ask(&self) -> Pick {
        let order = &*self.order;
        let client = &self.conn.client;
        let head =
            Head::of_ascii(order.method_bytes(), order.target_bytes(), order.token(), client.address());
        let head = head.of_peer(client.peer().map(|peer| &**peer));
        self.worker.dispatch().pick(&head, self.tried.ids())
    }

    /// Sends the request to `upstream` and passes its answer on.
    async fn attempt(&mut self, upstream: &Arc<Upstream>) -> Result<Ended, Box<Fault>> {
        self.tried.add(upstream.id());
        self.order.ready(upstream.token_field());
        // It would not be repeated once it is written.
        let has_one_chance = !self.order.method.is_safe() || self.order.has_body;
        while let Some(wire) = self.worker.pool().checkout(upstream, has_one_chance) {
            match self.fly(wire).await {
                // It was closed while it rested and nothing was written: that says nothing about the upstream.
                Err(fault) if fault.ending == Ending::NotWritten => (),
                ended => return ended,
            }
        }
        let wire = self.connect(upstream).await?;
        // More of the body may have come meanwhile.
        self.order.ready(upstream.token_field());
        self.fly(wire).await
    }

    /// On the heap, because it is seldom needed and would make every exchange larger.
    async fn connect(&mut self, upstream: &Arc<Upstream>) -> Result<Wire, Box<Fault>> {
        let worker = Rc::clone(&self.worker);
        let timeout = worker.settings().connect_timeout;
        let began = Instant::now();
        let mut connect = Box::pin(async move { worker.pool().connect(upstream, timeout).await });
        let connected = future::poll_fn(|cx| match connect.as_mut().poll(cx) {
            Poll::Ready(connected) => Poll::Ready(connected.map_err(Fault::not_connected)),
            Poll::Pending => match self.poll_client(cx) {
                Ok(()) => Poll::Pending,
                Err(fault) => Poll::Ready(Err(fault)),
            },
        })
        .await;
        self.trace.connected(began.elapsed());
        connected
    }

    async fn fly(&mut self, wire: Wire) -> Result<Ended, Box<Fault>> {
        self.conn.client.touch();
        let outbox = Flow::new(self.worker.buffers().take());
        let mut flight = Flight::new(wire, outbox);
        let mut flown = future::poll_fn(|cx| flight.poll(cx, self.conn, self.order)).await;
        self.note(&flight);
        if let Err(fault) = &mut flown
            && !flight.spill.is_empty()
            && flight.delivered > 0
        {
            // The client has a part of an informational answer: no other can begin within it.
            fault.refusal = None;
            fault.end = End::UpstreamTruncated;
        }
        if flown.is_ok() && matches!(flight.download, Download::Switched) {
            return Ok(Box::pin(self.switch(flight)).await);
        }
        let Flight { wire, outbox, upload, is_stuck, keeps_upstream, keeps_client, .. } = flight;
        self.worker.buffers().give_back(outbox.into_buffer());
        if flown.is_err() && is_stuck {
            // An end would wait behind what the service does not take.
            wire.io.reset_at_close();
        }
        flown?;
        let all_sent = upload == Upload::Ended;
        if all_sent && keeps_upstream {
            wire.put_back(self.worker.now());
        }
        Ok(match (all_sent, keeps_client) {
            (true, true) => Ended::Keep,
            (true, false) => Ended::Close,
            (false, _) => Ended::Linger,
        })
    }

    fn note(&mut self, flight: &Flight) {
        let trace = &mut self.trace;
        if let Some(answered) = flight.answered {
            trace.answered(answered);
        }
        trace.status = flight.status;
        trace.ended = flight.node_reason.map_or(trace.ended, End::Refused);
        trace.response_bytes = flight.content_bytes();
        trace.client_sent += flight.delivered;
        trace.upstream_received += flight.received;
        trace.upstream_sent += flight.written;
    }

    /// The connection is no longer HTTP.
    async fn switch(&mut self, flight: Flight) -> Ended {
        let client = Rc::clone(&self.conn.client);
        client.enter(Phase::Upgraded);
        let weight = self.worker.settings().long_lived_thousandths();
        client.with_guard(|guard| guard.weigh_long_lived(weight));
        let head_bytes = flight.head_bytes_sent;
        let past = tunnel::run(self.conn, flight, self.order.upgrade).await;
        self.trace.ended = past.end;
        self.trace.response_bytes = past.to_client.saturating_sub(head_bytes);
        self.trace.client_sent += past.to_client;
        self.trace.upstream_received += past.to_client;
        self.trace.upstream_sent += past.to_service;
        self.order.received += past.to_service;
        past.ended
    }

    /// Tells of a failed attempt and readies the next; gives the fault back where there is none.
    fn settle(&mut self, fault: Fault, upstream: &Arc<Upstream>) -> Option<Fault> {
        if let Some(failure) = fault.failure {
            self.worker.dispatch().failed(upstream, failure);
            if failure != Failure::Refused {
                self.worker.pool().forget_idle(upstream);
            }
        }
        if fault.refusal.is_none() {
            // Its guard is held until it is written down who served.
            return Some(fault);
        }
        drop(self.conn.client.release());
        self.conn.client.enter(Phase::Asked);
        let attempt = Attempt {
            ending: fault.ending,
            at_front: self.worker.settings().front,
            is_safe: self.order.method.is_safe(),
            // What streams after the start is gone once it is taken.
            can_be_sent_again: fault.ending == Ending::NotWritten
                || self.order.is_all_in_start() && !self.conn.inbox.is_ready(),
            body_started: self.order.has_body,
        };
        let may_repeat = match self.history.judge(attempt) {
            Verdict::GiveUp => false,
            Verdict::Free => true,
            Verdict::Paid => {
                self.paid = self.paid.take().or_else(|| self.worker.paid_repeat());
                self.paid.is_some()
            }
        };
        if may_repeat {
            tracing::debug!(upstream = upstream.name(), ending = ?fault.ending, "a request goes out again");
            self.worker.metrics().retried();
            self.trace.retries = self.trace.retries.saturating_add(1);
            return None;
        }
        tracing::debug!(
            upstream = upstream.name(),
            ending = ?fault.ending,
            failure = ?fault.failure,
            retries = self.trace.retries,
            "a request is given up"
        );
        Some(fault)
    }

    /// Answers for a service that did not. A node says so when the service may have done its part, so that
    /// the front end does not take it for an answer.
    async fn give_up(&mut self, fault: Fault) -> Ended {
        let Some(refusal) = &fault.refusal else {
            self.trace.ended = fault.end;
            return match fault.end {
                End::ClientGone => Ended::Close,
                _ => Ended::Reset,
            };
        };
        drop(self.conn.client.release());
        self.trace.ended = End::Refused(refusal.reason);
        self.trace.status = refusal.status;
        if refusal.status == 503 {
            self.worker.metrics().refused();
        }
        // What was judged and not written is still in the inbox: no further request can follow it.
        let all_read = self.order.body.is_done() && !self.conn.inbox.is_ready();
        let keeps =
            all_read && self.order.keep_alive && !self.conn.client.is_leaving() && !is_the_clients(refusal);
        let manner = Manner {
            close: !keeps,
            keeps_http_10: self.order.is_http_10,
            to_head: self.order.method == Method::Head,
            refused: fault.ending == Ending::Refused && !self.worker.settings().front,
            lost: matches!(fault.ending, Ending::NoAnswer | Ending::Severed) && !self.worker.settings().front,
        };
        let mut answer = self.worker.scratch();
        refusal.write(&mut answer, manner);
        let is_written = self.conn.write_all(&answer).await;
        self.trace.client_sent += answer.len() as u64;
        self.trace.response_bytes = if manner.to_head { 0 } else { refusal.text.len() as u64 + 1 };
        self.worker.keep_scratch(answer);
        match (is_written, keeps) {
            (true, true) => Ended::Keep,
            (true, false) if all_read => Ended::Close,
            (true, false) => Ended::Linger,
            (false, _) => Ended::Close,
        }
    }
}

/// Whether the client's own bytes are in doubt, so that no further request can be told from them.
fn is_the_clients(refusal: &Refusal) -> bool {
    matches!(refusal.status, 400 | 408 | 413)
}
