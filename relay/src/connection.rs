//! The client's side of one connection, from accept to close.

use std::future::{self, Future};
use std::net::{IpAddr, TcpStream};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::Instant;

use crate::flow::Flow;
use crate::forward::{self, Ended, Exchange, Order, Trace};
use crate::h1::Fault;
use crate::h2;
use crate::io::Io;
use crate::live::{Arrival, Client, Phase, Signal, Ticket};
use crate::lookout::Lookout;
use crate::proxy_protocol::Malformed;
use crate::refusal::{self, Manner, Refusal};
use crate::tls;
use crate::worker::Worker;

/// A connection with bytes on their way.
pub(crate) struct Conn {
    pub(crate) io: Io,
    /// From the client.
    pub(crate) inbox: Flow,
    pub(crate) client: Rc<Client>,
    /// For the client's end, where nothing was read for a while.
    pub(crate) lookout: Option<Lookout>,
    /// When a head began that did not come whole.
    head_began: Option<Instant>,
}

/// What comes next on a connection.
enum Next {
    Request,
    Refuse(Refusal),
    /// Nothing yet, and not a byte of it.
    Rest,
    /// Nothing.
    End,
}

/// What became of a connection that had bytes on their way.
enum Served {
    Http1(Ended),
    /// What has come of it is the start of HTTP/2.
    Http2,
}

/// Serves one client until its connection ends, or the worker ends it; in the worker's table from this call on.
pub(crate) fn serve(worker: Rc<Worker>, io: Io, address: IpAddr) -> impl Future<Output = ()> {
    let client = Client::new(Rc::clone(&worker), address, Arrival::Connection);
    serve_as(worker, io, client)
}

/// Serves one stream of that client's connection.
pub(crate) fn serve_stream(worker: Rc<Worker>, io: Io, of: &Client) -> impl Future<Output = ()> + use<> {
    let client = Client::new(Rc::clone(&worker), of.address(), Arrival::Stream);
    if of.is_secured() {
        client.secure();
    }
    if let Some(peer) = of.peer() {
        client.name(Arc::clone(peer));
    }
    serve_as(worker, io, client)
}

fn serve_as(worker: Rc<Worker>, mut io: Io, client: Client) -> impl Future<Output = ()> {
    let client = Rc::new(client);
    let member = worker.enter(Rc::clone(&client));
    async move {
        let _member = member;
        while rest(&mut io, &client).await {
            // On the heap, and gone while the connection rests.
            match Box::pin(wake(io, &client)).await {
                Some(kept) => io = kept,
                None => return,
            }
        }
    }
}

/// Serves one client that must speak TLS; a future of its own, so that the others do not grow.
pub(crate) fn serve_secured(worker: Rc<Worker>, tcp: TcpStream, address: IpAddr) -> impl Future<Output = ()> {
    let client = Rc::new(Client::new(Rc::clone(&worker), address, Arrival::Connection));
    let member = worker.enter(Rc::clone(&client));
    async move {
        let _member = member;
        let Some(server) = worker.tls() else { return };
        let Some(mut io) = Box::pin(tls::accept(tcp, &client, server)).await else { return };
        while rest(&mut io, &client).await {
            match Box::pin(wake(io, &client)).await {
                Some(kept) => io = kept,
                None => return,
            }
        }
        part(&mut io, &client).await;
    }
}

/// Waits without a buffer until something comes; false when the connection is to end. A new connection is
/// looked at first: its request has mostly come with it.
async fn rest(io: &mut Io, client: &Client) -> bool {
    if client.phase() != Phase::Fresh && io.register().is_err() {
        return false;
    }
    future::poll_fn(|cx| {
        let told = client.watch(cx);
        // A request that is here already is served, even if its connection was about to end.
        if told < Signal::Cut && io.poll_readable(cx).is_ready() {
            return Poll::Ready(true);
        }
        if told > Signal::None || client.has_expired() { Poll::Ready(false) } else { Poll::Pending }
    })
    .await
}

/// Closes a connection that is one too many, and writes that down: an answer would be worth a handshake, and those
/// are what there is too much of.
pub(crate) fn turn_away_secured(worker: &Rc<Worker>, address: IpAddr) {
    let client = Client::new(Rc::clone(worker), address, Arrival::Connection);
    let order = worker.order();
    Trace::refused(&client, None, &refusal::TOO_MANY_CONNECTIONS).close(&order, &client);
    worker.keep_order(order);
}

