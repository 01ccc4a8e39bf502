//! What comes by TLS is served as what comes without: from outside, by clients of rustls over the loopback. And what is
//! no TLS, or no whole one, harms nobody.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod certificates;
mod client;
mod ends;
mod exchanges;
mod handshakes;
mod multiplexed;
mod nodes;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/peer.rs"]
mod peer;
#[allow(dead_code, reason = "each of these test crates uses a part of it")]
#[path = "../rig/rig.rs"]
mod rig;
mod site;
