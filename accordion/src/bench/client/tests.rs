//! The client against servers that answer, are slow, or do neither.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::thread;
use std::time::Duration;

use super::schedule::Schedule;
use super::{Job, run};

/// Answers every request with `body` bytes after `pause`; `is_kept`: many on one connection.
fn server(body: usize, pause: Duration) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let serve = move |mut stream: TcpStream| {
        let mut buffer = [0; 4096];
        while let Ok(count) = stream.read(&mut buffer) {
            if count == 0 {
                return;
            }
            thread::sleep(pause);
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {body}\r\n\r\n");
            if stream.write_all(&[head.as_bytes(), &vec![b'x'; body]].concat()).is_err() {
                return;
            }
        }
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn job(target: SocketAddr, is_kept: bool) -> Job {
    Job { target, bytes: 100_000, rate: 200.0, length: Duration::from_millis(500), is_kept }
}

#[test]
fn every_request_of_the_schedule_is_sent_and_answered_both_ways() {
    let target = server(100_000, Duration::ZERO);
    for is_kept in [true, false] {
        let timings = run(job(target, is_kept), &AtomicBool::new(false)).unwrap();
        let due = Schedule::new(200.0, Duration::from_millis(500)).count() as u64;
        assert_eq!((timings.requests(), timings.failed), (due, 0));
        assert!(timings.quantile(0.5).unwrap() > Duration::ZERO);
    }
}

#[test]
fn a_slow_server_does_not_slow_the_schedule_down() {
    let pause = Duration::from_millis(200);
    let timings = run(job(server(10, pause), false), &AtomicBool::new(false)).unwrap();
    let due = Schedule::new(200.0, Duration::from_millis(500)).count() as u64;
    assert_eq!((timings.requests(), timings.failed), (due, 0));
    assert!(timings.quantile(0.0).unwrap() >= pause);
    // One after the other they would take 20 s.
    assert!(timings.seconds < 10.0, "{}", timings.seconds);
}

#[test]
fn a_request_that_waits_for_a_connection_counts_from_when_it_was_due() {
    let pause = Duration::from_millis(300);
    let target = server(10, pause);
    // 64 connections give 213 answers a second at most.
    let timings = run(Job { rate: 600.0, ..job(target, true) }, &AtomicBool::new(false)).unwrap();
    assert_eq!(timings.failed, 0);
    assert!(timings.quantile(1.0).unwrap() > 2 * pause, "{:?}", timings.quantile(1.0));
}

#[test]
fn bad_answers_and_lost_connections_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let timings = run(job(target, false), &AtomicBool::new(false)).unwrap();
    let due = Schedule::new(200.0, Duration::from_millis(500)).count() as u64;
    assert_eq!((timings.requests(), timings.failed), (0, due));
    assert_eq!(timings.quantile(0.5), None);
}

#[test]
fn it_ends_when_it_is_not_wanted_any_more() {
    let target = server(10, Duration::ZERO);
    let long = Job { length: Duration::from_secs(3600), ..job(target, true) };
    let timings = run(long, &AtomicBool::new(true)).unwrap();
    assert!(timings.seconds < 60.0);
}
