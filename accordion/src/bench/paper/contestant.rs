//! Who answers the requests. Pure.

use std::fmt;

/// One way to serve; all that have nodes have the same ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Contestant {
    /// The service alone on the front end's machine: the paper's "Only Master".
    Service,
    /// The service alone on a node's machine.
    Node,
    /// A relay with a thread for each connection (the paper's figure 5), before the copy on its machine or, with
    /// another one on each of so many nodes, before theirs.
    Threads(u32),
    /// Debian's nginx before the copy on its machine, or before those of so many nodes.
    Nginx(u32),
    /// Debian's HAProxy in the same places.
    Haproxy(u32),
    /// A HAProxy before a HAProxy on a node.
    TwoHaproxies,
    /// Accordion that holds so many nodes, `dispatch = "least-in-flight"`: the paper's "Master" and "N' Slave".
    Accordion(u32),
    /// The same with `path = "direct"`: the front end asks the copies themselves, as nginx and HAProxy do.
    Direct(u32),
    /// By the nodes' relays again, with `dispatch = "fill"`, the paper's way.
    FillFirst(u32),
    /// Accordion left to itself: it borrows and gives back.
    Elastic,
}

impl Contestant {
    /// What its column in the raw files is called.
    pub(super) fn key(self) -> String {
        match self {
            Self::Service => "service".to_owned(),
            Self::Node => "node".to_owned(),
            Self::Threads(nodes) => format!("threads-{nodes}"),
            Self::Nginx(nodes) => format!("nginx-{nodes}"),
            Self::Haproxy(nodes) => format!("haproxy-{nodes}"),
            Self::TwoHaproxies => "haproxy-haproxy".to_owned(),
            Self::Accordion(nodes) => format!("accordion-{nodes}"),
            Self::Direct(nodes) => format!("direct-{nodes}"),
            Self::FillFirst(nodes) => format!("fill-first-{nodes}"),
            Self::Elastic => "elastic".to_owned(),
        }
    }
}

/// What people read.
impl fmt::Display for Contestant {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, nodes) = match self {
            Self::Service => return formatter.write_str("service alone"),
            Self::Node => return formatter.write_str("service alone, on a node"),
            Self::TwoHaproxies => return formatter.write_str("HAProxy before HAProxy"),
            Self::Elastic => return formatter.write_str("Accordion, left to itself"),
            Self::Threads(nodes) => ("thread per connection", nodes),
            Self::Nginx(nodes) => ("nginx", nodes),
            Self::Haproxy(nodes) => ("HAProxy", nodes),
            Self::Accordion(nodes) => ("Accordion", nodes),
            Self::Direct(nodes) => ("Accordion, direct", nodes),
            Self::FillFirst(nodes) => ("Accordion, fill-first", nodes),
        };
        match nodes {
            0 => write!(formatter, "{name}, local"),
            1 => write!(formatter, "{name}, 1 node"),
            _ => write!(formatter, "{name}, {nodes} nodes"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn each_has_a_name_of_its_own() {
        let all = [
            Contestant::Service,
            Contestant::Node,
            Contestant::Threads(0),
            Contestant::Threads(3),
            Contestant::Nginx(0),
            Contestant::Nginx(1),
            Contestant::Haproxy(3),
            Contestant::TwoHaproxies,
            Contestant::Accordion(0),
            Contestant::Accordion(3),
            Contestant::Direct(3),
            Contestant::FillFirst(3),
            Contestant::Elastic,
        ];
        let keys: HashSet<String> = all.iter().map(|one| one.key()).collect();
        let names: HashSet<String> = all.iter().map(ToString::to_string).collect();
        assert_eq!((keys.len(), names.len()), (all.len(), all.len()));
        assert_eq!(Contestant::Nginx(1).to_string(), "nginx, 1 node");
        assert_eq!(Contestant::Accordion(0).to_string(), "Accordion, local");
    }
}
