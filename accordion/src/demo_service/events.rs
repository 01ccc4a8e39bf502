//! `/events`: server-sent events, one a second with a counter, the first at once. They end when the
//! client leaves or the service goes down.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use cluster::daemon::Shutdown;
use hyper::body::{Body, Frame};
use tokio::time::{Interval, MissedTickBehavior, interval};

const PERIOD: Duration = Duration::from_secs(1);

/// One client's events.
pub(super) struct Events {
    period: Interval,
    sent: u64,
    shutdown: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl Events {
    pub(super) fn until(shutdown: Shutdown) -> Self {
        let mut period = interval(PERIOD);
        // A client that reads late gets the next event then, not all it missed in one go.
        period.set_missed_tick_behavior(MissedTickBehavior::Delay);
        Self { period, sent: 0, shutdown: Box::pin(async move { shutdown.asked().await }) }
    }
}

impl Body for Events {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if self.shutdown.as_mut().poll(context).is_ready() {
            return Poll::Ready(None);
        }
        ready!(self.period.poll_tick(context));
        self.sent += 1;
        let event = format!("id: {0}\ndata: {0}\n\n", self.sent);
        Poll::Ready(Some(Ok(Frame::data(Bytes::from(event)))))
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_first_comes_at_once_one_a_second_and_none_after_the_shutdown() {
        let shutdown = Shutdown::manual();
        let mut events = Events::until(shutdown.clone());
        let began = tokio::time::Instant::now();
        for (second, text) in [(0, "id: 1\ndata: 1\n\n"), (1, "id: 2\ndata: 2\n\n")] {
            let frame = events.frame().await.unwrap().unwrap();
            assert_eq!(frame.into_data().unwrap(), text);
            assert_eq!(began.elapsed().as_secs(), second);
        }
        shutdown.ask();
        assert!(events.frame().await.is_none());
    }
}
