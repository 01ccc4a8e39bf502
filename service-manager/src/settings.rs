//! What cluster.toml says of the data path, in the relay's terms.

use std::net::TcpListener;

use cluster::config::{self, Network, Service, UpstreamProtocol};
use cluster::tls::ServerCertificates;
use relay::access_log::{AccessLog, Format};
use relay::{Forwarding, Protocol, Secured, TlsServer, TrustedProxies};
use rustix::process::{Resource, getrlimit};

/// Descriptors that are no client's: listeners, logs, control connections, the local copy's pipes.
const FILES_OF_OUR_OWN: u64 = 100;

/// A client's connection and the one that its request goes on to.
const FILES_PER_CONNECTION: u64 = 2;

/// The settings of the relay before `service`.
pub(crate) fn of(service: &Service, access_log: Option<AccessLog>) -> relay::Settings {
    relay::Settings {
        front: true,
        served_by: service.served_by,
        forwarding: forwarding(service.forwarding),
        trusted_proxies: trusted(&service.trusted_proxies),
        proxy_protocol: service.proxy_protocol,
        connect_timeout: service.connect_timeout,
        first_byte_timeout: service.first_byte_timeout,
        head_timeout: service.head_timeout,
        body_idle_timeout: service.body_idle_timeout,
        response_idle_timeout: service.response_idle_timeout,
        keep_alive_timeout: service.keep_alive_timeout,
        tunnel_idle_timeout: service.tunnel_idle_timeout,
        upstream_idle_timeout: service.upstream_idle_timeout,
        head_bytes_max: service.head_max,
        fields_max: service.headers_max,
        body_bytes_max: service.body_max,
        connections_max: connections_max(service.connections_max),
        long_lived_after: service.scaling.long_lived_after,
        long_lived_quiet: service.scaling.long_lived_quiet,
        long_lived_weight: service.scaling.long_lived_weight,
        access_log,
    }
}

/// What clients find where they speak TLS.
pub(crate) fn secured(
    listeners: Vec<TcpListener>,
    certificates: Option<&ServerCertificates>,
) -> Option<Secured> {
    let certificates = certificates?.clone();
    Some(Secured { listeners, tls: TlsServer::new(move || certificates.server_config()) })
}

/// What the service speaks, and with it the hop to a node.
pub(crate) fn protocol(service: &Service) -> Protocol {
    match service.upstream {
        UpstreamProtocol::Http1 => Protocol::Http1,
        UpstreamProtocol::H2c => Protocol::H2c,
    }
}

/// The log that `service` asks for.
///
/// # Errors
///
/// When its file cannot be opened.
pub(crate) fn access_log(service: &Service) -> std::io::Result<Option<AccessLog>> {
    let format = match service.access_log {
        config::AccessLog::Off => return Ok(None),
        config::AccessLog::Combined => Format::Combined,
        config::AccessLog::Json => Format::Json,
    };
    match &service.access_log_file {
        Some(file) => AccessLog::to_file(format, file).map(Some),
        None => Ok(Some(AccessLog::to_stdout(format))),
    }
}

fn forwarding(written: config::Forwarding) -> Forwarding {
    Forwarding {
        x_for: written.x_forwarded_for,
        x_host: written.x_forwarded_host,
        x_proto: written.x_forwarded_proto,
        forwarded: written.forwarded,
        via: written.via,
    }
}

fn trusted(networks: &[Network]) -> TrustedProxies {
    if networks.is_empty() {
        return TrustedProxies::default();
    }
    let networks = networks.to_vec();
    TrustedProxies::new(move |address| networks.iter().any(|network| network.contains(address)))
}

/// Unset: as many as the limit of open files allows.
fn connections_max(written: Option<u32>) -> usize {
    let allowed = || match getrlimit(Resource::Nofile).current {
        Some(files) => files.saturating_sub(FILES_OF_OUR_OWN) / FILES_PER_CONNECTION,
        None => u64::MAX,
    };
    let max = written.map_or_else(allowed, u64::from);
    usize::try_from(max.max(1)).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_is_written_is_taken_and_otherwise_the_files_decide() {
        assert_eq!(connections_max(Some(7)), 7);
        let files = getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX);
        assert!((1..=files.max(1)).contains(&(connections_max(None) as u64)));
    }

    #[test]
    fn a_trusted_network_holds_its_addresses_and_no_other() {
        let network = Network::around("10.0.0.0".parse().unwrap(), 8).unwrap();
        let text = format!("{:?}", trusted(&[network]));
        assert_eq!(text, "TrustedProxies(..)");
        assert!(trusted(&[]).is_empty());
    }
}
