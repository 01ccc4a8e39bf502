//! One request on its way over an uplink, from the head that an exchange writes to the end of its answer.

use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use http::Response;
use hyper::body::Incoming;
use tokio::sync::Notify;

use super::request::{self, Asked, Question};
use super::uplink::Place;
use super::{Uplinks, answer};
use crate::h2::pipe::Pipe;
use crate::h2::reader::Reader;
use crate::io::Io;
use crate::refusal::{Manner, Refusal};

/// How often a request goes to another uplink, because the one it was given to took none any more.
const MOVES_MAX: u32 = 2;

/// Begins to serve a wire; gives the exchange's end of it.
pub(super) fn begin(uplinks: Rc<Uplinks>, place: Place, timeout: Duration) -> Io {
    let (pipe, far) = Pipe::pair();
    // Owned by the worker's runtime; it ends with the exchange, which has the far end.
    tokio::task::spawn_local(async move {
        run(&uplinks, place, &pipe, timeout).await;
        pipe.finish().await;
    });
    far
}

/// An end without an answer, or within it, is all that the exchange hears of a failure: it judges.
async fn run(uplinks: &Uplinks, place: Place, pipe: &Pipe, timeout: Duration) {
    let mut unread = BytesMut::new();
    let asked = loop {
        match request::take_head(&mut unread) {
            Ok(Some(asked)) => break asked,
            Ok(None) => (),
            Err(refusal) => return refuse(pipe, &refusal).await,
        }
        if !matches!(pipe.read(&mut unread).await, Ok(1..)) {
            return;
        }
    };
    let Asked { request, framing, to_head, expects_continue } = asked;
    let ended = Rc::new(Notify::new());
    let question = Question::new(Reader::new(pipe.clone(), unread, framing), Rc::clone(&ended));
    let request = request.map(|()| question);
    let gone = async {
        // Until then the body is read, and its reader sees the end.
        ended.notified().await;
        pipe.gone().await;
    };
    let answered = async {
        if expects_continue && pipe.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
            return;
        }
        if let Some((answer, _place)) = ask(uplinks, place, request, timeout).await
            && let Err(broken) = answer::write(pipe, answer, to_head).await
        {
            tracing::debug!(%broken, "an answer of HTTP/2 broke off");
        }
    };
    tokio::select! {
        biased;
        () = gone => (),
        () = answered => (),
    }
}

/// Sends the request, on another uplink where it was not sent at all.
async fn ask(
    uplinks: &Uplinks,
    mut place: Place,
    mut request: http::Request<Question>,
    timeout: Duration,
) -> Option<(Response<Incoming>, Place)> {
    for _ in 0..=MOVES_MAX {
        match place.sender().try_send_request(request).await {
            Ok(answer) => return Some((answer, place)),
            Err(mut failed) => {
                request = failed.take_message()?;
                drop(place);
                place = tokio::time::timeout(timeout, uplinks.place()).await.ok()?.ok()?;
            }
        }
    }
    None
}

async fn refuse(pipe: &Pipe, refusal: &Refusal) {
    let mut answer = Vec::new();
    refusal.write(&mut answer, Manner { close: true, ..Manner::default() });
    // Nobody may be there any more.
    let _ = pipe.write_all(&answer).await;
}
