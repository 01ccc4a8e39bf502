//! A front end: its two daemons, the port that clients reach, its local copy and its limit of open files.

use std::fs;
use std::net::SocketAddr;

use cluster::config::Service;
use proto::load_manager as decisions;
use proto::service_manager as front;
use tokio::net::UnixStream;
use tokio::time::timeout;

use super::finding::Finding;
use super::node::other_file;
use super::probe::{PROBE_TIMEOUT, Port, is_here, port};
use crate::reach::{Reach, question, words};

/// Descriptors that are no client's, and those of one: its connection and the one its request goes on to.
const FILES_OF_OUR_OWN: u64 = 100;
const FILES_PER_CONNECTION: u64 = 2;

/// Fewer clients than this would be a surprise to whoever set no `connections_max`.
const CONNECTIONS_FEW: u64 = 1000;

/// All that is to be said of the front end of `service`, by somebody whose cluster.toml has this digest.
pub(super) async fn look(reach: Reach, service: Service, digest: String) -> Vec<Finding> {
    let what = format!("service {}", service.name);
    let clients = clients(&service);
    if !is_here(service.front_end) {
        return vec![elsewhere(&what, &service, clients, &port(clients).await)];
    }
    let (manager, decider, open) = tokio::join!(
        timeout(PROBE_TIMEOUT, service_manager(&reach, &service.name)),
        timeout(PROBE_TIMEOUT, load_manager(&reach, &service.name)),
        port(clients)
    );
    let late = |_| format!("does not answer within {} s", PROBE_TIMEOUT.as_secs());
    let (manager, decider) = (manager.map_err(late).flatten(), decider.map_err(late).flatten());
    let mut findings = listening(&what, clients, &open, manager.is_ok());
    findings.extend(match &manager {
        Ok(status) => front(&what, &digest, status),
        Err(why) => vec![silent(&what, "service-manager", &service.name, why)],
    });
    findings.extend(match &decider {
        Ok(status) => decided(&what, &digest, status),
        Err(why) => vec![silent(&what, "load-manager", &service.name, why)],
    });
    findings.extend(files(&what, &reach, &service).await);
    findings
}

/// Where a client on this machine reaches it.
fn clients(service: &Service) -> SocketAddr {
    let ip = if service.listen.ip().is_unspecified() { service.front_end } else { service.listen.ip() };
    SocketAddr::new(ip, service.listen.port())
}

fn elsewhere(what: &str, service: &Service, clients: SocketAddr, open: &Port) -> Finding {
    if *open == Port::Open {
        let there = service.front_end;
        return Finding::ok(what, format!("{clients} is open; its front end is {there}, run this there too"));
    }
    let says = format!("nobody answers on {clients}, where its clients are to reach it");
    Finding::fail(what, says, format!("run `accordion doctor` on its front end, {}", service.front_end))
}

/// The port that clients reach, and whose it is.
fn listening(what: &str, clients: SocketAddr, open: &Port, is_ours: bool) -> Vec<Finding> {
    match (open, is_ours) {
        (Port::Open, true) => vec![Finding::ok(what, format!("clients reach it on {clients}"))],
        (Port::Open, false) => vec![Finding::fail(
            what,
            format!("somebody else listens on {clients}"),
            format!(
                "see who does (`ss -ltnp 'sport = :{}'`), and end it or choose another port for listen",
                clients.port()
            ),
        )],
        (_, true) => vec![Finding::fail(
            what,
            format!("its service-manager runs and nobody can connect to {clients}"),
            "see whether listen has changed since it was started, and the firewall of this machine",
        )],
        // That its daemon does not run is told apart.
        (_, false) => Vec::new(),
    }
}

fn silent(what: &str, daemon: &str, service: &str, why: &str) -> Finding {
    Finding::fail(
        what,
        format!("its {daemon} {why}"),
        format!(
            "start it (`systemctl start {daemon}@{service}`, or `accordion up`), or ask as the same user and with the same \
             --runtime-dir"
        ),
    )
}

fn front(what: &str, digest: &str, status: &front::StatusReply) -> Vec<Finding> {
    let local = status.local.clone().unwrap_or_default();
    let mut findings = Vec::new();
    if local.state == "ready" {
        findings.push(Finding::ok(what, "its local copy is ready"));
    } else if local.state == "starting" {
        findings.push(Finding::warn(what, "its local copy is starting", "ask again in a moment"));
    } else {
        let detail = if local.detail.is_empty() { &local.out_reason } else { &local.detail };
        let says = format!("its local copy is {}: {detail}", local.state);
        findings.push(Finding::fail(what, says, "see the log of its service-manager"));
    }
    findings.extend(differs(what, "its service-manager", &status.config_digest, digest));
    findings
}

