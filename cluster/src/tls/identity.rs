//! Who a certificate speaks for, as a DNS name below one that exists nowhere else, and as the name of its
//! files.

use std::fmt;

use rustls::pki_types::ServerName;

use crate::config::is_name;

/// Below it are the names of every cluster; `.internal` is never in the public DNS.
const DOMAIN: &str = "accordion.internal";

/// Who a certificate speaks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// The node of that name.
    Node(String),
    /// The front end of that service.
    FrontEnd(String),
    /// Whoever drains nodes.
    Operator,
}

impl Identity {
    /// Its name in a certificate of the cluster.
    pub fn dns_name(&self, cluster: &str) -> String {
        match self {
            Self::Node(node) => format!("{node}.node.{cluster}.{DOMAIN}"),
            Self::FrontEnd(service) => format!("{service}.front-end.{cluster}.{DOMAIN}"),
            Self::Operator => format!("operator.{cluster}.{DOMAIN}"),
        }
    }

    /// The same, as it is held against a certificate; `None`: no certificate can carry it, as with a "-"
    /// at the end of a name.
    pub fn server_name(&self, cluster: &str) -> Option<ServerName<'static>> {
        ServerName::try_from(self.dns_name(cluster)).ok()
    }

    /// Whom a name in a certificate means, if it is of the cluster.
    pub fn of_dns_name(name: &str, cluster: &str) -> Option<Self> {
        let own = name.strip_suffix(DOMAIN)?.strip_suffix('.')?.strip_suffix(cluster)?.strip_suffix('.')?;
        let named = |kind: &str| own.strip_suffix(kind)?.strip_suffix('.').filter(|name| is_name(name));
        if own == "operator" {
            return Some(Self::Operator);
        }
        named("node")
            .map(|node| Self::Node(node.to_owned()))
            .or_else(|| named("front-end").map(|service| Self::FrontEnd(service.to_owned())))
    }

    /// What its files are called, without `.pem` and `.key`.
    pub fn file_stem(&self) -> String {
        match self {
            Self::Node(node) => format!("node-{node}"),
            Self::FrontEnd(service) => format!("front-end-{service}"),
            Self::Operator => "operator".to_owned(),
        }
    }

    /// The arguments of `accordion ca issue` that make its certificate.
    pub fn arguments(&self) -> String {
        match self {
            Self::Node(node) => format!("node {node}"),
            Self::FrontEnd(service) => format!("front-end {service}"),
            Self::Operator => "operator".to_owned(),
        }
    }
}

/// For a sentence.
impl fmt::Display for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Node(node) => write!(formatter, "node {node}"),
            Self::FrontEnd(service) => write!(formatter, "the front end of {service}"),
            Self::Operator => formatter.write_str("the operator"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_means_whom_it_was_made_for_and_only_in_its_cluster() {
        let all = [Identity::Node("c1".into()), Identity::FrontEnd("shop".into()), Identity::Operator];
        for identity in all {
            let name = identity.dns_name("demo");
            assert_eq!(Identity::of_dns_name(&name, "demo"), Some(identity));
            assert_eq!(Identity::of_dns_name(&name, "other"), None);
            assert_eq!(Identity::of_dns_name(&name, "emo"), None);
        }
        for foreign in ["*.node.demo.accordion.internal", "node.demo.accordion.internal", "example.org", ""] {
            assert_eq!(Identity::of_dns_name(foreign, "demo"), None, "{foreign}");
        }
    }

    #[test]
    fn a_service_cannot_be_named_into_another_role() {
        let identity = Identity::FrontEnd("operator".into());
        assert_eq!(identity.dns_name("demo"), "operator.front-end.demo.accordion.internal");
        assert_eq!(Identity::of_dns_name(&identity.dns_name("demo"), "demo"), Some(identity));
    }
}
