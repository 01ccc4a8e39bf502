//! HTTP/2 through the relay, from clients and toward services: real sockets, no timing by luck.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod answers;
mod client;
mod ends;
mod grpc;
mod hostile;
mod limits;
#[allow(dead_code, reason = "the tests of HTTP/1 use all of it")]
#[path = "../relay/peer.rs"]
mod peer;
mod raw;
mod requests;
#[allow(dead_code, reason = "the tests of HTTP/1 use all of it")]
#[path = "../relay/rig.rs"]
mod rig;
mod service;
mod upstream;
mod upstream_ends;