fn decided(what: &str, digest: &str, status: &decisions::StatusReply) -> Vec<Finding> {
    let mut findings = Vec::new();
    if status.data {
        findings.push(Finding::ok(what, "its load-manager hears the service-manager's counts"));
    } else {
        let remedy = "it decides nothing without them: see both daemons' logs";
        findings.push(Finding::warn(
            what,
            "the service-manager's counts do not reach its load-manager",
            remedy,
        ));
    }
    findings.extend(differs(what, "its load-manager", &status.config_digest, digest));
    findings
}

fn differs(what: &str, daemon: &str, theirs: &str, ours: &str) -> Option<Finding> {
    (!theirs.is_empty() && theirs != ours).then(|| other_file(what, daemon))
}

async fn service_manager(reach: &Reach, service: &str) -> Result<front::StatusReply, String> {
    let nobody = |_| format!("does not answer on {}", reach.service_manager_socket(service).display());
    let mut client = reach.service_manager(service).await.map_err(nobody)?;
    let reply = client.status(question(front::StatusRequest {})).await;
    reply.map(tonic::Response::into_inner).map_err(|status| words("on its socket", &status))
}

async fn load_manager(reach: &Reach, service: &str) -> Result<decisions::StatusReply, String> {
    let nobody = |_| format!("does not answer on {}", reach.load_manager_socket(service).display());
    let mut client = reach.load_manager(service).await.map_err(nobody)?;
    let reply = client.status(question(decisions::StatusRequest {})).await;
    reply.map(tonic::Response::into_inner).map_err(|status| words("on its socket", &status))
}

/// Whether the service-manager may open as many files as its connections need.
async fn files(what: &str, reach: &Reach, service: &Service) -> Option<Finding> {
    let limit = limit_of_daemon(reach, &service.name).await?;
    Some(enough(what, limit, service.connections_max.map(u64::from)))
}

fn enough(what: &str, limit: u64, connections_max: Option<u64>) -> Finding {
    let most = limit.saturating_sub(FILES_OF_OUR_OWN) / FILES_PER_CONNECTION;
    let remedy = "raise LimitNOFILE= of its unit, or `ulimit -n`, and restart it";
    match connections_max {
        Some(wanted) if wanted > most => Finding::fail(
            what,
            format!("connections_max = {wanted}, but its {limit} open files are enough for {most} clients"),
            format!("{remedy}, or lower connections_max"),
        ),
        None if most < CONNECTIONS_FEW => {
            Finding::warn(what, format!("its {limit} open files are enough for {most} clients only"), remedy)
        }
        Some(_) | None => Finding::ok(what, format!("its {limit} open files are enough for {most} clients")),
    }
}

/// Of the process at the other end of its socket; none where it does not run or is not ours to look at.
async fn limit_of_daemon(reach: &Reach, service: &str) -> Option<u64> {
    let connecting = UnixStream::connect(reach.service_manager_socket(service));
    let stream = timeout(PROBE_TIMEOUT, connecting).await.ok()?.ok()?;
    let pid = stream.peer_cred().ok()?.pid()?;
    soft_limit(&fs::read_to_string(format!("/proc/{pid}/limits")).ok()?)
}

/// `Max open files            1024                 4096                 files`: the first of them.
fn soft_limit(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    match line.split_whitespace().next()? {
        "unlimited" => Some(u64::MAX),
        number => number.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::finding::Verdict;

    #[test]
    fn the_limit_of_open_files_is_held_against_the_connections() {
        let text = "Limit      Soft Limit   Hard Limit   Units\nMax open files            1024      4096      files\n";
        assert_eq!(soft_limit(text), Some(1024));
        assert_eq!(enough("x", 1024, None).verdict, Verdict::Warn);
        assert_eq!(enough("x", 1024, Some(400)).verdict, Verdict::Ok);
        assert_eq!(enough("x", 1024, Some(463)).verdict, Verdict::Fail);
        assert_eq!(enough("x", 524_288, None).verdict, Verdict::Ok);
    }

    #[test]
    fn a_port_that_is_open_without_our_daemon_is_somebody_elses() {
        let verdicts = |open, is_ours| {
            let findings = listening("x", "127.0.0.1:80".parse().unwrap(), &open, is_ours);
            findings.iter().map(|finding| finding.verdict).collect::<Vec<_>>()
        };
        assert_eq!(verdicts(Port::Open, true), [Verdict::Ok]);
        assert_eq!(verdicts(Port::Open, false), [Verdict::Fail]);
        assert_eq!(verdicts(Port::Closed, true), [Verdict::Fail]);
        assert_eq!(verdicts(Port::Closed, false), []);
    }
}
