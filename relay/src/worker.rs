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

use tokio::io::unix::AsyncFd;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) use accept::prepare;
pub(crate) use budget::{Budget, PaidRepeat};
pub(crate) use peers::{Accepted, HANDED_MAX, Peers};

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
use accept::Door;
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
    /// Goes by these from the next request on.
    Settle { settings: Box<Settings>, answer: oneshot::Sender<()> },
    /// Accepts here from now on and nowhere else. Answered when what had queued up elsewhere is in.
    Move { listeners: Vec<TcpListener>, answer: oneshot::Sender<io::Result<()>> },
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
    pub(crate) listeners: Vec<TcpListener>,
    /// Those where TLS is spoken, and what is shown there.
    pub(crate) secured: Vec<TcpListener>,
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
    settings: RefCell<Rc<Settings>>,
    sweep_every: Cell<Duration>,
    settled: Notify,
    door: RefCell<Rc<Door>>,
    tls: Option<TlsServer>,
    pool: Pool,
    buffers: Buffers,
    pipes: Pipes,
    orders: RefCell<Vec<Order>>,
    scratch: Cell<Vec<u8>>,
    live: Live,
    metrics: Arc<Metrics>,
    log: RefCell<Option<Batch>>,
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
    let Start { listeners, secured, commands, started, handed, .. } = start;
    let listeners = {
        let _context = runtime.enter();
        accept::watched(listeners).and_then(|plain| Ok((plain, accept::watched(secured)?)))
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
    listeners: (Vec<AsyncFd<TcpListener>>, Vec<AsyncFd<TcpListener>>),
    handed: mpsc::Receiver<Accepted>,
    commands: mpsc::Receiver<Command>,
) {
    runtime.block_on(async {
        let (plain, secured) = listeners;
        worker.open_door(plain);
        worker.open_secured_door(secured);
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
            Command::Settle { settings, answer } => {
                worker.settle(*settings);
                let _ = answer.send(());
            }
            Command::Move { listeners, answer } => {
                let worker = Rc::clone(worker);
                tokio::task::spawn_local(async move {
                    let _ = answer.send(worker.listen(listeners).await);
                });
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
    loop {
        worker.sweep();
        tokio::select! {
            () = tokio::time::sleep(worker.sweep_every.get()) => {}
            // The next one may be due sooner now.
            () = worker.settled.notified() => {}
        }
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
        let log = RefCell::new(settings.access_log.as_ref().map(Batch::new));
        Worker {
            dispatch,
            sweep_every: Cell::new(settings.sweep_every()),
            settings: RefCell::new(Rc::new(settings)),
            settled: Notify::new(),
            door: RefCell::default(),
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

    /// The settings in force. To be looked at anew for each thing that begins, never kept.
    pub(crate) fn settings(&self) -> Rc<Settings> {
        Rc::clone(&self.settings.borrow())
    }

    /// Goes by `settings` from now on: what runs keeps what it has begun with, and a time that runs is
    /// judged by the new ones at the next sweep.
    fn settle(&self, settings: Settings) {
        let log = settings.access_log.as_ref().map(Batch::new);
        // What the old one holds is handed over as it is dropped.
        drop(self.log.replace(log));
        self.sweep_every.set(settings.sweep_every());
        self.settings.replace(Rc::new(settings));
        self.settled.notify_one();
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
        self.log.borrow().is_some()
    }

    /// Counts a request that has ended, and writes its line.
    pub(crate) fn observe(&self, record: &Record<'_>) {
        self.metrics.observe(record);
        if let Some(log) = &mut *self.log.borrow_mut() {
            log.push(record);
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
        if let Some(log) = &mut *self.log.borrow_mut() {
            log.hand_over();
        }
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        self.hand_over_lines();
        let draining = self.is_draining();
        let settings = self.settings();
        let every = self.sweep_every.get();
        self.live.sweep(&Sweep { settings: &settings, now, every, draining });
        if let Some(oldest) = now.checked_sub(settings.upstream_idle_timeout) {
            self.pool.expire(oldest);
        }
    }
}
