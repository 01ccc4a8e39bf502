//! One worker: a thread with a runtime of its own, its listener, its connections and its pool.
//!
//! Everything a request touches lives here and is used by this thread only. The runtime owns every task
//! of the worker and ends them with it; a drain waits for the connections' own end.

mod accept;
mod budget;
mod tally;

use std::cell::Cell;
use std::io;
use std::net::TcpListener;
use std::rc::Rc;
use std::sync::{Arc, mpsc as blocking};
use std::time::{Duration, Instant};

use hyper::server::conn::http1;
use tokio::runtime::{Builder, LocalOptions, LocalRuntime};
use tokio::sync::{Notify, mpsc, oneshot};

pub(crate) use accept::prepare;
pub(crate) use budget::{Budget, PaidRepeat};
pub(crate) use tally::Tally;

use crate::dispatch::Dispatch;
use crate::live::{Client, Live, Member, Sweep};
use crate::pool::Pool;
use crate::settings::Settings;
use crate::upstream;

/// What a worker is asked from outside, answered from its event loop.
pub(crate) enum Command {
    /// Answered at once: everything this thread did before is done.
    Barrier(oneshot::Sender<()>),
    /// Answered when no connection is left, with the number of requests that were cut for it.
    Drain { deadline: Duration, answer: oneshot::Sender<u32> },
}

/// What a worker's thread is given.
pub(crate) struct Start {
    pub(crate) listener: TcpListener,
    pub(crate) dispatch: Arc<dyn Dispatch>,
    pub(crate) settings: Settings,
    pub(crate) tally: Arc<Tally>,
    /// The one budget of all workers.
    pub(crate) budget: Arc<Budget>,
    pub(crate) commands: mpsc::Receiver<Command>,
    /// Hears once whether the worker runs.
    pub(crate) started: blocking::Sender<io::Result<()>>,
}

pub(crate) struct Worker {
    dispatch: Arc<dyn Dispatch>,
    settings: Settings,
    sweep_every: Duration,
    codec: http1::Builder,
    pool: Pool,
    live: Live,
    tally: Arc<Tally>,
    budget: Arc<Budget>,
    /// The time of the last sweep: near enough for everything but service times, and free to read.
    now: Cell<Instant>,
    draining: Cell<bool>,
    drain_began: Notify,
}

/// Runs a worker until its commands end. The body of its thread.
pub(crate) fn run(start: Start) {
    let Start { listener, dispatch, settings, tally, budget, commands, started } = start;
    let runtime = match Builder::new_current_thread().enable_all().build_local(LocalOptions::default()) {
        Ok(runtime) => runtime,
        Err(error) => return tell(&started, Err(error)),
    };
    let listener = {
        let _context = runtime.enter();
        tokio::net::TcpListener::from_std(listener)
    };
    match listener {
        Ok(listener) => {
            tell(&started, Ok(()));
            let worker = Rc::new(Worker::new(dispatch, settings, tally, budget));
            work(&runtime, &worker, listener, commands);
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
    listener: tokio::net::TcpListener,
    commands: mpsc::Receiver<Command>,
) {
    runtime.block_on(async {
        tokio::task::spawn_local(accept::run(Rc::clone(worker), listener));
        tokio::task::spawn_local(sweep(Rc::clone(worker)));
        tokio::task::spawn_local(close(Rc::clone(worker)));
        obey(worker, commands).await;
    });
}

async fn obey(worker: &Rc<Worker>, mut commands: mpsc::Receiver<Command>) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Barrier(answer) => {
                // Whoever asked may have gone.
                let _ = answer.send(());
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
        tally: Arc<Tally>,
        budget: Arc<Budget>,
    ) -> Worker {
        let mut codec = http1::Builder::new();
        // The sweep times heads and rests; a service's Date passes as it is.
        codec.header_read_timeout(None).auto_date_header(false);
        Worker {
            dispatch,
            sweep_every: settings.sweep_every(),
            settings,
            codec,
            pool: Pool::default(),
            live: Live::default(),
            tally,
            budget,
            now: Cell::new(Instant::now()),
            draining: Cell::new(false),
            drain_began: Notify::new(),
        }
    }

    pub(crate) fn dispatch(&self) -> &dyn Dispatch {
        &*self.dispatch
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn codec(&self) -> &http1::Builder {
        &self.codec
    }

    pub(crate) fn pool(&self) -> &Pool {
        &self.pool
    }

    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    pub(crate) fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The time of the last sweep.
    pub(crate) fn now(&self) -> Instant {
        self.now.get()
    }

    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    pub(crate) fn enter(&self, client: Rc<Client>) -> Member {
        self.tally.opened();
        self.live.enter(client)
    }

    /// A repeat out of the budget, if it has room.
    pub(crate) fn paid_repeat(&self) -> Option<PaidRepeat> {
        self.budget.take()
    }

    async fn drain(&self, deadline: Duration) -> u32 {
        self.draining.set(true);
        self.drain_began.notify_waiters();
        self.live.finish_all();
        if tokio::time::timeout(deadline, self.live.emptied()).await.is_ok() {
            return 0;
        }
        let cut = self.live.cut_all();
        self.live.emptied().await;
        cut
    }

    fn sweep(&self) {
        let now = Instant::now();
        self.now.set(now);
        let draining = self.draining.get();
        self.live.sweep(&Sweep { settings: &self.settings, now, every: self.sweep_every, draining });
        if let Some(oldest) = now.checked_sub(self.settings.upstream_idle) {
            self.pool.expire(oldest);
        }
    }
}
