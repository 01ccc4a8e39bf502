//! The node's one owner and the verbs by which others speak to it.
//!
//! Everything that changes a lease goes through one task (`owner`), which asks the pure book what
//! follows and carries that out: so there is one order of events and no lock. A `Node` is a bounded
//! channel to that task wrapped in verbs.

mod journal;
mod leftovers;
mod lines;
mod owner;
mod runner;
mod waiting;

use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cluster::config::Service;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

use crate::NodeFault;
use crate::gate::Gate;
use crate::lease::{
    Adopted, Bounds, Denial, Grant, HeardClaim, Holder, LeaseId, LeaseRef, Limits, Reclaim, ReclaimWish,
    Refusal, Renewal, Roll, State,
};
use crate::load::{Figures, MachineLoad, Roots};
use crate::saved::StateFault;

pub(crate) use lines::{Line, LineId};
pub(crate) use waiting::Call;

use owner::Owner;

/// Commands that may wait for the owner. Each is short work, so a full channel means trouble, and
/// callers then wait in their own connections.
const COMMANDS_MAX: usize = 256;

/// What the owner goes by.
#[derive(Debug)]
pub(crate) struct Terms {
    /// The node's name.
    pub(crate) name: String,
    /// Its address; on it listen the services whose requests come straight, others on the loopback.
    pub(crate) machine: IpAddr,
    /// Services it may run at once.
    pub(crate) slots: u32,
    /// What its book begins with.
    pub(crate) limits: Limits,
    /// What it may run.
    pub(crate) services: Vec<Service>,
    /// Where it keeps its epoch; beside it, it notes which services run.
    pub(crate) state_file: PathBuf,
}

/// What the owner works with.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// The data path.
    pub(crate) gate: Arc<Gate>,
    /// Where the load sampler learns which processes to look at.
    pub(crate) roots: watch::Sender<Roots>,
    /// What it saw.
    pub(crate) figures: watch::Receiver<Figures>,
}

/// Speaks to the owner.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    commands: mpsc::Sender<Command>,
    ttl: Duration,
}

/// Why a call failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CallFault {
    /// The call does not suit the lease.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The epoch could not be saved, so nothing was granted.
    #[error(transparent)]
    Unsaved(#[from] StateFault),
    /// No random bytes for a lease's id and token.
    #[error("cannot read random bytes: {0}")]
    NoSecret(#[from] std::io::Error),
    /// More calls wait for an answer than the node keeps.
    #[error("too many calls wait on this node, ask again later")]
    Busy,
    /// The daemon has ended.
    #[error("the node's daemon has ended")]
    Ended,
}

/// The answer to a call about a lease.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Done {
    /// From the spawn of its service to the first good probe, where it was started.
    pub(crate) start_time: Duration,
    /// Where its requests are taken, while its service runs.
    pub(crate) entrance: Option<Entrance>,
}

/// Where the requests of a lease are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Entrance {
    /// At the node's data port, by their token.
    Gate,
    /// By the service itself, on this port of the node's own address.
    Service(u16),
}

/// One message down a renewal stream.
#[derive(Debug)]
pub(crate) struct Notice {
    /// The sequence answered; 0: unasked.
    pub(crate) sequence: u64,
    /// Which start of the daemon speaks.
    pub(crate) node_incarnation: u64,
    /// What the book says.
    pub(crate) roll: Roll,
    /// The figures of each lease of the roll, in its order.
    pub(crate) uses: Vec<Use>,
    /// How busy the machine is.
    pub(crate) machine: MachineLoad,
    /// Requests cut since the daemon's start.
    pub(crate) requests_cut: u64,
}

/// What one lease uses.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Use {
    /// Requests in flight; `None`: none comes by here, or not yet.
    pub(crate) in_flight: Option<u32>,
    /// CPUs, mean since the last report.
    pub(crate) cpu: f64,
    /// Resident bytes.
    pub(crate) memory: u64,
}

/// What a person is shown.
#[derive(Debug)]
pub(crate) struct Overview {
    pub(crate) node: String,
    pub(crate) node_incarnation: u64,
    pub(crate) slots: u32,
    pub(crate) maintenance: bool,
    pub(crate) stopping: bool,
    pub(crate) machine: MachineLoad,
    pub(crate) leases: Vec<LeaseOverview>,
    /// Slots in which processes of the daemon's previous life still end.
    pub(crate) leftovers: usize,
    pub(crate) claims: Vec<HeardClaim>,
    pub(crate) requests_cut: u64,
    pub(crate) uptime: Duration,
}

/// One lease, as a person is shown it.
#[derive(Debug)]
pub(crate) struct LeaseOverview {
    pub(crate) id: LeaseId,
    pub(crate) holder: Holder,
    pub(crate) epoch: u64,
    pub(crate) state: State,
    pub(crate) age: Duration,
    pub(crate) used: Use,
    pub(crate) served: Option<u64>,
    pub(crate) pid: u32,
    pub(crate) detail: String,
    pub(crate) guaranteed: bool,
    pub(crate) reclaim: Option<Reclaim>,
}

/// Who asks for a slot, and how.
#[derive(Debug)]
pub(crate) struct Asked {
    /// For whom.
    pub(crate) holder: Holder,
    /// Which start of its load-manager asks.
    pub(crate) incarnation: u64,
    /// The caller's name for the wish.
    pub(crate) request_id: String,
    /// What speaks for taking a slot back, if none is free.
    pub(crate) reclaim: Option<ReclaimWish>,
}

