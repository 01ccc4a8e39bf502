//! The running workers, seen from outside: start, barrier, drain, counters.

use std::fmt;
use std::io;
use std::net::TcpListener;
use std::sync::{Arc, mpsc as blocking};
use std::thread;
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, oneshot};

use crate::dispatch::Dispatch;
use crate::metrics::{Metrics, Scrape};
use crate::settings::Settings;
use crate::tls::TlsServer;
use crate::worker::{self, Budget, Command, HANDED_MAX, Peers, Start, Tunnels};

/// Commands a worker may be behind with; they come one at a time and seldom.
const COMMANDS_MAX: usize = 16;

/// What happened since the start, over all workers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// Requests whose head was read.
    pub requests: u64,
    /// Requests that were answered with a 503 of the relay's own.
    pub refused: u64,
    /// Attempts beyond the first of a request.
    pub retries: u64,
    /// Client connections open now.
    pub connections_open: u64,
}

/// How a drain ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drained {
    /// Requests that were still running at the deadline and were cut, a half-read head and an answer that
    /// was not written out among them.
    pub cut: u32,
}

/// Where clients speak TLS, and what is shown to them.
#[derive(Debug)]
pub struct Secured {
    /// They are spread over the workers as the others are.
    pub listeners: Vec<TcpListener>,
    /// What is shown.
    pub tls: TlsServer,
}

/// The running workers. Dropping it ends them at once, with every connection they have.
pub struct Relay {
    workers: Vec<Handle>,
}

struct Handle {
    commands: mpsc::Sender<Command>,
    metrics: Arc<Metrics>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Relay {
    /// Starts `workers` workers, at least one; worker i accepts on listener i, counted round, whichever there are
    /// more of. Listeners are made non-blocking, what they accept sends without delay, and a client that has vanished is
    /// noticed within about a minute.
    ///
    /// # Errors
    ///
    /// When there is no listener, a listener cannot be duplicated or used, or a thread cannot be started;
    /// then nothing runs.
    pub fn start(
        listeners: Vec<TcpListener>,
        workers: usize,
        dispatch: Arc<dyn Dispatch>,
        settings: Settings,
    ) -> io::Result<Relay> {
        Relay::start_secured(listeners, None, workers, dispatch, settings)
    }

    /// The same, and on other listeners with TLS. One of both kinds must have a listener.
    ///
    /// # Errors
    ///
    /// As above.
    pub fn start_secured(
        listeners: Vec<TcpListener>,
        secured: Option<Secured>,
        workers: usize,
        dispatch: Arc<dyn Dispatch>,
        settings: Settings,
    ) -> io::Result<Relay> {
        let (secured, tls) = secured.map(|Secured { listeners, tls }| (listeners, tls)).unzip();
        let secured = secured.unwrap_or_default();
        if listeners.is_empty() && secured.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a relay needs a listener"));
        }
        let workers = workers.max(1);
        let all: Vec<_> = (0..workers).map(|_| Arc::<Metrics>::default()).collect();
        let budget = Arc::new(Budget::new(all.clone()));
        let (doors, handed): (Vec<_>, Vec<_>) = (0..workers).map(|_| mpsc::channel(HANDED_MAX)).unzip();
        let mut relay = Relay { workers: Vec::new() };
        for (index, handed) in handed.into_iter().enumerate() {
            let (plain, secured) = (share(&listeners, index, workers)?, share(&secured, index, workers)?);
            let (commands, received) = mpsc::channel(COMMANDS_MAX);
            let (started, start_heard) = blocking::channel();
            let metrics = Arc::clone(&all[index]);
            let start = Start {
                listeners: plain,
                secured,
                tls: tls.clone(),
                dispatch: Arc::clone(&dispatch),
                settings: settings.clone(),
                metrics: Arc::clone(&metrics),
                budget: Arc::clone(&budget),
                peers: Peers::new(index, all.clone(), doors.clone()),
                handed,
                commands: received,
                started,
            };
            let thread = Some(worker::spawn(index, start)?);
            relay.workers.push(Handle { commands, metrics, thread });
            start_heard.recv().unwrap_or_else(|_| Err(io::Error::other("the worker ended at its start")))?;
        }
        Ok(relay)
    }

    /// Answers when every worker has passed its event loop once: no pick made before the call is still
    /// under way, and each has its guard.
    pub async fn barrier(&self) {
        self.ask(Command::Barrier).await;
    }

