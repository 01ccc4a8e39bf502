//! Who asks the starter: a daemon, known by the unit of systemd that its process is in. A process of the daemons'
//! user that is in no such unit is nobody.

use std::fmt;
use std::fs;
use std::net::IpAddr;

use rustix::process::Pid;

use crate::config::{Cluster, Service, is_name};
use crate::process::Spec;

const NODE: &str = "task-processor.service";
const FRONT_END: &str = "service-manager@";

/// The daemons that start services.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Asker {
    /// The service-manager of that service.
    FrontEnd(String),
    /// A task-processor.
    Node,
}

impl Asker {
    /// The daemon whose process has that number.
    pub(super) fn of(process: Pid) -> Result<Self, String> {
        let path = format!("/proc/{}/cgroup", process.as_raw_pid());
        let text =
            fs::read_to_string(&path).map_err(|error| format!("who asks is not known: {path}: {error}"))?;
        let unit = unit_of(&text).unwrap_or_default();
        Self::named(unit).ok_or_else(|| format!("only a daemon may ask, not a process of {unit:?}"))
    }

    fn named(unit: &str) -> Option<Self> {
        if unit == NODE {
            return Some(Self::Node);
        }
        let service = unit.strip_prefix(FRONT_END)?.strip_suffix(".service")?;
        is_name(service).then(|| Self::FrontEnd(service.to_owned()))
    }

    /// Whether such a daemon ever has a copy of that service.
    pub(super) fn may_start(&self, service: &str) -> bool {
        match self {
            Self::FrontEnd(own) => own == service,
            Self::Node => true,
        }
    }

    /// Where a copy of the service may listen that this daemon starts.
    pub(super) fn places(&self, cluster: &Cluster, service: &Service) -> Vec<IpAddr> {
        match self {
            Self::FrontEnd(_) => vec![Spec::at_front_end(service, service.front_end).address],
            Self::Node => {
                cluster.nodes.iter().map(|node| Spec::on_node(service, node.address).address).collect()
            }
        }
    }
}

/// Its unit.
impl fmt::Display for Asker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FrontEnd(service) => write!(f, "{FRONT_END}{service}.service"),
            Self::Node => f.write_str(NODE),
        }
    }
}

/// The unit of a process, by its lines of cgroups(7): that of the hierarchy which is systemd's. What users have
/// below cgroups of their own is no unit of the system, however it is named.
pub(super) fn unit_of(cgroups: &str) -> Option<&str> {
    let of_systemd = |line: &&str| line.starts_with("0::") || line.contains(":name=systemd:");
    // Where the first version is in use, systemd's own hierarchy is the named one.
    let mut lines: Vec<&str> = cgroups.lines().filter(of_systemd).collect();
    lines.sort_by_key(|line| !line.contains(":name=systemd:"));
    let path = lines.first()?.splitn(3, ':').nth(2)?;
    if path.split('/').any(|part| part == "user.slice" || part.starts_with("user@")) {
        return None;
    }
    path.rsplit('/').next().filter(|name| name.ends_with(".service"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_daemon_is_known_by_its_unit() {
        assert_eq!(Asker::named("task-processor.service"), Some(Asker::Node));
        assert_eq!(
            Asker::named("service-manager@my-shop.service"),
            Some(Asker::FrontEnd("my-shop".to_owned()))
        );
        for other in [
            "",
            "load-manager@shop.service",
            "service-manager@.service",
            "service-manager@a b.service",
            "ssh.service",
        ] {
            assert_eq!(Asker::named(other), None, "{other}");
        }
        for asker in [Asker::Node, Asker::FrontEnd("my-shop".to_owned())] {
            assert_eq!(Asker::named(&asker.to_string()), Some(asker));
        }
    }

    #[test]
    fn the_unit_is_read_from_either_version_of_cgroups() {
        let both = "9:name=systemd:/system.slice/task-processor.service\n8:pids:/x.service\n0::/system.slice/y.service\n";
        assert_eq!(unit_of(both), Some("task-processor.service"));
        let new = "0::/system.slice/system-service\\x2dmanager.slice/service-manager@shop.service\n";
        assert_eq!(unit_of(new), Some("service-manager@shop.service"));
        for nobody in [
            "",
            "0::/\n",
            "0::/system.slice\n",
            "8:pids:/system.slice/task-processor.service\n",
            "0::/system.slice/task-processor.service/below\n",
            "0::/user.slice/user-998.slice/user@998.service/app.slice/task-processor.service\n",
            "0::/system.slice/user@998.service/task-processor.service\n",
        ] {
            assert_eq!(unit_of(nobody), None, "{nobody}");
        }
    }
}
