//! How a run sees that something serves.

use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::bail;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout};

use super::START_LIMIT;
use crate::bench::client::request;
use crate::bench::proxy::rows::SMALL;

/// How often something that is not ready yet is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One GET takes no longer.
const GET_LIMIT: Duration = Duration::from_secs(5);

/// Waits until a GET by way of `target` is answered with 200.
pub(super) async fn serves(target: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let answer = get(target).await;
        match answer {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
            _ if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            Ok(answer) => bail!("{target} answers {:?}", answer.lines().next().unwrap_or_default()),
            Err(error) => bail!("{target} does not answer: {error}"),
        }
    }
}

/// Waits until requests are served by the node.
pub(super) async fn node_serves(target: SocketAddr, program: &Path, config: &Path) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    while Instant::now() < deadline {
        let before = served_by_node(program, config).await;
        // A copy that is not ready yet is no fault here.
        let _ = get(target).await;
        let after = served_by_node(program, config).await;
        if before.is_some() && after > before {
            return Ok(());
        }
        sleep(LOOK_EVERY).await;
    }
    bail!("its node serves no request")
}

/// The whole answer to a GET of the small file, on a connection of its own.
async fn get(target: SocketAddr) -> io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(target).await?;
        stream.write_all(&request(target, &format!("/{SMALL}"), false)).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(GET_LIMIT, exchange).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

/// The requests that the one node has served, as `accordion status` says; `None` while there is none.
pub(super) async fn served_by_node(program: &Path, config: &Path) -> Option<u64> {
    let mut command = Command::new(program);
    command.args(["status", "--json", "--config"]).arg(config).process_group(0).kill_on_drop(true);
    let output = timeout(GET_LIMIT, command.output()).await.ok()?.ok()?;
    let whole: Value = serde_json::from_slice(&output.stdout).ok()?;
    let child = &whole["services"][0]["service_manager"]["Ok"]["children"][0];
    child["served"].as_u64().filter(|_| child["state"] == "ready")
}
