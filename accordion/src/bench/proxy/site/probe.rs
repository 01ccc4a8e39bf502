//! How a run sees that its node serves.

use std::ffi::OsStr;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use crate::bench::probe::{LOOK_EVERY, START_LIMIT, children, get, is_ready};
use crate::bench::proxy::rows::SMALL;

/// Waits until a GET of the small file by way of `target` is answered with 200.
pub(super) async fn serves(target: SocketAddr) -> anyhow::Result<()> {
    crate::bench::probe::serves(target, &small()).await
}

/// Waits until requests are served by the node.
pub(super) async fn node_serves(target: SocketAddr, program: &Path, config: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        let before = served_by_node(program, config).await;
        // A copy that is not ready yet is no fault here.
        let _ = get(target, &small()).await;
        let after = served_by_node(program, config).await;
        if before.is_some() && after > before {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
    bail!("its node serves no request")
}

/// The requests that the one node has served, as `accordion status` says; `None` while there is none.
pub(super) async fn served_by_node(program: &Path, config: &Path) -> Option<u64> {
    let nodes = children(program, &[OsStr::new("--config"), config.as_os_str()]).await?;
    nodes.first().filter(|node| is_ready(node))?["served"].as_u64()
}

fn small() -> String {
    format!("/{SMALL}")
}
