//! What an operator should hear at once: a line of the log each. `node` is an index into the pool.

use std::time::Duration;

use crate::node::LeaseRef;

/// One thing that changed.
#[expect(missing_docs, reason = "a field is explained by the sentence it belongs to")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum News {
    /// The service-manager answers, with this list in force.
    FrontUp { generation: u64, children: usize },
    /// The service-manager does not answer any more.
    FrontDown { words: String },

    /// This load-manager was stopped for so long, and has heard nobody meanwhile.
    Overslept { slept: Duration },

    /// A node that was not reachable is.
    Reachable { node: usize },
    /// A node cannot be reached.
    Unreachable { node: usize, words: String },
    /// A node is silent: it gets no new request while another is ready.
    Silent { node: usize },
    /// A silent node answers.
    AnswersAgain { node: usize },
    /// How the rollout of a changed command goes on, or what keeps it.
    Rollout { words: String },

    /// A child is gone.
    Lost { node: usize, why: String },

    /// A node was asked for a slot.
    Ordered { node: usize },
    /// It granted none.
    Refused { node: usize, words: String },
    /// It granted one, and the service did not get ready; it is left alone for the pause.
    StartFailed { node: usize, words: String, pause: Duration },
    /// A child joined, so long after it was ordered.
    Ready { node: usize, lease_id: String, took: Duration },

    /// A lease from before this start, or from before a silence, is held on.
    TakenUp { node: usize, lease: LeaseRef, drains: bool },
    /// What a node still holds for this front end it did not hand over; it is asked again when it speaks.
    NotHandedOver { node: usize, words: String },
    /// One that serves cannot be, and is given back.
    Unusable { node: usize, why: String },
    /// A lease of this front end that nobody here knows is given back.
    Stray { node: usize, lease_id: String },

    /// A child gets no new request: it is to stand by.
    Resting { node: usize },
    /// A drain begins.
    Draining { node: usize, why: String },
    /// A drain was taken back.
    DrainTakenBack { node: usize },
    /// A drain could not be taken back, and goes on.
    UndrainFailed { node: usize, words: String },
    /// The node did not say that its last request has ended; the drain goes on.
    DrainUnanswered { node: usize, words: String },
    /// A slot was given back.
    GivenBack { node: usize },
    /// A node that cluster.toml has no more holds nothing of ours any more, and its link is closed.
    Left { node: usize },
    /// A slot could not be given back; its time to live will.
    GiveBackFailed { node: usize, words: String },
}
