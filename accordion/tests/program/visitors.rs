//! Requests that keep coming at a constant rate whatever becomes of those before: every second one on a
//! connection of its own, the others on kept ones.

use std::io::{self, BufRead, BufReader, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crate::running::PATIENCE;

const EVERY: Duration = Duration::from_millis(20);
const BYTES: usize = 1000;
const REQUEST: &[u8] = b"GET /bytes/1000?wait=20ms HTTP/1.1\r\nhost: demo\r\n\r\n";

/// A load until it is finished.
pub(crate) struct Visitors {
    shared: Arc<Shared>,
    clock: JoinHandle<()>,
}

struct Shared {
    address: SocketAddr,
    ended: AtomicBool,
    answered: AtomicUsize,
    kept: Mutex<Vec<BufReader<TcpStream>>>,
    losses: Mutex<Vec<String>>,
}

impl Visitors {
    pub(crate) fn to(address: SocketAddr) -> Self {
        let shared = Arc::new(Shared {
            address,
            ended: AtomicBool::new(false),
            answered: AtomicUsize::new(0),
            kept: Mutex::default(),
            losses: Mutex::default(),
        });
        let clock = Arc::clone(&shared);
        Self { shared, clock: thread::spawn(move || clock.run()) }
    }

    pub(crate) fn answered(&self) -> usize {
        self.shared.answered.load(Ordering::SeqCst)
    }

    /// Waits for all that were sent; answers how many were answered, and what became of each other.
    pub(crate) fn finish(self) -> (usize, Vec<String>) {
        self.shared.ended.store(true, Ordering::SeqCst);
        self.clock.join().unwrap();
        let losses = std::mem::take(&mut *self.shared.losses.lock().unwrap());
        (self.shared.answered.load(Ordering::SeqCst), losses)
    }
}

impl Shared {
    fn run(self: Arc<Self>) {
        let start = Instant::now();
        let mut running = Vec::new();
        let mut number = 0;
        while !self.ended.load(Ordering::SeqCst) {
            number += 1;
            let shared = Arc::clone(&self);
            running.push(thread::spawn(move || shared.one(number % 2 == 0)));
            // By the clock and not by the last one.
            thread::sleep((EVERY * number).saturating_sub(start.elapsed()));
        }
        for one in running {
            one.join().unwrap();
        }
    }

    fn one(&self, is_kept: bool) {
        let began = Instant::now();
        match self.ask(is_kept) {
            Ok(()) => {
                self.answered.fetch_add(1, Ordering::SeqCst);
            }
            Err(fault) => {
                let words = format!("kept: {is_kept}, after {:?}: {fault}", began.elapsed());
                self.losses.lock().unwrap().push(words);
            }
        }
    }

    fn ask(&self, is_kept: bool) -> io::Result<()> {
        if is_kept && let Some(mut kept) = { self.kept.lock().unwrap().pop() } {
            // A connection may always be closed between two requests; one on which not a byte of an answer came
            // is no loss, but is asked again on a new one, as all clients do (RFC 9112, section 9.3.1).
            let begun = kept.get_mut().write_all(REQUEST).and_then(|()| Ok(kept.fill_buf()?.is_empty()));
            if matches!(begun, Ok(false)) {
                return self.answer(kept, is_kept);
            }
        }
        let mut stream = TcpStream::connect(self.address)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        stream.write_all(REQUEST)?;
        self.answer(BufReader::new(stream), is_kept)
    }

    fn answer(&self, mut stream: BufReader<TcpStream>, is_kept: bool) -> io::Result<()> {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(io::Error::new(ErrorKind::UnexpectedEof, format!("the answer ended: {head:?}")));
            }
        }
        if !head.starts_with("HTTP/1.1 200") {
            return Err(io::Error::other(head));
        }
        stream.read_exact(&mut [0; BYTES])?;
        if is_kept && !head.to_lowercase().contains("connection: close") {
            self.kept.lock().unwrap().push(stream);
        }
        Ok(())
    }
}
