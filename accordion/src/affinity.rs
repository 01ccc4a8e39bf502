//! The CPUs that this program may use, and how a thread keeps to one of them.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// Numbers are below this.
pub(crate) const CPUS_MAX: usize = CpuSet::MAX_CPU;

/// The numbers of those that this thread may use, rising.
///
/// # Errors
/// The system does not tell.
pub(crate) fn allowed() -> io::Result<Vec<usize>> {
    let set = sched_getaffinity(None)?;
    Ok((0..CPUS_MAX).filter(|cpu| set.is_set(*cpu)).collect())
}

/// Keeps this thread, and what it starts from now on, to that one, which is below `CPUS_MAX`.
///
/// # Errors
/// The system refuses.
pub(crate) fn keep_to(cpu: usize) -> io::Result<()> {
    let mut only = CpuSet::new();
    only.set(cpu);
    Ok(sched_setaffinity(None, &only)?)
}
