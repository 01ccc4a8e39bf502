//! What runs around a cluster in operation: the rotation of its logs, the doctor, and what its metrics are
//! watched by.

mod doctor;
mod logs;
mod rotated;
mod watched;

use std::time::Duration;

use crate::PROGRAM;

const STEP: Duration = Duration::from_secs(60);
