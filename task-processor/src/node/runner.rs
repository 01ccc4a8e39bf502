//! Runs the service of one lease from its start to the end of its last process, and tells the
//! owner what happens. It decides nothing.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use cluster::process::{Instance, Spec};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

use crate::lease::LeaseId;

/// What happened to a lease's service.
#[derive(Debug)]
pub(super) struct Event {
    /// Whose service.
    pub(super) lease: LeaseId,
    /// What.
    pub(super) what: What,
}

/// See `Event`.
#[derive(Debug)]
pub(super) enum What {
    /// It answered its probe.
    Started(Running),
    /// It could not be started, and nothing of it is left.
    StartFailed(String),
    /// It stopped (`false`) or began again (`true`) to answer its probe.
    Probed(bool),
    /// Its main process ended by itself.
    Exited(String),
    /// Every process of it is gone. The last event.
    ProcessesGone,
}

/// Facts of a started service.
#[derive(Debug, Clone, Copy)]
pub(super) struct Running {
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Its main process.
    pub(super) pid: u32,
    /// The root of its process tree.
    pub(super) guard_pid: u32,
    /// From the spawn to the first good probe.
    pub(super) start_time: Duration,
}

/// What tells the owner.
struct Runner {
    lease: LeaseId,
    stop: CancellationToken,
    events: mpsc::Sender<Event>,
}

/// Runs the service until `stop`. Dropped before its end, it leaves the processes to their guard,
/// which ends them.
pub(super) async fn run(lease: LeaseId, spec: Spec, stop: CancellationToken, events: mpsc::Sender<Event>) {
    Runner { lease, stop, events }.run(spec).await;
}

impl Runner {
    async fn run(self, spec: Spec) {
        // Given up in this way and not by dropping: the slot must not be free before the last process is gone.
        match Instance::start_unless(spec, self.stop.cancelled()).await {
            Ok(instance) => {
                if !self.stop.is_cancelled() {
                    self.tell(What::Started(Running::of(&instance))).await;
                    self.watch(&instance).await;
                }
                instance.stop().await;
                self.tell(What::ProcessesGone).await;
            }
            Err(_) if self.stop.is_cancelled() => self.tell(What::ProcessesGone).await,
            Err(fault) => self.tell(What::StartFailed(fault.to_string())).await,
        }
    }

    /// Tells what happens to the running service until it is to be stopped.
    async fn watch(&self, instance: &Instance) {
        let (mut exited, mut ready) = (instance.exited(), instance.ready());
        loop {
            tokio::select! {
                biased;
                () = self.stop.cancelled() => return,
                reason = exit(&mut exited) => {
                    self.tell(What::Exited(reason)).await;
                    return self.stop.cancelled().await;
                }
                is_ready = next(&mut ready) => self.tell(What::Probed(is_ready)).await,
            }
        }
    }

    /// An owner that is gone has nobody to tell; the processes are ended all the same.
    async fn tell(&self, what: What) {
        let _ = self.events.send(Event { lease: self.lease.clone(), what }).await;
    }
}

/// How the service ended by itself; never, once nothing watches it any more.
async fn exit(exited: &mut watch::Receiver<Option<String>>) -> String {
    let reason = exited.wait_for(Option::is_some).await.ok().and_then(|reason| reason.clone());
    match reason {
        Some(reason) => reason,
        None => pending().await,
    }
}

/// What the probe says from now on; never, once nothing probes any more.
async fn next(ready: &mut watch::Receiver<bool>) -> bool {
    match ready.changed().await {
        Ok(()) => *ready.borrow_and_update(),
        Err(_) => pending().await,
    }
}

impl Running {
    fn of(instance: &Instance) -> Self {
        Self {
            address: instance.address(),
            pid: instance.pid(),
            guard_pid: instance.guard_pid(),
            start_time: instance.start_time(),
        }
    }
}
