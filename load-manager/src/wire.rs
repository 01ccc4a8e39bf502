//! The words of the wire and the holder's own, one for one. Nothing is decided here.

mod front;
mod journal;
mod node;

pub(crate) use front::{child_list, front_sample, published};
pub(crate) use journal::decision;
pub(crate) use node::{adopted, claim, node_word, reclaim_wish, reference};
