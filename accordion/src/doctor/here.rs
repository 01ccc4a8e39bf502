//! What this machine is like: its directories, its limits, its ports, the services' programs.

use std::fs;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::ops::RangeInclusive;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use cluster::config::{Cluster, Service};
use cluster::process;
use cluster::starter::User;
use rustix::fs::{Access, access};
use rustix::process::geteuid;

use super::finding::Finding;
use super::probe::is_here;

/// Where the kernel takes the ports of outgoing connections from.
const OUTGOING: &str = "/proc/sys/net/ipv4/ip_local_port_range";

/// The directory of the Unix sockets, which may not be there yet.
pub(super) fn runtime_directory(path: &Path) -> Finding {
    let what = "runtime directory";
    let remedy = "run this as the daemons' user, or say another place with --runtime-dir or runtime_dir in cluster.toml";
    let shown = path.display();
    let existing = path.ancestors().find(|ancestor| ancestor.exists()).unwrap_or(path);
    let Ok(metadata) = existing.metadata() else {
        return Finding::fail(what, format!("{shown} cannot be looked at"), remedy);
    };
    if !metadata.is_dir() {
        let says = format!("{shown} cannot be made, for {} is no directory", existing.display());
        return Finding::fail(what, says, remedy);
    }
    let may = |wanted| access(existing, wanted).is_ok();
    let is_ours = metadata.uid() == geteuid().as_raw();
    match (existing == path, is_ours) {
        _ if may(Access::WRITE_OK | Access::EXEC_OK) => Finding::ok(what, format!("{shown} can be written")),
        // That of daemons who run as somebody else: to ask them it is enough to get in.
        (true, false) if may(Access::EXEC_OK) => Finding::ok(what, format!("{shown} can be used")),
        (true, _) => Finding::fail(what, format!("{shown} is not writable for this user"), remedy),
        (false, _) => {
            let says = format!("{shown} is not there, and this user cannot make it");
            Finding::warn(what, says, format!("systemd makes it for its units; elsewhere {remedy}"))
        }
    }
}

/// The ports and the programs of the services that may run here.
pub(super) fn services(cluster: &Cluster) -> Vec<Finding> {
    let is_node = cluster.nodes.iter().any(|node| is_here(node.address));
    let runs_here = |service: &&Service| is_node || is_here(service.front_end);
    let outgoing = fs::read_to_string(OUTGOING).ok().and_then(|text| range(&text));
    let mut findings = Vec::new();
    for service in cluster.services.iter().filter(runs_here) {
        let what = format!("service {}", service.name);
        findings.push(program(&what, service));
        findings.extend(service.user.as_deref().map(|name| user(&what, name)));
        findings.push(ports(&what, service, outgoing.as_ref()));
    }
    findings
}

fn program(what: &str, service: &Service) -> Finding {
    match process::program(&service.command) {
        Ok(path) => Finding::ok(what, format!("its program is {}", path.display())),
        Err(fault) => {
            let remedy = "install it on this machine, or mend command in cluster.toml";
            Finding::fail(what, format!("its program cannot be run here: {fault}"), remedy)
        }
    }
}

/// Only one that is written: the default one comes with the package, and means nothing without it.
fn user(what: &str, name: &str) -> Finding {
    match User::of(name) {
        Ok(user) => Finding::ok(what, format!("its user {name} has the number {} here", user.uid)),
        Err(fault) => {
            let remedy = "create it on this machine (useradd --system), or mend user in cluster.toml";
            Finding::fail(what, fault.to_string(), remedy)
        }
    }
}

fn ports(what: &str, service: &Service, outgoing: Option<&RangeInclusive<u16>>) -> Finding {
    let ports = &service.ports;
    let shown = format!("{}-{}", ports.start(), ports.end());
    if let Some(outgoing) = outgoing.filter(|outgoing| overlap(ports, outgoing)) {
        let says = format!(
            "its ports {shown} overlap with those of outgoing connections ({}-{}), which may take them",
            outgoing.start(),
            outgoing.end()
        );
        return Finding::warn(what, says, "choose others for ports in cluster.toml, below or above these");
    }
    let address =
        if service.front_end.is_loopback() { service.front_end } else { Ipv4Addr::LOCALHOST.into() };
    if !ports.clone().any(|port| is_free(address, port)) {
        let says = format!("none of its ports {shown} is free on {address}");
        return Finding::warn(what, says, "unless its own copy has it, widen ports in cluster.toml");
    }
    Finding::ok(what, format!("of its ports {shown} there are free ones"))
}

fn is_free(address: IpAddr, port: u16) -> bool {
    match TcpListener::bind((address, port)) {
        Ok(_) => true,
        Err(error) => error.kind() != ErrorKind::AddrInUse,
    }
}

fn overlap(one: &RangeInclusive<u16>, other: &RangeInclusive<u16>) -> bool {
    one.start() <= other.end() && other.start() <= one.end()
}

/// Two numbers, the first and the last.
fn range(text: &str) -> Option<RangeInclusive<u16>> {
    let mut numbers = text.split_whitespace().map(str::parse);
    Some(numbers.next()?.ok()?..=numbers.next()?.ok()?)
}

#[cfg(test)]
mod tests {
    use super::super::finding::Verdict;
    use super::*;

    #[test]
    fn a_user_who_is_not_here_is_a_fault() {
        assert_eq!(user("service shop", "root").verdict, Verdict::Ok);
        let finding = user("service shop", "no-such-user-here");
        assert_eq!(finding.verdict, Verdict::Fail);
        assert_eq!(finding.says, "there is no user \"no-such-user-here\" on this machine");
    }

    #[test]
    fn ranges_overlap_where_they_share_a_port() {
        let outgoing = range("32768\t60999\n").unwrap();
        assert_eq!(outgoing, 32768..=60999);
        assert!(overlap(&(32000..=32768), &outgoing));
        assert!(overlap(&(40000..=40001), &outgoing));
        assert!(overlap(&(60999..=61000), &outgoing));
        assert!(!overlap(&(20000..=29999), &outgoing));
        assert!(!overlap(&(61000..=61001), &outgoing));
    }
}
