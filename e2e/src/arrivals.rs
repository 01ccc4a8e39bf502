//! An open-loop load: requests arrive at a constant rate whatever became of those before, as they do
//! from people who know nothing of one another. Four GETs to one POST, every second one on a
//! connection of its own, the others on kept ones. Bounded in number, in flight and in time.

use std::io::Write;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::Connection;

/// Longer than any wait that a test looks at, and shorter than the front end's own patience of 60 s.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// What one test may send in all: more than two minutes at the highest rate that is used.
const REQUESTS_MAX: u32 = 20_000;

/// In flight at a time. One that would be more is counted as late and not sent.
const IN_FLIGHT_MAX: usize = 1_000;

/// What a POST sends and is sent back.
const POSTED: &[u8] = &[b'x'; 2_000];

/// What a GET is sent.
const GOT_BYTES: usize = 1_024;

/// Requests that keep coming.
pub struct Arrivals {
    shared: Arc<Shared>,
    clock: Option<JoinHandle<()>>,
}

/// What became of the requests that have ended.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    /// GETs, which may be repeated.
    pub safe: Fates,
    /// POSTs, which may not once they were sent.
    pub unsafe_: Fates,
    /// Requests that were not sent, as too many were in flight.
    pub late: u64,
}

/// How requests of one kind ended.
#[derive(Debug, Clone, Default)]
pub struct Fates {
    /// With 2xx and a whole body.
    pub answered: u64,
    /// With another status.
    pub refused: u64,
    /// Without a byte of an answer.
    pub unanswered: u64,
    /// In the middle of the answer.
    pub cut: u64,
    /// The longest that one which was answered took.
    pub slowest: Duration,
    /// Each that was not answered.
    pub losses: Vec<Loss>,
}

/// A request that was not answered as it should have been.
#[derive(Debug, Clone)]
pub struct Loss {
    /// When it was sent, since the load began.
    pub sent: Duration,
    /// When that was known, since the load began.
    pub ended: Duration,
    /// How.
    pub words: String,
}

struct Shared {
    address: SocketAddr,
    per_second: u32,
    wait_ms: u32,
    start: Instant,
    ended: AtomicBool,
    in_flight: AtomicUsize,
    idle: Mutex<Vec<Connection>>,
    tally: Mutex<Tally>,
}

enum Fate {
    Answered,
    Refused(String),
    Unanswered(String),
    Cut(String),
}

impl Arrivals {
    /// `per_second` requests from now on, each of which keeps a place for `wait_ms`.
    pub fn start(address: SocketAddr, per_second: u32, wait_ms: u32) -> Self {
        let shared = Arc::new(Shared {
            address,
            per_second,
            wait_ms,
            start: Instant::now(),
            ended: AtomicBool::new(false),
            in_flight: AtomicUsize::new(0),
            idle: Mutex::default(),
            tally: Mutex::default(),
        });
        let clock = Arc::clone(&shared);
        let clock = Some(std::thread::spawn(move || clock.run()));
        Self { shared, clock }
    }

    /// What has ended so far.
    pub fn tally(&self) -> Tally {
        self.shared.tally().clone()
    }

    /// How long it has been running.
    pub fn age(&self) -> Duration {
        self.shared.start.elapsed()
    }

    /// Waits until all that was sent so far has ended, and as many more again as come in a second.
    pub fn wait_on(&self, limit: Duration) {
        let wanted = self.tally().ended() + self.shared.in_flight.load(Ordering::SeqCst) as u64;
        let wanted = wanted + u64::from(self.shared.per_second);
        let ended = || (self.tally().ended() >= wanted).then_some(());
        crate::wait_for("requests go on to be answered", limit, ended);
    }

    /// Sends no more, waits for what is in flight, and says what became of all.
    pub fn finish(mut self) -> Tally {
        self.end();
        self.tally()
    }

    fn end(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        if let Some(clock) = self.clock.take() {
            clock.join().expect("the clock does not panic");
        }
    }
}

impl Drop for Arrivals {
    fn drop(&mut self) {
        self.end();
    }
}

impl Tally {
    /// Those that ended, of both kinds.
    pub fn ended(&self) -> u64 {
        self.safe.ended() + self.unsafe_.ended()
    }

    /// Together with what became of another load of the same test.
    pub fn with(self, other: Self) -> Self {
        let late = self.late + other.late;
        Self { safe: self.safe.with(other.safe), unsafe_: self.unsafe_.with(other.unsafe_), late }
    }

    /// Prints the figures, of a test that goes well too; answers itself, for an assertion.
    pub fn print(self, what: &str) -> Self {
        let words =
            format!("{what}: safe   {}\n{what}: unsafe {}\n", self.safe.words(), self.unsafe_.words());
        // Not by a macro, whose words cargo shows of failed tests only; if nobody reads them, let it be.
        std::io::stderr().write_all(words.as_bytes()).ok();
        self
    }

