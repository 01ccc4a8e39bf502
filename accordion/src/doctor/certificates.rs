//! The certificates of this machine, as a daemon that starts here would read them, and those that the nodes
//! say they show.

use std::io::ErrorKind;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::config::{self, Cluster};
use cluster::tls::{Identity, Tls, TlsFault, WARN_BEFORE, date, days_left};

use super::finding::Finding;
use super::probe::is_here;

const WHAT: &str = "certificates";

/// Of each daemon whose place is this machine, and the operator's if it is here.
pub(super) fn of_this_machine(cluster: &Cluster) -> Vec<Finding> {
    let Some(tls) = &cluster.tls else { return open_control(cluster).into_iter().collect() };
    let nodes = cluster.nodes.iter().filter(|node| is_here(node.address));
    let front_ends = cluster.services.iter().filter(|service| is_here(service.front_end));
    let daemons = nodes.map(|node| Identity::Node(node.name.clone()));
    let daemons = daemons.chain(front_ends.map(|service| Identity::FrontEnd(service.name.clone())));
    let mut findings: Vec<Finding> =
        daemons.map(|identity| judged(&identity, &load(cluster, tls, &identity))).collect();
    match load(cluster, tls, &Identity::Operator) {
        Err(fault) if fault.is_missing() => {}
        loaded => findings.push(judged(&Identity::Operator, &loaded)),
    }
    findings
}

/// What is to be said of a node's own certificate, which ends at this second of the clock.
pub(super) fn of_node(what: &str, node: &str, expires: Option<u64>) -> Option<Finding> {
    let expires = UNIX_EPOCH.checked_add(Duration::from_secs(expires?))?;
    near_end(what, &Identity::Node(node.to_owned()), expires, SystemTime::now())
}

/// Nothing is encrypted, and calls leave this machine.
fn open_control(cluster: &Cluster) -> Option<Finding> {
    let is_far = cluster.nodes.iter().any(|node| !node.address.is_loopback());
    is_far.then(|| {
        let says = "control calls between machines are not encrypted, and who can reach a node may order it";
        Finding::warn(WHAT, says, "make them with `accordion ca init`, and put [tls] into cluster.toml")
    })
}

fn load(cluster: &Cluster, tls: &config::Tls, identity: &Identity) -> Result<SystemTime, TlsFault> {
    Tls::load(&cluster.name, tls, identity.clone()).map(|tls| tls.expires())
}

fn judged(identity: &Identity, loaded: &Result<SystemTime, TlsFault>) -> Finding {
    let what = format!("certificate of {identity}");
    match loaded {
        Ok(expires) => near_end(&what, identity, *expires, SystemTime::now())
            .unwrap_or_else(|| Finding::ok(&what, format!("is good until {}", date(*expires)))),
        Err(TlsFault::Unreadable { file, error }) if error.kind() == ErrorKind::PermissionDenied => {
            let says = format!("{} is not for this user to read", file.display());
            Finding::warn(&what, says, "run the doctor as root or as the daemons' user")
        }
        Err(fault) => Finding::fail(&what, fault.to_string(), "then restart the daemon, or send it SIGHUP"),
    }
}

