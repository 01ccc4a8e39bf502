//! HTTP/2 through the relay, from clients and toward services: real sockets, no timing by luck.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod answers;
mod client;
mod ends;
mod grpc;
mod hostile;
mod limits;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/peer.rs"]
mod peer;
mod raw;
mod refusals;
mod requests;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/rig.rs"]
mod rig;
mod service;
mod uploads;
mod upstream;
mod upstream_ends;
