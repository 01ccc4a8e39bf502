//! How far a lease has come, and what each event makes of it.
//!
//! One method per event, each a single `match` over every state. Epochs, expiry and who asks are
//! the book's affair and are settled before an event gets here.

use std::fmt;
use std::time::Duration;

/// How far a lease has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    /// Granted; nothing runs yet.
    Reserved {
        /// When the slot is taken back unless a start was asked for.
        until: Duration,
    },
    /// The service's process was spawned and has not answered its probe yet.
    Starting,
    /// Takes requests.
    Ready,
    /// Expired, and still taking requests for its holder to come back.
    Orphan {
        /// When the wait for the holder ends.
        until: Duration,
    },
    /// Takes no new request; the running ones end.
    Draining {
        /// Who wanted it.
        cause: Cause,
        /// Whether the last running request has ended.
        drained: bool,
    },
    /// The service's processes are being ended.
    Stopping {
        /// What comes after them.
        then: Then,
    },
    /// Nothing runs any more; the slot waits for its release.
    Stopped,
}

/// Who wanted a drain, and whether the node follows it up by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The holder: it will ask for the stop as well.
    Holder,
    /// The holder did not come back: the node stops the service when no request is left.
    Expired {
        /// When it stops it whatever still runs.
        deadline: Duration,
    },
    /// The node's daemon is about to end and nobody else drains the lease.
    NodeEnds {
        /// When it stops it whatever still runs.
        deadline: Duration,
    },
    /// The lease is reclaimed for another holder and nobody else drains it.
    Reclaimed {
        /// When it stops it whatever still runs.
        deadline: Duration,
    },
}

/// What follows once the processes are gone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The holder keeps the slot until it releases it.
    Keep,
    /// The slot is free.
    Free,
}

/// What an event makes of a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Nothing changes.
    Stay,
    /// The lease goes on to another state.
    To(State),
    /// The lease has ended and its slot is free.
    Gone,
    /// The event does not suit the state.
    Unfit,
}

use State::{Draining, Orphan, Ready, Reserved, Starting, Stopped, Stopping};
use Step::{Gone, Stay, To, Unfit};

const KEEP: State = Stopping { then: Then::Keep };
const FREE: State = Stopping { then: Then::Free };

impl State {
    /// Whether requests with the lease's token are let in.
    pub fn takes_requests(self) -> bool {
        match self {
            Ready | Orphan { .. } => true,
            Reserved { .. } | Starting | Draining { .. } | Stopping { .. } | Stopped => false,
        }
    }

    /// Whether a process of the service may exist.
    pub fn has_processes(self) -> bool {
        match self {
            Starting | Ready | Orphan { .. } | Draining { .. } | Stopping { .. } => true,
            Reserved { .. } | Stopped => false,
        }
    }

    /// The holder asks for the service to run.
    pub(crate) fn start(self) -> Step {
        match self {
            Reserved { .. } => To(Starting),
            Starting | Ready | Orphan { .. } => Stay,
            Draining { .. } | Stopping { .. } | Stopped => Unfit,
        }
    }

