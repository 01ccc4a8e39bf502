//! The one conversion from what was written to what the daemons use: every default filled in,
//! every fault reported.
//!
//! Here is the file as a whole; each of its tables has a file of its own below.

mod command;
mod lease;
mod node;
mod scaling;
mod service;
mod sharing;
mod tls;

use std::path::PathBuf;
use std::time::Duration;

use super::kind::{AbsolutePath, Flag, Name};
use super::written::{Found, Origin, Table};
use super::{Cluster, Sharing};
use lease::CheckedLease;

const MILLISECOND: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// What the table `[cluster]` says.
struct Frame {
    name: Option<String>,
    insecure: Found<bool>,
    runtime_dir: Option<PathBuf>,
    state_dir: Option<PathBuf>,
    lease: CheckedLease,
    sharing: Sharing,
}

/// What the services share.
struct Pool {
    /// How many nodes there are; `None` when the file does not tell for sure.
    nodes: Option<u32>,
    /// Services that all of them may run at once; `None` as above.
    slots: Option<u32>,
    /// Where the nodes listen.
    sockets: node::Sockets,
    /// How often a lease is renewed, and with it a node's figures.
    renew: Found<Duration>,
    /// Whether requests to them are encrypted.
    is_secured: bool,
}

/// The cluster that the file's tables describe; `None` only if a fault was reported.
pub(super) fn cluster(mut root: Table<'_>) -> Option<Cluster> {
    let frame = root.table("cluster", "cluster").map(frame);
    root.must_have("cluster", "a table with the cluster's name, like name = \"demo\"".to_owned());
    let tls = tls::checked(root.table("tls", "tls"));
    // Without `[cluster]`, or with something unusable there, that is the fault to mend first.
    let is_open = |insecure: &Found<bool>| insecure.value || insecure.origin == Origin::Faulty;
    let may_leave_loopback = tls.is_some() || frame.as_ref().is_none_or(|frame| is_open(&frame.insecure));
    let (nodes, sockets) = node::all(root.list("node"), may_leave_loopback);
    let renew = frame.as_ref().map_or_else(lease::renew_default, |frame| frame.lease.renew.clone());
    let pool = node::pool(&nodes, sockets, renew, root.report());
    let pool = Pool { is_secured: tls.as_ref().is_some_and(|tls| tls.data), ..pool };
    let services = service::all(root.named("service"), &pool);
    root.must_have("service", "at least one table, written [service.NAME]".to_owned());
    root.finish();
    let frame = frame?;
    Some(Cluster {
        name: frame.name?,
        insecure: frame.insecure.value,
        runtime_dir: frame.runtime_dir,
        state_dir: frame.state_dir,
        lease: frame.lease.lease,
        sharing: frame.sharing,
        tls,
        nodes: nodes.into_iter().map(|node| node.node).collect::<Option<_>>()?,
        services: services.into_iter().collect::<Option<_>>()?,
    })
}

fn frame(mut table: Table<'_>) -> Frame {
    let frame = Frame {
        name: table.required("name", &Name).map(|name| name.value),
        insecure: table.or("insecure", &Flag, false),
        runtime_dir: table.optional("runtime_dir", &AbsolutePath).map(|path| path.value),
        state_dir: table.optional("state_dir", &AbsolutePath).map(|path| path.value),
        lease: lease::checked(table.table("lease", "lease")),
        sharing: sharing::checked(table.table("sharing", "sharing")),
    };
    table.finish();
    frame
}