/// Answers a connection that is one too many, and writes that down. No request of it is waited for.
pub(crate) async fn turn_away(worker: Rc<Worker>, mut io: Io, address: IpAddr) {
    let client = Client::new(Rc::clone(&worker), address, Arrival::Connection);
    let trace = Trace::refused(&client, None, &refusal::TOO_MANY_CONNECTIONS);
    let mut answer = Vec::new();
    refusal::TOO_MANY_CONNECTIONS.write(&mut answer, Manner { close: true, ..Manner::default() });
    future::poll_fn(|cx| io.poll_write(cx, &answer).map(|_| ())).await;
    let order = worker.order();
    trace.close(&order, &client);
    worker.keep_order(order);
    // What it has sent is read, so that the close does not take the answer away; nobody waits for more.
    let mut buffer = worker.buffers().take();
    future::poll_fn(|cx| {
        let _ = io.poll_finish(cx);
        let _ = io.poll_read(cx, &mut buffer);
        Poll::Ready(())
    })
    .await;
    worker.buffers().give_back(buffer);
}

/// Serves what has come; gives the stream back when the connection rests again.
async fn wake(io: Io, client: &Rc<Client>) -> Option<Io> {
    let worker = client.worker();
    let inbox = Flow::new(worker.buffers().take());
    let mut conn = Conn { io, inbox, client: Rc::clone(client), lookout: None, head_began: None };
    let mut order = worker.order();
    let served = conn.serve(&mut order).await;
    worker.keep_order(order);
    let Conn { mut io, inbox, .. } = conn;
    let Served::Http1(ended) = served else {
        // On the heap: it would make every other connection larger.
        if let Some(mut io) = Box::pin(h2::serve(io, inbox, client)).await {
            linger(&mut io, client).await;
        }
        return None;
    };
    worker.buffers().give_back(inbox.into_buffer());
    match ended {
        Ended::Keep => return Some(io),
        Ended::Close if io.is_secured() => Box::pin(part(&mut io, client)).await,
        Ended::Close => (),
        Ended::Linger => Box::pin(linger(&mut io, client)).await,
        Ended::Reset => io.reset_at_close(),
    }
    None
}

/// Sends what TLS has taken and not sent, and says that no more comes: without that word the client would have to
/// take the end for a cut.
async fn part(io: &mut Io, client: &Rc<Client>) {
    client.enter(Phase::Delivering);
    future::poll_fn(|cx| {
        if client.watch(cx) == Signal::Cut || client.has_expired() {
            return Poll::Ready(());
        }
        io.poll_finish(cx).map(|_| ())
    })
    .await;
}

/// Ends our side and lets the client's last words come, for a while.
async fn linger(io: &mut Io, client: &Rc<Client>) {
    if io.is_secured() {
        part(io, client).await;
    }
    client.enter(Phase::Lingering);
    if io.register().is_err() {
        return;
    }
    let mut buffer = client.worker().buffers().take();
    future::poll_fn(|cx| {
        if client.watch(cx) == Signal::Cut || client.has_expired() {
            return Poll::Ready(());
        }
        if io.poll_finish(cx).is_pending() {
            return Poll::Pending;
        }
        loop {
            buffer.clear();
            match io.poll_read(cx, &mut buffer) {
                Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(()),
                Poll::Ready(Ok(_)) => (),
                Poll::Pending => return Poll::Pending,
            }
        }
    })
    .await;
    client.worker().buffers().give_back(buffer);
}

impl Conn {
    /// Serves requests as long as there are bytes of one; `Keep` when the connection rests.
    async fn serve(&mut self, order: &mut Order) -> Served {
        let mut is_first = self.client.phase() != Phase::Idle;
        loop {
            match self.next(order).await {
                Next::Request => {
                    let ticket = Ticket::open(Rc::clone(&self.client));
                    let began = self.head_began.take();
                    let ended = Exchange::new(self, order, began).run().await;
                    drop(ticket);
                    if ended != Ended::Keep {
                        return Served::Http1(ended);
                    }
                    is_first = false;
                    // Who drains lets a request that is here already be served.
                    if self.inbox.buffer().is_empty() {
                        return Served::Http1(Ended::Keep);
                    }
                    // One after the other without a rest: the runtime must know, so that others have their turn.
                    if self.client.told() == Signal::Cut || self.io.register().is_err() {
                        return Served::Http1(Ended::Close);
                    }
                }
                // The codec of HTTP/1 knows the start of HTTP/2 for a version that it does not speak.
                Next::Refuse(_) if is_first && h2::is_preface(self.inbox.buffer().filled()) => {
                    return Served::Http2;
                }
                Next::Refuse(refusal) => return Served::Http1(self.refuse(&refusal, order).await),
                Next::Rest => return Served::Http1(Ended::Keep),
                Next::End => return Served::Http1(Ended::Close),
            }
        }
    }

