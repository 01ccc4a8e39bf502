//! One request on its way over an uplink, from the head that an exchange writes to the end of its answer.

use std::error::Error;
use std::rc::Rc;
use std::time::Duration;

use bytes::BytesMut;
use http::Response;
use hyper::body::Incoming;

use super::request::{self, Asked, Question};
use super::uplink::Place;
use super::{Uplinks, answer};
use crate::h2::pipe::Pipe;
use crate::h2::reader::Reader;
use crate::io::Io;
use crate::refusal::{Manner, Refusal};

/// Why there is no answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unanswered {
    /// The service did nothing with the request (RFC 9113, section 8.7), or nobody sent it.
    Refused,
    Lost,
}

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
    let question = Question::new(Reader::new(pipe.clone(), unread, framing), pipe.bond());
    let request = request.map(|()| question);
    let answered = async {
        if expects_continue && pipe.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_err() {
            return;
        }
        match ask(uplinks, place, request, timeout).await {
            Ok((answer, _place)) => {
                if let Err(broken) = answer::write(pipe, answer, to_head).await {
                    tracing::debug!(%broken, "an answer of HTTP/2 broke off");
                }
            }
            Err(Unanswered::Refused) => pipe.bond().is_refused.set(true),
            Err(Unanswered::Lost) => (),
        }
    };
    tokio::select! {
        biased;
        // Whoever asked has left: with this the stream is cancelled, whatever it waits for.
        () = pipe.bond().far.over() => (),
        () = answered => (),
    }
}

/// Sends the request, on another uplink where it was not sent at all.
async fn ask(
    uplinks: &Uplinks,
    mut place: Place,
    mut request: http::Request<Question>,
    timeout: Duration,
) -> Result<(Response<Incoming>, Place), Unanswered> {
    for _ in 0..=MOVES_MAX {
        request.body_mut().goes_by(place.spawn());
        match place.sender().try_send_request(request).await {
            Ok(answer) => return Ok((answer, place)),
            Err(mut failed) => {
                request = match failed.take_message() {
                    Some(request) => request,
                    None if is_refused(failed.error()) => return Err(Unanswered::Refused),
                    None => return Err(Unanswered::Lost),
                };
                drop(place);
                place = match tokio::time::timeout(timeout, uplinks.place()).await {
                    Ok(Ok(place)) => place,
                    Ok(Err(_)) | Err(_) => return Err(Unanswered::Refused),
                };
            }
        }
    }
    Err(Unanswered::Refused)
}

/// Whether the service did nothing with the request (RFC 9113, section 8.7): it has reset the stream so, or
/// its GOAWAY leaves it out, which the library tells only to the streams that one leaves out.
fn is_refused(error: &hyper::Error) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<h2::Error>());
    source.is_some_and(|told| {
        told.is_remote() && (told.is_go_away() || told.reason() == Some(h2::Reason::REFUSED_STREAM))
    })
}

async fn refuse(pipe: &Pipe, refusal: &Refusal) {
    let mut answer = Vec::new();
    refusal.write(&mut answer, Manner { close: true, ..Manner::default() });
    // Nobody may be there any more.
    let _ = pipe.write_all(&answer).await;
}
