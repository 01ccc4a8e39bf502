//! A load of known size: so many requests in flight at a time, each failure remembered with its
//! words. Bounded: it ends when it is dropped, and each request has a deadline.

mod mix;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

pub use mix::Mix;

use crate::client::{Answer, Connection};

/// No request of a test may take longer.
const REQUEST_LIMIT: Duration = Duration::from_secs(30);

/// Failures that are remembered; more of them say nothing new.
const FAILURES_MAX: usize = 20;

/// How often an idle client looks whether it is needed.
const IDLE_LOOK: Duration = Duration::from_millis(5);

/// What a client sends again and again.
#[derive(Debug, Clone)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// The body.
    pub body: Vec<u8>,
    /// How long the answer's body must be.
    pub answer_bytes: usize,
    /// Requests on one connection before it is closed.
    pub per_connection: u32,
}

/// Clients that each keep one request in flight.
pub struct Load {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
}

struct Shared {
    address: SocketAddr,
    request: Request,
    /// What the whole answer must be, where that is known.
    body: Option<String>,
    active: AtomicUsize,
    ended: AtomicBool,
    answered: AtomicU64,
    failed: AtomicU64,
    failures: Mutex<Vec<String>>,
}

/// What became of the requests.
#[derive(Debug)]
pub struct Outcome {
    /// Those answered with 200 and a whole body.
    pub answered: u64,
    /// All others.
    pub failed: u64,
    /// The words of the first of them.
    pub failures: Vec<String>,
}

impl Request {
    /// A GET of `bytes` that keeps a place for `wait_ms`.
    pub fn get(bytes: usize, wait_ms: u32, per_connection: u32) -> Self {
        let target = format!("/bytes/{bytes}?wait={wait_ms}ms");
        Self { method: "GET", target, body: Vec::new(), answer_bytes: bytes, per_connection }
    }
}

impl Load {
    /// Up to `most` clients, none of them active yet.
    pub fn new(address: SocketAddr, request: Request, most: usize) -> Self {
        Self::start(address, request, None, most)
    }

    /// The same, and each answer must be this text: whatever else comes is a failure.
    pub fn expecting(address: SocketAddr, target: &str, body: &str, most: usize) -> Self {
        let target = target.to_owned();
        let request =
            Request { method: "GET", target, body: Vec::new(), answer_bytes: body.len(), per_connection: 20 };
        Self::start(address, request, Some(body.to_owned()), most)
    }

    fn start(address: SocketAddr, request: Request, body: Option<String>, most: usize) -> Self {
        let shared = Arc::new(Shared {
            address,
            request,
            body,
            active: AtomicUsize::new(0),
            ended: AtomicBool::new(false),
            answered: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            failures: Mutex::default(),
        });
        let client = |index| {
            let shared = Arc::clone(&shared);
            std::thread::spawn(move || shared.run(index))
        };
        Self { clients: (0..most).map(client).collect(), shared }
    }

    /// So many requests in flight from now on.
    pub fn set(&self, in_flight: usize) {
        self.shared.active.store(in_flight, Ordering::SeqCst);
    }

    /// Requests answered so far.
    pub fn answered(&self) -> u64 {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// Lets the running requests end and says what became of all.
    pub fn finish(mut self) -> Outcome {
        self.end();
        Outcome {
            answered: self.shared.answered.load(Ordering::SeqCst),
            failed: self.shared.failed.load(Ordering::SeqCst),
            failures: self.shared.failures.lock().expect("no client panics with the lock").clone(),
        }
    }

    fn end(&mut self) {
        self.shared.ended.store(true, Ordering::SeqCst);
        for client in self.clients.drain(..) {
            client.join().expect("a client does not panic");
        }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end();
    }
}

impl Outcome {
    /// # Panics
    /// When a request was lost, or when there was none at all.
    pub fn assert_nothing_lost(&self) {
        assert_eq!(
            self.failed,
            0,
            "lost {} of {}: {:#?}",
            self.failed,
            self.answered + self.failed,
            self.failures
        );
        assert!(self.answered > 0, "no request was made");
    }
}

impl Shared {
    fn run(&self, index: usize) {
        let mut connection = None;
        let mut left = 0;
        while !self.ended.load(Ordering::SeqCst) {
            if index >= self.active.load(Ordering::SeqCst) {
                connection = None;
                std::thread::sleep(IDLE_LOOK);
                continue;
            }
            if connection.is_none() {
                left = self.request.per_connection;
            }
            match self.once(&mut connection) {
                Ok(()) => {
                    self.answered.fetch_add(1, Ordering::SeqCst);
                }
                Err(words) => {
                    connection = None;
                    self.failed.fetch_add(1, Ordering::SeqCst);
                    let mut failures = self.failures.lock().expect("no client panics with the lock");
                    if failures.len() < FAILURES_MAX {
                        failures.push(words);
                    }
                }
            }
            left -= 1;
            if left == 0 {
                connection = None;
            }
        }
    }

    fn once(&self, connection: &mut Option<Connection>) -> Result<(), String> {
        let Request { method, target, body, answer_bytes, .. } = &self.request;
        let open = match connection.as_mut() {
            Some(open) => open,
            None => {
                let opened = Connection::open(self.address, REQUEST_LIMIT)
                    .map_err(|fault| format!("connect: {fault}"))?;
                connection.insert(opened)
            }
        };
        let answer =
            open.request(method, target, body).map_err(|fault| format!("{method} {target}: {fault}"))?;
        check(&answer, *answer_bytes)?;
        if let Some(expected) = self.body.as_ref().filter(|body| body.as_bytes() != answer.body) {
            let came = String::from_utf8_lossy(&answer.body);
            return Err(format!("{came:?} in place of {expected:?}"));
        }
        if answer.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close")) {
            *connection = None;
        }
        Ok(())
    }
}

fn check(answer: &Answer, bytes: usize) -> Result<(), String> {
    if answer.status != 200 {
        let reason = answer.header("x-accordion-reason").unwrap_or("no reason");
        return Err(format!("{} ({reason}): {}", answer.status, String::from_utf8_lossy(&answer.body)));
    }
    if answer.body.len() != bytes {
        return Err(format!("{} bytes in place of {bytes}", answer.body.len()));
    }
    Ok(())
}
