//! Long and awkward exchanges from outside: a front end, and a front end with a node behind it, between a client
//! and a service whose every byte the test writes. What one relay does with a well-behaved pair is in
//! `tests/relay`; the bytes of single messages are in `tests/conformance`.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod aborts;
mod early_answers;
mod events;
mod faulty_services;
mod limits;
mod messages;
mod pattern;
mod peer;
mod proxies;
mod rig;
mod subject;
mod timeouts;
mod tunnels;
mod volume;