    /// Whether every worker is there: answers when those that are have passed their event loops once.
    pub async fn turns(&self) -> bool {
        self.ask(Command::Barrier).await.len() == self.workers.len()
    }

    /// Goes by `settings` from the next request on, and by what they say of a connection from the next
    /// connection on. Answers when every worker does: the log of the settings before holds every line of it.
    pub async fn settle(&self, settings: &Settings) {
        self.ask(|answer| Command::Settle { settings: Box::new(settings.clone()), answer }).await;
    }

    /// Accepts on `listeners` from now on, counted round as at the start, and no more where it did: those who are
    /// connected are answered, and told with the answer that is next to connect anew; what is upgraded
    /// goes on. The relay's own copies of the old listeners are closed.
    ///
    /// # Errors
    ///
    /// When a listener cannot be duplicated or used; then some workers may accept at both places.
    pub async fn listen(&self, listeners: &[TcpListener]) -> io::Result<()> {
        let workers = self.workers.len();
        let shares = (0..workers).map(|index| share(listeners, index, workers));
        let mut shares = shares.collect::<io::Result<Vec<_>>>()?.into_iter();
        self.ask(|answer| {
            let listeners = shares.next().expect("there is a share for each worker");
            Command::Move { listeners, answer }
        })
        .await
        .into_iter()
        .collect()
    }

    /// Stops accepting, closes connections that rest, and lets requests finish, each answered with
    /// `Connection: close`; what still runs at the deadline is cut. The relay's own copies of the
    /// listeners are closed; a copy somebody else holds stays open.
    pub async fn drain(&self, deadline: Duration) -> Drained {
        self.drain_with(Tunnels::Part, deadline).await
    }

    /// The same, but what is upgraded is left alone until it ends by itself, or the deadline comes. A drain that
    /// is asked for meanwhile ends it earlier.
    pub async fn retire(&self, deadline: Duration) -> Drained {
        self.drain_with(Tunnels::Stay, deadline).await
    }

    async fn drain_with(&self, tunnels: Tunnels, deadline: Duration) -> Drained {
        let began = Instant::now();
        // Workers hand connections to one another until they leave, so that none is empty for good before all
        // have done so.
        self.ask(|answer| Command::Leave { tunnels, deadline, answer }).await;
        let deadline = deadline.saturating_sub(began.elapsed());
        let cut = self.ask(|answer| Command::Drain { deadline, answer }).await;
        Drained { cut: cut.into_iter().sum() }
    }

    /// Gives each worker a command, and waits for the answers. A worker that has ended has none, and nothing
    /// under way either.
    async fn ask<T>(&self, mut command: impl FnMut(oneshot::Sender<T>) -> Command) -> Vec<T> {
        let mut asked = Vec::with_capacity(self.workers.len());
        for worker in &self.workers {
            let (answer, answered) = oneshot::channel();
            let _ = worker.commands.send(command(answer)).await;
            asked.push(answered);
        }
        let mut answers = Vec::with_capacity(asked.len());
        for answered in asked {
            answers.extend(answered.await.ok());
        }
        answers
    }

    /// What Prometheus asks.
    pub fn scrape(&self) -> Scrape {
        Scrape::new(self.workers.iter().map(|worker| Arc::clone(&worker.metrics)).collect())
    }

    /// What happened since the start.
    pub fn counters(&self) -> Counters {
        let mut counters = Counters::default();
        for worker in &self.workers {
            worker.metrics.add_to(&mut counters);
        }
        counters
    }
}

/// The listeners of the worker of this index: none is left out.
fn share(listeners: &[TcpListener], index: usize, workers: usize) -> io::Result<Vec<TcpListener>> {
    let first = listeners.get(index % listeners.len().max(1));
    let more = listeners.iter().skip(index + workers).step_by(workers);
    let copy = |listener: &TcpListener| {
        worker::prepare(listener)?;
        listener.try_clone()
    };
    first.into_iter().chain(more).map(copy).collect()
}

impl Drop for Relay {
    fn drop(&mut self) {
        for worker in &mut self.workers {
            let (closed, _) = mpsc::channel(1);
            worker.commands = closed;
        }
        for thread in self.workers.iter_mut().filter_map(|worker| worker.thread.take()) {
            // A dispatcher that holds the relay may drop it on a worker, which cannot wait for itself.
            if thread.thread().id() != thread::current().id() && thread.join().is_err() {
                tracing::error!("a relay worker panicked");
            }
        }
    }
}

impl fmt::Debug for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Relay").field("workers", &self.workers.len()).finish_non_exhaustive()
    }
}
