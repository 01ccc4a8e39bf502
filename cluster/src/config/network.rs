//! A range of addresses that share their first bits, like 10.0.0.0/8 (CIDR, RFC 4632 and RFC 4291).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The bits that an IPv4-mapped IPv6 address has before those of the IPv4 address.
const MAPPED: u8 = 96;

/// The addresses that share their first bits, or a single one.
///
/// An IPv4-mapped IPv6 address (`::ffff:10.0.0.1`), which a socket of both families shows for an IPv4
/// peer, counts as the IPv4 address that it stands for. No IPv6 network holds an IPv4 address.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first one.
    address: IpAddr,
    /// How many bits they share.
    prefix: u8,
}

impl Network {
    /// The network around the address of all that share its first `prefix` bits; `None` when an
    /// address has fewer bits.
    pub fn around(address: IpAddr, prefix: u8) -> Option<Self> {
        let mapped = address.to_canonical();
        let (address, prefix) = match (address.is_ipv6() && mapped.is_ipv4(), prefix.checked_sub(MAPPED)) {
            (true, Some(prefix)) => (mapped, prefix),
            _ => (address, prefix),
        };
        let network = Self { address: masked(address, prefix), prefix };
        (prefix <= bits(address)).then_some(network)
    }

    /// The address alone.
    pub fn single(address: IpAddr) -> Self {
        let address = address.to_canonical();
        Self { address, prefix: bits(address) }
    }

    /// Its first address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Whether the address is one of the network's.
    pub fn contains(&self, address: IpAddr) -> bool {
        masked(address.to_canonical(), self.prefix) == self.address
    }
}

/// A single address without its prefix.
impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.prefix == bits(self.address) {
            return self.address.fmt(formatter);
        }
        write!(formatter, "{}/{}", self.address, self.prefix)
    }
}

fn bits(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// The address with nothing but zeros behind its first `prefix` bits.
fn masked(address: IpAddr, prefix: u8) -> IpAddr {
    let beyond = |bits: u32| bits.saturating_sub(prefix.into());
    match address {
        IpAddr::V4(address) => {
            let mask = u32::MAX.checked_shl(beyond(u32::BITS)).unwrap_or(0);
            Ipv4Addr::from_bits(address.to_bits() & mask).into()
        }
        IpAddr::V6(address) => {
            let mask = u128::MAX.checked_shl(beyond(u128::BITS)).unwrap_or(0);
            Ipv6Addr::from_bits(address.to_bits() & mask).into()
        }
    }
}
