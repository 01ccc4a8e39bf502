//! The relays of these tests, where clients come in first: a front end, or a front end and a node behind it.

use std::net::{SocketAddr, TcpStream};

use relay::{Failure, Settings, Upstream};

use crate::rig::{Origin, Rig, Told, block_on, eventually, node, upstream};

impl Rig {
    /// A front end before one service.
    pub(crate) fn front(origin: &Origin) -> Rig {
        Rig::front_with(origin, Settings::default())
    }

    pub(crate) fn front_with(origin: &Origin, settings: Settings) -> Rig {
        Rig::with(Told::in_order(&[&upstream("local", origin.address)]), settings)
    }

    /// A front end, and a node between it and the service.
    pub(crate) fn chain(origin: &Origin) -> Rig {
        Rig::chain_with(origin, Settings::default())
    }

    pub(crate) fn chain_with(origin: &Origin, settings: Settings) -> Rig {
        Rig::chain_to(origin.address, settings)
    }

    pub(crate) fn chain_to(origin: SocketAddr, settings: Settings) -> Rig {
        let behind = Settings { front: false, served_by: false, access_log: None, ..settings.clone() };
        let behind = Rig::with(Told::in_order(&[&upstream("local", origin)]), behind);
        let front = Rig::with(Told::in_order(&[&node("c1", behind.address)]), settings);
        Rig { node: Some(Box::new(behind)), ..front }
    }

    /// Where the relay that clients reach sends its requests.
    pub(crate) fn upstream(&self) -> &Upstream {
        &self.told.upstreams()[0]
    }

    /// Requests in flight, a request by the node counted at both places.
    pub(crate) fn in_flight(&self) -> u32 {
        self.upstream().in_flight() + self.node.as_ref().map_or(0, |node| node.in_flight())
    }

    /// Who was blamed for what, here and at the node.
    pub(crate) fn failures(&self) -> Vec<(String, Failure)> {
        let behind = self.node.as_ref().map_or_else(Vec::new, |node| node.failures());
        [self.told.failures(), behind].concat()
    }

    /// Waits until nothing is in flight.
    pub(crate) fn comes_to_rest(&self) {
        eventually("nothing is in flight", || self.in_flight() == 0);
    }

    /// Waits until the workers have heard of what was done to an upstream, and their connections too: each
    /// barrier is a turn of their event loops.
    pub(crate) fn has_heard(&self) {
        for _ in 0..4 {
            block_on(self.relay.barrier());
        }
    }

    /// Waits until a drain has begun.
    pub(crate) fn is_closed(&self) {
        eventually("nobody is let in", || TcpStream::connect(self.address).is_err());
        self.has_heard();
    }
}
