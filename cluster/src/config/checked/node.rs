//! `[[node]]`: the machines of the pool, each with sockets of its own.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::Pool;
use crate::config::kind::network::{Address, Port};
use crate::config::kind::{Name, Number, Whole};
use crate::config::report::Report;
use crate::config::written::{Found, Origin, Table};
use crate::config::{Node, SLOTS_MAX};

const CONTROL_PORT: u16 = 7400;
const DATA_PORT: u16 = 7401;

/// What `x-accordion-served-by` and the status call the front end's own copy.
const LOCAL: &str = "local";

/// A node as far as it is sound.
pub(super) struct CheckedNode {
    pub(super) node: Option<Node>,
    slots: Found<u32>,
}

/// The sockets of the nodes: which it is, and whose.
pub(super) type Sockets = HashMap<SocketAddr, String>;

/// What earlier nodes have taken, to find what is there twice.
#[derive(Default)]
struct Taken {
    /// The byte where each name stands.
    names: HashMap<String, usize>,
    sockets: Sockets,
}

/// Every node, and their sockets.
pub(super) fn all(tables: Vec<Table<'_>>, may_leave_loopback: bool) -> (Vec<CheckedNode>, Sockets) {
    let mut taken = Taken::default();
    let nodes = tables.into_iter().map(|table| checked(table, &mut taken, may_leave_loopback)).collect();
    (nodes, taken.sockets)
}

/// What services may count on.
pub(super) fn pool(
    nodes: &[CheckedNode],
    sockets: Sockets,
    renew: Found<Duration>,
    report: &Report<'_>,
) -> Pool {
    let sound = !report.is_incomplete() && nodes.iter().all(|node| node.slots.origin != Origin::Faulty);
    let slots = nodes.iter().map(|node| node.slots.value).fold(0, u32::saturating_add);
    let count = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
    Pool { nodes: sound.then_some(count), slots: sound.then_some(slots), sockets, renew, is_secured: false }
}

fn checked(mut table: Table<'_>, taken: &mut Taken, may_leave_loopback: bool) -> CheckedNode {
    let name = table.required("name", &Name);
    let address = table.required("address", &Address);
    let control_port = table.or("control_port", &Port, CONTROL_PORT);
    let data_port = table.or("data_port", &Port, DATA_PORT);
    let slots = table.or("slots", &Whole(1, SLOTS_MAX), 1);
    let speed = table.or("speed", &Number(0.01, 100.0), 1.0);
    if let Some(name) = &name {
        taken.name(&table, name);
    }
    if let Some(address) = &address {
        table.check(may_leave_loopback || address.value.is_loopback(), &[address.origin], || {
            format!(
                "{}, must be a loopback address (127.0.0.0/8 or ::1) because control calls are not encrypted; \
                 write [tls] and make certificates (accordion ca), or insecure = true under [cluster] allows it \
                 all the same",
                table.shown("address", format_args!("\"{}\"", address.value), address.origin)
            )
        });
        let owner = name.as_ref().map_or("without a name", |name| &name.value);
        taken.sockets(&table, owner, address, [("control_port", &control_port), ("data_port", &data_port)]);
    }
    table.check(control_port.value != data_port.value, &[data_port.origin, control_port.origin], || {
        format!(
            "{}, must differ from control_port",
            table.shown("data_port", data_port.value, data_port.origin)
        )
    });
    table.finish();
    let node = name.zip(address).map(|(name, address)| Node {
        name: name.value,
        address: address.value,
        control_port: control_port.value,
        data_port: data_port.value,
        slots: slots.value,
        speed: speed.value,
    });
    CheckedNode { node, slots }
}

impl Taken {
    fn name(&mut self, table: &Table<'_>, name: &Found<String>) {
        let shown = || table.shown("name", format_args!("{:?}", name.value), name.origin);
        table.check(name.value != LOCAL, &[name.origin], || {
            format!("{}, must be another name: the front end's own copy is called so", shown())
        });
        let Origin::Written(place) = name.origin else { return };
        let first = *self.names.entry(name.value.clone()).or_insert(place);
        table.check(first == place, &[name.origin], || {
            format!("{}, must differ from the node on line {}", shown(), table.report().line(first))
        });
    }

    /// Each port of a node is a socket; the first that an earlier node has is reported.
    fn sockets(
        &mut self,
        table: &Table<'_>,
        owner: &str,
        address: &Found<IpAddr>,
        ports: [(&'static str, &Found<u16>); 2],
    ) {
        let socket = |port: &Found<u16>| SocketAddr::new(address.value, port.value);
        let sound = ports.into_iter().filter(|(_, port)| port.origin != Origin::Faulty);
        let taken = sound.clone().find_map(|(key, port)| Some((key, port, self.sockets.get(&socket(port))?)));
        if let Some((key, port, other)) = taken {
            table.check(false, &[port.origin, address.origin], || {
                let port = table.shown(key, port.value, port.origin);
                format!("{port}, must differ from {other}, which is on {} too", address.value)
            });
        }
        for (key, port) in sound {
            self.sockets.entry(socket(port)).or_insert_with(|| format!("{key} of node {owner}"));
        }
    }
}
