//! `[tls]`: where the certificates are.

use crate::config::Tls;
use crate::config::kind::AbsolutePath;
use crate::config::tls::DIRECTORY;
use crate::config::written::Table;

/// What the table says; `None` where there is none.
pub(super) fn checked(table: Option<Table<'_>>) -> Option<Tls> {
    let mut table = table?;
    let directory = table.or("directory", &AbsolutePath, DIRECTORY.into()).value;
    table.finish();
    Some(Tls { directory })
}
