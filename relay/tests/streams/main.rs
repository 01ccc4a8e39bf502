//! Long and awkward exchanges from outside: a front end, and a front end with a node behind it, between a client
//! and a service whose every byte the test writes. What one relay does with a well-behaved pair is in
//! `tests/relay`; the bytes of single messages are in `tests/conformance`.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod aborts;
mod chain;
mod early_answers;
mod events;
mod faulty_services;
mod limits;
mod logged;
mod messages;
mod pattern;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/peer.rs"]
mod peer;
mod proxies;
mod queues;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/rig.rs"]
mod rig;
#[path = "../rig/scratch.rs"]
mod scratch;
mod stuck_aborts;
mod subject;
mod timeouts;
mod tunnels;
mod unwritten;
mod volume;
