//! The content of `/bytes/N`: the same readable lines for everybody, sent in pieces out of one block,
//! whatever N is.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};

/// The most that is answered: 10 GiB.
pub(super) const BYTES_MAX: u64 = 10 << 30;

/// One piece. As large as a socket's buffer takes at once, and a whole number of lines.
const BLOCK_BYTES: usize = 64 << 10;

/// What is repeated; its length divides `BLOCK_BYTES`, so that every piece begins with a line.
const LINE: &[u8; 64] = b"0123456789 accordion demo-service 0123456789 abcdefghijklmnopqr\n";

static BLOCK: [u8; BLOCK_BYTES] = block();

/// So many bytes, and no more.
pub(super) struct Content {
    left: u64,
}

impl Content {
    pub(super) fn new(bytes: u64) -> Self {
        Self { left: bytes }
    }
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.left == 0 {
            return Poll::Ready(None);
        }
        let piece = usize::try_from(self.left).map_or(BLOCK_BYTES, |left| left.min(BLOCK_BYTES));
        self.left -= piece as u64;
        Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(&BLOCK[..piece])))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

const fn block() -> [u8; BLOCK_BYTES] {
    let mut block = [0; BLOCK_BYTES];
    let mut at = 0;
    while at < BLOCK_BYTES {
        block[at] = LINE[at % LINE.len()];
        at += 1;
    }
    block
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test]
    async fn it_is_as_long_as_asked_and_the_same_at_every_place() {
        for bytes in [0, 1, 64, BLOCK_BYTES, 3 * BLOCK_BYTES + 7] {
            let content = Content::new(bytes as u64).collect().await.unwrap().to_bytes();
            assert_eq!(content.len(), bytes);
            assert!(content.iter().enumerate().all(|(at, byte)| *byte == LINE[at % LINE.len()]));
        }
    }
}
