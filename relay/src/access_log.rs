//! The access log: a line for each request, in one of two formats, to a file or to standard output.
//!
//! A worker renders its lines into a batch of its own and never waits: whole blocks go to one writer
//! thread, and where the disk cannot follow, lines are dropped and counted. `record` says what is known of
//! a request, `combined` and `json` how it is written, `channel` and `writer` how it gets to the file.

mod batch;
mod channel;
mod clock;
mod combined;
mod escape;
mod json;
mod record;
#[cfg(test)]
mod tests;
mod writer;

use std::fmt;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub(crate) use batch::Batch;
pub(crate) use record::{End, Record, Times, micros};

use channel::Channel;
use writer::{Sink, Writer};

/// How long the last handle waits for the writer: a disk that takes nothing must not hold a daemon's end.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);

/// How a line is written. Lines are plain ASCII whatever the client sent, and a token never appears.
///
/// Long fields are cut, which three dots at their end show: a target at 4096 bytes, a referer at 2048, a
/// user agent at 1024, a host at 255.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Apache's "combined" line, and after it, each after a space: who served (`-` for nobody), the
    /// retries, the times `head/queue/connect/first_byte/total` in microseconds, and how it ended.
    ///
    /// ```text
    /// 192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 2326 "-" "curl/8" c1 0 21/0/0/850/990 completed
    /// ```
    ///
    /// A quote, a backslash, a control byte and a byte that is not ASCII is `\xNN`. A refusal by the relay
    /// itself or a node has its reason: `refused:queue-full`. The status is `000` where no answer was sent, the
    /// size is the body's, and `-` for none. A line that begins with `#` tells of lines that were lost.
    Combined,
    /// One JSON object a line. The keys, always all of them and in this order:
    ///
    /// - `time`: when the head was complete, RFC 3339 in UTC with milliseconds
    /// - `client`: the address the connection came from
    /// - `method`, `target`, `version`: the request line, null where none came
    /// - `host`, `referer`, `user_agent`: these headers, null where not sent
    /// - `status`: 0 where no answer was sent
    /// - `request_bytes`, `response_bytes`: of the bodies, without the framing of chunks
    /// - `served_by`: null for nobody; `retries`: attempts beyond the first
    /// - `head_us`, `queue_us`, `connect_us`, `first_byte_us`, `total_us`: microseconds
    /// - `ended`: how it ended; `reason`: why the relay or a node refused it, or null
    ///
    /// What is no UTF-8 becomes U+FFFD. An object with only `time` and `lost_lines` tells of lost lines.
    Json,
}

/// Where the lines go. All clones are the same log; the last one to be dropped waits until every line that
/// was handed over is written, at most 5 s.
#[derive(Clone)]
pub struct AccessLog {
    inner: Arc<Inner>,
}

struct Inner {
    format: Format,
    channel: Arc<Channel>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

impl AccessLog {
    /// Appends to the file at `path`, which is made where it is missing, readable by its owner and group.
    ///
    /// # Errors
    ///
    /// When the file cannot be opened or the writer's thread cannot be started.
    pub fn to_file(format: Format, path: &Path) -> io::Result<AccessLog> {
        AccessLog::start(format, Sink::open(path)?)
    }

    /// Writes to standard output. Where that cannot be done it says so in the daemon's own log, and every
    /// line counts as dropped.
    pub fn to_stdout(format: Format) -> AccessLog {
        let duplicate = io::stdout().as_fd().try_clone_to_owned();
        let started = duplicate.and_then(|output| AccessLog::start(format, Sink::of(File::from(output))));
        started.unwrap_or_else(|error| {
            tracing::error!("no access log on standard output: {error}");
            AccessLog::over(format, Channel::ended(), None)
        })
    }

    /// Opens the file anew under its path, after log rotation has renamed it. Returns at once; lines
    /// handed over before go to the one or the other, and none is lost. Where the path cannot be opened
    /// the old file stays in use. Nothing to do for standard output.
    pub fn reopen(&self) {
        self.inner.channel.reopen();
    }

    /// Waits until all that was handed over before the call is written, and a `reopen` before it done, for
    /// at most `timeout`; false where the time did not do. Blocks the calling thread.
    pub fn flush(&self, timeout: Duration) -> bool {
        self.inner.channel.flush(timeout)
    }

    /// Lines that were dropped since the start, because the writer could not follow or could not write.
    pub fn dropped(&self) -> u64 {
        self.inner.channel.dropped()
    }

    fn format(&self) -> Format {
        self.inner.format
    }

    fn channel(&self) -> &Channel {
        &self.inner.channel
    }

    fn start(format: Format, sink: Sink) -> io::Result<AccessLog> {
        let channel = Arc::new(Channel::new());
        let writer = Writer::new(Arc::clone(&channel), sink, format);
        let thread = thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run())?;
        Ok(AccessLog::over(format, channel, Some(thread)))
    }

    fn over(format: Format, channel: impl Into<Arc<Channel>>, thread: Option<JoinHandle<()>>) -> AccessLog {
        AccessLog { inner: Arc::new(Inner { format, channel: channel.into(), thread: Mutex::new(thread) }) }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let thread = self.thread.get_mut().unwrap_or_else(PoisonError::into_inner).take();
        let Some(thread) = thread else { return };
        if !self.channel.end(STOP_TIMEOUT) {
            tracing::warn!(
                within_s = STOP_TIMEOUT.as_secs(),
                "the access log could not be written out, its last lines are lost"
            );
        } else if thread.join().is_err() {
            tracing::error!("the writer of the access log panicked");
        }
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog").field("format", &self.inner.format).finish_non_exhaustive()
    }
}
