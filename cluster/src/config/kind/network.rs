//! The kinds of value that say where something is on the network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::{Kind, Whole};

/// The address of one machine.
pub(crate) struct Address;

/// Where clients reach a service.
pub(crate) struct Listen;

/// A TCP port.
pub(crate) struct Port;

/// The ports from one to another.
pub(crate) struct Ports;

impl Kind for Address {
    type Value = IpAddr;

    fn expected(&self) -> String {
        "the IP address of one machine, like \"10.0.0.11\"".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<IpAddr> {
        let address: IpAddr = value.as_str()?.parse().ok()?;
        let one_machine = !address.is_unspecified() && !address.is_multicast();
        (one_machine && address != Ipv4Addr::BROADCAST).then_some(address)
    }
}

impl Kind for Listen {
    type Value = SocketAddr;

    fn expected(&self) -> String {
        "an IP address and a port, like \"0.0.0.0:8080\"".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<SocketAddr> {
        let listen: SocketAddr = value.as_str()?.parse().ok()?;
        let one_machine = !listen.ip().is_multicast() && listen.ip() != Ipv4Addr::BROADCAST;
        (one_machine && listen.port() != 0).then_some(listen)
    }
}

impl Kind for Port {
    type Value = u16;

    fn expected(&self) -> String {
        "a port from 1 to 65535".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<u16> {
        let port = Whole(1, u16::MAX.into()).read(value)?;
        u16::try_from(port).ok()
    }
}

impl Kind for Ports {
    type Value = RangeInclusive<u16>;

    fn expected(&self) -> String {
        "two ports from 1 to 65535, the lower first, like \"20000-29999\"".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<RangeInclusive<u16>> {
        let (first, last) = value.as_str()?.split_once('-')?;
        let port = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port != 0);
        let (first, last) = (port(first)?, port(last)?);
        (first <= last).then_some(first..=last)
    }
}