    /// The service answered its probe.
    pub(crate) fn started(self) -> Step {
        match self {
            Starting => To(Ready),
            Reserved { .. } | Ready | Orphan { .. } | Draining { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The service could not be started, and nothing of it is left.
    pub(crate) fn start_failed(self) -> Step {
        match self {
            Starting => Gone,
            Reserved { .. } | Ready | Orphan { .. } | Draining { .. } | Stopped => Stay,
            Stopping { .. } => self.processes_gone(),
        }
    }

    /// The holder asks for a drain. A lease that does not serve yet has nothing to finish: its start ends.
    pub(crate) fn drain(self, deadline: Duration) -> Step {
        match self {
            Reserved { .. } => To(Stopped),
            Starting => To(KEEP),
            Ready => To(Draining { cause: Cause::Holder, drained: false }),
            Orphan { .. } => To(Draining { cause: Cause::Expired { deadline }, drained: false }),
            Draining { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The holder takes its drain back, or that of an expiry.
    pub(crate) fn undrain(self) -> Step {
        match self {
            Draining { cause: Cause::Holder | Cause::Expired { .. }, .. } => To(Ready),
            Reserved { .. } | Starting | Ready | Orphan { .. } => Stay,
            Draining { cause: Cause::NodeEnds { .. } | Cause::Reclaimed { .. }, .. } => Unfit,
            Stopping { .. } | Stopped => Unfit,
        }
    }

    /// The last running request of a drain ended.
    pub(crate) fn idle(self) -> Step {
        match self {
            Draining { cause: Cause::Holder, drained: false } => {
                To(Draining { cause: Cause::Holder, drained: true })
            }
            Draining { cause: Cause::Expired { .. }, .. } => To(FREE),
            Draining { cause: Cause::NodeEnds { .. } | Cause::Reclaimed { .. }, .. } => To(FREE),
            Draining { cause: Cause::Holder, drained: true }
            | Reserved { .. }
            | Starting
            | Ready
            | Orphan { .. }
            | Stopping { .. }
            | Stopped => Stay,
        }
    }

    /// The holder asks for the end of the processes.
    pub(crate) fn stop(self) -> Step {
        match self {
            Reserved { .. } => To(Stopped),
            Starting | Ready | Orphan { .. } | Draining { .. } => To(KEEP),
            Stopping { .. } | Stopped => Stay,
        }
    }

    /// The slot is to become free as soon as its processes are gone.
    pub(crate) fn free(self) -> Step {
        match self {
            Reserved { .. } | Stopped => Gone,
            Starting | Ready | Orphan { .. } | Draining { .. } | Stopping { then: Then::Keep } => To(FREE),
            Stopping { then: Then::Free } => Stay,
        }
    }

    /// Every process of the service is gone.
    pub(crate) fn processes_gone(self) -> Step {
        match self {
            Stopping { then: Then::Keep } => To(Stopped),
            Stopping { then: Then::Free } | Starting | Ready | Orphan { .. } | Draining { .. } => Gone,
            Reserved { .. } | Stopped => Stay,
        }
    }

    /// The service's main process ended by itself; what it left behind is being ended.
    pub(crate) fn exited(self) -> Step {
        match self {
            Starting | Ready | Orphan { .. } | Draining { .. } => To(FREE),
            Reserved { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The holder renewed the lease in time, or adopted it.
    pub(crate) fn renewed(self) -> Step {
        match self {
            Orphan { .. } => To(Ready),
            Reserved { .. } | Starting | Ready | Draining { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The time to live passed; `orphan_until` is `None` where nobody is waited for.
    pub(crate) fn expire(self, orphan_until: Option<Duration>, deadline: Duration) -> Step {
        let cause = Cause::Expired { deadline };
        match self {
            Reserved { .. } | Starting | Stopping { .. } | Stopped => self.free(),
            Ready => To(orphan_until.map_or(Draining { cause, drained: false }, |until| Orphan { until })),
            Draining { cause: Cause::Holder, drained: true } => To(FREE),
            Draining { cause: Cause::Holder, drained: false } => To(Draining { cause, drained: false }),
            Orphan { .. } | Draining { cause: Cause::Expired { .. }, .. } => Stay,
            Draining { cause: Cause::NodeEnds { .. } | Cause::Reclaimed { .. }, .. } => Stay,
        }
    }

    /// Whether the passing of the time to live still means something here.
    pub(crate) fn can_expire(self) -> bool {
        match self {
            Reserved { .. } | Starting | Ready | Stopped => true,
            Draining { cause: Cause::Holder, .. } | Stopping { then: Then::Keep } => true,
            Draining { cause: Cause::Expired { .. }, .. } => false,
            Draining { cause: Cause::NodeEnds { .. } | Cause::Reclaimed { .. }, .. } => false,
            Orphan { .. } | Stopping { then: Then::Free } => false,
        }
    }

    /// Nobody comes back for an orphan any more.
    pub(crate) fn give_up(self, deadline: Duration) -> Step {
        match self {
            Orphan { .. } => To(Draining { cause: Cause::Expired { deadline }, drained: false }),
            Reserved { .. } | Starting | Ready | Draining { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The state's own deadline, where it has one.
    pub(crate) fn deadline(self) -> Option<Duration> {
        match self {
            Reserved { until } | Orphan { until } => Some(until),
            Draining { cause: Cause::Expired { deadline }, .. } => Some(deadline),
            Draining { cause: Cause::NodeEnds { deadline } | Cause::Reclaimed { deadline }, .. } => {
                Some(deadline)
            }
            Draining { cause: Cause::Holder, .. } | Starting | Ready | Stopping { .. } | Stopped => None,
        }
    }

    /// The state's own deadline passed; a drain that follows may last until `drain_deadline`.
    pub(crate) fn overdue(self, drain_deadline: Duration) -> Step {
        match self {
            Reserved { .. } => Gone,
            Orphan { .. } => self.give_up(drain_deadline),
            Draining { cause: Cause::Expired { .. }, .. } => To(FREE),
            Draining { cause: Cause::NodeEnds { .. } | Cause::Reclaimed { .. }, .. } => To(FREE),
            Draining { cause: Cause::Holder, .. } | Starting | Ready | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The node's daemon is about to end; `listening`: the holder hears of it and drains by itself.
    pub(crate) fn node_ends(self, deadline: Duration, listening: bool) -> Step {
        let cause = Cause::NodeEnds { deadline };
        match self {
            Reserved { .. } | Starting | Stopped | Stopping { .. } => self.free(),
            Ready | Draining { cause: Cause::Holder, drained: false } if listening => Stay,
            Draining { cause: Cause::Holder, drained: true } if listening => Stay,
            Draining { cause: Cause::Holder, drained: true } => To(FREE),
            Draining { cause: Cause::NodeEnds { .. }, .. } => Stay,
            Draining {
                cause: Cause::Expired { deadline: own } | Cause::Reclaimed { deadline: own }, ..
            } if own <= deadline => Stay,
            Ready | Orphan { .. } | Draining { cause: Cause::Holder | Cause::Expired { .. }, .. } => {
                To(Draining { cause, drained: false })
            }
            Draining { cause: Cause::Reclaimed { .. }, .. } => To(Draining { cause, drained: false }),
        }
    }

    /// Another holder is to have the slot; `listening`: the holder hears of it and drains by itself.
    pub(crate) fn reclaim(self, deadline: Duration, listening: bool) -> Step {
        match self {
            Ready if listening => Stay,
            Ready | Orphan { .. } => To(Draining { cause: Cause::Reclaimed { deadline }, drained: false }),
            Reserved { .. } | Starting | Draining { .. } | Stopping { .. } | Stopped => Stay,
        }
    }

    /// The other holder does not need the slot any more; `orphan_until`: what it was reclaimed from had expired.
    pub(crate) fn take_back(self, orphan_until: Option<Duration>) -> Step {
        match self {
            Draining { cause: Cause::Reclaimed { .. }, .. } => {
                To(orphan_until.map_or(Ready, |until| Orphan { until }))
            }
            Draining { cause: Cause::Holder | Cause::Expired { .. } | Cause::NodeEnds { .. }, .. } => Stay,
            Reserved { .. } | Starting | Ready | Orphan { .. } | Stopping { .. } | Stopped => Stay,
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Reserved { .. } => "reserved",
            Starting => "starting",
            Ready => "ready",
            Orphan { .. } => "an orphan",
            Draining { .. } => "draining",
            Stopping { .. } => "stopping",
            Stopped => "stopped",
        })
    }
}
