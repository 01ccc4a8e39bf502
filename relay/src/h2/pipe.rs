//! The pipe that a stream's HTTP/1.1 message goes through: its near end, and the far one, which is the
//! exchange's.

use std::cell::RefCell;
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::task::{Context, Poll};

use bytes::BytesMut;
use tokio::io::{AsyncReadExt, AsyncWrite, DuplexStream, duplex};

use super::bond::Bond;
use super::{PIPE_BYTES, READ_BYTES};
use crate::io::Io;

/// Shared by whoever reads and whoever writes.
#[derive(Clone)]
pub(super) struct Pipe(Rc<Near>);

struct Near {
    stream: RefCell<Option<DuplexStream>>,
    bond: Rc<Bond>,
}

/// The exchange's end.
pub(crate) struct Far {
    stream: DuplexStream,
    bond: Rc<Bond>,
}

/// Ends both directions when it is dropped.
pub(super) struct Closing(Pipe);

impl Pipe {
    /// A pipe and its far end.
    pub(super) fn pair() -> (Pipe, Io) {
        let (near, far) = duplex(PIPE_BYTES);
        let bond = Rc::<Bond>::default();
        let near = Near { stream: RefCell::new(Some(near)), bond: Rc::clone(&bond) };
        (Pipe(Rc::new(near)), Io::Pipe(Far { stream: far, bond }))
    }

    /// Reads something behind what is in `buffer`; 0 is the end.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut near = self.0.stream.borrow_mut();
        let Some(near) = near.as_mut() else { return Poll::Ready(Ok(0)) };
        buffer.reserve(READ_BYTES);
        pin!(near.read_buf(buffer)).poll(cx)
    }

    pub(super) async fn read(&self, buffer: &mut BytesMut) -> io::Result<usize> {
        std::future::poll_fn(|cx| self.poll_read(cx, buffer)).await
    }

    pub(super) async fn write_all(&self, mut bytes: &[u8]) -> io::Result<()> {
        std::future::poll_fn(|cx| {
            let mut near = self.0.stream.borrow_mut();
            let Some(near) = near.as_mut() else { return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())) };
            while !bytes.is_empty() {
                match Pin::new(&mut *near).poll_write(cx, bytes) {
                    Poll::Ready(Ok(count)) => bytes = &bytes[count..],
                    Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
                    Poll::Pending => return Poll::Pending,
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Ends the sending direction.
    pub(super) async fn finish(&self) {
        std::future::poll_fn(|cx| match self.0.stream.borrow_mut().as_mut() {
            // The far end may be gone, which is an end too.
            Some(near) => Pin::new(near).poll_shutdown(cx).map(|_| ()),
            None => Poll::Ready(()),
        })
        .await;
    }

    /// What the two ends hear of one another.
    pub(super) fn bond(&self) -> &Rc<Bond> {
        &self.0.bond
    }

    /// Ends both directions: the far end sees that nobody is here any more.
    pub(super) fn close(&self) {
        self.0.close();
    }

    pub(super) fn closing(&self) -> Closing {
        Closing(self.clone())
    }
}

impl Near {
    fn close(&self) {
        self.stream.take();
        self.bond.near.end();
    }
}

impl Drop for Near {
    fn drop(&mut self) {
        self.close();
    }
}

impl Far {
    pub(crate) fn stream(&mut self) -> Pin<&mut DuplexStream> {
        Pin::new(&mut self.stream)
    }

    /// Ready when the near end is gone, also while what it has sent is unread.
    pub(crate) fn poll_gone(&self, cx: &Context<'_>) -> Poll<()> {
        self.bond.near.poll_over(cx)
    }

    /// Whether the service has done nothing with the request that was written here.
    pub(crate) fn was_refused(&self) -> bool {
        self.bond.is_refused.get()
    }
}

impl Drop for Far {
    fn drop(&mut self) {
        self.bond.far.end();
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}
