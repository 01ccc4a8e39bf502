//! The admin listener: what Prometheus and a load balancer's health check ask. Read only, apart from the
//! clients' listeners, and on the control runtime, so that it answers while the workers are busy.
//!
//! `front` writes what the service-manager itself has to say to Prometheus.

mod front;
mod gate;
mod page;
#[cfg(test)]
mod tests;

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio::time;
use tokio_util::sync::CancellationToken;

pub(crate) use gate::Gate;
pub(crate) use page::Page;

use front::{Front, QueueRow};

/// How long a request's head may take.
const HEAD_TIMEOUT: Duration = Duration::from_secs(5);

/// From accept to close. One request a connection: a scrape every 15 s, as Prometheus does them, saves
/// nothing by keeping one, and a reader that stops must not hold its place.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(30);

/// More wait in the backlog. A scraper needs one, and each has a text of its own in memory.
const CONNECTIONS_MAX: usize = 64;

/// At the end: for answers that are under way.
const LAST_ANSWERS: Duration = Duration::from_secs(1);

/// After an accept that failed for want of file descriptors.
const ACCEPT_AGAIN: Duration = Duration::from_millis(100);

/// What Prometheus's text format calls itself.
const METRICS_TYPE: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
const PLAIN_TYPE: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What is answered: `/metrics` and `/healthz`, to GET and HEAD.
pub(crate) struct Admin {
    metrics: Box<dyn Fn() -> String + Send + Sync>,
    is_draining: Box<dyn Fn() -> bool + Send + Sync>,
}

impl Admin {
    /// `metrics` makes the whole text of `/metrics`; `/healthz` says 503 once `is_draining`.
    pub(crate) fn new(
        metrics: impl Fn() -> String + Send + Sync + 'static,
        is_draining: impl Fn() -> bool + Send + Sync + 'static,
    ) -> Arc<Admin> {
        Arc::new(Admin { metrics: Box::new(metrics), is_draining: Box::new(is_draining) })
    }

    /// Answers on `listener` until `end`, and then those that have asked already.
    pub(crate) async fn serve(self: Arc<Self>, listener: TcpListener, end: CancellationToken) {
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                () = end.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = listener.accept(), if connections.len() < CONNECTIONS_MAX => match accepted {
                    Ok((stream, _)) => {
                        connections.spawn(Arc::clone(&self).connection(stream, end.clone()));
                    }
                    Err(fault) => {
                        tracing::debug!("the admin listener cannot accept: {fault}");
                        time::sleep(ACCEPT_AGAIN).await;
                    }
                }
            }
        }
        drop(listener);
        let last = async { while connections.join_next().await.is_some() {} };
        // Whoever has not read its answer by then is cut.
        let _ = time::timeout(LAST_ANSWERS, last).await;
        connections.shutdown().await;
    }

    async fn connection(self: Arc<Self>, stream: TcpStream, end: CancellationToken) {
        let service = service_fn(|request| {
            let answer = self.answer(&request);
            async { Ok::<_, Infallible>(answer) }
        });
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEAD_TIMEOUT)
            .keep_alive(false)
            .serve_connection(TokioIo::new(stream), service);
        let mut connection = std::pin::pin!(connection);
        let served = async {
            tokio::select! {
                served = &mut connection => return served,
                () = end.cancelled() => connection.as_mut().graceful_shutdown(),
            }
            connection.await
        };
        if let Ok(Err(fault)) = time::timeout(CONNECTION_TIMEOUT, served).await {
            tracing::debug!("an admin connection failed: {fault}");
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path();
        if !["/metrics", "/healthz"].contains(&path) {
            return plain(StatusCode::NOT_FOUND, "here are /metrics and /healthz");
        }
        if ![Method::GET, Method::HEAD].contains(request.method()) {
            let mut answer = plain(StatusCode::METHOD_NOT_ALLOWED, "only to be read");
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        if path == "/metrics" {
            return text(StatusCode::OK, METRICS_TYPE, (self.metrics)());
        }
        if (self.is_draining)() {
            plain(StatusCode::SERVICE_UNAVAILABLE, "draining")
        } else {
            plain(StatusCode::OK, "ok")
        }
    }
}

fn plain(status: StatusCode, line: &str) -> Response<Full<Bytes>> {
    text(status, PLAIN_TYPE, format!("{line}\n"))
}

fn text(status: StatusCode, content_type: HeaderValue, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::new(Bytes::from(body)));
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
