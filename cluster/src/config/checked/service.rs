//! `[service.NAME]`: what runs, where clients reach it, and what it may borrow.
//!
//! Here is the table as a whole; groups of its keys have files of their own below.

mod due;
mod floors;
mod forwarding;
mod limits;
mod log;
mod patience;
mod process;
mod relaying;
mod taken;
mod tls;

use toml::Spanned;

use super::{Pool, command, scaling};
use crate::config::kind::network::{Address, Listen, Ports};
use crate::config::kind::{Choice, Kind, Name, RequestPath, Whole, WholeOrAuto, is_name};
use crate::config::written::{Origin, Table};
use crate::config::{Capacity, DataPath, Service, UpstreamProtocol};
use taken::Taken;

const PORTS: std::ops::RangeInclusive<u16> = 20000..=29999;
const CAPACITY_MAX: u32 = 1_000_000;

/// Every service; `None` for one with a fault.
pub(super) fn all(tables: Vec<(Spanned<&str>, Table<'_>)>, pool: &Pool) -> Vec<Option<Service>> {
    let mut taken = Taken::of(pool);
    tables.into_iter().map(|(name, table)| checked(&name, table, &mut taken)).collect()
}

fn checked(name: &Spanned<&str>, mut table: Table<'_>, taken: &mut Taken<'_>) -> Option<Service> {
    table.check(is_name(name.get_ref()), &[Origin::Written(name.span().start)], || {
        format!("service name {:?}, must be {}", name.get_ref(), Name.expected())
    });
    let front_end = table.required("front_end", &Address);
    let listen = table.required("listen", &Listen);
    let command = command::checked(&mut table);
    let ready = table.optional("ready", &RequestPath).map(|path| path.value);
    let ports = table.or("ports", &Ports, PORTS).value;
    let (user, process_limits) = process::checked(&mut table);
    let upstream = Choice(&[("http1", UpstreamProtocol::Http1), ("h2c", UpstreamProtocol::H2c)]);
    let upstream = table.or("upstream", &upstream, UpstreamProtocol::Http1).value;
    let path = path(&mut table, command.as_deref(), taken.pool().is_secured);
    let capacity = table.required("capacity", &WholeOrAuto(1, CAPACITY_MAX)).map(|capacity| capacity.value);
    let local_capacity = table.optional("local_capacity", &Whole(1, CAPACITY_MAX));
    let local_capacity = local_capacity.map(|local| Capacity::Requests(local.value));
    let (min, max) = taken.nodes(&mut table);
    let due = due::checked(&mut table);
    let relaying = relaying::checked(&mut table);
    let patience = patience::checked(&mut table);
    let limits = limits::checked(&mut table);
    let written = forwarding::checked(&mut table);
    let log = log::checked(&mut table);
    let tls = tls::checked(table.table("tls", "tls"));
    let floors = floors::checked(table.list("floor"), &max);
    let scaling = scaling::checked(table.table("scaling", "scaling"), &taken.pool().renew);
    if let Some(front_end) = &front_end {
        let secured = tls.as_ref().and_then(|tls| tls.listen.as_ref());
        let sockets = [("listen", listen.as_ref()), ("admin", log.admin.as_ref()), ("tls.listen", secured)];
        for (key, socket) in sockets.into_iter().filter_map(|(key, socket)| Some((key, socket?))) {
            taken.socket(&table, key, name.get_ref(), front_end.value, socket);
        }
    }
    table.finish();
    let tls = match tls {
        Some(tls) => Some(tls.whole()?),
        None => None,
    };
    Some(Service {
        name: (*name.get_ref()).to_owned(),
        front_end: front_end?.value,
        listen: listen?.value,
        command: command?,
        ready,
        ports,
        user,
        limits: process_limits,
        upstream,
        path,
        capacity: capacity?,
        local_capacity: local_capacity.or(capacity)?,
        min,
        max: max.value,
        weight: due.weight,
        priority: due.priority,
        standby: due.standby,
        workers: relaying.workers,
        queue_max: relaying.queue_max,
        local: relaying.local,
        dispatch: relaying.dispatch,
        slow_start: relaying.slow_start,
        eject_5xx: relaying.eject_5xx,
        eject_time: relaying.eject_time,
        head_timeout: patience.head,
        body_idle_timeout: patience.body_idle,
        keep_alive_timeout: patience.keep_alive,
        tunnel_idle_timeout: patience.tunnel_idle,
        queue_timeout: patience.queue,
        connect_timeout: patience.connect,
        first_byte_timeout: patience.first_byte,
        response_idle_timeout: patience.response_idle,
        upstream_idle_timeout: patience.upstream_idle,
        start_timeout: patience.start,
        stop_timeout: patience.stop,
        long_lived_timeout: patience.long_lived,
        connections_max: limits.connections,
        head_max: limits.head,
        headers_max: limits.headers,
        body_max: limits.body,
        trusted_proxies: written.trusted_proxies,
        proxy_protocol: written.proxy_protocol,
        forwarding: written.forwarding,
        served_by: written.served_by,
        access_log: log.access_log,
        access_log_file: log.access_log_file,
        admin: log.admin.map(|admin| admin.value),
        tls,
        floors,
        scaling,
    })
}

/// The path to a copy on a node; straight, the copy has to be told where the front end looks for it.
fn path(table: &mut Table<'_>, command: Option<&[String]>, is_secured: bool) -> DataPath {
    let kind = Choice(&[("relayed", DataPath::Relayed), ("direct", DataPath::Direct)]);
    let path = table.or("path", &kind, DataPath::Relayed);
    let is_told = command.is_none_or(|command| command::has(command, "{address}"));
    table.check(path.value == DataPath::Relayed || is_told, &[path.origin], || {
        let path = table.shown("path", "\"direct\"", path.origin);
        format!(
            "{path}, must have {{address}} in command: the service is to listen on the node's own address"
        )
    });
    table.check(path.value == DataPath::Relayed || !is_secured, &[path.origin], || {
        let path = table.shown("path", "\"direct\"", path.origin);
        format!(
            "{path}, must be \"relayed\" beside tls.data = true: direct cannot be encrypted by Accordion, for there is \
             nothing of it before the service"
        )
    });
    path.value
}
