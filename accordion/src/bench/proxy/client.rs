//! An open-loop client: requests leave when they are due, whether or not the earlier ones have been
//! answered, and each latency counts from the due time to the last byte of the answer.
//!
//! One thread on epoll, because it must share a CPU with the origin and still send on time: a timer
//! of the kernel wakes it, for those of an async runtime are a millisecond coarse.

mod answer;
mod schedule;

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use socket2::{Domain, Protocol, Socket, Type};

pub(super) use answer::{Answer, State};
use schedule::Schedule;

/// Kept connections; enough that a request seldom waits for one.
const KEPT: usize = 64;

/// Connections open at a time where each request has its own. A proxy that is behind by so many cannot
/// carry the rate.
const OPEN_MAX: usize = 1024;

/// How long the last answers may take.
const GRACE: Duration = Duration::from_secs(5);

/// How often it looks whether it is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes read at a time, and events.
const READ_BYTES: usize = 64 * 1024;
const EVENTS: usize = 256;

/// The event of the timer; all others are numbers of slots.
const TIMER: u64 = u64::MAX;

/// What is to be sent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Job {
    pub(super) target: SocketAddr,
    /// The size of the answers, which is also their name.
    pub(super) bytes: usize,
    /// Requests a second.
    pub(super) rate: f64,
    pub(super) length: Duration,
    /// Whether connections are kept, or each request has its own.
    pub(super) is_kept: bool,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Timings {
    /// Of the good answers, the shortest first.
    latencies: Vec<Duration>,
    pub(super) failed: u64,
    pub(super) seconds: f64,
}

/// One place for a connection.
#[derive(Default)]
struct Slot {
    stream: Option<TcpStream>,
    /// When the request was due that is on its way.
    due: Option<Duration>,
    is_sent: bool,
    answer: Answer,
}

struct Client {
    job: Job,
    request: Vec<u8>,
    epoll: OwnedFd,
    timer: OwnedFd,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Due and not sent yet, because every slot is taken.
    waiting: VecDeque<Duration>,
    began: Instant,
    latencies: Vec<Duration>,
    failed: u64,
    buffer: Vec<u8>,
}

impl Timings {
    pub(super) fn requests(&self) -> u64 {
        self.latencies.len() as u64
    }

    /// The latency that this share of the requests does not exceed.
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let last = self.latencies.len().checked_sub(1)?;
        Some(
            self.latencies
                [((share * self.latencies.len() as f64).ceil() as usize).saturating_sub(1).min(last)],
        )
    }
}

/// Sends all of it and waits for the answers; ends early once `halt` is set.
///
/// # Errors
/// The target cannot be reached at all, or there are no descriptors left.
pub(super) fn run(job: Job, halt: &AtomicBool) -> io::Result<Timings> {
    let mut client = Client::new(job)?;
    client.run(halt)?;
    let mut latencies = client.latencies;
    latencies.sort_unstable();
    Ok(Timings { latencies, failed: client.failed, seconds: client.began.elapsed().as_secs_f64() })
}

/// The request for a file of that size.
pub(super) fn request(target: SocketAddr, bytes: usize, is_kept: bool) -> Vec<u8> {
    let close = if is_kept { "" } else { "Connection: close\r\n" };
    format!("GET /{bytes} HTTP/1.1\r\nHost: {target}\r\n{close}\r\n").into_bytes()
}

impl Client {
    fn new(job: Job) -> io::Result<Self> {
        let slots = if job.is_kept { KEPT } else { OPEN_MAX };
        let mut client = Self {
            job,
            request: request(job.target, job.bytes, job.is_kept),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            timer: timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?,
            slots: (0..slots).map(|_| Slot::default()).collect(),
            free: (0..slots).rev().collect(),
            waiting: VecDeque::new(),
            began: Instant::now(),
            latencies: Vec::with_capacity((job.rate * job.length.as_secs_f64() * 1.1) as usize + 16),
            failed: 0,
            buffer: vec![0; READ_BYTES],
        };
        epoll::add(
            &client.epoll,
            &client.timer,
            epoll::EventData::new_u64(TIMER),
            edge(epoll::EventFlags::IN),
        )?;
        if job.is_kept {
            for index in 0..slots {
                client.connect(index)?;
            }
        }
        client.began = Instant::now();
        Ok(client)
    }

