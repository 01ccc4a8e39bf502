//! What clients of the front ends on this machine are to be shown, as far as whoever asks may look at it.

use std::net::{IpAddr, TcpListener};

use cluster::config::Cluster;
use cluster::tls::{CertificateFault, ServerCertificates};
use serde::Serialize;

/// What is wrong with a certificate or a key.
#[derive(Debug, Serialize)]
pub(super) struct Finding {
    pub(super) service: String,
    /// Whether a service-manager does not start with it. False too where only this user may not look: the daemon's
    /// own can be another.
    pub(super) is_fault: bool,
    pub(super) text: String,
}

/// All there are. Of a front end on another machine nothing can be said.
pub(super) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let mut findings = Vec::new();
    for service in cluster.services.iter().filter(|service| is_here(service.front_end)) {
        let Some(tls) = &service.tls else { continue };
        for fault in ServerCertificates::faults(&tls.certificates) {
            let is_fault = !fault.is_denied() && !fault.is_expiry();
            let text = if fault.is_denied() { denied(&fault) } else { fault.to_string() };
            findings.push(Finding { service: service.name.clone(), is_fault, text });
        }
    }
    findings
}

fn denied(fault: &CertificateFault) -> String {
    format!("{fault}; nothing more can be said of it by this one")
}

fn is_here(address: IpAddr) -> bool {
    match TcpListener::bind((address, 0)) {
        Ok(_) => true,
        Err(error) => error.kind() != std::io::ErrorKind::AddrNotAvailable,
    }
}

impl Finding {
    /// For a person.
    pub(super) fn line(&self, file: &str) -> String {
        let Self { service, is_fault, text } = self;
        let warning = if *is_fault { "" } else { "warning: " };
        format!("{file}: {warning}service {service}: {text}")
    }
}
