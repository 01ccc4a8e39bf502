//! The kinds of value that say where something is on the network.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;

use toml::de::DeValue;

use super::{Kind, Whole};
use crate::config::Network;

/// The address of one machine.
pub(crate) struct Address;

/// An address and a port to listen at.
pub(crate) struct Listen;

/// A range of addresses by its first one and the number of bits that they share, or one address.
pub(crate) struct Cidr;

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

impl Kind for Cidr {
    type Value = Network;

    fn expected(&self) -> String {
        "a network like \"10.0.0.0/8\" or \"2001:db8::/32\" or an IP address".to_owned()
    }

    fn hint(&self, value: &DeValue<'_>) -> Option<String> {
        // Sound but for bits behind the prefix: the network around it is meant, or it alone.
        let (address, network) = around(value.as_str()?)?;
        Some(format!("must be \"{network}\", or \"{address}\" for that address alone"))
    }

    fn read(&self, value: &DeValue<'_>) -> Option<Network> {
        let (address, network) = around(value.as_str()?)?;
        (network.address() == address.to_canonical()).then_some(network)
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

/// The address that is written, and the network that it is in.
fn around(written: &str) -> Option<(IpAddr, Network)> {
    let Some((address, prefix)) = written.split_once('/') else {
        let address = written.parse().ok()?;
        return Some((address, Network::single(address)));
    };
    let address = address.parse().ok()?;
    // A sign would be read, too.
    let prefix = Some(prefix).filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((address, Network::around(address, prefix.parse().ok()?)?))
}
