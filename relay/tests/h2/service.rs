//! A service that speaks HTTP/2 without TLS, on a runtime of its own. What it does is in the path.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{HeaderMap, Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::Runtime;
use tokio::sync::{Notify, Semaphore, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;

use relay::{Protocol, Upstream, UpstreamSpec};

type Body = BoxBody<Bytes, std::io::Error>;

pub(crate) struct Service {
    pub(crate) address: SocketAddr,
    pub(crate) state: Arc<State>,
    _runtime: Runtime,
}

/// What a test sees and says.
pub(crate) struct State {
    connections: AtomicUsize,
    open: AtomicUsize,
    waiting: AtomicUsize,
    /// Streams that ended without their answer.
    cancelled: AtomicUsize,
    requests: Mutex<Vec<Seen>>,
    /// Lets requests for `/wait` be answered, and answers to `/break` break off, one each.
    pub(crate) go: Semaphore,
    /// Every connection says that it takes no streams any more.
    leave: Notify,
}

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
}

impl Service {
    pub(crate) fn start() -> Service {
        Service::with(200)
    }

    /// Takes so many streams on a connection.
    pub(crate) fn with(streams_max: u32) -> Service {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener =
            runtime.block_on(async { tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap() });
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            connections: AtomicUsize::new(0),
            open: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            requests: Mutex::default(),
            go: Semaphore::new(0),
            leave: Notify::new(),
        });
        let shared = Arc::clone(&state);
        runtime.spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).unwrap();
                shared.connections.fetch_add(1, Ordering::SeqCst);
                shared.open.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(connection(Arc::clone(&shared), tcp, streams_max));
            }
        });
        Service { address, state, _runtime: runtime }
    }

    pub(crate) fn upstream(&self) -> Arc<Upstream> {
        h2c("local", self.address, None)
    }

    pub(crate) fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    pub(crate) fn open(&self) -> usize {
        self.state.open.load(Ordering::SeqCst)
    }

    pub(crate) fn waiting(&self) -> usize {
        self.state.waiting.load(Ordering::SeqCst)
    }

    pub(crate) fn cancelled(&self) -> usize {
        self.state.cancelled.load(Ordering::SeqCst)
    }

    pub(crate) fn leave(&self) {
        self.state.leave.notify_waiters();
    }

    /// The requests that came since the last call.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        std::mem::take(&mut self.state.requests.lock().unwrap())
    }
}

pub(crate) fn h2c(name: &str, address: SocketAddr, token: Option<&str>) -> Arc<Upstream> {
    let spec = UpstreamSpec {
        name: name.into(),
        address,
        token: token.map(str::to_owned),
        may_refuse: token.is_some(),
        protocol: Protocol::H2c,
    };
    Upstream::new(spec, |_| ())
}

async fn connection(state: Arc<State>, tcp: tokio::net::TcpStream, streams_max: u32) {
    let shared = Arc::clone(&state);
    let service = service_fn(move |request| {
        let state = Arc::clone(&shared);
        async move { answer(&state, request).await }
    });
    let connection = http2::Builder::new(TokioExecutor::new())
        .max_concurrent_streams(streams_max)
        .serve_connection(TokioIo::new(tcp), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => (),
        () = state.leave.notified() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
    state.open.fetch_sub(1, Ordering::SeqCst);
}

/// Counts a request that waits, and its end without an answer.
struct Waiting<'s>(&'s State, bool);

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::SeqCst);
        if !self.1 {
            self.0.cancelled.fetch_add(1, Ordering::SeqCst);
        }
    }
}

async fn answer(state: &Arc<State>, request: Request<Incoming>) -> Result<Response<Body>, &'static str> {
    assert_eq!(request.version(), Version::HTTP_2);
    state.requests.lock().unwrap().push(Seen {
        method: request.method().to_string(),
        uri: request.uri().to_string(),
        headers: request.headers().clone(),
    });
    let path = request.uri().path().to_owned();
    let plain = |body| Response::builder().body(body).unwrap();
    Ok(match path.as_str() {
        "/echo" => plain(request.into_body().map_err(std::io::Error::other).boxed()),
        "/trailers" => {
            let body = Full::new(Bytes::from("with trailers")).map_err(never).with_trailers(
                std::future::ready(Some(Ok(HeaderMap::from_iter([
                    ("x-sum".parse().unwrap(), "42".parse().unwrap()),
                    // Belongs into a head, and must not spoil the answer.
                    ("content-type".parse().unwrap(), "text/plain".parse().unwrap()),
                ])))),
            );
            plain(StreamBody::new(http_body_util::BodyStream::new(body)).boxed())
        }
        "/early" => plain(full("no need for a body")),
        "/status/204" => Response::builder().status(204).body(empty()).unwrap(),
        "/wait" => {
            let mut waiting = Waiting(state, false);
            state.waiting.fetch_add(1, Ordering::SeqCst);
            state.go.acquire().await.unwrap().forget();
            waiting.1 = true;
            plain(full("waited"))
        }
        "/break" => {
            let (sender, receiver) = mpsc::channel(2);
            sender.try_send(Ok(Frame::data(Bytes::from("half")))).unwrap();
            let state = Arc::clone(state);
            tokio::spawn(async move {
                state.go.acquire().await.unwrap().forget();
                let _ = sender.send(Err(std::io::Error::other("broken"))).await;
            });
            plain(StreamBody::new(ReceiverStream::new(receiver).map(|frame| frame)).boxed())
        }
        "/reset" => return Err("reset"),
        _ => plain(full(format!("served {path}"))),
    })
}

fn full(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(never).boxed()
}

fn empty() -> Body {
    Empty::new().map_err(never).boxed()
}

fn never(never: Infallible) -> std::io::Error {
    match never {}
}
