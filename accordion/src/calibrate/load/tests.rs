//! A step against servers that answer, fail, close and are silent.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};

use super::*;

/// Serves each connection with this, on a thread of its own.
fn server(serve: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

/// Answers each request with this after a pause, and closes after so many.
fn answering(answer: &'static str, pause: Duration, closes_after: usize) -> SocketAddr {
    server(move |stream| self::answer(stream, answer, pause, closes_after))
}

fn answer(mut stream: TcpStream, answer: &str, pause: Duration, closes_after: usize) {
    let mut buffer = [0; 4096];
    for _ in 0..closes_after {
        match stream.read(&mut buffer) {
            Ok(count) if count > 0 => {}
            _ => return,
        }
        thread::sleep(pause);
        if stream.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// Two threads, each of which serves one connection at a time, until it ends or was answered so often.
fn with_two_threads(pause: Duration, closes_after: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    for listener in [listener.try_clone().unwrap(), listener] {
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, PLAIN, pause, closes_after);
            }
        });
    }
    address
}

fn step(address: SocketAddr, in_flight: u32) -> Sample {
    let (protocol, length) = (UpstreamProtocol::Http1, Duration::from_millis(300));
    let job = Job { address, protocol, paths: vec!["/".to_owned()], in_flight, length };
    give(&job, &AtomicBool::new(false)).unwrap().unwrap()
}

const PLAIN: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

#[test]
fn so_many_are_in_flight_all_the_time() {
    let sample = step(answering(PLAIN, Duration::from_millis(20), usize::MAX), 5);
    assert_eq!((sample.failed, sample.in_flight), (0, 5));
    assert!((Duration::from_millis(20)..Duration::from_millis(60)).contains(&sample.p50), "{sample:?}");
    assert!(sample.p99 >= sample.p50);
    // Little's law: what is in flight is the throughput times the time.
    let in_flight = sample.per_second * sample.p50.as_secs_f64();
    assert!((3.5..6.5).contains(&in_flight), "{sample:?}");
    assert!(sample.client_cpu > 0.0 && sample.client_cpu < 1.05, "{sample:?}");
}

#[test]
fn chunks_redirects_and_connections_that_close_are_good_answers() {
    let chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    let found = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    let old = "HTTP/1.0 200 OK\r\n\r\nok";
    for (answer, closes_after) in
        [(chunks, usize::MAX), (found, usize::MAX), (old, 1), (PLAIN, 1), (PLAIN, 3)]
    {
        let sample = step(answering(answer, Duration::from_millis(5), closes_after), 2);
        assert_eq!((sample.failed, sample.fault), (0, None), "{answer} {closes_after}");
        assert!(sample.good >= 4);
    }
}

#[test]
fn what_is_no_good_answer_is_counted_and_told() {
    let refused =
        step(answering("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", Duration::ZERO, usize::MAX), 2);
    assert_eq!((refused.good, refused.fault.as_deref()), (0, Some("status 404")));
    // Not as many as it could have asked for.
    assert!(refused.failed > 0 && refused.failed < 1000, "{}", refused.failed);
    let ended = step(server(drop), 2).fault.unwrap();
    assert!(ended.starts_with("the connection ended: "), "{ended}");
    let nobody = { TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap() };
    let nobody = step(nobody, 2).fault.unwrap();
    assert!(nobody.starts_with("no connection: "), "{nobody}");
}

#[test]
fn one_that_does_not_answer_is_not_waited_for_for_ever() {
    let silent = server(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    });
    let sample = step(silent, 3);
    assert_eq!((sample.good, sample.failed, sample.per_second), (0, 3, 0.0));
    assert!(sample.fault.unwrap().starts_with("no answer within 2s"));
}

#[test]
fn connections_that_nobody_answers_add_nothing_and_are_told() {
    let sample = step(with_two_threads(Duration::from_millis(10), usize::MAX), 5);
    // 2 x 100 a second at most, and one request of each place at the ends of the step.
    assert!((1.0..205.0).contains(&sample.per_second), "{sample:?}");
    assert_eq!((sample.failed, sample.unanswered), (3, 3), "{sample:?}");
    let fault = sample.fault.unwrap();
    assert!(fault.starts_with("3 of 5 connections had no answer within 2s"), "{fault}");
}

#[test]
fn connections_that_take_turns_are_no_more_than_what_is_answered() {
    let sample = step(with_two_threads(Duration::from_millis(10), 30), 4);
    assert_eq!((sample.failed, sample.unanswered), (0, 0), "{sample:?}");
    // As above, but the step may be as short as 0.3 s.
    assert!(sample.per_second < 225.0, "{sample:?}");
}

#[test]
fn it_ends_when_it_is_not_wanted_any_more() {
    let address = answering(PLAIN, Duration::ZERO, usize::MAX);
    let length = Duration::from_secs(3600);
    let job =
        Job { address, protocol: UpstreamProtocol::Http1, paths: vec!["/".to_owned()], in_flight: 2, length };
    let began = Instant::now();
    assert_eq!(give(&job, &AtomicBool::new(true)).unwrap(), None);
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[test]
fn a_service_that_speaks_http2_is_asked_in_http2() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let serve = async move {
        let listener = tokio::net::TcpListener::from_std(listener).unwrap();
        let answer = move |request: Request<Incoming>| async move {
            let is_whole = request.uri().authority().is_some_and(|host| host.as_str() == address.to_string());
            let status = if is_whole { StatusCode::OK } else { StatusCode::BAD_REQUEST };
            Response::builder().status(status).body(Full::new(Bytes::from_static(b"ok")))
        };
        while let Ok((stream, _)) = listener.accept().await {
            let builder = http2::Builder::new(TokioExecutor::new());
            tokio::task::spawn_local(builder.serve_connection(TokioIo::new(stream), service_fn(answer)));
        }
    };
    let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
    thread::spawn(move || LocalSet::new().block_on(&runtime, serve));
    let (protocol, length) = (UpstreamProtocol::H2c, Duration::from_millis(200));
    let job = Job { address, protocol, paths: vec!["/a?b".to_owned()], in_flight: 3, length };
    let sample = give(&job, &AtomicBool::new(false)).unwrap().unwrap();
    assert_eq!((sample.failed, sample.fault), (0, None));
    assert!(sample.good >= 6);
}
