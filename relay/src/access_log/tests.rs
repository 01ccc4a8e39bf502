//! The log from a worker's side to the bytes in the file: golden lines, attempts to forge lines, a writer
//! that stalls, rotation, stop.

use std::fs;
use std::io::{PipeReader, Read};
use std::net::IpAddr;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Instant, UNIX_EPOCH};

use serde_json::Value;

use super::channel::{BLOCK_BYTES, BLOCKS_MAX};
use super::record::LINE_BYTES_MAX;
use super::*;

const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of one test's own, gone with it.
struct Directory(PathBuf);

impl Directory {
    fn new() -> Directory {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!("access-log-{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::create_dir(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn request<'a>() -> Record<'a> {
    Record {
        client: "192.0.2.7".parse().unwrap(),
        time: UNIX_EPOCH + Duration::from_millis(971_186_136_123),
        method: b"GET",
        target: b"/a?b=c",
        version: "HTTP/1.1",
        host: Some(b"shop.example"),
        referer: Some(b"http://example/"),
        user_agent: Some(b"curl/8.5"),
        status: 200,
        request_bytes: 0,
        response_bytes: 2326,
        served_by: "c1",
        retries: 0,
        times: Times { head: 21, queue: 0, connect: 0, first_byte: 850, total: 990 },
        ended: End::Completed,
    }
}

/// The line of one request, as it comes out of a file.
fn line(format: Format, record: &Record<'_>) -> String {
    let directory = Directory::new();
    let path = directory.file("log");
    let log = AccessLog::to_file(format, &path).unwrap();
    Batch::new(&log).push(record);
    drop(log);
    fs::read_to_string(path).unwrap()
}

#[test]
fn a_combined_line_is_apaches_and_then_ours() {
    assert_eq!(
        line(Format::Combined, &request()),
        "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"GET /a?b=c HTTP/1.1\" 200 2326 \"http://example/\" \
         \"curl/8.5\" c1 0 21/0/0/850/990 completed\n"
    );
}

#[test]
fn a_refused_request_has_the_reason_and_what_is_missing_is_a_dash() {
    let refused = Record {
        client: "::ffff:192.0.2.7".parse().unwrap(),
        method: b"",
        target: b"",
        referer: None,
        user_agent: None,
        status: 408,
        response_bytes: 0,
        served_by: "-",
        retries: 2,
        times: Times { head: 10_000_000, total: 10_000_100, ..Times::default() },
        ended: End::Refused("head-timeout"),
        ..request()
    };
    assert_eq!(
        line(Format::Combined, &refused),
        "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"-\" 408 - \"-\" \"-\" - 2 10000000/0/0/0/10000100 \
         refused:head-timeout\n"
    );
}

#[test]
fn a_json_line_has_its_keys_in_order() {
    assert_eq!(
        line(Format::Json, &request()),
        concat!(
            r#"{"time":"2000-10-10T13:55:36.123Z","client":"192.0.2.7","method":"GET","target":"/a?b=c","#,
            r#""version":"HTTP/1.1","host":"shop.example","referer":"http://example/","#,
            r#""user_agent":"curl/8.5","status":200,"request_bytes":0,"response_bytes":2326,"#,
            r#""served_by":"c1","retries":0,"head_us":21,"queue_us":0,"connect_us":0,"first_byte_us":850,"#,
            r#""total_us":990,"ended":"completed","reason":null}"#,
            "\n"
        )
    );
}

#[test]
fn a_json_line_says_null_for_what_was_not() {
    let refused = Record {
        client: "2001:db8::1".parse().unwrap(),
        method: b"",
        host: None,
        referer: None,
        user_agent: None,
        status: 0,
        served_by: "-",
        ended: End::Refused("bad-request"),
        ..request()
    };
    let value: Value = serde_json::from_str(&line(Format::Json, &refused)).unwrap();
    for key in ["method", "target", "version", "host", "referer", "user_agent", "served_by"] {
        assert_eq!(value[key], Value::Null, "{key}");
    }
    assert_eq!(value["client"], "2001:db8::1");
    assert_eq!((&value["ended"], &value["reason"]), (&"refused".into(), &"bad-request".into()));
}

#[test]
fn no_header_forges_a_line_or_a_field() {
    let forged =
        b"x\" c9 0\r\n10.0.0.1 - - [10/Oct/2000:13:55:36 +0000] \"GET /admin HTTP/1.1\" 200 1\x1b]0;\xff\"";
    let attack = Record {
        method: b"GET\"\n",
        target: b"/\r\n\"",
        host: Some(forged),
        referer: Some(forged),
        user_agent: Some(forged),
        served_by: "a b\n",
        ended: End::Refused("queue full\n"),
        ..request()
    };
    let text = line(Format::Combined, &attack);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')), "{text}");
    // Three quoted fields, and outside of them as many words as any line has.
    let parts: Vec<_> = text.trim_end().split('"').collect();
    assert_eq!(parts.len(), 7, "{text}");
    assert_eq!(parts[1], r"GET\x22\x0a /\x0d\x0a\x22 HTTP/1.1");
    assert!(parts[5].starts_with(r"x\x22 c9 0\x0d\x0a10.0.0.1"), "{text}");
    assert_eq!(parts[6], r" a\x20b\x0a 0 21/0/0/850/990 refused:queue\x20full\x0a");

    let text = line(Format::Json, &attack);
    assert_eq!(text.matches('\n').count(), 1);
    let value: Value = serde_json::from_str(&text).unwrap();
    let sent = String::from_utf8_lossy(forged);
    assert_eq!((&value["user_agent"], &value["host"]), (&sent.as_ref().into(), &sent.as_ref().into()));
    assert_eq!(value.as_object().unwrap().len(), 20);
}

#[test]
fn the_worst_line_has_room_in_a_block_and_its_bound_holds() {
    let bytes = vec![0x01; 20_000];
    let word = "\u{1}".repeat(100);
    let worst = Record {
        client: IpAddr::V6("2001:db88:8888:8888:8888:8888:8888:8888".parse().unwrap()),
        method: &bytes,
        target: &bytes,
        version: &word,
        host: Some(&bytes),
        referer: Some(&bytes),
        user_agent: Some(&bytes),
        status: u16::MAX,
        request_bytes: u64::MAX,
        response_bytes: u64::MAX,
        served_by: &word,
        retries: u8::MAX,
        times: Times {
            head: u64::MAX,
            queue: u64::MAX,
            connect: u64::MAX,
            first_byte: u64::MAX,
            total: u64::MAX,
        },
        ended: End::Refused(
            "\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}\u{1}",
        ),
        ..request()
    };
    for format in [Format::Combined, Format::Json] {
        for record in [worst, Record { method: b"", host: None, referer: None, user_agent: None, ..worst }] {
            let text = line(format, &record);
            assert!(
                text.len() <= record.line_bytes_max() && record.line_bytes_max() <= LINE_BYTES_MAX,
                "{format:?}"
            );
        }
    }
}

/// Numbered requests, so that a lost one is missed by name.
fn push_numbered(batch: &mut Batch, worker: usize, numbers: std::ops::Range<u64>) {
    for number in numbers {
        let target = format!("/{worker}/{number}");
        batch.push(&Record { target: target.as_bytes(), ..request() });
    }
}

/// The targets in a log's text, in order.
fn targets(text: &str) -> Vec<&str> {
    text.lines().map(|line| line.split(' ').nth(6).unwrap()).collect()
}

#[test]
fn a_stop_loses_no_line_of_any_worker_and_keeps_each_ones_order() {
    const LINES: u64 = 50_000;
    let directory = Directory::new();
    let path = directory.file("log");
    let log = AccessLog::to_file(Format::Combined, &path).unwrap();
    let workers: Vec<_> = (0..2)
        .map(|worker| {
            let log = log.clone();
            thread::spawn(move || push_numbered(&mut Batch::new(&log), worker, 0..LINES))
        })
        .collect();
    workers.into_iter().for_each(|worker| worker.join().unwrap());
    assert_eq!(log.dropped(), 0);
    drop(log);

    let text = fs::read_to_string(path).unwrap();
    let targets = targets(&text);
    for worker in 0..2 {
        let of = format!("/{worker}/");
        let numbers =
            targets.iter().filter_map(|target| target.strip_prefix(&of)).map(|n| n.parse::<u64>().unwrap());
        assert!(numbers.eq(0..LINES), "worker {worker}");
    }
    assert_eq!(targets.len() as u64, 2 * LINES);
}

#[test]
fn a_batch_hands_over_when_told_and_a_flush_waits_for_it() {
    let directory = Directory::new();
    let path = directory.file("log");
    let log = AccessLog::to_file(Format::Combined, &path).unwrap();
    let mut batch = Batch::new(&log);
    push_numbered(&mut batch, 0, 0..3);
    assert!(log.flush(PATIENCE));
    assert_eq!(fs::read_to_string(&path).unwrap(), "", "a line was written that was not handed over");
    batch.hand_over();
    assert!(log.flush(PATIENCE));
    assert_eq!(targets(&fs::read_to_string(&path).unwrap()), ["/0/0", "/0/1", "/0/2"]);
    batch.hand_over();
    assert!(log.flush(Duration::ZERO), "an empty batch gave the writer something to do");
}

#[test]
fn rotation_loses_no_line() {
    const ROUNDS: u64 = 5;
    let directory = Directory::new();
    let path = directory.file("log");
    let log = AccessLog::to_file(Format::Combined, &path).unwrap();
    let mut batch = Batch::new(&log);
    for round in 0..ROUNDS {
        push_numbered(&mut batch, 0, round * 2000..round * 2000 + 1000);
        batch.hand_over();
        fs::rename(&path, directory.file(&format!("log.{round}"))).unwrap();
        // Still to the renamed file, or already to the new one.
        push_numbered(&mut batch, 0, round * 2000 + 1000..(round + 1) * 2000);
        batch.hand_over();
        log.reopen();
        assert!(log.flush(PATIENCE));
        assert!(path.exists(), "a flush after a reopen waits for the new file");
    }
    push_numbered(&mut batch, 0, ROUNDS * 2000..ROUNDS * 2000 + 1);
    drop(batch);
    drop(log);

    let names = (0..ROUNDS).map(|round| format!("log.{round}")).chain(["log".to_owned()]);
    let texts: Vec<_> = names.map(|name| fs::read_to_string(directory.file(&name)).unwrap()).collect();
    assert!(texts[0].lines().count() >= 1000 && texts.last().unwrap().lines().count() >= 1);
    let all = texts.concat();
    let expected: Vec<_> = (0..=ROUNDS * 2000).map(|number| format!("/0/{number}")).collect();
    assert_eq!(targets(&all), expected);
}

/// A log whose file is a pipe that takes nothing until somebody reads.
fn piped(format: Format) -> (PipeReader, AccessLog) {
    let (reader, writer) = std::io::pipe().unwrap();
    let path = PathBuf::from(format!("/proc/self/fd/{}", writer.as_raw_fd()));
    (reader, AccessLog::to_file(format, &path).unwrap())
}

#[test]
fn a_stalled_writer_costs_lines_and_never_a_wait() {
    const BEYOND: u64 = 100;
    let (mut reader, log) = piped(Format::Combined);
    let mut batch = Batch::new(&log);
    // A block larger than the pipe's 64 KiB in two, so that the writer is at work and stuck.
    let long = "x".repeat(4000);
    let mut pushed = 0;
    let deadline = Instant::now() + PATIENCE;
    while log.dropped() == 0 {
        assert!(Instant::now() < deadline, "nothing was dropped");
        batch.push(&Record { user_agent: Some(long.as_bytes()), ..request() });
        pushed += 1;
    }
    assert!(
        pushed as usize * 1024 >= BLOCKS_MAX * BLOCK_BYTES / 2,
        "dropped with the queue half empty: {pushed}"
    );
    for _ in 0..BEYOND {
        push_numbered(&mut batch, 1, pushed..pushed + 1);
        batch.hand_over();
        pushed += 1;
    }
    let dropped = log.dropped();
    assert!(dropped > BEYOND);
    assert!(!log.flush(Duration::from_millis(1)), "a pipe that nobody reads was written");

    // It catches up: all the others come, in order, and at the end how many did not.
    let reading = thread::spawn(move || {
        let mut text = String::new();
        reader.read_to_string(&mut text).unwrap();
        text
    });
    assert!(log.flush(PATIENCE));
    push_numbered(&mut batch, 2, 0..1);
    drop(batch);
    assert_eq!(log.dropped(), dropped);
    drop(log);
    let text = reading.join().unwrap();
    let lines: Vec<_> = text.lines().collect();
    let [requests @ .., notice, last] = lines.as_slice() else { panic!("{} lines", lines.len()) };
    assert!(notice.starts_with(&format!("# {dropped} lines lost [")), "{notice}");
    assert!(last.contains("GET /2/0 "), "{last}");
    assert_eq!(requests.len() as u64, pushed - dropped);
    assert!(requests.iter().all(|line| line.starts_with("192.0.2.7 - - [") && line.ends_with(" completed")));
}

#[test]
fn lost_lines_are_told_in_json_as_an_object() {
    let mut out = Vec::new();
    json::write_lost(&mut out, 7, clock::Clock::new().set(UNIX_EPOCH));
    assert_eq!(out, b"{\"time\":\"1970-01-01T00:00:00.000Z\",\"lost_lines\":7}\n");
}

#[test]
fn an_output_that_takes_nothing_is_tried_again_and_given_up_at_the_end() {
    // Writes to it fail as on a full disk.
    let log = AccessLog::to_file(Format::Combined, std::path::Path::new("/dev/full")).unwrap();
    let mut batch = Batch::new(&log);
    push_numbered(&mut batch, 0, 0..3);
    batch.hand_over();
    assert!(!log.flush(Duration::from_millis(20)));
    assert_eq!(log.dropped(), 0, "a block was given up that could still be written");
    drop(batch);
    let (channel, began) = (Arc::clone(&log.inner.channel), Instant::now());
    drop(log);
    assert_eq!(channel.dropped(), 3);
    assert!(began.elapsed() < STOP_TIMEOUT, "a stop waited for an output that takes nothing");
}

#[test]
fn a_reopen_leaves_an_output_that_takes_nothing() {
    let directory = Directory::new();
    let path = directory.file("log");
    std::os::unix::fs::symlink("/dev/full", &path).unwrap();
    let log = AccessLog::to_file(Format::Combined, &path).unwrap();
    let mut batch = Batch::new(&log);
    push_numbered(&mut batch, 0, 0..3);
    batch.hand_over();
    assert!(!log.flush(Duration::from_millis(20)));
    fs::remove_file(&path).unwrap();
    log.reopen();
    assert!(log.flush(PATIENCE));
    assert_eq!(targets(&fs::read_to_string(&path).unwrap()), ["/0/0", "/0/1", "/0/2"]);
    assert_eq!(log.dropped(), 0);
}

#[test]
fn a_path_that_cannot_be_opened_anew_leaves_the_old_file_in_use() {
    let directory = Directory::new();
    let (path, moved) = (directory.file("log"), directory.file("moved"));
    let log = AccessLog::to_file(Format::Combined, &path).unwrap();
    fs::rename(&path, &moved).unwrap();
    fs::create_dir(&path).unwrap();
    log.reopen();
    push_numbered(&mut Batch::new(&log), 0, 0..1);
    assert!(log.flush(PATIENCE));
    assert_eq!(targets(&fs::read_to_string(&moved).unwrap()), ["/0/0"]);
}

#[test]
fn a_file_that_cannot_be_made_is_an_error_at_once() {
    let directory = Directory::new();
    assert!(AccessLog::to_file(Format::Json, &directory.file("no/such/log")).is_err());
}

#[test]
fn a_log_without_a_writer_counts_what_it_drops_and_makes_nobody_wait() {
    let log = AccessLog::over(Format::Combined, Channel::ended(), None);
    push_numbered(&mut Batch::new(&log), 0, 0..3);
    assert_eq!(log.dropped(), 3);
    let began = Instant::now();
    assert!(!log.flush(PATIENCE));
    assert!(began.elapsed() < PATIENCE / 2);
}

#[test]
fn buffers_go_round_so_that_a_line_costs_no_memory() {
    let directory = Directory::new();
    let log = AccessLog::to_file(Format::Combined, &directory.file("log")).unwrap();
    let mut batch = Batch::new(&log);
    let mut round = || {
        let capacity = batch.block.capacity();
        push_numbered(&mut batch, 0, 0..2000);
        batch.hand_over();
        assert_eq!(batch.block.capacity(), capacity);
        assert!(log.flush(PATIENCE));
    };
    (0..20).for_each(|_| round());
    // Five blocks a round and the one being filled; a round begins when the last one's are back.
    let made = log.channel().buffers_made();
    assert!(made <= 8, "{made} buffers for some 100 blocks");
}
