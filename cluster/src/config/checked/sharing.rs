//! `[cluster.sharing]`: how the services share the pool.

use std::time::Duration;

use super::{HOUR, MILLISECOND};
use crate::config::Sharing;
use crate::config::kind::{Flag, Share, Time};
use crate::config::written::Table;

/// The numbers of the table, or the defaults where there is none.
pub(super) fn checked(table: Option<Table<'_>>) -> Sharing {
    let default = Sharing::default();
    let Some(mut table) = table else { return default };
    let sharing = Sharing {
        observe_only: table.or("observe_only", &Flag, default.observe_only).value,
        starved_after: table.or("starved_after", &Time(Duration::ZERO, HOUR), default.starved_after).value,
        give_back_after: table
            .or("give_back_after", &Time(Duration::ZERO, HOUR), default.give_back_after)
            .value,
        period: table.or("period", &Time(100 * MILLISECOND, HOUR), default.period).value,
        period_share: table.or("period_share", &Share, default.period_share).value,
    };
    table.finish();
    sharing
}
