//! The relay from outside: real sockets, a back end whose every byte the test writes, no timing by luck.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod arrivals;
mod bodies;
mod counting;
mod drain;
mod forwarding;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/peer.rs"]
mod peer;
mod resting;
mod retries;

#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/rig.rs"]
mod rig;
mod settled;
mod targets;
mod upgrades;
