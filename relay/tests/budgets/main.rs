//! What a request may cost a relay: system calls and heap allocations, counted and never timed, so that the
//! figures are the same on every machine. A row of `rows` is what is asked and its budget; `traced` counts
//! the system calls of a relay in a process of its own, `allocations` what a worker's thread allocates.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod allocations;
mod client;
mod counting;
mod descriptors;
mod origin;
mod rows;
#[path = "../rig/scratch.rs"]
mod scratch;
mod subject;
mod trace;
mod traced;
