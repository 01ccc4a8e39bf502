//! What a front end tells of its work: the access log, and where its metrics are asked for.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::config::AccessLog;
use crate::config::kind::network::Listen;
use crate::config::kind::{AbsolutePath, Choice};
use crate::config::written::{Found, Table};

pub(super) struct Log {
    pub(super) access_log: AccessLog,
    pub(super) access_log_file: Option<PathBuf>,
    /// Judged against the other sockets of the cluster, with its place.
    pub(super) admin: Option<Found<SocketAddr>>,
}

pub(super) fn checked(table: &mut Table<'_>) -> Log {
    let access_log =
        Choice(&[("off", AccessLog::Off), ("combined", AccessLog::Combined), ("json", AccessLog::Json)]);
    Log {
        access_log: table.or("access_log", &access_log, AccessLog::Off).value,
        access_log_file: table.optional("access_log_file", &AbsolutePath).map(|path| path.value),
        admin: table.optional("admin", &Listen),
    }
}
