//! What the book wants done: the only way in which a decision about a lease touches the world.

use std::fmt;
use std::time::Duration;

use super::{Claimant, Holder, LeaseId, State};

/// One thing to do. The owner carries them out in order, before it answers the call they came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// The epoch must be on disk before the grant or adoption is answered; then `Book::epoch_saved`.
    SaveEpoch(u64),
    /// Start the service of this lease.
    StartProcess(LeaseId),
    /// The lease's time is over: what still runs of its requests is cut by the end of its processes.
    Cut(LeaseId),
    /// End every process of this lease, half-started ones included.
    StopProcess(LeaseId),
    /// Let requests of this lease in.
    Admit(LeaseId),
    /// Let no further request of this lease in; tell when none is running any more.
    Refuse(LeaseId),
    /// The service of this lease answers its readiness probe, or does not and gets no requests.
    Answering(LeaseId, bool),
    /// The lease has ended: its token is only remembered to be refused politely.
    Forget(LeaseId),
    /// The holder should hear the present state without having asked.
    Notify(Holder),
    /// Everybody who listens should hear the node's own state without having asked.
    NotifyAll,
    /// An older start of the holder's load-manager was superseded; it should hear of it and end.
    Fenced(Holder, u64),
    /// A lease is reclaimed for another holder, for the log.
    Reclaim {
        /// Which lease.
        id: LeaseId,
        /// Whose.
        holder: Holder,
        /// For whom.
        claimant: Claimant,
        /// How long its holder has.
        notice: Duration,
    },
    /// That was taken back, for the log.
    TakenBack {
        /// Which lease.
        id: LeaseId,
        /// Whose.
        holder: Holder,
        /// For whom it was reclaimed.
        claimant: Claimant,
        /// Why it is not any more.
        why: &'static str,
    },
    /// A reclaimed slot is free and kept for the holder that it was reclaimed for, for the log.
    Kept(Claimant),
    /// It is not kept any longer, for this reason and for the log.
    LetGo(Claimant, &'static str),
    /// A lease changed, for the log.
    Moved {
        /// Which lease.
        id: LeaseId,
        /// Whose.
        holder: Holder,
        /// Its epoch.
        epoch: u64,
        /// Where it went; `None`: it has ended.
        to: Option<State>,
        /// What moved it.
        why: Why,
    },
}

/// What moved a lease.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// It was granted.
    Granted,
    /// Its holder asked for it.
    Asked,
    /// Its holder released it.
    Released,
    /// Its holder renewed it.
    Renewed,
    /// A new start of its holder's load-manager took it over.
    Adopted,
    /// Its service answered its probe.
    Started,
    /// Its service could not be started.
    StartFailed,
    /// No request of it is running any more.
    NoRequestLeft,
    /// Its processes are gone.
    ProcessesGone,
    /// Its service ended by itself.
    Exited,
    /// No renewal came within its time to live.
    Expired,
    /// No start was asked for in time.
    NeverStarted,
    /// Its epoch could not be saved, so that its grant was never answered.
    Unsaved,
    /// Its holder did not come back within the grace time.
    GraceOver,
    /// Its holder did not renew it and another front end wants the slot.
    Wanted,
    /// The running requests did not end in the time a drain may take.
    DrainTimeOver,
    /// The node's daemon is about to end.
    NodeEnds,
    /// It is reclaimed for another holder, and its own does not hear of it.
    Reclaimed,
    /// It was reclaimed for another holder, and the notice is over.
    NoticeOver,
    /// Its reclaim was taken back.
    TakenBack,
}

impl Why {
    /// Whether the lease's holder does not know yet: it neither asked for this nor caused it.
    pub(crate) fn is_news(self) -> bool {
        match self {
            Self::Granted
            | Self::Asked
            | Self::Released
            | Self::Renewed
            | Self::Adopted
            | Self::Started
            | Self::Unsaved
            | Self::NoRequestLeft => false,
            Self::StartFailed
            | Self::ProcessesGone
            | Self::Exited
            | Self::Expired
            | Self::NeverStarted
            | Self::GraceOver
            | Self::Wanted
            | Self::DrainTimeOver
            | Self::NodeEnds
            | Self::Reclaimed
            | Self::NoticeOver
            | Self::TakenBack => true,
        }
    }

    /// Whether it ends what still runs because the time for it is over.
    pub(crate) fn cuts(self) -> bool {
        matches!(self, Self::DrainTimeOver | Self::NoticeOver)
    }

    /// Whether it only completes what an earlier event began, which then remains the reason to tell.
    pub(crate) fn is_consequence(self) -> bool {
        matches!(self, Self::NoRequestLeft | Self::ProcessesGone)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Granted => "granted",
            Self::Asked => "asked for by its holder",
            Self::Released => "released by its holder",
            Self::Renewed => "renewed by its holder",
            Self::Adopted => "adopted by its holder",
            Self::Started => "the service is ready",
            Self::StartFailed => "the service could not be started",
            Self::NoRequestLeft => "no request is left",
            Self::ProcessesGone => "its processes are gone",
            Self::Exited => "the service ended by itself",
            Self::Expired => "its holder did not renew it in time",
            Self::NeverStarted => "no start was asked for in time",
            Self::Unsaved => "its epoch could not be saved",
            Self::GraceOver => "its holder did not come back",
            Self::Wanted => "its holder did not renew it and another front end wants the node",
            Self::DrainTimeOver => "its requests did not end in time",
            Self::NodeEnds => "the node's daemon is about to end",
            Self::Reclaimed => "reclaimed for another service",
            Self::NoticeOver => "it was reclaimed for another service and the notice is over",
            Self::TakenBack => "its reclaim was taken back",
        })
    }
}
