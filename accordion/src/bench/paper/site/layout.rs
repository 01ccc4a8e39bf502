//! Who listens where on the rack. Pure.

use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

/// The front end's machine; the nodes' addresses follow that of the first.
const FRONT: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 1);
const NODES: Ipv4Addr = Ipv4Addr::new(10, 77, 0, 10);

/// Of a copy that is there without Accordion.
const SERVICE_PORT: u16 = 8000;

/// The first of each kind; so many nodes further is where those listen that are before so many nodes.
const THREADS_PORT: u16 = 8100;
const NGINX_PORT: u16 = 8200;
const HAPROXY_PORT: u16 = 8300;
const ACCORDION_PORT: u16 = 8400;
const FILL_FIRST_PORT: u16 = 8500;
const DIRECT_PORT: u16 = 8550;
const TWO_HAPROXIES_PORT: u16 = 8600;
const ELASTIC_PORT: u16 = 8700;

/// On each node, before its copy.
const NODE_THREADS_PORT: u16 = 8150;
const NODE_HAPROXY_PORT: u16 = 8350;

/// So many nodes beside the front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct Layout {
    pub(in super::super) nodes: u32,
}

impl Layout {
    /// What a machine is called: 0 is the front end's.
    pub(super) fn machine(node: u32) -> String {
        if node == 0 { "front".to_owned() } else { format!("c{node}") }
    }

    /// A machine's address.
    pub(super) fn address(node: u32) -> Ipv4Addr {
        if node == 0 { FRONT } else { Ipv4Addr::from(u32::from(NODES) + node) }
    }

    /// Of all nodes, 1 and up.
    pub(super) fn nodes(self) -> std::ops::RangeInclusive<u32> {
        1..=self.nodes
    }

    /// A copy of the service without Accordion.
    pub(super) fn service(node: u32) -> SocketAddr {
        at(node, SERVICE_PORT)
    }

    /// The relay with a thread for each connection, on the front end or a node.
    pub(super) fn node_threads(node: u32) -> SocketAddr {
        at(node, NODE_THREADS_PORT)
    }

    pub(super) fn node_haproxy(node: u32) -> SocketAddr {
        at(node, NODE_HAPROXY_PORT)
    }

    pub(super) fn threads(nodes: u32) -> SocketAddr {
        front(THREADS_PORT, nodes)
    }

    pub(super) fn nginx(nodes: u32) -> SocketAddr {
        front(NGINX_PORT, nodes)
    }

    pub(super) fn haproxy(nodes: u32) -> SocketAddr {
        front(HAPROXY_PORT, nodes)
    }

    pub(super) fn direct(nodes: u32) -> SocketAddr {
        front(DIRECT_PORT, nodes)
    }

    pub(super) fn two_haproxies() -> SocketAddr {
        front(TWO_HAPROXIES_PORT, 0)
    }

    pub(super) fn accordion(nodes: u32) -> SocketAddr {
        front(ACCORDION_PORT, nodes)
    }

    pub(super) fn fill_first(nodes: u32) -> SocketAddr {
        front(FILL_FIRST_PORT, nodes)
    }

    pub(super) fn elastic() -> SocketAddr {
        front(ELASTIC_PORT, 0)
    }
}

fn at(node: u32, port: u16) -> SocketAddr {
    SocketAddr::V4(SocketAddrV4::new(Layout::address(node), port))
}

/// Of the front end, before so many nodes: fewer than the distance of two kinds.
fn front(first: u16, nodes: u32) -> SocketAddr {
    at(0, first + nodes as u16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn machines_are_where_a_rack_has_them() {
        assert_eq!(
            (Layout::machine(0), Layout::address(0).to_string()),
            ("front".into(), "10.77.0.1".into())
        );
        assert_eq!((Layout::machine(3), Layout::address(3).to_string()), ("c3".into(), "10.77.0.13".into()));
        assert_eq!(Layout { nodes: 3 }.nodes().count(), 3);
        assert_eq!(Layout::accordion(3).to_string(), "10.77.0.1:8403");
    }
}
