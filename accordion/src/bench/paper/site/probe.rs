//! How a run sees that something serves.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::bail;
use tokio::time::{Instant, sleep};

use crate::bench::probe::{LOOK_EVERY, START_LIMIT, children, is_ready};

/// Waits until a GET by way of `target` is answered with 200.
pub(super) async fn serves(target: SocketAddr) -> anyhow::Result<()> {
    crate::bench::probe::serves(target, "/bytes/10").await
}

/// Waits until so many nodes of the service are ready, and says which; `status` tells of it with these words.
pub(super) async fn nodes_serve(
    program: &Path,
    status: &[String],
    nodes: u32,
) -> anyhow::Result<Vec<String>> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match ready(program, status).await {
            Some(ready) if ready.len() == nodes as usize => return Ok(ready),
            _ if Instant::now() > deadline => {
                bail!("not all of its {nodes} nodes serve: accordion status {}", status.join(" "))
            }
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

/// The nodes that are ready.
async fn ready(program: &Path, status: &[String]) -> Option<Vec<String>> {
    let nodes = children(program, status).await?;
    let ready = nodes.iter().filter(|node| is_ready(node));
    Some(ready.filter_map(|node| Some(node["node"].as_str()?.to_owned())).collect())
}
