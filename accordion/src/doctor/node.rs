//! A node as it answers from here: its two ports, and what its task-processor says of it and its machine.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::config::Node;
use proto::task_processor::NodeStatus;
use tokio::time::timeout;

use super::finding::Finding;
use super::probe::{PROBE_TIMEOUT, Port, port};
use super::{certificates, clock};
use crate::reach::Nodes;

/// All that is to be said of `node`, by somebody whose cluster.toml has this digest; `ways` says how to reach
/// it, or why nobody can.
pub(super) async fn look(node: Node, ways: Result<Nodes, String>, digest: String) -> Vec<Finding> {
    let what = format!("node {}", node.name);
    let (control, data) = tokio::join!(port(node.control()), port(node.data()));
    if control != Port::Open {
        return vec![unreached(&what, &node, &control)];
    }
    let sent = now();
    let is_secured = ways.as_ref().is_ok_and(|ways| ways.tls().is_some());
    let asked = async { ways?.status(&node).await };
    let status = match timeout(PROBE_TIMEOUT, asked).await {
        Ok(Ok(status)) => status,
        Ok(Err(why)) => return vec![strange(&what, &node, &why, is_secured)],
        Err(_) => {
            let why = format!("nothing was answered within {} s", PROBE_TIMEOUT.as_secs());
            return vec![strange(&what, &node, &why, is_secured)];
        }
    };
    let apart = clock::apart(sent, Duration::from_millis(status.unix_ms), now());
    let mut findings = told(&what, &node, &status, &digest);
    if status.unix_ms > 0 && apart > clock::APART_MAX {
        let says = format!("its clock is {:.1} s apart from the one here", apart.as_secs_f64());
        let remedy = "leases do not mind, but logs and certificates do: keep both machines' time with NTP";
        findings.push(Finding::warn(&what, says, remedy));
    }
    if data != Port::Open {
        let says = format!("nothing takes requests on {} (data_port)", node.data());
        findings.push(Finding::fail(&what, says, "let the front end through the firewall to that port"));
    }
    if findings.is_empty() {
        let (held, slots) = (status.leases.len(), status.slots);
        let says = format!("answers on {}, {held} of {slots} slots held", node.control());
        findings.push(Finding::ok(&what, says));
    }
    findings
}

fn unreached(what: &str, node: &Node, how: &Port) -> Finding {
    let control = node.control();
    match how {
        Port::Silent => Finding::fail(
            what,
            format!("{control} does not answer within {} s", PROBE_TIMEOUT.as_secs()),
            format!("see whether the machine runs, and whether a firewall drops port {}", control.port()),
        ),
        Port::Unreachable(why) => Finding::fail(
            what,
            format!("there is no way to {control}: {why}"),
            "check its address in cluster.toml, and the network",
        ),
        Port::Open | Port::Closed => Finding::fail(
            what,
            format!("nobody listens on {control} (control_port)"),
            format!(
                "start its task-processor there: `systemctl start task-processor`, or `task-processor --node {}`",
                node.name
            ),
        ),
    }
}

/// Somebody is there, and not as a task-processor would be.
fn strange(what: &str, node: &Node, why: &str, is_secured: bool) -> Finding {
    let control = node.control();
    let certificates =
        if is_secured { ", and what `accordion doctor` says of the certificates there" } else { "" };
    let remedy = format!(
        "see who listens there (`ss -ltnp 'sport = :{}'`): only its task-processor should{certificates}",
        control.port()
    );
    Finding::fail(
        what,
        format!("{control} takes connections and is no task-processor of ours: {why}"),
        remedy,
    )
}

/// What it says itself, where that is a fault.
fn told(what: &str, node: &Node, status: &NodeStatus, digest: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if status.node != node.name {
        let says = format!("on {} is node {}", node.control(), status.node);
        findings.push(Finding::fail(what, says, "mend its address in cluster.toml, or --node there"));
    }
    if !status.config_digest.is_empty() && status.config_digest != digest {
        findings.push(other_file(what, "its task-processor"));
    }
    for program in status.programs.iter().filter(|program| !program.fault.is_empty()) {
        let says = format!("cannot run the program of {}: {}", program.service, program.fault);
        findings.push(Finding::fail(what, says, "install it there, or mend command in cluster.toml"));
    }
    findings.extend(certificates::of_node(what, &node.name, status.certificate_expires_unix_s));
    if status.maintenance {
        let remedy = format!("`accordion undrain {}` when it may be borrowed again", node.name);
        findings.push(Finding::warn(what, "an operator drained it", remedy));
    }
    if status.stopping {
        findings.push(Finding::warn(
            what,
            "its task-processor is going down",
            "start it again when it should serve",
        ));
    }
    findings
}

/// A daemon that goes by another file than this one.
pub(super) fn other_file(what: &str, daemon: &str) -> Finding {
    Finding::warn(
        what,
        format!("{daemon} has read another cluster.toml than this one"),
        "have the same file on every machine, and then send the daemon SIGHUP (`systemctl reload`)",
    )
}

fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proto::task_processor::Program;

    use super::*;
    use crate::doctor::finding::Verdict;

    fn node() -> Node {
        Node {
            name: "c1".into(),
            address: Ipv4Addr::LOCALHOST.into(),
            control_port: 7400,
            data_port: 7401,
            slots: 1,
            speed: 1.0,
        }
    }

    fn status() -> NodeStatus {
        NodeStatus { node: "c1".into(), config_digest: "here".into(), ..NodeStatus::default() }
    }

    fn verdicts(status: NodeStatus) -> Vec<Verdict> {
        told("node c1", &node(), &status, "here").iter().map(|finding| finding.verdict).collect()
    }

    #[test]
    fn each_fault_that_a_node_tells_is_a_finding_of_its_own() {
        assert_eq!(verdicts(status()), []);
        let missing =
            Program { service: "shop".into(), fault: "there is no shopd".into(), ..Program::default() };
        let found = Program { service: "blog".into(), path: "/bin/blogd".into(), ..Program::default() };
        assert_eq!(verdicts(NodeStatus { programs: vec![missing, found], ..status() }), [Verdict::Fail]);
        assert_eq!(verdicts(NodeStatus { node: "c2".into(), ..status() }), [Verdict::Fail]);
        assert_eq!(verdicts(NodeStatus { config_digest: "there".into(), ..status() }), [Verdict::Warn]);
        let both = NodeStatus { maintenance: true, stopping: true, ..status() };
        assert_eq!(verdicts(both), [Verdict::Warn, Verdict::Warn]);
        // One of an earlier version says nothing of its file.
        assert_eq!(verdicts(NodeStatus { config_digest: String::new(), ..status() }), []);
    }

    #[test]
    fn how_a_port_is_shut_says_what_to_do() {
        let said = |how| unreached("node c1", &node(), &how).to_string();
        assert!(said(Port::Closed).contains("nobody listens on 127.0.0.1:7400"));
        assert!(said(Port::Silent).contains("a firewall drops port 7400"));
        assert!(
            said(Port::Unreachable("no route to host".into()))
                .contains("no route to host; check its address")
        );
    }
}
