//! How a run sees that something serves.

use std::io;
use std::net::SocketAddr;

use anyhow::bail;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::{Duration, Instant, sleep, timeout};

use super::START_LIMIT;

/// How often something that is not ready yet is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One GET takes no longer.
const GET_LIMIT: Duration = Duration::from_secs(5);

/// Waits until a GET by way of `target` is answered with 200.
pub(super) async fn serves(target: SocketAddr) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let fault = match timeout(GET_LIMIT, get(target)).await {
            Ok(Ok(answer)) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
            Ok(Ok(answer)) => answer.lines().next().unwrap_or_default().to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "no answer in time".to_owned(),
        };
        if Instant::now() > deadline {
            bail!("{target} does not serve: {fault}");
        }
        sleep(LOOK_EVERY).await;
    }
}

/// Waits until so many nodes of the service are ready, and says which; `status` is the command that tells of it.
pub(super) async fn nodes_serve(status: &[String], nodes: u32) -> anyhow::Result<Vec<String>> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        match ready(status).await {
            Some(ready) if ready.len() == nodes as usize => return Ok(ready),
            _ if Instant::now() > deadline => {
                bail!("not all of its {nodes} nodes serve: {}", status.join(" "))
            }
            _ => sleep(LOOK_EVERY).await,
        }
    }
}

/// The nodes that are ready.
async fn ready(status: &[String]) -> Option<Vec<String>> {
    let (program, words) = status.split_first()?;
    let mut command = Command::new(program);
    command.args(words).process_group(0).kill_on_drop(true);
    let output = timeout(GET_LIMIT, command.output()).await.ok()?.ok()?;
    let whole: Value = serde_json::from_slice(&output.stdout).ok()?;
    let children = whole["services"][0]["service_manager"]["Ok"]["children"].as_array()?;
    let ready = children.iter().filter(|child| child["state"] == "ready");
    Some(ready.filter_map(|child| Some(child["node"].as_str()?.to_owned())).collect())
}

/// The whole answer to a GET on a connection of its own.
async fn get(target: SocketAddr) -> io::Result<String> {
    let mut stream = TcpStream::connect(target).await?;
    let ask = format!("GET /bytes/10 HTTP/1.1\r\nHost: {target}\r\nConnection: close\r\n\r\n");
    stream.write_all(ask.as_bytes()).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
