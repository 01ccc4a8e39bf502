//! One worker: a thread with a runtime of its own, its listeners, its connections and its pool.
//!
//! Everything a request touches lives here and is used by this thread only. The runtime owns every task
//! of the worker and ends them with it; a drain waits for the connections' own end.

mod accept;
mod budget;
mod draining;
mod peers;

use std::cell::{Cell, RefCell};
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::{Arc, mpsc as blocking};
use std::thread;
use std::time::{Duration, Instant};

use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{mpsc, oneshot};

pub(crate) use accept::prepare;
pub(crate) use budget::{Budget, PaidRepeat};
pub(crate) use peers::{Accepted, HANDED_MAX, Layer, Peers};

use crate::access_log::{Batch, Record};
use crate::buffer::Buffers;
use crate::dispatch::Dispatch;
use crate::forward::{Order, Pipes};
use crate::live::{Arrival, Client, Live, Member, Signal, Sweep};
use crate::metrics::Metrics;
use crate::pool::Pool;
use crate::settings::Settings;
use crate::tls::TlsServer;
use crate::upstream;
use draining::Draining;

/// Orders kept for their memory, and how much of it each may have: a burst leaves no more than this behind.
const ORDERS_KEPT_MAX: usize = 64;
const ORDER_BYTES_MAX: usize = 64 * 1024;

/// How long a client may wait for its answer before it is noticed that it goes away.
const UNWATCHED_MAX: Duration = Duration::from_millis(10);

/// What a worker is asked from outside, answered from its event loop.
pub(crate) enum Command {
    /// Answered at once: everything this thread did before is done.
    Barrier(oneshot::Sender<()>),
    /// Takes nobody in any more and lets those who are here finish. Answered when all who had come are in.
    Leave { tunnels: Tunnels, deadline: Duration, answer: oneshot::Sender<()> },
    /// After every worker has left: answered when no connection is left, with the number of requests that
    /// were cut for it.
    Drain { deadline: Duration, answer: oneshot::Sender<u32> },
}

/// What a drain makes of upgraded connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tunnels {
    /// They are asked to end.
    Part,
    /// They end by themselves.
    Stay,
}

/// What a worker's thread is given.
pub(crate) struct Start {
    pub(crate) listeners: Vec<(TcpListener, Layer)>,
    /// Where connections of TLS come, what is shown there.
    pub(crate) tls: Option<TlsServer>,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) settings: Settings,
    pub(crate) metrics: Arc<Metrics>,
    /// The one budget of all workers.
    pub(crate) budget: Arc<Budget>,
    pub(crate) peers: Peers,
    /// What the others hand over.
    pub(crate) handed: mpsc::Receiver<Accepted>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Hears once whether the worker runs.
    pub(crate) started: blocking::Sender<io::Result<()>>,
}

pub(crate) struct Worker {
    dispatch: Arc<dyn Dispatch>,
    settings: Settings,
    tls: Option<TlsServer>,
    sweep_every: Duration,
    pool: Pool,
    buffers: Buffers,
    pipes: Pipes,
    orders: RefCell<Vec<Order>>,
    scratch: Cell<Vec<u8>>,
    live: Live,
    metrics: Arc<Metrics>,
    log: Option<RefCell<Batch>>,
    budget: Arc<Budget>,
    peers: Peers,
    /// Connections that the runtime does not know and whose client is waited for.
    unwatched: RefCell<Vec<Rc<Client>>>,
    /// The time of the last sweep: near enough for everything but service times, and free to read.
    now: Cell<Instant>,
    draining: Draining,
}

/// Starts a worker on a thread of its own.
pub(crate) fn spawn(index: usize, start: Start) -> io::Result<thread::JoinHandle<()>> {
    thread::Builder::new().name(format!("relay-{index}")).spawn(move || run(start))
}

/// Runs a worker until its commands end. The body of its thread.
fn run(start: Start) {
    let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return tell(&start.started, Err(error)),
    };
    let Start { listeners, commands, started, handed, .. } = start;
    let listeners: io::Result<Vec<_>> = {
        let _context = runtime.enter();
        #[expect(
            deprecated,
            reason = "its successor is unsafe; a std listener owns the descriptor that it names"
        )]
        let watched = |(one, layer)| Ok((AsyncFd::with_interest(one, Interest::READABLE)?, layer));
        listeners.into_iter().map(watched).collect()
    };
    let Start { dispatch, settings, tls, metrics, budget, peers, .. } = start;
    match listeners {
        Ok(listeners) => {
            tell(&started, Ok(()));
            let worker = Rc::new(Worker::new(dispatch, settings, tls, metrics, budget, peers));
            work(&runtime, &worker, listeners, handed, commands);
        }
        Err(error) => tell(&started, Err(error)),
    }
}

fn tell(started: &blocking::Sender<io::Result<()>>, outcome: io::Result<()>) {
    // Nobody listens only when the start was given up, and then there is nobody to tell.
    let _ = started.send(outcome);
}

fn work(
    runtime: &LocalRuntime,
    worker: &Rc<Worker>,
    listeners: Vec<(AsyncFd<TcpListener>, Layer)>,
    handed: mpsc::Receiver<Accepted>,
    commands: mpsc::Receiver<Command>,
) {
    runtime.block_on(async {
        worker.draining.open(listeners.len());
        for (listener, layer) in listeners {
            tokio::task::spawn_local(accept::run(Rc::clone(worker), listener, layer));
        }
        tokio::task::spawn_local(accept::take_over(Rc::clone(worker), handed));
        tokio::task::spawn_local(sweep(Rc::clone(worker)));
        tokio::task::spawn_local(close(Rc::clone(worker)));
        obey(worker, commands).await;
    });
    // They hold the worker, which would outlive its thread with the lines that it has not handed over.
    worker.unwatched.take();
}

