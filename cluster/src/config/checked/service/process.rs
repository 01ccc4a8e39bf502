//! As whom the service's processes run, and `[service.NAME.limits]`: what one copy may take of its machine.

use crate::config::ProcessLimits;
use crate::config::kind::size::{MIB, Size, TIB};
use crate::config::kind::{Number, UserName, Whole};
use crate::config::written::Table;

/// A hundredth of a CPU is the least that does anything in time.
const CPU_MIN: f64 = 0.01;
const CPU_MAX: f64 = 1024.0;

/// The guard is one, the service's main process another.
const TASKS_MIN: u32 = 2;
const TASKS_MAX: u32 = 1_000_000;

pub(super) fn checked(table: &mut Table<'_>) -> (Option<String>, ProcessLimits) {
    let user = table.optional("user", &UserName).map(|user| user.value);
    let Some(mut limits) = table.table("limits", "limits") else { return (user, ProcessLimits::default()) };
    let checked = ProcessLimits {
        cpu: limits.optional("cpu", &Number(CPU_MIN, CPU_MAX)).map(|cpus| cpus.value),
        memory: limits.optional("memory", &Size(MIB, TIB)).map(|bytes| bytes.value),
        tasks: limits.optional("tasks", &Whole(TASKS_MIN, TASKS_MAX)).map(|most| most.value),
    };
    limits.finish();
    (user, checked)
}
