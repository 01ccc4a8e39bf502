//! The frames of a stream, as the body of an HTTP/1.1 message on a pipe.

use std::pin::Pin;

use http_body::{Body, Frame};
use hyper::body::Incoming;

use super::Broken;
use super::pipe::Pipe;
use crate::h1::{self, ChunkHead};

/// How a body is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    /// There is none.
    Nothing,
    /// As it is: its length was said. Trailers have no place there.
    Plain,
    /// In chunks, the trailers behind them.
    Chunked,
}

/// Which trailers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trailers {
    /// All, so that a sender of bad ones is refused.
    All,
    /// Those that may be there, so that a bad one does no harm to its message.
    Fit,
}

/// Writes all of it. When it breaks off, the end is missing.
pub(super) async fn write(
    pipe: &Pipe,
    body: &mut Incoming,
    coding: Coding,
    trailers: Trailers,
) -> Result<(), Broken> {
    if coding == Coding::Nothing {
        return Ok(());
    }
    let mut last = None;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut *body).poll_frame(cx)).await {
        let frame = frame.map_err(|_| Broken("the stream broke off"))?;
        match frame.into_data() {
            // A chunk of nothing would be the last.
            Ok(data) if data.is_empty() => (),
            Ok(data) => write_part(pipe, &data, coding).await.map_err(|_| Broken("nobody reads"))?,
            Err(frame) => last = last_chunk(frame, trailers),
        }
    }
    if coding == Coding::Chunked {
        let last = last.as_deref().unwrap_or(h1::LAST_CHUNK);
        pipe.write_all(last).await.map_err(|_| Broken("nobody reads"))?;
    }
    Ok(())
}

async fn write_part(pipe: &Pipe, data: &[u8], coding: Coding) -> std::io::Result<()> {
    if coding == Coding::Chunked {
        pipe.write_all(ChunkHead::new(data.len()).as_bytes()).await?;
    }
    pipe.write_all(data).await?;
    if coding == Coding::Chunked {
        pipe.write_all(b"\r\n").await?;
    }
    Ok(())
}

fn last_chunk<T>(frame: Frame<T>, trailers: Trailers) -> Option<Vec<u8>> {
    let fields = frame.into_trailers().ok()?;
    let mut last = b"0\r\n".to_vec();
    for (name, value) in &fields {
        let start = last.len();
        crate::headers::field(&mut last, name.as_str(), value.as_bytes());
        if trailers == Trailers::Fit && !h1::is_fit_as_trailer(&last[start..last.len() - b"\r\n".len()]) {
            last.truncate(start);
        }
    }
    last.extend_from_slice(b"\r\n");
    Some(last)
}