async fn obey(worker: &Rc<Worker>, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Barrier(answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(());
            }
            Command::Leave { tunnels, deadline, answer } => {
                let worker = Rc::clone(worker);
                tokio::task::spawn_local(async move {
                    worker.leave(tunnels, deadline).await;
                    let _ = answer.send(());
                });
            }
            Command::Drain { deadline, answer } => {
                let worker = Rc::clone(worker);
                tokio::task::spawn_local(async move {
                    let cut = worker.drain(deadline).await;
                    let _ = answer.send(cut);
                });
            }
        }
    }
}

async fn sweep(worker: Rc<Worker>) {
    let mut ticks = tokio::time::interval(worker.sweep_every);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        worker.sweep();
    }
}

/// Carries out closings of upstreams.
async fn close(worker: Rc<Worker>) {
    loop {
        let mut rung = std::pin::pin!(upstream::next_closing());
        rung.as_mut().enable();
        worker.pool.apply_closings();
        rung.await;
    }
}

impl Worker {
    fn new(
        dispatch: Arc<dyn Dispatch>,
        settings: Settings,
        tls: Option<TlsServer>,
        metrics: Arc<Metrics>,
        budget: Arc<Budget>,
        peers: Peers,
    ) -> Worker {
        let log = settings.access_log.as_ref().map(|log| RefCell::new(Batch::new(log)));
        Worker {
            dispatch,
            sweep_every: settings.sweep_every(),
            settings,
            tls,
            pool: Pool::default(),
            buffers: Buffers::default(),
            pipes: Pipes::default(),
            orders: RefCell::default(),
            scratch: Cell::default(),
            live: Live::default(),
            log,
            metrics,
            budget,
            peers,
            unwatched: RefCell::default(),
            now: Cell::new(Instant::now()),
            draining: Draining::default(),
        }
    }

    pub(crate) fn dispatch(&self) -> &dyn Dispatch {
        &*self.dispatch
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn tls(&self) -> Option<&TlsServer> {
        self.tls.as_ref()
    }

    pub(crate) fn buffers(&self) -> &Buffers {
        &self.buffers
    }

    pub(crate) fn pipes(&self) -> &Pipes {
        &self.pipes
    }

    /// An empty order with the memory of an earlier one.
    pub(crate) fn order(&self) -> Order {
        self.orders.borrow_mut().pop().unwrap_or_default()
    }

    /// Keeps an order's memory for the next.
    pub(crate) fn keep_order(&self, mut order: Order) {
        let mut orders = self.orders.borrow_mut();
        if orders.len() < ORDERS_KEPT_MAX && order.is_smaller_than(ORDER_BYTES_MAX) {
            order.clear();
            orders.push(order);
        }
    }

    /// An empty piece of memory for a head that is being written.
    pub(crate) fn scratch(&self) -> Vec<u8> {
        self.scratch.take()
    }

    pub(crate) fn keep_scratch(&self, mut scratch: Vec<u8>) {
        scratch.clear();
        self.scratch.set(scratch);
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Whether requests leave a line.
    pub(crate) fn logs(&self) -> bool {
        self.log.is_some()
    }

    /// Counts a request that has ended, and writes its line.
    pub(crate) fn observe(&self, record: &Record<'_>) {
        self.metrics.observe(record);
        if let Some(log) = &self.log {
            log.borrow_mut().push(record);
        }
    }

    pub(crate) fn peers(&self) -> &Peers {
        &self.peers
    }

    /// Has the runtime watch a client that waits for its answer, unless that comes very soon: to make a
    /// connection known and to forget it are two system calls that a quick answer does without.
    pub(crate) fn watch_later(self: &Rc<Self>, client: &Rc<Client>) {
        let mut unwatched = self.unwatched.borrow_mut();
        if unwatched.is_empty() {
            let worker = Rc::clone(self);
            tokio::task::spawn_local(async move {
                tokio::time::sleep(UNWATCHED_MAX).await;
                let due = worker.unwatched.take();
                due.iter().for_each(|client| client.watch_now());
            });
        }
        unwatched.push(Rc::clone(client));
    }

    /// The time of the last sweep.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.has_begun()
    }

    pub(crate) fn enter(&self, client: Rc<Client>) -> Member {
        if client.arrival() == Arrival::Connection {
            self.metrics.connection_accepted();
        }
        if self.draining.is_late() {
            client.signal(Signal::Cut);
        }
        self.live.enter(client)
    }

    /// A repeat out of the budget, if it has room.
    pub(crate) fn paid_repeat(&self) -> Option<PaidRepeat> {
        self.budget.take()
    }

    fn hand_over_lines(&self) {
        if let Some(log) = &self.log {
            log.borrow_mut().hand_over();
        }
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        self.hand_over_lines();
        let draining = self.is_draining();
        self.live.sweep(&Sweep { settings: &self.settings, now, every: self.sweep_every, draining });
        if let Some(oldest) = now.checked_sub(self.settings.upstream_idle_timeout) {
            self.pool.expire(oldest);
        }
    }
}