    /// Reads until a head is whole.
    async fn next(&mut self, order: &mut Order) -> Next {
        let mut looked_at = 0;
        if self.inbox.is_ready() {
            // These belong to the request before, which did not take them: nothing can be told from them.
            return Next::End;
        }
        if !self.inbox.buffer().is_empty() {
            self.client.enter(Phase::Head);
        }
        future::poll_fn(|cx| {
            loop {
                if !self.client.is_introduced() && !self.inbox.buffer().is_empty() {
                    match self.client.take_introduction(self.inbox.buffer_mut()) {
                        Ok(true) => {
                            looked_at = 0;
                            if self.inbox.buffer().is_empty() {
                                self.client.enter_again(Phase::Fresh);
                            }
                        }
                        Ok(false) => (),
                        Err(Malformed) => return Poll::Ready(Next::End),
                    }
                }
                let bytes = self.inbox.buffer().filled();
                // A head ends with a line, so only a line end is a reason to look.
                let has_line = memchr::memchr(b'\n', &bytes[looked_at..]).is_some();
                if self.client.is_introduced() && (has_line || self.inbox.buffer().is_full()) {
                    match self.take_head(order) {
                        Ok(true) => return Poll::Ready(Next::Request),
                        Ok(false) => (),
                        Err(fault) => return Poll::Ready(Next::Refuse(Refusal::of_fault(fault))),
                    }
                }
                looked_at = self.inbox.buffer().len();
                match self.io.poll_read(cx, self.inbox.buffer_mut()) {
                    Poll::Ready(Ok(0) | Err(_)) => return Poll::Ready(Next::End),
                    Poll::Ready(Ok(_)) => self.client.enter(Phase::Head),
                    Poll::Pending => {
                        if self.head_began.is_none() && !self.inbox.buffer().is_empty() {
                            self.head_began = Some(Instant::now());
                        }
                        return self.poll_patience(cx);
                    }
                }
            }
        })
        .await
    }

    fn take_head(&mut self, order: &mut Order) -> Result<bool, Fault> {
        let bytes = self.inbox.buffer().filled();
        let Some(head_bytes) = forward::take_in(order, bytes, &self.client)? else { return Ok(false) };
        self.inbox.buffer_mut().consume(head_bytes);
        Ok(true)
    }

    /// How long a head may take.
    fn poll_patience(&self, cx: &std::task::Context<'_>) -> Poll<Next> {
        let has_begun = !self.inbox.buffer().is_empty();
        match self.client.watch(cx) {
            Signal::Cut => return Poll::Ready(Next::End),
            Signal::Finish if !has_begun => return Poll::Ready(Next::End),
            Signal::Finish | Signal::None => (),
        }
        // A pipe cannot rest: it does not tell when something comes.
        if !has_begun && !matches!(self.io, Io::Pipe(_)) {
            return Poll::Ready(Next::Rest);
        }
        if !self.client.has_expired() {
            return Poll::Pending;
        }
        Poll::Ready(Next::Refuse(refusal::HEAD_TIMEOUT))
    }

    /// Answers what is no request.
    async fn refuse(&mut self, refusal: &Refusal, order: &mut Order) -> Ended {
        order.clear();
        let trace = Trace::refused(&self.client, self.head_began.take(), refusal);
        let mut answer = Vec::new();
        refusal.write(&mut answer, Manner { close: true, ..Manner::default() });
        let is_written = self.write_all(&answer).await;
        trace.close(order, &self.client);
        if is_written { Ended::Linger } else { Ended::Close }
    }

    /// Writes to the client; false when that cannot be done any more.
    pub(crate) async fn write_all(&mut self, mut bytes: &[u8]) -> bool {
        self.client.enter(Phase::Delivering);
        future::poll_fn(|cx| {
            while !bytes.is_empty() {
                if self.client.watch(cx) == Signal::Cut || self.client.has_expired() {
                    return Poll::Ready(false);
                }
                match self.io.poll_write(cx, bytes) {
                    Poll::Ready(Ok(count)) => bytes = &bytes[count..],
                    Poll::Ready(Err(_)) => return Poll::Ready(false),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(true)
        })
        .await
    }
}