    fn run(&mut self, halt: &AtomicBool) -> io::Result<()> {
        let mut schedule = Schedule::new(self.job.rate, self.job.length).peekable();
        let mut events = Vec::with_capacity(EVENTS);
        let mut armed = None;
        while !halt.load(Ordering::Relaxed) {
            let now = self.began.elapsed();
            while let Some(due) = schedule.next_if(|due| *due <= now) {
                self.waiting.push_back(due);
            }
            self.send_waiting()?;
            let next = schedule.peek().copied();
            if next.is_none() && self.waiting.is_empty() && self.free.len() == self.slots.len() {
                return Ok(());
            }
            if now > self.job.length + GRACE {
                self.failed += (self.waiting.len() + self.slots.len() - self.free.len()) as u64;
                return Ok(());
            }
            if let Some(due) = next.filter(|_| next != armed) {
                self.arm(due)?;
                armed = next;
            }
            events.clear();
            match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
            for event in &events {
                let data = event.data;
                if data.u64() != TIMER {
                    self.proceed(data.u64() as usize)?;
                }
            }
        }
        Ok(())
    }

    /// The timer wakes us at that time; a time that has passed is as soon as can be.
    fn arm(&self, due: Duration) -> io::Result<()> {
        let wait = due.saturating_sub(self.began.elapsed()).max(Duration::from_nanos(1));
        let it_value = Timespec { tv_sec: wait.as_secs().cast_signed(), tv_nsec: wait.subsec_nanos().into() };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &once)?;
        Ok(())
    }

    /// Gives each waiting request a slot, as long as there are free ones.
    fn send_waiting(&mut self) -> io::Result<()> {
        while let Some(due) = self.waiting.front().copied() {
            let Some(index) = self.free.pop() else { return Ok(()) };
            self.waiting.pop_front();
            if self.slots[index].stream.is_none() {
                self.connect(index)?;
            }
            let slot = &mut self.slots[index];
            (slot.due, slot.is_sent) = (Some(due), false);
            self.proceed(index)?;
        }
        Ok(())
    }

    /// Begins a connection; it need not be there yet.
    fn connect(&mut self, index: usize) -> io::Result<()> {
        let target = self.job.target;
        let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&target.into()) {
            Ok(()) => {}
            Err(error) if error.raw_os_error() == Some(Errno::INPROGRESS.raw_os_error()) => {}
            Err(error) => return Err(error),
        }
        let stream = TcpStream::from(socket);
        let both = edge(epoll::EventFlags::IN | epoll::EventFlags::OUT | epoll::EventFlags::RDHUP);
        epoll::add(&self.epoll, &stream, epoll::EventData::new_u64(index as u64), both)?;
        let slot = &mut self.slots[index];
        slot.stream = Some(stream);
        slot.answer.clear();
        Ok(())
    }

    /// Sends and reads what can be sent and read on one connection.
    fn proceed(&mut self, index: usize) -> io::Result<()> {
        let slot = &mut self.slots[index];
        let Some(stream) = &mut slot.stream else { return Ok(()) };
        if slot.due.is_some() && !slot.is_sent {
            match stream.write(&self.request) {
                // A request is far smaller than what a socket takes at once.
                Ok(count) if count == self.request.len() => slot.is_sent = true,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Ok(_) | Err(_) => {
                    self.end(index, State::Bad);
                    return Ok(());
                }
            }
            // The answer will be an event of its own.
            return Ok(());
        }
        loop {
            let Some(stream) = &mut self.slots[index].stream else { return Ok(()) };
            match stream.read(&mut self.buffer) {
                Ok(0) => {
                    self.end(index, State::Bad);
                    return Ok(());
                }
                Ok(count) => {
                    let state = self.slots[index].answer.take(&self.buffer[..count]);
                    if state != State::Open {
                        self.end(index, state);
                    }
                    // Less than was asked for: no more is there now, and what comes is a new event.
                    if count < READ_BYTES {
                        return Ok(());
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => {
                    self.end(index, State::Bad);
                    return Ok(());
                }
            }
        }
    }

    /// The request of that slot, if there is one, has come to its end, and maybe its connection.
    fn end(&mut self, index: usize, state: State) {
        let slot = &mut self.slots[index];
        if let Some(due) = slot.due.take() {
            match state {
                State::Good => self.latencies.push(self.began.elapsed().saturating_sub(due)),
                State::Open | State::Bad => self.failed += 1,
            }
            self.free.push(index);
        }
        slot.answer.clear();
        if state != State::Good || !self.job.is_kept {
            slot.stream = None;
        }
    }
}

/// Told once for each change.
fn edge(flags: epoll::EventFlags) -> epoll::EventFlags {
    flags | epoll::EventFlags::ET
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

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

    #[test]
    fn a_quantile_is_the_latency_that_so_many_do_not_exceed() {
        let latencies = (1..=100).map(Duration::from_millis).collect();
        let timings = Timings { latencies, failed: 0, seconds: 1.0 };
        let at = |share| timings.quantile(share).unwrap().as_millis();
        assert_eq!([at(0.0), at(0.5), at(0.99), at(1.0)], [1, 50, 99, 100]);
    }
}
