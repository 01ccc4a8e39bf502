//! Which machines a rack has, and what each is worth. Pure: nothing is made here.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

use cluster::config::Cluster;

use super::link::Link;
use super::share::Share;

/// Where clients are.
pub(crate) const CLIENT: &str = "client";

/// All machines of a rack are in one network of so many leading bits.
pub(super) const PREFIX: u32 = 16;

/// Machines of one rack at most: each is a namespace, a pair of devices and a handful of processes.
pub(super) const NODES_MAX: u32 = 64;

/// A machine.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Machine {
    pub(crate) name: String,
    pub(crate) address: Ipv4Addr,
    /// Of a core of this machine; `None`: as much as there is.
    pub(crate) cpu: Option<Share>,
}

/// All machines of a rack; the client's is the last.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    pub(crate) name: String,
    pub(crate) machines: Vec<Machine>,
    pub(crate) link: Link,
}

/// What machines are worth.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) front: Option<Share>,
    pub(crate) node: Option<Share>,
    pub(crate) client: Option<Share>,
}

/// Why a cluster cannot be played on a rack.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unfit {
    #[error(
        "{address} cannot be a machine of the rack: all must have addresses like 10.77.0.11, in one network /16"
    )]
    Address { address: IpAddr },
    #[error("the network of {address} has no free address for the client")]
    Full { address: Ipv4Addr },
}

impl Plan {
    /// A machine for each address of `cluster`: its front ends' and its nodes'.
    pub(crate) fn of(name: &str, cluster: &Cluster, shares: Shares, link: Link) -> Result<Self, Unfit> {
        let mut machines: Vec<Machine> = Vec::new();
        let fronts = cluster.services.iter().map(|service| (service.front_end, None));
        let nodes = cluster.nodes.iter().map(|node| (node.address, Some(&node.name)));
        for (address, node) in fronts.chain(nodes) {
            let address = v4(address)?;
            if machines.iter().any(|machine| machine.address == address) {
                continue;
            }
            let fronts = machines.iter().filter(|machine| machine.name.starts_with(FRONT)).count();
            let name = match node {
                Some(name) => name.clone(),
                None if fronts == 0 => FRONT.to_owned(),
                None => format!("{FRONT}-{}", fronts + 1),
            };
            let cpu = if node.is_some() { shares.node } else { shares.front };
            machines.push(Machine { name, address, cpu });
        }
        let first = machines.first().map_or(Ipv4Addr::LOCALHOST, |machine| machine.address);
        if let Some(other) = machines.iter().find(|machine| network(machine.address) != network(first)) {
            return Err(Unfit::Address { address: other.address.into() });
        }
        let taken: BTreeSet<Ipv4Addr> = machines.iter().map(|machine| machine.address).collect();
        let hosts = 1..(1u32 << (32 - PREFIX)) - 1;
        let free =
            hosts.rev().map(|host| Ipv4Addr::from(network(first) + host)).find(|free| !taken.contains(free));
        let address = free.ok_or(Unfit::Full { address: first })?;
        machines.push(Machine { name: CLIENT.to_owned(), address, cpu: shares.client });
        Ok(Self { name: name.to_owned(), machines, link })
    }

    /// The machine that has this address.
    pub(crate) fn machine(&self, address: IpAddr) -> Option<&Machine> {
        self.machines.iter().find(|machine| machine.address == address)
    }

    /// The client's.
    pub(crate) fn client(&self) -> &Machine {
        self.machines.last().expect("a plan has a client")
    }
}

/// What front ends are called.
const FRONT: &str = "front";

/// A cluster.toml of one front end and so many nodes with the demo service, for a rack of which nothing else
/// is said. Control calls leave the loopback of their machine, but not this one.
pub(crate) fn cluster_toml(nodes: u32, shares: Shares) -> String {
    let cores = |share: Option<Share>| share.map_or(1.0, Share::cores);
    let speed = cores(shares.node) / cores(shares.front);
    let mut text = "[cluster]\nname = \"rack\"\ninsecure = true\n".to_owned();
    for node in 1..=nodes {
        let _ = write!(
            text,
            "\n[[node]]\nname = \"c{node}\"\naddress = \"10.77.0.{}\"\nspeed = {speed:.2}\n",
            10 + node
        );
    }
    text.push_str(
        "\n[service.demo]\nfront_end = \"10.77.0.1\"\nlisten = \"10.77.0.1:8080\"\ncommand = [\"{accordion}\", \
         \"demo-service\", \"--port\", \"{port}\", \"--address\", \"{address}\", \"--workers\", \"8\"]\n\
         ready = \"/healthz\"\ncapacity = 8\n",
    );
    text
}

/// A name that can be part of those of namespaces and directories.
pub(crate) fn name(word: &str) -> Result<String, String> {
    let is_good = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&word.len()) && word.bytes().all(is_good) && !word.starts_with('-') {
        Ok(word.to_owned())
    } else {
        Err("must be 1 to 32 of a-z, 0-9 and \"-\", beginning with a letter or digit".to_owned())
    }
}

fn v4(address: IpAddr) -> Result<Ipv4Addr, Unfit> {
    match address {
        IpAddr::V4(address) if !address.is_loopback() && !address.is_unspecified() => Ok(address),
        address => Err(Unfit::Address { address }),
    }
}

fn network(address: Ipv4Addr) -> u32 {
    u32::from(address) >> (32 - PREFIX) << (32 - PREFIX)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NO_SHARES: Shares = Shares { front: None, node: None, client: None };

    fn plan(text: &str) -> Result<Plan, Unfit> {
        let cluster = cluster::config::parse("cluster.toml", text).unwrap();
        Plan::of("rack", &cluster, NO_SHARES, Link::default())
    }

    #[test]
    fn there_is_a_machine_for_each_address_and_one_for_the_client() {
        let shares = Shares {
            front: Some(Share::parse("0.4").unwrap()),
            node: Some(Share::parse("0.2").unwrap()),
            client: None,
        };
        let text = cluster_toml(2, shares);
        let cluster = cluster::config::parse("cluster.toml", &text).unwrap();
        assert!((cluster.nodes[0].speed - 0.5).abs() < 1e-9);
        let plan = Plan::of("rack", &cluster, shares, Link::default()).unwrap();
        let named: Vec<_> = plan.machines.iter().map(|machine| machine.name.as_str()).collect();
        assert_eq!(named, ["front", "c1", "c2", "client"]);
        assert_eq!(plan.client().address, Ipv4Addr::new(10, 77, 255, 254));
        assert_eq!(plan.machine([10, 77, 0, 12].into()).unwrap().name, "c2");
        assert_eq!(plan.machines[0].cpu, shares.front);
        assert_eq!(plan.machines[1].cpu, shares.node);
    }

    #[test]
    fn machines_on_the_loopback_or_in_two_networks_are_refused() {
        let text = cluster_toml(1, NO_SHARES);
        assert!(plan(&text).is_ok());
        for other in ["127.0.0.11", "10.78.0.11"] {
            let fault = plan(&text.replace("10.77.0.11", other)).unwrap_err().to_string();
            assert!(fault.contains(other), "{fault}");
        }
    }

    #[test]
    fn a_name_is_one_that_files_can_have() {
        assert_eq!(name("rack-2").unwrap(), "rack-2");
        for bad in ["", "-x", "a/b", "A", "a b"] {
            assert!(name(bad).is_err(), "{bad:?}");
        }
    }
}
