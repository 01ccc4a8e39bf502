//! A request's body on its way upstream: what had come with the head, then the rest as it comes.

use std::cell::Cell;
use std::future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::live::Client;

/// A body of up to this many bytes that is there at once can be sent again.
const WHOLE_MAX: usize = 16 * 1024;

/// How often a peek lets the codec bring the next part of a body that came in several.
const PEEKS_MAX: usize = 8;

/// How far a body has gone into a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Progress {
    Untouched,
    Started,
    /// All that came of it has gone in, and the client has not sent more.
    Stalled,
    Ended,
    /// The client did not send all of it.
    Broken,
}

pub(crate) struct Upload {
    first: Option<Bytes>,
    rest: Option<Incoming>,
    trailers: Option<HeaderMap>,
    /// None where there is no body.
    progress: Option<Rc<Cell<Progress>>>,
    client: Rc<Client>,
}

impl Upload {
    pub(crate) fn new(incoming: Incoming, client: Rc<Client>) -> Upload {
        let rest = Some(incoming).filter(|incoming| !incoming.is_end_stream());
        let progress = rest.as_ref().map(|_| Rc::new(Cell::new(Progress::Untouched)));
        Upload { first: None, rest, trailers: None, progress, client }
    }

    /// A body that is at hand, and not a part of it sent.
    pub(crate) fn whole(bytes: Bytes, client: Rc<Client>) -> Upload {
        let first = Some(bytes).filter(|bytes| !bytes.is_empty());
        let progress = first.as_ref().map(|_| Rc::new(Cell::new(Progress::Untouched)));
        Upload { first, rest: None, trailers: None, progress, client }
    }

    /// Where to look how far it has gone, once it is given away.
    pub(crate) fn progress(&self) -> Option<Rc<Cell<Progress>>> {
        self.progress.clone()
    }

    /// The body when all of it is here and small enough to be kept; empty where there is none.
    pub(crate) fn kept(&self) -> Option<Bytes> {
        if self.rest.is_some() || self.trailers.is_some() || self.first_bytes() > WHOLE_MAX {
            return None;
        }
        Some(self.first.clone().unwrap_or_default())
    }

    /// Takes what has come already, without waiting for the client.
    pub(crate) async fn peek(&mut self) -> hyper::Result<()> {
        for _ in 0..PEEKS_MAX {
            let took_some = future::poll_fn(|cx| Poll::Ready(self.take_available(cx))).await?;
            if !took_some || self.rest.is_none() || self.first_bytes() >= WHOLE_MAX {
                break;
            }
            // The codec hands over one part at a time, and only when it is polled in between.
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Takes what has come, up to what is kept; the caller's task is woken when more comes.
    pub(crate) fn take_available(&mut self, cx: &mut Context<'_>) -> hyper::Result<bool> {
        let mut took_some = false;
        while self.first_bytes() < WHOLE_MAX
            && let Some(rest) = self.rest.as_mut()
        {
            match Pin::new(rest).poll_frame(cx) {
                Poll::Ready(Some(frame)) => self.keep(frame?),
                Poll::Ready(None) => self.rest = None,
                Poll::Pending => break,
            }
            took_some = true;
            self.rest.take_if(|rest| rest.is_end_stream());
        }
        if self.is_end_stream() {
            // It turned out to be empty: a connection will not ask for it, and has it all the same.
            self.progress = None;
        }
        Ok(took_some)
    }

    fn keep(&mut self, frame: Frame<Bytes>) {
        match frame.into_data() {
            Ok(data) => {
                self.first = Some(match self.first.take() {
                    None => data,
                    Some(before) => {
                        let mut joined = BytesMut::from(before);
                        joined.extend_from_slice(&data);
                        joined.freeze()
                    }
                });
            }
            Err(frame) => self.trailers = frame.into_trailers().ok(),
        }
    }

    fn first_bytes(&self) -> usize {
        self.first.as_ref().map_or(0, Bytes::len)
    }

    fn note(&self, progress: Progress) {
        if let Some(cell) = &self.progress {
            cell.set(progress);
        }
    }

    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<hyper::Result<Frame<Bytes>>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(Frame::data(first))));
        }
        if let Some(rest) = self.rest.as_mut()
            && let Some(frame) = ready!(Pin::new(rest).poll_frame(cx))
        {
            return Poll::Ready(Some(frame));
        }
        self.rest = None;
        Poll::Ready(self.trailers.take().map(|trailers| Ok(Frame::trailers(trailers))))
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.note(Progress::Started);
        let Poll::Ready(next) = self.poll_next(cx) else {
            self.note(Progress::Stalled);
            return Poll::Pending;
        };
        self.client.touch();
        if matches!(next, Some(Err(_))) {
            self.note(Progress::Broken);
        } else if next.is_none() || self.is_end_stream() {
            self.note(Progress::Ended);
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_none()
            && self.trailers.is_none()
            && self.rest.as_ref().is_none_or(|rest| rest.is_end_stream())
    }

    fn size_hint(&self) -> SizeHint {
        if self.trailers.is_some() {
            // Trailers need the chunked coding, which the codec chooses for a body of unknown length.
            return SizeHint::default();
        }
        let first = self.first_bytes() as u64;
        match self.rest.as_ref().map(|rest| rest.size_hint().exact()) {
            None => SizeHint::with_exact(first),
            Some(Some(rest)) => SizeHint::with_exact(first + rest),
            Some(None) => SizeHint::default(),
        }
    }
}
