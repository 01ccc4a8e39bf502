//! How much of a pool that several services share a service is due, and what it keeps ready of it.

use crate::config::kind::{Number, Whole};
use crate::config::written::Table;
use crate::config::{NODES_MAX, PRIORITY_MAX, WEIGHT_MAX, WEIGHT_MIN};

pub(super) struct Due {
    pub(super) weight: f64,
    pub(super) priority: u32,
    pub(super) standby: u32,
}

pub(super) fn checked(table: &mut Table<'_>) -> Due {
    Due {
        weight: table.or("weight", &Number(WEIGHT_MIN, WEIGHT_MAX), 1.0).value,
        priority: table.or("priority", &Whole(0, PRIORITY_MAX), 0).value,
        standby: table.or("standby", &Whole(0, NODES_MAX), 0).value,
    }
}
