//! What runs around a cluster in operation: the rotation of its logs, the doctor, and what its metrics are
//! watched by.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod doctor;
mod logs;
mod rotated;
mod watched;

use std::time::Duration;

const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-accordion");

const STEP: Duration = Duration::from_secs(60);
