//! `/ws`: a WebSocket that sends back each text and binary message, answers pings and closes politely:
//! with 1001 (going away) when the service goes down.

use std::time::Duration;

use cluster::daemon::Shutdown;
use futures_util::{SinkExt, StreamExt};
use hyper::body::Incoming;
use hyper::header::{HeaderValue, UPGRADE};
use hyper::upgrade::Upgraded;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::server::create_response_with_body;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Message, Role, WebSocketConfig};

use super::Demo;
use super::body::{self, Answer};

/// A longer message ends the connection.
const MESSAGE_BYTES_MAX: usize = 16 << 20;

/// How long a client may take to answer our close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(2);

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// Switches the connection over and echoes until it ends; 426 for a request that does not ask for it.
pub(super) fn answer(demo: &Demo, request: Request<Incoming>) -> Response<Answer> {
    match create_response_with_body(&request, body::empty) {
        Ok(switching) => {
            demo.tasks.spawn(serve(request, demo.shutdown.clone()));
            switching
        }
        Err(error) => {
            let told = format!("/ws answers WebSocket handshakes only: {error}\n");
            let mut refused = Response::new(body::text(told));
            *refused.status_mut() = StatusCode::UPGRADE_REQUIRED;
            refused.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
            refused
        }
    }
}

async fn serve(request: Request<Incoming>, shutdown: Shutdown) {
    // Fails when the client left before it read our 101.
    let Ok(upgraded) = hyper::upgrade::on(request).await else { return };
    let config = WebSocketConfig::default()
        .max_message_size(Some(MESSAGE_BYTES_MAX))
        .max_frame_size(Some(MESSAGE_BYTES_MAX))
        .max_write_buffer_size(2 * MESSAGE_BYTES_MAX);
    let mut socket = Socket::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    tokio::select! {
        () = echo(&mut socket) => {}
        () = shutdown.asked() => {
            // Whether it answered in time or not, the connection ends here.
            let _ = timeout(CLOSE_TIMEOUT, go_away(&mut socket)).await;
        }
    }
}

/// Until the client closes, or breaks the protocol or the connection.
async fn echo(socket: &mut Socket) {
    while let Some(Ok(message)) = socket.next().await {
        // Pings and closes are answered below us as the next message is read.
        if matches!(message, Message::Text(_) | Message::Binary(_)) && socket.send(message).await.is_err() {
            return;
        }
    }
}

async fn go_away(socket: &mut Socket) {
    let frame = CloseFrame { code: CloseCode::Away, reason: "the service goes down".into() };
    if socket.close(Some(frame)).await.is_ok() {
        while let Some(Ok(_)) = socket.next().await {}
    }
}
