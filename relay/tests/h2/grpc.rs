//! gRPC through a front end and a node: every kind of call, with its trailers.

use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;

use bytes::{Buf, BufMut};
use relay::{Pick, Refusal, Relay, Settings, Upstream};
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tokio_stream::{Stream, StreamExt};
use tonic::client::Grpc as Caller;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::codegen::http::uri::PathAndQuery;
use tonic::codegen::{BoxFuture, Service, http};
use tonic::server::{Grpc, NamedService, StreamingService};
use tonic::{Code, Request, Response, Status, Streaming};

use crate::peer::DEADLINE;
use crate::rig::Told;
use crate::service::h2c;

const TOKEN: &str = "7f3a9c5e";

/// Messages are text as it is.
#[derive(Debug, Clone, Default)]
struct Text;

impl Codec for Text {
    type Encode = String;
    type Decode = String;
    type Encoder = Text;
    type Decoder = Text;

    fn encoder(&mut self) -> Text {
        Text
    }

    fn decoder(&mut self) -> Text {
        Text
    }
}

impl Encoder for Text {
    type Item = String;
    type Error = Status;

    fn encode(&mut self, item: String, into: &mut EncodeBuf<'_>) -> Result<(), Status> {
        into.put_slice(item.as_bytes());
        Ok(())
    }
}

impl Decoder for Text {
    type Item = String;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<String>, Status> {
        let mut bytes = vec![0; from.remaining()];
        from.copy_to_slice(&mut bytes);
        Ok(Some(String::from_utf8(bytes).unwrap()))
    }
}

/// Answers each message with itself; fails at `fail`, before anything where that is the first.
#[derive(Clone)]
struct Echo;

type Answers = Pin<Box<dyn Stream<Item = Result<String, Status>> + Send>>;

impl NamedService for Echo {
    const NAME: &'static str = "test.Echo";
}

impl Service<http::Request<tonic::body::Body>> for Echo {
    type Response = http::Response<tonic::body::Body>;
    type Error = std::convert::Infallible;
    type Future = BoxFuture<Self::Response, Self::Error>;

    fn poll_ready(&mut self, _: &mut std::task::Context<'_>) -> std::task::Poll<Result<(), Self::Error>> {
        std::task::Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<tonic::body::Body>) -> Self::Future {
        Box::pin(async move {
            Ok(match request.uri().path() {
                "/test.Echo/Refuse" => Status::permission_denied("not you").into_http(),
                _ => Grpc::new(Text).streaming(Echoing, request).await,
            })
        })
    }
}

struct Echoing;

impl StreamingService<String> for Echoing {
    type Response = String;
    type ResponseStream = Answers;
    type Future = BoxFuture<Response<Answers>, Status>;

    fn call(&mut self, request: Request<Streaming<String>>) -> Self::Future {
        let caller = request.metadata().get("x-caller").cloned();
        let answers = request.into_inner().map(|message| match message {
            Ok(text) if text == "fail" => Err(Status::data_loss("as asked")),
            other => other,
        });
        Box::pin(async move {
            let mut response = Response::new(Box::pin(answers) as Answers);
            if let Some(caller) = caller {
                response.metadata_mut().insert("x-called-by", caller);
            }
            Ok(response)
        })
    }
}

/// A front end before a node before the service; every hop speaks HTTP/2.
struct Chain {
    front: SocketAddr,
    _relays: [Relay; 2],
}

fn serve(upstream: Arc<Upstream>, is_front: bool) -> (Relay, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let told = Told::new(move |head, _| {
        if !is_front && head.token() != Some(TOKEN.as_bytes()) {
            return Pick::Refuse(Refusal {
                status: 403,
                reason: "bad-token",
                text: "no".into(),
                retry_after: None,
                refused: true,
            });
        }
        Pick::Forward(upstream.acquire())
    });
    let settings = Settings { front: is_front, ..Settings::default() };
    (Relay::start(vec![listener], 1, told, settings).unwrap(), address)
}

impl Chain {
    async fn start() -> Chain {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let service = listener.local_addr().unwrap();
        tokio::spawn(
            tonic::transport::Server::builder()
                .add_service(Echo)
                .serve_with_incoming(TcpListenerStream::new(listener)),
        );
        let (node, node_address) = serve(h2c("service", service, None), false);
        let (front, address) = serve(h2c("c1", node_address, Some(TOKEN)), true);
        Chain { front: address, _relays: [front, node] }
    }

    async fn caller(&self) -> Caller<tonic::transport::Channel> {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{}", self.front)).unwrap();
        let mut caller = Caller::new(endpoint.connect().await.unwrap());
        caller.ready().await.unwrap();
        caller
    }
}

fn in_time(test: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("in time") });
}

const ECHO: PathAndQuery = PathAndQuery::from_static("/test.Echo/Echo");

#[test]
fn a_call_streams_both_ways_message_by_message() {
    in_time(async {
        let chain = Chain::start().await;
        let mut caller = chain.caller().await;
        let (sender, messages) = tokio::sync::mpsc::channel(1);
        let mut request = Request::new(ReceiverStream::new(messages));
        request.metadata_mut().insert("x-caller", "test".parse().unwrap());
        let answers = caller.streaming(request, ECHO, Text).await.unwrap();
        assert_eq!(answers.metadata().get("x-called-by").unwrap(), "test");
        assert_eq!(answers.metadata().get("x-accordion-served-by").unwrap(), "c1");
        let mut answers = answers.into_inner();
        let long = "x".repeat(300_000);
        for message in ["one", "two", &long, "four"] {
            sender.send(message.to_owned()).await.unwrap();
            assert_eq!(answers.message().await.unwrap().unwrap(), message);
        }
        drop(sender);
        assert_eq!(answers.message().await.unwrap(), None);
        assert!(answers.trailers().await.unwrap().is_some());
    });
}

#[test]
fn a_status_after_messages_comes_as_it_is() {
    in_time(async {
        let chain = Chain::start().await;
        let mut caller = chain.caller().await;
        let messages = tokio_stream::iter(["one".to_owned(), "fail".to_owned()]);
        let mut answers = caller.streaming(Request::new(messages), ECHO, Text).await.unwrap().into_inner();
        assert_eq!(answers.message().await.unwrap().unwrap(), "one");
        let status = answers.message().await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::DataLoss, "as asked"));
    });
}

#[test]
fn a_status_without_messages_comes_with_the_head() {
    in_time(async {
        let chain = Chain::start().await;
        let mut caller = chain.caller().await;
        let path = PathAndQuery::from_static("/test.Echo/Refuse");
        let status =
            caller.unary::<_, String, _>(Request::new("hello".to_owned()), path, Text).await.unwrap_err();
        assert_eq!((status.code(), status.message()), (Code::PermissionDenied, "not you"));
    });
}

#[test]
fn many_calls_share_the_connections() {
    in_time(async {
        let chain = Chain::start().await;
        let caller = chain.caller().await;
        let calls: Vec<_> = (0..100)
            .map(|at| {
                let mut caller = caller.clone();
                tokio::spawn(async move {
                    let message = format!("call {at}");
                    let request = Request::new(message.clone());
                    caller.ready().await.unwrap();
                    let answer = caller.unary(request, ECHO, Text).await.unwrap();
                    assert_eq!(answer.into_inner(), message);
                })
            })
            .collect();
        for call in calls {
            call.await.unwrap();
        }
    });
}
