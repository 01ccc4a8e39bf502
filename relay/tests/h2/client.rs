//! A client that speaks HTTP/2, on a runtime of its own so that a test may block.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::client::conn::http2::{self, SendRequest};
use hyper::{HeaderMap, Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;

use crate::peer::{DEADLINE, Peer};
use crate::rig::{Origin, Rig};

pub(crate) type Body = BoxBody<Bytes, std::io::Error>;

/// A request that was sent, and its answer's head when that has come.
type Sent = JoinHandle<Result<Response<Incoming>, hyper::Error>>;

/// One connection.
pub(crate) struct Client {
    runtime: Runtime,
    sender: SendRequest<Body>,
    connection: JoinHandle<Result<(), hyper::Error>>,
}

/// A whole answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: Option<HeaderMap>,
}

/// Feeds a body by hand. Its end ends the body, unless that is aborted.
pub(crate) struct Feed(mpsc::UnboundedSender<Result<Frame<Bytes>, std::io::Error>>);

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Client {
        Client::with(address, &http2::Builder::new(TokioExecutor::new()))
    }

    pub(crate) fn with(address: SocketAddr, builder: &http2::Builder<TokioExecutor>) -> Client {
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (sender, connection) = runtime.block_on(async {
            let tcp = tokio::net::TcpStream::connect(address).await.unwrap();
            tcp.set_nodelay(true).unwrap();
            builder.handshake(TokioIo::new(tcp)).await.unwrap()
        });
        let connection = runtime.spawn(connection);
        Client { runtime, sender, connection }
    }

    /// Sends a request; its answer is waited for later.
    pub(crate) fn send(&self, request: Request<Body>) -> Sent {
        let mut sender = self.sender.clone();
        self.runtime.spawn(async move { sender.send_request(request).await })
    }

    /// The head of an answer, and a body to be read.
    pub(crate) fn head(&self, sent: Sent) -> Result<Response<Incoming>, hyper::Error> {
        self.wait(sent).unwrap()
    }

    /// All of an answer.
    pub(crate) fn answer(&self, sent: Sent) -> Result<Answer, hyper::Error> {
        let response = self.head(sent)?;
        self.wait(whole(response))
    }

    pub(crate) fn ask(&self, request: Request<Body>) -> Answer {
        let sent = self.send(request);
        self.answer(sent).unwrap()
    }

    /// The next part of a body; none at its end.
    pub(crate) fn part(&self, body: &mut Incoming) -> Option<Result<Frame<Bytes>, hyper::Error>> {
        self.wait(body.frame())
    }

    /// Waits until the connection has ended, which it must.
    pub(crate) fn expect_end(self) {
        let Client { runtime, connection, sender } = self;
        let ended = runtime.block_on(async { tokio::time::timeout(DEADLINE, connection).await });
        drop(sender);
        ended.expect("the connection ends").unwrap().ok();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.connection.is_finished()
    }

    fn wait<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(async { tokio::time::timeout(DEADLINE, future).await.expect("in time") })
    }
}

async fn whole(response: Response<Incoming>) -> Result<Answer, hyper::Error> {
    let (head, body) = response.into_parts();
    let body = body.collect().await?;
    let trailers = body.trailers().cloned();
    Ok(Answer { status: head.status.as_u16(), headers: head.headers, body: body.to_bytes(), trailers })
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn trailer(&self, name: &str) -> Option<&str> {
        self.trailers.as_ref()?.get(name).map(|value| value.to_str().unwrap())
    }
}

impl Feed {
    pub(crate) fn send(&self, data: impl Into<Bytes>) {
        self.0.send(Ok(Frame::data(data.into()))).unwrap();
    }

    pub(crate) fn trailers(self, name: &'static str, value: &str) {
        let mut trailers = HeaderMap::new();
        trailers.insert(name, value.parse().unwrap());
        self.0.send(Ok(Frame::trailers(trailers))).unwrap();
    }

    pub(crate) fn abort(self) {
        self.0.send(Err(std::io::Error::other("the test says so"))).unwrap();
    }
}

/// A connection of its own whose request is with the service, and the service.
pub(crate) fn asked(rig: &Rig, origin: &Origin) -> (Client, Sent, Peer) {
    let client = Client::connect(rig.address);
    let sent = client.send(get("/"));
    let mut service = origin.accept();
    service.message();
    (client, sent, service)
}

pub(crate) fn get(path: &str) -> Request<Body> {
    request("GET", path).body(empty()).unwrap()
}

pub(crate) fn request(method: &str, path: &str) -> hyper::http::request::Builder {
    Request::builder().method(method).uri(format!("http://a.example{path}"))
}

pub(crate) fn empty() -> Body {
    Empty::new().map_err(|never| match never {}).boxed()
}

pub(crate) fn full(data: impl Into<Bytes>) -> Body {
    Full::new(data.into()).map_err(|never| match never {}).boxed()
}

/// A body without a length.
pub(crate) fn fed() -> (Feed, Body) {
    let (sender, receiver) = mpsc::unbounded_channel();
    let body = StreamBody::new(UnboundedReceiverStream::new(receiver).map(|frame| frame));
    (Feed(sender), BodyExt::boxed(body))
}

/// Short enough for a test, long enough to be waited for.
pub(crate) const SHORT: Duration = Duration::from_millis(200);