fn near_end(what: &str, identity: &Identity, expires: SystemTime, now: SystemTime) -> Option<Finding> {
    let remedy = || {
        let arguments = identity.arguments();
        format!("`accordion ca issue {arguments}`, copy both files, and send the daemon SIGHUP")
    };
    let shown = date(expires);
    if expires <= now {
        Some(Finding::fail(what, format!("its certificate has expired on {shown}"), remedy()))
    } else if expires < now + WARN_BEFORE {
        let says = format!("its certificate expires in {} days, on {shown}", days_left(expires, now));
        Some(Finding::warn(what, says, remedy()))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use cluster::tls::{Authority, Validity};

    use super::*;
    use crate::doctor::finding::Verdict;

    const DAY: Duration = Duration::from_secs(24 * 3600);

    /// The sample's cluster with its files in `directory`: its node and its front end are on the loopback,
    /// and so on this machine.
    fn cluster(directory: &Path) -> Cluster {
        let text = format!("{}\n[tls]\ndirectory = {directory:?}\n", config::sample(1, ""));
        config::parse("cluster.toml", &text).unwrap()
    }

    fn validity(until: SystemTime) -> Validity {
        Validity { from: until - 100 * DAY, until }
    }

    fn keep(directory: &Path, authority: &Authority, identity: &Identity, until: SystemTime) {
        let issued = authority.issue(identity, validity(until)).unwrap();
        let stem = directory.join(identity.file_stem());
        fs::write(directory.join("ca.pem"), authority.certificate()).unwrap();
        fs::write(stem.with_extension("pem"), issued.certificate).unwrap();
        fs::write(stem.with_extension("key"), issued.key).unwrap();
    }

    fn verdicts(cluster: &Cluster) -> Vec<(Verdict, String)> {
        of_this_machine(cluster).into_iter().map(|finding| (finding.verdict, finding.to_string())).collect()
    }

    #[test]
    fn each_certificate_of_this_machine_is_looked_at_as_its_daemon_will() {
        let directory = tempfile::tempdir().unwrap();
        let cluster = cluster(directory.path());
        let (node, front_end) = (
            Identity::Node(cluster.nodes[0].name.clone()),
            Identity::FrontEnd(cluster.services[0].name.clone()),
        );
        let now = SystemTime::now();
        let missing = verdicts(&cluster);
        assert!(missing.iter().all(|(verdict, _)| *verdict == Verdict::Fail), "{missing:?}");
        assert_eq!(missing.len(), 2, "the operator's need not be everywhere: {missing:?}");

        let authority = Authority::new(&cluster.name, validity(now + 90 * DAY)).unwrap();
        keep(directory.path(), &authority, &node, now + 60 * DAY);
        keep(directory.path(), &authority, &front_end, now + 10 * DAY + DAY / 2);
        keep(directory.path(), &authority, &Identity::Operator, now - DAY);
        let said = verdicts(&cluster);
        let of = |verdict| said.iter().find(|(found, _)| *found == verdict).unwrap().1.clone();
        assert_eq!(said.len(), 3, "{said:?}");
        assert!(of(Verdict::Ok).contains("is good until"), "{said:?}");
        assert!(of(Verdict::Warn).contains("in 10 days") && of(Verdict::Warn).contains("accordion ca issue"));
        assert!(of(Verdict::Fail).contains("operator") && of(Verdict::Fail).contains("has expired"));

        let other = Authority::new(&cluster.name, validity(now + 90 * DAY)).unwrap();
        fs::write(directory.path().join("ca.pem"), other.certificate()).unwrap();
        let said = verdicts(&cluster);
        assert!(said.iter().all(|(verdict, _)| *verdict == Verdict::Fail), "of another CA: {said:?}");
    }

    #[test]
    fn a_cluster_on_several_machines_without_certificates_is_told() {
        let text = config::sample(1, "").replace("[cluster]", "[cluster]\ninsecure = true");
        let mut cluster = config::parse("cluster.toml", &text).unwrap();
        assert_eq!(of_this_machine(&cluster), []);
        cluster.nodes[0].address = [10, 0, 0, 11].into();
        assert_eq!(of_this_machine(&cluster)[0].verdict, Verdict::Warn);
    }

    #[test]
    fn a_node_tells_the_end_of_its_own() {
        let in_days = |days: i64| {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
            Some(now.saturating_add_signed(days * 24 * 3600))
        };
        let verdict = |expires| of_node("node c1", "c1", expires).map(|finding| finding.verdict);
        assert_eq!(verdict(None), None);
        assert_eq!(verdict(in_days(31)), None);
        assert_eq!(verdict(in_days(3)), Some(Verdict::Warn));
        assert_eq!(verdict(in_days(-3)), Some(Verdict::Fail));
    }
}