    /// # Panics
    /// When a GET ended otherwise than with its whole answer, or when too few were sent to say so.
    pub fn assert_no_safe_lost(&self) {
        assert_eq!(self.safe.lost(), 0, "safe requests lost: {}: {:#?}", self.safe.words(), self.safe.losses);
        assert_eq!(self.late, 0, "{} requests were not sent", self.late);
        assert!(self.safe.answered > 20, "hardly a request was made: {}", self.safe.words());
    }
}

impl Fates {
    /// Those that ended.
    pub fn ended(&self) -> u64 {
        self.answered + self.lost()
    }

    /// Those that were not answered as they should have been.
    pub fn lost(&self) -> u64 {
        self.refused + self.unanswered + self.cut
    }

    fn with(mut self, other: Self) -> Self {
        self.answered += other.answered;
        self.refused += other.refused;
        self.unanswered += other.unanswered;
        self.cut += other.cut;
        self.slowest = self.slowest.max(other.slowest);
        self.losses.extend(other.losses);
        self
    }

    fn words(&self) -> String {
        let Self { answered, refused, unanswered, cut, slowest, .. } = self;
        format!(
            "{} lost ({unanswered} unanswered, {refused} with another status, {cut} cut), \
             {answered} answered, the slowest in {} ms",
            self.lost(),
            slowest.as_millis()
        )
    }

    fn add(&mut self, fate: Fate, sent: Duration, after: Duration) {
        let words = match fate {
            Fate::Answered => {
                self.answered += 1;
                self.slowest = self.slowest.max(after);
                return;
            }
            Fate::Refused(words) => {
                self.refused += 1;
                words
            }
            Fate::Unanswered(words) => {
                self.unanswered += 1;
                words
            }
            Fate::Cut(words) => {
                self.cut += 1;
                words
            }
        };
        self.losses.push(Loss { sent, ended: sent + after, words });
    }
}

impl Shared {
    /// Sends each request at its time, on a thread of its own, and waits for all.
    fn run(self: Arc<Self>) {
        let every = Duration::from_secs(1) / self.per_second;
        let mut running: Vec<JoinHandle<()>> = Vec::new();
        for number in 0..REQUESTS_MAX {
            // By the clock and not by the last one: a late wake-up must not make the load smaller.
            std::thread::sleep((every * number).saturating_sub(self.start.elapsed()));
            if self.ended.load(Ordering::SeqCst) {
                break;
            }
            running.retain(|thread| !thread.is_finished());
            if self.in_flight.load(Ordering::SeqCst) >= IN_FLIGHT_MAX {
                self.tally().late += 1;
                continue;
            }
            self.in_flight.fetch_add(1, Ordering::SeqCst);
            let request = Arc::clone(&self);
            running.push(std::thread::spawn(move || request.one(number)));
        }
        for thread in running {
            thread.join().expect("a request does not panic");
        }
    }

    fn one(&self, number: u32) {
        let (is_safe, is_kept) = (number % 5 != 4, number.is_multiple_of(2));
        let sent = self.start.elapsed();
        let fate = self.send(is_safe, is_kept);
        let mut tally = self.tally();
        let fates = if is_safe { &mut tally.safe } else { &mut tally.unsafe_ };
        fates.add(fate, sent, self.start.elapsed().saturating_sub(sent));
        self.in_flight.fetch_sub(1, Ordering::SeqCst);
    }

    fn send(&self, is_safe: bool, is_kept: bool) -> Fate {
        let kept = if is_kept { self.kept() } else { None };
        let (opened, which) = match kept {
            Some(kept) => (Ok(kept), "kept"),
            None => (Connection::open(self.address, REQUEST_LIMIT), "new"),
        };
        let mut connection = match opened {
            Ok(connection) => connection,
            Err(fault) => return Fate::Unanswered(format!("connect: {fault}")),
        };
        let wait = self.wait_ms;
        let (method, target, body, bytes) = if is_safe {
            ("GET", format!("/bytes/{GOT_BYTES}?wait={wait}ms"), &b""[..], GOT_BYTES)
        } else {
            ("POST", format!("/echo?wait={wait}ms"), POSTED, POSTED.len())
        };
        let answer = match connection.request(method, &target, body) {
            Ok(answer) => answer,
            Err(fault) => {
                let words = format!("{method} on a {which} connection: {fault}");
                return if connection.is_answering() { Fate::Cut(words) } else { Fate::Unanswered(words) };
            }
        };
        if answer.status != 200 || answer.body.len() != bytes {
            let reason = answer.header("x-accordion-reason").unwrap_or("no reason");
            return Fate::Refused(format!("{method}: {} ({reason})", answer.status));
        }
        let is_closed = answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        if is_kept && !is_closed {
            self.idle().push(connection);
        }
        Fate::Answered
    }

    /// A kept connection; those that the other side has closed meanwhile are dropped, as any client does.
    fn kept(&self) -> Option<Connection> {
        let mut idle = self.idle();
        std::iter::from_fn(|| idle.pop()).find(Connection::is_open)
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().expect("nobody panics with the lock")
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Connection>> {
        self.idle.lock().expect("nobody panics with the lock")
    }
}
