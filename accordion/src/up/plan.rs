//! Which daemons a cluster needs, what each is called and told. Pure: nothing is started here.

use std::ffi::OsString;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use cluster::config::Cluster;

/// What the daemons of one step may take beyond the times that the file gives them: for kills that take
/// a while, and for processes that a busy machine holds up.
const STEP_MARGIN: Duration = Duration::from_secs(10);

/// A daemon's trade.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The front door.
    ServiceManager,
    /// The decisions.
    LoadManager,
    /// A node.
    TaskProcessor,
}

/// The cluster's end, step by step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Step {
    /// The service-managers finish the requests that the nodes carry. The load-managers leave
    /// everything as it is, so they may go meanwhile; later they would only miss the service-managers.
    FrontEnds,
    /// The nodes, which nobody uses any more.
    Nodes,
}

/// One daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Daemon {
    pub(super) kind: Kind,
    /// What its lines begin with, like `task-processor[c1]`.
    pub(super) name: String,
    /// Its command line without the program.
    pub(super) arguments: Vec<OsString>,
    /// The address whose listening sockets it is given.
    pub(super) listen: Option<SocketAddr>,
    /// Of the machine that it is on.
    pub(super) machine: IpAddr,
}

/// Every daemon, in the order of their start: nodes before those who borrow them.
pub(super) fn daemons(cluster: &Cluster, common: &[OsString]) -> Vec<Daemon> {
    let daemon = |kind: Kind, option: &str, of: &str, machine, listen| Daemon {
        kind,
        name: format!("{}[{of}]", kind.command()),
        arguments: [kind.command(), option, of].iter().map(OsString::from).chain(common.to_vec()).collect(),
        listen,
        machine,
    };
    let nodes = cluster
        .nodes
        .iter()
        .map(|node| daemon(Kind::TaskProcessor, "--node", &node.name, node.address, None));
    let fronts = cluster.services.iter().flat_map(|service| {
        let (name, machine) = (&service.name, service.front_end);
        [
            daemon(Kind::ServiceManager, "--service", name, machine, Some(service.listen)),
            daemon(Kind::LoadManager, "--service", name, machine, None),
        ]
    });
    nodes.chain(fronts).collect()
}

/// How wide the longest name of a daemon is.
pub(super) fn name_width(cluster: &Cluster) -> usize {
    daemons(cluster, &[]).iter().map(|daemon| daemon.name.len()).max().unwrap_or_default()
}

impl Kind {
    /// When it ends.
    pub(super) const fn step(self) -> Step {
        match self {
            Self::ServiceManager | Self::LoadManager => Step::FrontEnds,
            Self::TaskProcessor => Step::Nodes,
        }
    }

    /// The command of this program that is the daemon.
    pub(super) const fn command(self) -> &'static str {
        match self {
            Self::ServiceManager => "service-manager",
            Self::LoadManager => "load-manager",
            Self::TaskProcessor => "task-processor",
        }
    }
}

impl Step {
    /// All, in their order, which is that of the variants.
    pub(super) const ALL: [Self; 2] = [Self::FrontEnds, Self::Nodes];

    /// Whose end it is.
    pub(super) const fn whose(self) -> &'static str {
        match self {
            Self::FrontEnds => "the front ends",
            Self::Nodes => "the nodes",
        }
    }

    /// How long the step may take where every daemon keeps to its times.
    pub(super) fn limit(self, cluster: &Cluster) -> Duration {
        let stop = cluster.services.iter().map(|service| service.stop_timeout).max().unwrap_or_default();
        STEP_MARGIN
            + match self {
                // Its requests end, then its local copy does.
                Self::FrontEnds => 2 * stop,
                // A holder may drain it, then its services end.
                Self::Nodes => cluster.lease.reclaim_notice + stop,
            }
    }
}

#[cfg(test)]
mod tests {
    use cluster::config::sample;

    use super::*;

    #[test]
    fn a_node_is_one_daemon_and_a_service_two_and_each_is_told_the_common_part() {
        let cluster = cluster::config::parse("cluster.toml", &sample(1, "")).unwrap();
        let daemons = daemons(&cluster, &["--config".into(), "x".into()]);
        let lines: Vec<_> = daemons.iter().map(|daemon| daemon.arguments.join(" ".as_ref())).collect();
        let expected = [
            "task-processor --node c1 --config x",
            "service-manager --service shop --config x",
            "load-manager --service shop --config x",
        ];
        assert_eq!(lines, expected);
        let listening: Vec<_> = daemons.iter().filter(|daemon| daemon.listen.is_some()).collect();
        assert_eq!(listening.len(), 1);
        assert_eq!(listening[0].name, "service-manager[shop]");
        assert_eq!(name_width(&cluster), "service-manager[shop]".len());
    }

    #[test]
    fn the_daemons_that_finish_requests_end_before_the_nodes() {
        assert_eq!(Step::ALL.map(|step| step as usize), [0, 1]);
        assert_eq!(Kind::ServiceManager.step(), Step::ALL[0]);
        assert_eq!(Kind::TaskProcessor.step(), Step::ALL[1]);
    }

    #[test]
    fn each_step_has_the_time_that_the_cluster_gives_its_daemons() {
        let file = sample(1, "stop_timeout = \"2m\"\n");
        let file = file.replace("[[node]]", "[cluster.lease]\nreclaim_notice = \"10m\"\n[[node]]");
        let cluster = cluster::config::parse("cluster.toml", &file).unwrap();
        assert_eq!(Step::FrontEnds.limit(&cluster), Duration::from_secs(240) + STEP_MARGIN);
        assert_eq!(Step::Nodes.limit(&cluster), Duration::from_secs(720) + STEP_MARGIN);
    }
}
