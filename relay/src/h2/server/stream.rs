//! One stream of a client's connection: its request goes into a pipe whose far end is served as any
//! connection, and what comes back is its answer.
//!
//! Two tasks of the worker's runtime share it. One serves the request and writes it; it ends with the
//! exchange. The library's own sends the answer, and is ended here when the client takes none of it.

use std::cell::Cell;
use std::future::Future;
use std::rc::Rc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::rt::Executor;
use hyper::{Method, Request, Response};
use tokio::sync::Notify;

use super::answer::{self, Answer};
use super::request::{self, Written};
use super::session::Session;
use crate::connection;
use crate::h2::Broken;
use crate::h2::pipe::Pipe;
use crate::h2::writer::{self, Trailers};
use crate::io::Io;

pub(super) struct Stream {
    /// How often something was taken of its answer.
    taken: Cell<u64>,
    /// How long nothing may be, once all of it is there.
    patience: Duration,
    exchange_ended: Notify,
}

/// Spawns the library's tasks.
#[derive(Clone)]
pub(super) struct Spawn(Rc<Session>);

/// Begins to serve a request; its answer is what the future gives.
pub(super) fn serve(
    session: &Rc<Session>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<Answer>, Broken>> + use<> {
    let patience = session.client().worker().settings().body_idle_timeout;
    let stream = Rc::new(Stream { taken: Cell::new(0), patience, exchange_ended: Notify::new() });
    session.keep(Rc::clone(&stream));
    let (pipe, far) = Pipe::pair();
    let to_head = request.method() == Method::HEAD;
    let (head, body) = request.into_parts();
    let written = request::write(&head, &body);
    // Owned by the worker's runtime; the worker's table counts it while it serves.
    tokio::task::spawn_local(exchange(
        Rc::clone(session),
        Rc::clone(&stream),
        pipe.clone(),
        far,
        written,
        body,
    ));
    answer::read(pipe, to_head, stream)
}

async fn exchange(
    session: Rc<Session>,
    stream: Rc<Stream>,
    pipe: Pipe,
    far: Io,
    written: Written,
    mut body: Incoming,
) {
    let client = session.client();
    let worker = Rc::clone(client.worker());
    let upload = async {
        let is_sent = pipe.write_all(&written.head).await.is_ok()
            && writer::write(&pipe, &mut body, written.coding, Trailers::All).await.is_ok();
        if !is_sent {
            // The client has taken its request back, or the service has had enough of it.
            pipe.close();
        }
        std::future::pending().await
    };
    tokio::select! {
        biased;
        () = connection::serve_stream(worker, far, client) => (),
        () = upload => (),
    }
    stream.exchange_ended.notify_one();
}

impl Stream {
    /// A part of the answer was taken.
    pub(super) fn take(&self) {
        self.taken.set(self.taken.get().wrapping_add(1));
    }

    /// Ends when nothing was taken for too long. A client that keeps its window shut would otherwise keep
    /// the stream for ever.
    async fn is_stuck(&self) {
        self.exchange_ended.notified().await;
        loop {
            let taken = self.taken.get();
            tokio::time::sleep(self.patience).await;
            if self.taken.get() == taken {
                return;
            }
        }
    }
}

impl Spawn {
    pub(super) fn new(session: &Rc<Session>) -> Spawn {
        Spawn(Rc::clone(session))
    }
}

impl<F: Future<Output = ()> + 'static> Executor<F> for Spawn {
    /// The library asks the service for a future, and hands the stream over that has it: one after the
    /// other, so that the stream which was made last is the one that comes.
    fn execute(&self, future: F) {
        let Some(stream) = self.0.take() else {
            tokio::task::spawn_local(future);
            return;
        };
        let open = self.0.open();
        tokio::task::spawn_local(async move {
            tokio::select! {
                biased;
                () = future => (),
                () = stream.is_stuck() => (),
            }
            drop(open);
        });
    }
}
