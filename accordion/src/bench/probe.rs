//! How a benchmark sees that what it has started serves.

use std::ffi::OsStr;
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

use super::client::request;

/// From its start anything answers its first request within this, on a busy machine.
pub(super) const START_LIMIT: Duration = Duration::from_secs(30);

/// How often something that is not ready yet is looked at.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// One GET takes no longer.
const GET_LIMIT: Duration = Duration::from_secs(5);

/// Waits until a GET of that path by way of `target` is answered with 200.
pub(super) async fn serves(target: SocketAddr, path: &str) -> anyhow::Result<()> {
    let deadline = Instant::now() + START_LIMIT;
    loop {
        let answer = get(target, path).await;
        match answer {
            Ok(answer) if answer.starts_with("HTTP/1.1 200") => return Ok(()),
            _ if Instant::now() < deadline => sleep(LOOK_EVERY).await,
            Ok(answer) => bail!("{target} answers {:?}", answer.lines().next().unwrap_or_default()),
            Err(error) => bail!("{target} does not answer: {error}"),
        }
    }
}

/// The whole answer to a GET, on a connection of its own.
pub(super) async fn get(target: SocketAddr, path: &str) -> io::Result<String> {
    let exchange = async {
        let mut stream = TcpStream::connect(target).await?;
        stream.write_all(&request(target, path, false)).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        Ok(String::from_utf8_lossy(&answer).into_owned())
    };
    timeout(GET_LIMIT, exchange).await.unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut)))
}

/// The nodes of the first service, as `accordion status` with these words says.
pub(super) async fn children<W: AsRef<OsStr>>(program: &Path, words: &[W]) -> Option<Vec<Value>> {
    let mut command = Command::new(program);
    command.args(["status", "--json"]).args(words).process_group(0).kill_on_drop(true);
    let output = timeout(GET_LIMIT, command.output()).await.ok()?.ok()?;
    let mut whole: Value = serde_json::from_slice(&output.stdout).ok()?;
    match whole["services"][0]["service_manager"]["Ok"]["children"].take() {
        Value::Array(children) => Some(children),
        _ => None,
    }
}

/// Whether a node may be sent requests.
pub(super) fn is_ready(child: &Value) -> bool {
    child["state"] == "ready"
}
