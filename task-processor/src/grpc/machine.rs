//! What a node's machine is like to whoever looks for faults (`accordion doctor`): its clock, the file that
//! its daemon has read, and whether the programs of the services are there.

use std::time::{SystemTime, UNIX_EPOCH};

use cluster::config::{self, Cluster};
use cluster::process;
use proto::task_processor::{NodeStatus, Program};

use super::wire;

/// The status with what the machine has to tell. Looks at files, and so may take its time.
pub(super) fn told(status: NodeStatus) -> NodeStatus {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NodeStatus {
        unix_ms: wire::millis(now),
        config_digest: config::newest_digest(),
        programs: config::newest().as_deref().map(programs).unwrap_or_default(),
        ..status
    }
}

fn programs(cluster: &Cluster) -> Vec<Program> {
    let told = |service: &config::Service| {
        let (path, fault) = match process::program(&service.command) {
            Ok(path) => (path.display().to_string(), String::new()),
            Err(fault) => (String::new(), fault),
        };
        Program { service: service.name.clone(), path, fault }
    };
    cluster.services.iter().map(told).collect()
}
