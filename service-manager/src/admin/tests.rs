//! The admin listener from outside, over real sockets.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

struct Rig {
    address: SocketAddr,
    is_draining: Arc<AtomicBool>,
    end: CancellationToken,
    serving: JoinHandle<()>,
}

impl Rig {
    async fn with(metrics: impl Fn() -> String + Send + Sync + 'static) -> Rig {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (is_draining, end) = (Arc::new(AtomicBool::new(false)), CancellationToken::new());
        let draining = Arc::clone(&is_draining);
        let admin = Admin::new(metrics, move || draining.load(Ordering::Relaxed));
        let serving = tokio::spawn(admin.serve(listener, end.clone()));
        Rig { address, is_draining, end, serving }
    }

    async fn new() -> Rig {
        Rig::with(|| "a 1\n".to_owned()).await
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The whole answer to a request without a body.
    async fn ask(&self, line: &str) -> String {
        let mut stream = self.connect().await;
        stream.write_all(format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).await.unwrap();
        rest(&mut stream).await
    }
}

/// What comes until the other side closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    timeout(PATIENCE, stream.read_to_end(&mut text)).await.expect("it is closed in time").unwrap();
    String::from_utf8(text).unwrap()
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").unwrap().1
}

#[tokio::test]
async fn metrics_are_made_anew_for_each_scrape() {
    let scrapes = std::sync::atomic::AtomicU32::new(0);
    let rig = Rig::with(move || format!("scrapes {}\n", scrapes.fetch_add(1, Ordering::Relaxed))).await;
    let answer = rig.ask("GET /metrics").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"), "{answer}");
    assert_eq!(body(&answer), "scrapes 0\n");
    assert_eq!(body(&rig.ask("GET /metrics?name=x").await), "scrapes 1\n");
}

#[tokio::test]
async fn a_head_has_the_length_and_no_body() {
    let rig = Rig::new().await;
    let answer = rig.ask("HEAD /metrics").await;
    assert!(answer.contains("\r\ncontent-length: 4\r\n"), "{answer}");
    assert_eq!(body(&answer), "");
}

#[tokio::test]
async fn health_is_200_until_the_drain_and_then_503() {
    let rig = Rig::new().await;
    let answer = rig.ask("GET /healthz").await;
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert_eq!(body(&answer), "ok\n");
    rig.is_draining.store(true, Ordering::Relaxed);
    let answer = rig.ask("GET /healthz").await;
    assert!(answer.starts_with("HTTP/1.1 503 "), "{answer}");
    assert!(rig.ask("GET /metrics").await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn nothing_else_is_there_and_nothing_can_be_written() {
    let rig = Rig::new().await;
    for line in ["GET /", "GET /metrics/", "POST /admin", "GET /../metrics"] {
        assert!(rig.ask(line).await.starts_with("HTTP/1.1 404 "), "{line}");
    }
    for line in ["POST /metrics", "DELETE /healthz", "OPTIONS /metrics"] {
        let answer = rig.ask(line).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{line}: {answer}");
        assert!(answer.contains("\r\nallow: GET, HEAD\r\n"), "{line}: {answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_asks_nothing_is_closed_after_the_head_timeout() {
    let rig = Rig::new().await;
    let mut stream = rig.connect().await;
    stream.write_all(b"GET /metrics HT").await.unwrap();
    let began = time::Instant::now();
    rest(&mut stream).await;
    // The paused clock goes on when nothing else can; hyper's timer is a millisecond coarse.
    let took = began.elapsed();
    assert!((HEAD_TIMEOUT..HEAD_TIMEOUT + Duration::from_secs(1)).contains(&took), "{took:?}");
}

#[tokio::test]
async fn one_beyond_the_most_waits_until_another_goes() {
    let rig = Rig::new().await;
    let mut held = Vec::new();
    for _ in 0..CONNECTIONS_MAX {
        held.push(rig.connect().await);
    }
    let mut last = held.pop().unwrap();
    let mut beyond = rig.connect().await;
    beyond.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    // Far longer than an answer takes where there is room.
    let early = timeout(Duration::from_millis(50), beyond.read_u8()).await;
    assert!(early.is_err(), "it was answered beside {CONNECTIONS_MAX} others");
    last.write_all(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n").await.unwrap();
    assert_eq!(body(&rest(&mut last).await), "ok\n");
    drop(last);
    assert_eq!(body(&rest(&mut beyond).await), "ok\n");
}

#[tokio::test(start_paused = true)]
async fn it_ends_with_the_daemon_and_closes_what_rests() {
    let rig = Rig::new().await;
    let mut resting = rig.connect().await;
    assert_eq!(body(&rig.ask("GET /healthz").await), "ok\n", "the resting connection has been accepted");
    let began = time::Instant::now();
    rig.end.cancel();
    timeout(PATIENCE, rig.serving).await.expect("it ends").unwrap();
    assert!(began.elapsed() < LAST_ANSWERS, "it waited for a connection that asks nothing");
    assert_eq!(rest(&mut resting).await, "");
    assert!(TcpStream::connect(rig.address).await.is_err());
}
