//! Where the requests of a lease go. The machine and the path to it are what this front end's own
//! cluster.toml says; of the node only a port is taken. Pure.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;

use cluster::config::{self, DataPath, Service};

use crate::node::Lease;

/// The way in at one node, as cluster.toml has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entrance {
    path: DataPath,
    machine: IpAddr,
    ports: RangeInclusive<u16>,
}

/// Why no request is sent where a node says that they go.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntranceFault {
    /// The node relays, and here they are to go straight.
    #[error("it relays requests, but here path = \"direct\"; bring cluster.toml up to date on the node")]
    Relays,
    /// They go straight there, and here the node is to relay them.
    #[error(
        "it relays no requests (path = \"direct\"), but here it is to; bring cluster.toml up to date on the node"
    )]
    RelaysNot,
    /// It names an address that is not its own.
    #[error("it names {said:?} for requests, which is not on {machine}, its address in cluster.toml")]
    Elsewhere {
        /// What it names.
        said: String,
        /// Where it is.
        machine: IpAddr,
    },
    /// It names a port that its service cannot have.
    #[error("it names port {said} for requests, which is none of {}-{}, the service's ports in cluster.toml", ports.start(), ports.end())]
    Port {
        /// What it names.
        said: u32,
        /// Those there are.
        ports: RangeInclusive<u16>,
    },
}

impl Entrance {
    /// The way in to copies of `service` at `node`.
    pub fn of(service: &Service, node: &config::Node) -> Self {
        Self { path: service.path, machine: node.address, ports: service.ports.clone() }
    }

    /// Whether requests go straight to the service, and not by the node.
    pub(crate) fn is_direct(&self) -> bool {
        self.path == DataPath::Direct
    }

    /// The lease with where its requests go, by what the node says of that: the address at which it
    /// relays them, or the port of its service. One whose requests go straight loses its token, which
    /// the service would get to see.
    pub fn open(
        &self,
        lease: Lease,
        data_address: String,
        service_port: u32,
    ) -> Result<Lease, EntranceFault> {
        match (self.path, service_port) {
            (DataPath::Relayed, 0) => {
                let said = data_address.parse::<SocketAddr>();
                if said.is_ok_and(|said| said.ip() == self.machine) {
                    Ok(Lease { data_address, ..lease })
                } else {
                    Err(EntranceFault::Elsewhere { said: data_address, machine: self.machine })
                }
            }
            (DataPath::Relayed, _) => Err(EntranceFault::RelaysNot),
            (DataPath::Direct, 0) => Err(EntranceFault::Relays),
            (DataPath::Direct, said) => {
                let port = u16::try_from(said).ok().filter(|port| self.ports.contains(port));
                let port = port.ok_or_else(|| EntranceFault::Port { said, ports: self.ports.clone() })?;
                let data_address = SocketAddr::new(self.machine, port).to_string();
                Ok(Lease { data_address, token: String::new(), ..lease })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entrance(path: DataPath) -> Entrance {
        Entrance { path, machine: [10, 0, 0, 11].into(), ports: 20000..=20009 }
    }

    fn lease() -> Lease {
        Lease { id: "l1".into(), epoch: 1, token: "secret".into(), data_address: String::new() }
    }

    /// The address and the token that requests get, or the sentence why there are none.
    fn opened(path: DataPath, address: &str, port: u32) -> Result<(String, String), String> {
        let opened = entrance(path).open(lease(), address.to_owned(), port);
        opened.map(|lease| (lease.data_address, lease.token)).map_err(|fault| fault.to_string())
    }

    fn to(address: &str, token: &str) -> Result<(String, String), String> {
        Ok((address.to_owned(), token.to_owned()))
    }

    #[test]
    fn a_relayed_request_goes_to_the_node_with_its_token() {
        assert_eq!(opened(DataPath::Relayed, "10.0.0.11:7401", 0), to("10.0.0.11:7401", "secret"));
    }

    #[test]
    fn a_direct_request_goes_to_the_port_of_the_service_without_a_token() {
        assert_eq!(opened(DataPath::Direct, "", 20000), to("10.0.0.11:20000", ""));
        assert_eq!(opened(DataPath::Direct, "", 20009), to("10.0.0.11:20009", ""));
    }

    #[test]
    fn of_an_address_that_a_node_names_beside_its_port_nothing_is_believed() {
        assert_eq!(opened(DataPath::Direct, "10.9.9.9:80", 20000), to("10.0.0.11:20000", ""));
    }

    #[test]
    fn no_request_leaves_the_nodes_own_address() {
        for elsewhere in ["10.0.0.12:7401", "example.org:7401", "10.0.0.11", ""] {
            let words = opened(DataPath::Relayed, elsewhere, 0).unwrap_err();
            assert!(words.contains(elsewhere) && words.contains("10.0.0.11"), "{words}");
        }
    }

    #[test]
    fn a_port_that_the_service_cannot_have_is_refused() {
        // 65536 + 20000 would be 20000 again, cut to 16 bits.
        for port in [1, 22, 19999, 20010, 65535, 65536, 85536, u32::MAX] {
            let words = opened(DataPath::Direct, "", port).unwrap_err();
            assert!(words.contains(&port.to_string()) && words.contains("20000-20009"), "{words}");
        }
    }

    #[test]
    fn a_node_that_was_told_another_path_is_named_as_such() {
        let relays = opened(DataPath::Direct, "10.0.0.11:7401", 0).unwrap_err();
        let relays_not = opened(DataPath::Relayed, "", 20000).unwrap_err();
        for words in [relays, relays_not] {
            assert!(words.ends_with("bring cluster.toml up to date on the node"), "{words}");
        }
    }
}
