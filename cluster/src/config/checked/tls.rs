//! `[tls]`: where the certificates are, and what is encrypted by them.

use crate::config::Tls;
use crate::config::kind::{AbsolutePath, Flag};
use crate::config::tls::DIRECTORY;
use crate::config::written::Table;

/// What the table says; `None` where there is none.
pub(super) fn checked(table: Option<Table<'_>>) -> Option<Tls> {
    let mut table = table?;
    let directory = table.or("directory", &AbsolutePath, DIRECTORY.into()).value;
    let data = table.or("data", &Flag, false).value;
    table.finish();
    Some(Tls { directory, data })
}
