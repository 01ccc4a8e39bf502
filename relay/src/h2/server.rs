//! A client's connection that speaks HTTP/2: its streams, its patience and its end.
//!
//! The connection is the one entry of its client in the worker's table that counts as a connection. Each
//! stream has an entry of its own, for its request.

mod answer;
mod request;
mod session;
mod stream;

use std::cell::RefCell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::task::Poll;
use std::time::Duration;

use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};

use super::{FIELD_BYTES_MAX, SEND_BYTES_MAX, STREAM_WINDOW};
use crate::flow::Flow;
use crate::io::Io;
use crate::live::{Client, Signal};
use session::{Begun, Session};

/// Streams a client may have at a time (RFC 9113, section 6.5.2: no fewer than 100; nginx's is 128).
const STREAMS_MAX: u32 = 128;

/// What all streams of a client together may have sent that nobody has taken.
const CLIENT_WINDOW: u32 = 1024 * 1024;

/// Silence after which a client must answer a PING, and how long it has for that: as it is asked by TCP, in
/// case that something between answers in its place.
const PING_EVERY: Duration = Duration::from_secs(60);
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// How a connection ended that did not fail.
enum Ended {
    /// All streams were served, and the client knows that there will be no more.
    Said,
    /// Its time was over.
    Cut,
}

/// Serves a connection of which `inbox` was read: the start of the preface, or more. Gives the stream back
/// where all was said on it, and the client's last words may be coming.
pub(crate) async fn serve(mut io: Io, inbox: Flow, client: &Rc<Client>) -> Option<Io> {
    io.register().ok()?;
    let worker = Rc::clone(client.worker());
    let io = Rc::new(RefCell::new(io));
    let begun = Begun::new(Rc::clone(&io), inbox.buffer().filled());
    worker.buffers().give_back(inbox.into_buffer());
    let ended = run(begun, client).await;
    if let Err(error) = &ended {
        tracing::debug!(client = %client.address(), %error, "a connection of HTTP/2 failed");
    }
    // Nobody else has it any more.
    let io = Rc::try_unwrap(io).ok()?.into_inner();
    matches!(ended, Ok(Ended::Said)).then_some(io)
}

/// Serves its streams until it ends.
async fn run(begun: Begun, client: &Rc<Client>) -> Result<Ended, hyper::Error> {
    let worker = client.worker();
    let front = worker.settings().front;
    let session = Rc::new(Session::new(Rc::clone(client)));
    let streams = Rc::clone(&session);
    let service = service_fn(move |request| stream::serve(&streams, request));
    let mut connection = pin!(builder(&session, front).serve_connection(TokioIo::new(begun), service));
    std::future::poll_fn(|cx| {
        let told = client.watch(cx);
        let has_expired = client.has_expired();
        if told == Signal::Cut || has_expired && session.is_leaving() {
            return Poll::Ready(Ok(Ended::Cut));
        }
        let must_leave = told == Signal::Finish || has_expired || client.is_leaving();
        if must_leave && !session.is_leaving() {
            // The client is told twice, and what it sends between is served (RFC 9113, section 6.8).
            session.leave();
            connection.as_mut().graceful_shutdown();
        }
        connection.as_mut().poll(cx).map_ok(|()| Ended::Said)
    })
    .await
}

fn builder(session: &Rc<Session>, front: bool) -> Builder<stream::Spawn> {
    let mut builder = Builder::new(stream::Spawn::new(session));
    // Behind a front end a connection carries many clients, and one must not stand in the others' way.
    let window = if front { CLIENT_WINDOW } else { STREAMS_MAX * STREAM_WINDOW };
    builder
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_TIMEOUT)
        .max_concurrent_streams(STREAMS_MAX)
        .max_header_list_size(FIELD_BYTES_MAX)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(window)
        .adaptive_window(false)
        .max_send_buf_size(SEND_BYTES_MAX)
        .auto_date_header(false);
    builder
}
