//! The connections of a load: one request at a time on each, and how long its answer took.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};
use rustix::io::Errno;
use socket2::{Domain, Protocol, Socket, Type};

use super::answer::{Answer, State};
use super::open_loop::Order;
use super::timer::Timer;
use super::timings::{Outcome, Timings};
use super::{Job, request};

/// Kept connections; enough that a request seldom waits for one.
const KEPT: usize = 64;

/// Connections open at a time where each request has its own. A proxy that is behind by so many cannot
/// carry the rate.
const OPEN_MAX: usize = 1024;

/// How often the loop looks whether it is still wanted.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Bytes read at a time, and events.
const READ_BYTES: usize = 64 * 1024;
const EVENTS: usize = 256;

/// The event of the timer; all others are numbers of slots.
const TIMER: u64 = u64::MAX;

/// All connections of one load, on one epoll.
pub(super) struct Connections {
    target: SocketAddr,
    is_kept: bool,
    /// One for each path of the job.
    requests: Vec<Vec<u8>>,
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
    slots: Vec<Slot>,
    free: Vec<usize>,
    began: Instant,
    outcomes: Vec<Outcome>,
    buffer: Vec<u8>,
}

/// One place for a connection.
#[derive(Default)]
struct Slot {
    stream: Option<TcpStream>,
    /// The request that is on its way.
    order: Option<Order>,
    is_sent: bool,
    answer: Answer,
}

impl Connections {
    /// Those of `job`, opened where they are kept; `timer` wakes who waits for them. The time counts from
    /// the end of this on.
    pub(super) fn new(job: &Job, timer: &Timer) -> io::Result<Self> {
        let slots = if job.is_kept { KEPT } else { OPEN_MAX };
        let mut connections = Self {
            target: job.target,
            is_kept: job.is_kept,
            requests: job.paths.iter().map(|path| request(job.target, path, job.is_kept)).collect(),
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            events: Vec::with_capacity(EVENTS),
            slots: (0..slots).map(|_| Slot::default()).collect(),
            free: (0..slots).rev().collect(),
            began: Instant::now(),
            outcomes: Vec::with_capacity((job.pace.requests() * 1.1) as usize + 16),
            buffer: vec![0; READ_BYTES],
        };
        let data = epoll::EventData::new_u64(TIMER);
        epoll::add(&connections.epoll, timer.fd(), data, edge(epoll::EventFlags::IN))?;
        if job.is_kept {
            for index in 0..slots {
                connections.connect(index)?;
            }
        }
        connections.began = Instant::now();
        Ok(connections)
    }

    /// When the time began to count.
    pub(super) const fn began(&self) -> Instant {
        self.began
    }

    /// How many have a request on its way.
    pub(super) const fn taken(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Sends that request; `false`: every connection is taken.
    pub(super) fn send(&mut self, order: Order) -> io::Result<bool> {
        let Some(index) = self.free.pop() else { return Ok(false) };
        if self.slots[index].stream.is_none() {
            self.connect(index)?;
        }
        let slot = &mut self.slots[index];
        (slot.order, slot.is_sent) = (Some(order), false);
        self.proceed(index);
        Ok(true)
    }

    /// Waits until something can be done, and does it.
    pub(super) fn wait(&mut self) -> io::Result<()> {
        let mut events = std::mem::take(&mut self.events);
        events.clear();
        match epoll::wait(&self.epoll, spare_capacity(&mut events), Some(&LOOK)) {
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for event in &events {
            let data = event.data;
            if data.u64() != TIMER {
                self.proceed(data.u64() as usize);
            }
        }
        self.events = events;
        Ok(())
    }

    /// Those on their way are lost, and those that never were, which were due then.
    pub(super) fn give_up(&mut self, waiting: impl Iterator<Item = Duration>) {
        let on_their_way = self.slots.iter().filter_map(|slot| slot.order).map(|order| order.due);
        self.outcomes.extend(on_their_way.chain(waiting).map(|due| Outcome { due, latency: None }));
    }

    /// What came of all.
    pub(super) fn timings(self) -> Timings {
        Timings::new(self.outcomes, self.began.elapsed())
    }

    /// Begins a connection; it need not be there yet.
    fn connect(&mut self, index: usize) -> io::Result<()> {
        let socket = Socket::new(Domain::for_address(self.target), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        match socket.connect(&self.target.into()) {
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
    fn proceed(&mut self, index: usize) {
        let slot = &mut self.slots[index];
        let Some(stream) = &mut slot.stream else { return };
        let Some(order) = slot.order.filter(|_| !slot.is_sent) else { return self.read(index) };
        let request = &self.requests[order.path];
        match stream.write(request) {
            // A request is far smaller than what a socket takes at once. The answer will be an event of
            // its own.
            Ok(count) if count == request.len() => slot.is_sent = true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Ok(_) | Err(_) => self.end(index, State::Bad),
        }
    }

    fn read(&mut self, index: usize) {
        loop {
            let Some(stream) = &mut self.slots[index].stream else { return };
            match stream.read(&mut self.buffer) {
                Ok(0) => return self.end(index, State::Bad),
                Ok(count) => {
                    let state = self.slots[index].answer.take(&self.buffer[..count]);
                    if state != State::Open {
                        self.end(index, state);
                    }
                    // Less than was asked for: no more is there now, and what comes is a new event.
                    if count < READ_BYTES {
                        return;
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(_) => return self.end(index, State::Bad),
            }
        }
    }

    /// The request of that slot, if there is one, has come to its end, and maybe its connection.
    fn end(&mut self, index: usize, state: State) {
        let slot = &mut self.slots[index];
        if let Some(Order { due, .. }) = slot.order.take() {
            let latency = match state {
                State::Good => Some(self.began.elapsed().saturating_sub(due)),
                State::Open | State::Bad => None,
            };
            self.outcomes.push(Outcome { due, latency });
            self.free.push(index);
        }
        slot.answer.clear();
        if state != State::Good || !self.is_kept {
            slot.stream = None;
        }
    }
}

/// Told once for each change.
fn edge(flags: epoll::EventFlags) -> epoll::EventFlags {
    flags | epoll::EventFlags::ET
}
