//! The daemons of this machine, whichever they are: by the sockets in the cluster's runtime directory, so that
//! one is found too whose service or node cluster.toml has no more.

use std::fs;
use std::path::{Path, PathBuf};

use cluster::config::Cluster;
use proto::reload::reload_client::ReloadClient;
use tonic::transport::{Channel, Endpoint};

use super::ANSWER_TIMEOUT;

/// A service's daemons before those of the nodes, and who picks by a rule before who decides by it.
const KINDS: [&str; 3] = ["service-manager", "load-manager", "task-processor"];

/// One that may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DaemonHere {
    kind: &'static str,
    /// Its service's or its node's name.
    of: String,
    socket: PathBuf,
}

impl DaemonHere {
    /// All whose sockets are in this directory, in the order of the file where it has them.
    pub(crate) fn all(runtime: &Path, cluster: Option<&Cluster>) -> Vec<Self> {
        let files = fs::read_dir(runtime).into_iter().flatten().flatten();
        let mut all: Vec<Self> = files.filter_map(|file| Self::at(file.path())).collect();
        let place = |daemon: &Self| {
            let kind = KINDS.iter().position(|kind| *kind == daemon.kind);
            let of = cluster.and_then(|cluster| {
                let services = cluster.services.iter().map(|service| &service.name);
                let nodes = cluster.nodes.iter().map(|node| &node.name);
                match daemon.kind {
                    "task-processor" => nodes.clone().position(|name| *name == daemon.of),
                    _ => services.clone().position(|name| *name == daemon.of),
                }
            });
            (daemon.kind == "task-processor", of.unwrap_or(usize::MAX), daemon.of.clone(), kind)
        };
        all.sort_by_key(place);
        all
    }

    fn at(socket: PathBuf) -> Option<Self> {
        let name = socket.file_name()?.to_str()?;
        let (of, kind) = name.strip_suffix(".sock")?.rsplit_once('.')?;
        let kind = KINDS.into_iter().find(|known| *known == kind)?;
        Some(Self { kind, of: of.to_owned(), socket })
    }

    /// Like `service-manager shop`.
    pub(crate) fn name(&self) -> String {
        format!("{} {}", self.kind, self.of)
    }

    /// Whether it is a front end's.
    pub(crate) fn is_of_a_front_end(&self) -> bool {
        self.kind != "task-processor"
    }

    /// Whether it is meant by this name, which is a unit's: `service-manager@shop`, or the kind alone.
    pub(crate) fn is_called(&self, unit: &str) -> bool {
        match unit.split_once('@') {
            None => unit == self.kind,
            Some((kind, of)) => kind == self.kind && of == self.of,
        }
    }

    /// It, if it answers; nobody where none does.
    pub(crate) async fn reloading(&self) -> Option<ReloadClient<Channel>> {
        let endpoint = Endpoint::from_shared(format!("unix://{}", self.socket.display())).ok()?;
        endpoint.connect_timeout(ANSWER_TIMEOUT).connect().await.ok().map(ReloadClient::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_socket_is_a_daemon_in_the_order_of_the_file_and_what_it_has_no_more_comes_last() {
        let directory = tempfile::tempdir().unwrap();
        let sockets = [
            "c2.task-processor.sock",
            "c1.task-processor.sock",
            "gone.service-manager.sock",
            "shop.load-manager.sock",
            "shop.service-manager.sock",
            "shop.service-manager.sock.lock",
            "other.sock",
        ];
        for socket in sockets {
            fs::write(directory.path().join(socket), "").unwrap();
        }
        let cluster = cluster::config::parse("x", &cluster::config::sample(2, "")).unwrap();
        let all = DaemonHere::all(directory.path(), Some(&cluster));
        let names: Vec<String> = all.iter().map(DaemonHere::name).collect();
        let expected = [
            "service-manager shop",
            "load-manager shop",
            "service-manager gone",
            "task-processor c1",
            "task-processor c2",
        ];
        assert_eq!(names, expected);
        let called = |unit| all.iter().filter(|daemon| daemon.is_called(unit)).count();
        assert_eq!((called("task-processor"), called("service-manager@shop"), called("shop")), (2, 1, 0));
        assert_eq!(DaemonHere::all(Path::new("/nowhere"), None), []);
    }
}