/// What an operator wants of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Maintenance {
    /// To grant leases.
    Off,
    /// To grant none, and to have those there are drained.
    Drained,
    /// The same, and to end what still runs when the notice is over.
    DrainedNow,
}

/// What an operator's drain still waits for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ToDrain {
    /// Leases there still are.
    pub(crate) leases: usize,
    /// When they are ended, whatever runs; `None`: they are not.
    pub(crate) notice: Option<Duration>,
}

/// Where a command's answer goes.
type Answer<T> = oneshot::Sender<Result<T, CallFault>>;

/// What can be asked of the owner.
#[derive(Debug)]
enum Command {
    Reserve { asked: Asked, answer: Answer<Result<Grant, Denial>> },
    Call { call: Call, lease: LeaseRef, answer: Answer<Done> },
    HolderOf { lease: LeaseId, answer: Answer<Option<Holder>> },
    Adopt { holder: Holder, incarnation: u64, answer: Answer<Vec<(Adopted, Option<Entrance>)>> },
    Renew { renewal: Renewal, sequence: u64, line: Line },
    CloseLine(LineId),
    SetMaintenance { wanted: Maintenance, answer: Answer<ToDrain> },
    SetBounds(Bounds),
    SetServices(Vec<Service>),
    Overview(Answer<Overview>),
    Wired,
    End,
}

impl Node {
    /// Starts the owner, which ends by itself once an announced end has come, or when it is aborted.
    ///
    /// # Errors
    /// When the saved epoch or the notes of an earlier life cannot be read, or the system has no random bytes.
    pub(crate) fn start(
        terms: Terms,
        surroundings: Surroundings,
    ) -> Result<(Node, JoinHandle<Result<(), NodeFault>>), NodeFault> {
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let node = Node { commands: sender, ttl: terms.limits.ttl };
        let owner = Owner::new(terms, surroundings)?;
        Ok((node, tokio::spawn(owner.run(commands))))
    }

    /// How long a lease lasts without a renewal.
    pub(crate) fn ttl(&self) -> Duration {
        self.ttl
    }

    /// Asks for a slot; a denial is an answer too.
    pub(crate) async fn reserve(&self, asked: Asked) -> Result<Result<Grant, Denial>, CallFault> {
        self.ask(|answer| Command::Reserve { asked, answer }).await
    }

    /// Makes a call about a lease and waits for its answer.
    pub(crate) async fn call(&self, call: Call, lease: LeaseRef) -> Result<Done, CallFault> {
        self.ask(|answer| Command::Call { call, lease, answer }).await
    }

    /// Whose lease that is, if there is such a one.
    pub(crate) async fn holder_of(&self, lease: LeaseId) -> Result<Option<Holder>, CallFault> {
        self.ask(|answer| Command::HolderOf { lease, answer }).await
    }

    /// Takes the holder's leases over, each with where its requests are taken.
    pub(crate) async fn adopt(
        &self,
        holder: Holder,
        incarnation: u64,
    ) -> Result<Vec<(Adopted, Option<Entrance>)>, CallFault> {
        self.ask(|answer| Command::Adopt { holder, incarnation, answer }).await
    }

    /// Renews; the answer comes down the line.
    pub(crate) async fn renew(&self, renewal: Renewal, sequence: u64, line: Line) -> Result<(), CallFault> {
        let command = Command::Renew { renewal, sequence, line };
        self.commands.send(command).await.map_err(|_| CallFault::Ended)
    }

    /// The stream behind a line is no longer there.
    pub(crate) async fn close_line(&self, line: LineId) {
        // An owner that has ended has no lines.
        let _ = self.commands.send(Command::CloseLine(line)).await;
    }

    /// The operator's drain or its end.
    pub(crate) async fn set_maintenance(&self, wanted: Maintenance) -> Result<ToDrain, CallFault> {
        self.ask(|answer| Command::SetMaintenance { wanted, answer }).await
    }

    /// What cluster.toml says now.
    pub(crate) async fn set_bounds(&self, bounds: Bounds) {
        // An owner that has ended goes by nothing.
        let _ = self.commands.send(Command::SetBounds(bounds)).await;
    }

    /// The services of cluster.toml as it is now.
    pub(crate) async fn set_services(&self, services: Vec<Service>) {
        let _ = self.commands.send(Command::SetServices(services)).await;
    }

    /// What a person is shown.
    pub(crate) async fn overview(&self) -> Result<Overview, CallFault> {
        self.ask(Command::Overview).await
    }

    /// The daemon listens, so that what the owner is told comes from there on.
    pub(crate) async fn wired(&self) {
        // An owner that has ended is noticed by whoever waits for it.
        let _ = self.commands.send(Command::Wired).await;
    }

    /// Announces the daemon's end.
    pub(crate) async fn end(&self) {
        // An owner that has ended needs no announcement.
        let _ = self.commands.send(Command::End).await;
    }

    async fn ask<T>(&self, command: impl FnOnce(Answer<T>) -> Command) -> Result<T, CallFault> {
        let (answer, answered) = oneshot::channel();
        self.commands.send(command(answer)).await.map_err(|_| CallFault::Ended)?;
        answered.await.map_err(|_| CallFault::Ended)?
    }
}
