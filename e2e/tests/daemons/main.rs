//! Whole clusters of real daemons, each test with a site of its own: started, loaded, edited, broken. They are
//! one program, so that it is linked once and tests run side by side; `cargo test -p e2e --test daemons killed`
//! runs those of one file.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod announced;
mod breathing;
mod cases;
mod cut_links;
mod direct;
mod directions;
mod faults;
mod joined;
mod kept;
mod killed;
mod learned;
mod links;
mod open_loop;
mod operations;
mod operator;
mod out;
mod paused;
mod racked;
mod reclaimed;
mod reloaded;
mod rolled_out;
mod several;
mod streams;
mod surge;
mod tls;

/// The one program that is also every daemon.
const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-accordion");
