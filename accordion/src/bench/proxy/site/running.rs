//! One contestant that runs.

use std::net::SocketAddr;
use std::path::PathBuf;

use cluster::process::Instance;

use crate::bench::proxy::rows::Contestant;

/// What is known of it.
pub(in super::super) struct Running {
    pub(in super::super) contestant: Contestant,
    /// Where load is sent.
    pub(in super::super) target: SocketAddr,
    /// The processes whose CPU time and memory count.
    pub(in super::super) pids: Vec<u32>,
    /// Its cluster.toml, where a node must serve.
    pub(super) node: Option<PathBuf>,
    pub(super) instances: Vec<Instance>,
}

impl Running {
    /// Stops all of it.
    pub(super) async fn end(self) {
        for instance in &self.instances {
            instance.stop().await;
        }
    }
}
