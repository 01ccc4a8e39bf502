//! The client against servers that answer, are slow, or do neither.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use super::schedule::Schedule;
use super::{GRACE, Job, Pace, run};

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

const HALF_A_SECOND: Duration = Duration::from_millis(500);

fn job(target: SocketAddr, is_kept: bool) -> Job {
    let pace = Pace::random(200.0, HALF_A_SECOND);
    Job { target, paths: vec!["/100000".to_owned()], pace, is_kept, grace: GRACE }
}

/// How many requests that job has.
fn count() -> u64 {
    Schedule::new(Pace::random(200.0, HALF_A_SECOND)).count() as u64
}

#[test]
fn every_request_of_the_schedule_is_sent_and_answered_both_ways() {
    let target = server(100_000, Duration::ZERO);
    for is_kept in [true, false] {
        let timings = run(job(target, is_kept), &AtomicBool::new(false)).unwrap();
        assert_eq!((timings.requests(), timings.failed), (count(), 0));
        assert!(timings.quantile(0.5).unwrap() > Duration::ZERO);
    }
}

#[test]
fn a_slow_server_does_not_slow_the_schedule_down() {
    let pause = Duration::from_millis(200);
    let timings = run(job(server(10, pause), false), &AtomicBool::new(false)).unwrap();
    assert_eq!((timings.requests(), timings.failed), (count(), 0));
    assert!(timings.quantile(0.0).unwrap() >= pause);
    // One after the other they would take 20 s.
    assert!(timings.seconds < 10.0, "{}", timings.seconds);
}

#[test]
fn a_request_that_waits_for_a_connection_counts_from_when_it_was_due() {
    let pause = Duration::from_millis(300);
    let target = server(10, pause);
    // 64 connections give 213 answers a second at most.
    let pace = Pace::random(600.0, HALF_A_SECOND);
    let timings = run(Job { pace, ..job(target, true) }, &AtomicBool::new(false)).unwrap();
    assert_eq!(timings.failed, 0);
    assert!(timings.quantile(1.0).unwrap() > 2 * pause, "{:?}", timings.quantile(1.0));
}

#[test]
fn bad_answers_and_lost_connections_are_counted() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    thread::spawn(move || listener.incoming().for_each(drop));
    let timings = run(job(target, false), &AtomicBool::new(false)).unwrap();
    assert_eq!((timings.requests(), timings.failed), (0, count()));
    assert!(timings.outcomes().iter().all(|outcome| outcome.latency.is_none()));
    assert_eq!(timings.quantile(0.5), None);
}

#[test]
fn it_ends_when_it_is_not_wanted_any_more() {
    let target = server(10, Duration::ZERO);
    let long = Job { pace: Pace::random(200.0, Duration::from_secs(3600)), ..job(target, true) };
    let timings = run(long, &AtomicBool::new(true)).unwrap();
    assert!(timings.seconds < 60.0);
}

#[test]
fn paths_are_asked_for_in_turn() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = listener.local_addr().unwrap();
    let (asked, all) = mpsc::channel();
    thread::spawn(move || {
        // One after the other, so that they are seen as they came.
        for mut stream in listener.incoming().flatten() {
            let mut buffer = [0; 4096];
            let count = stream.read(&mut buffer).unwrap();
            let head = String::from_utf8_lossy(&buffer[..count]).into_owned();
            asked.send(head.split(' ').nth(1).unwrap().to_owned()).unwrap();
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
        }
    });
    let paths = ["/a", "/b", "/a", "/c"].map(str::to_owned).to_vec();
    // Far enough apart that each has its answer before the next is due.
    let pace = Pace::even(20.0, HALF_A_SECOND);
    let timings = run(Job { paths, pace, ..job(target, false) }, &AtomicBool::new(false)).unwrap();
    assert_eq!((timings.requests(), timings.failed), (10, 0));
    let asked: Vec<String> = all.try_iter().collect();
    assert_eq!(asked, ["/a", "/b", "/a", "/c", "/a", "/b", "/a", "/c", "/a", "/b"]);
}

#[test]
fn answers_that_are_not_there_when_the_grace_is_over_are_lost() {
    let target = server(10, Duration::from_secs(60));
    let grace = Duration::from_millis(50);
    for is_kept in [true, false] {
        let timings = run(Job { grace, ..job(target, is_kept) }, &AtomicBool::new(false)).unwrap();
        // Of the kept connections there are fewer than requests, so that some were never sent.
        assert_eq!((timings.requests(), timings.failed), (0, count()));
        assert!(timings.outcomes().is_sorted_by_key(|outcome| outcome.due));
        assert!(timings.seconds < 5.0, "{}", timings.seconds);
    }
}

#[test]
fn nothing_to_ask_for_is_a_fault() {
    let target = server(10, Duration::ZERO);
    let fault = run(Job { paths: Vec::new(), ..job(target, true) }, &AtomicBool::new(false)).unwrap_err();
    assert_eq!(fault.to_string(), "no path is asked for");
}
