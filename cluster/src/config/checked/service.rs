//! `[service.NAME]`: what runs, where clients reach it, and what it may borrow.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use toml::Spanned;

use super::{DAY, HOUR, MILLISECOND, Pool, SECOND, command, scaling};
use crate::config::kind::network::{Address, Listen, Ports};
use crate::config::kind::{Choice, Flag, Kind, Name, RequestPath, Time, Whole, is_name};
use crate::config::written::{Found, Origin, Table};
use crate::config::{DispatchRule, Local, Service};

const PORTS: std::ops::RangeInclusive<u16> = 20000..=29999;
const CAPACITY_MAX: u32 = 1_000_000;
const NODES_MAX: u32 = 100_000;
const QUEUE_MAX: u32 = 1_000_000;
const WORKERS_MAX: u32 = 1024;

/// What the services so far have taken of what they share.
struct Taken<'p> {
    pool: &'p Pool,
    min: u32,
    /// Front end and port, the address there, and whose it is.
    listens: HashMap<(IpAddr, u16), Vec<(IpAddr, String)>>,
}

/// Every service; `None` for one with a fault.
pub(super) fn all(tables: Vec<(Spanned<&str>, Table<'_>)>, pool: &Pool) -> Vec<Option<Service>> {
    let mut taken = Taken { pool, min: 0, listens: HashMap::new() };
    tables.into_iter().map(|(name, table)| checked(&name, table, &mut taken)).collect()
}

fn checked(name: &Spanned<&str>, mut table: Table<'_>, taken: &mut Taken<'_>) -> Option<Service> {
    table.check(is_name(name.get_ref()), &[Origin::Written(name.span().start)], || {
        format!("service name {:?}, must be {}", name.get_ref(), Name.expected())
    });
    let front_end = table.required("front_end", &Address);
    let listen = table.required("listen", &Listen);
    let command = command::checked(&mut table);
    let ready = table.optional("ready", &RequestPath);
    let ports = table.or("ports", &Ports, PORTS).value;
    let capacity = table.required("capacity", &Whole(1, CAPACITY_MAX)).map(|capacity| capacity.value);
    let local_capacity = table.or("local_capacity", &Whole(1, CAPACITY_MAX), capacity.unwrap_or(1)).value;
    let (min, max) = taken.nodes(&mut table);
    let relaying = relaying(&mut table);
    let patience = patience(&mut table);
    let scaling = scaling::checked(table.table("scaling", "scaling"), &taken.pool.renew);
    if let (Some(front_end), Some(listen)) = (&front_end, &listen) {
        taken.listen(&table, name.get_ref(), front_end.value, listen);
        taken.node_socket(&table, front_end.value, listen);
    }
    table.finish();
    Some(Service {
        name: (*name.get_ref()).to_owned(),
        front_end: front_end?.value,
        listen: listen?.value,
        command: command?,
        ready,
        ports,
        capacity: capacity?,
        local_capacity,
        min,
        max,
        local: relaying.local,
        dispatch: relaying.dispatch,
        workers: relaying.workers,
        served_by: relaying.served_by,
        queue_max: relaying.queue_max,
        queue_timeout: patience.queue,
        connect_timeout: patience.connect,
        head_timeout: patience.head,
        first_byte_timeout: patience.first_byte,
        start_timeout: patience.start,
        stop_timeout: patience.stop,
        long_lived_timeout: patience.long_lived,
        scaling,
    })
}

/// How requests reach the copies of a service.
struct Relaying {
    local: Local,
    dispatch: DispatchRule,
    workers: Option<usize>,
    served_by: bool,
    queue_max: u32,
}

fn relaying(table: &mut Table<'_>) -> Relaying {
    let local = Choice(&[("auto", Local::Auto), ("always", Local::Always)]);
    let dispatch = Choice(&[
        ("fill", DispatchRule::Fill),
        ("round-robin", DispatchRule::RoundRobin),
        ("least-in-flight", DispatchRule::LeastInFlight),
        ("p2c", DispatchRule::P2c),
    ]);
    Relaying {
        local: table.or("local", &local, Local::Auto).value,
        dispatch: table.or("dispatch", &dispatch, DispatchRule::Fill).value,
        workers: table.optional("workers", &Whole(1, WORKERS_MAX)).map(|workers| workers as usize),
        served_by: table.or("served_by", &Flag, true).value,
        queue_max: table.or("queue_max", &Whole(0, QUEUE_MAX), 1000).value,
    }
}

/// How long each thing may take.
struct Patience {
    queue: Duration,
    connect: Duration,
    head: Duration,
    first_byte: Duration,
    start: Duration,
    stop: Duration,
    long_lived: Duration,
}

fn patience(table: &mut Table<'_>) -> Patience {
    let mut time = |key, from, to, default| table.or(key, &Time(from, to), default * SECOND).value;
    Patience {
        queue: time("queue_timeout", MILLISECOND, HOUR, 10),
        connect: time("connect_timeout", MILLISECOND, HOUR, 1),
        head: time("head_timeout", MILLISECOND, HOUR, 10),
        first_byte: time("first_byte_timeout", MILLISECOND, DAY, 60),
        start: time("start_timeout", MILLISECOND, HOUR, 30),
        stop: time("stop_timeout", Duration::ZERO, HOUR, 10),
        long_lived: time("long_lived_timeout", Duration::ZERO, DAY, 300),
    }
}

impl Taken<'_> {
    /// `min` and `max`, against each other and the pool.
    fn nodes(&mut self, table: &mut Table<'_>) -> (u32, u32) {
        let min = table.or("min", &Whole(0, NODES_MAX), 0);
        let max = table.or("max", &Whole(0, NODES_MAX), self.pool.nodes.unwrap_or(NODES_MAX));
        let shown = || table.shown("min", min.value, min.origin);
        let written = max.origin != Origin::Default;
        table.check(!written || min.value <= max.value, &[min.origin, max.origin], || {
            format!("{}, must be at most max ({})", shown(), max.value)
        });
        let nodes = self.pool.nodes.unwrap_or(NODES_MAX);
        table.check(min.value <= nodes, &[min.origin], || {
            format!("{}, must be at most the number of nodes ({nodes})", shown())
        });
        let slots = self.pool.slots.unwrap_or(u32::MAX);
        let fitted = self.min <= slots;
        self.min = self.min.saturating_add(min.value);
        // Reported where the sum goes beyond the slots, and not again behind it.
        table.check(self.min <= slots || !fitted || min.value > nodes, &[min.origin], || {
            let sums = format!("slots of all nodes ({slots}) for every service's min ({})", self.min);
            format!("{}, must leave enough {sums}", shown())
        });
        (min.value, max.value)
    }

    /// Two services of one front end cannot listen at the same place.
    fn listen(&mut self, table: &Table<'_>, name: &str, front_end: IpAddr, listen: &Found<SocketAddr>) {
        let ip = listen.value.ip();
        let others = self.listens.entry((front_end, listen.value.port())).or_default();
        let clashes =
            |(other, _): &&(IpAddr, String)| *other == ip || other.is_unspecified() || ip.is_unspecified();
        if let Some((_, other)) = others.iter().find(clashes) {
            table.check(false, &[listen.origin], || {
                let listen = table.shown("listen", format_args!("\"{}\"", listen.value), listen.origin);
                format!("{listen}, must differ from that of service {other}, which has the same front end")
            });
        }
        others.push((ip, name.to_owned()));
    }

    /// A service cannot listen where a node of the same machine does. Every loopback address is one
    /// machine's, or machines are played on one.
    fn node_socket(&self, table: &Table<'_>, front_end: IpAddr, listen: &Found<SocketAddr>) {
        let (ip, port) = (listen.value.ip(), listen.value.port());
        let is_here = |node: IpAddr| node == front_end || (node.is_loopback() && front_end.is_loopback());
        let clashes = |socket: &SocketAddr| {
            socket.port() == port && (socket.ip() == ip || (ip.is_unspecified() && is_here(socket.ip())))
        };
        let taken = self.pool.sockets.iter().filter(|(socket, _)| clashes(socket));
        // The same one whatever the order of the map.
        if let Some((socket, owner)) = taken.min_by_key(|(socket, _)| **socket) {
            table.check(false, &[listen.origin], || {
                let listen = table.shown("listen", format_args!("\"{}\"", listen.value), listen.origin);
                format!("{listen}, must differ from {owner}, which is on {} too", socket.ip())
            });
        }
    }
}
