//! The relay from outside: real sockets, a back end whose every byte the test writes, no timing by luck.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod bodies;
mod counting;
mod drain;
mod forwarding;
mod peer;
mod retries;
mod rig;
mod targets;
mod upgrades;
