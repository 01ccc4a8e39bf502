//! What `accordion up` tells once everything is up: where things are, and what to try.

use std::env;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use cluster::config::{Cluster, Service};
use cluster::daemon::{DaemonArgs, Directories};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::{Instant, sleep};

use super::lines::Voice;
use crate::check;

/// Between two tries to reach a daemon.
const PERIOD: Duration = Duration::from_millis(50);

/// After this long the one that is waited for is named.
const PATIENCE: Duration = Duration::from_secs(10);

/// Services for which a load is told: two are enough to compete for the pool.
const LOADS_MAX: usize = 2;

/// Where a daemon answers when it is up.
enum Door {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Answers when every daemon takes connections.
pub(super) async fn until_up(cluster: &Cluster, directories: &Directories, voice: &Voice) {
    let mut patience = Some(Instant::now() + PATIENCE);
    for (name, door) in doors(cluster, directories) {
        while !door.is_open().await {
            if patience.is_some_and(|end| Instant::now() >= end) {
                voice.say(&format!("still waiting for {name}; its own lines say why"));
                patience = None;
            }
            sleep(PERIOD).await;
        }
    }
}

/// The text, for a program that is typed as `program`.
pub(super) fn text(cluster: &Cluster, args: &DaemonArgs, program: &str) -> String {
    let options = options(args);
    let mut text = format!("\nAccordion is up: cluster {}, {}.\n\n", cluster.name, check::size(cluster));
    for service in &cluster.services {
        let _ = writeln!(text, "  service {:12} {}", service.name, url(service));
    }
    for node in &cluster.nodes {
        let _ = writeln!(text, "  node    {:12} {}", node.name, node.address);
    }
    text.push_str("\nIn another terminal:\n\n");
    if let Some(service) = cluster.services.first() {
        let _ = writeln!(text, "  curl {}", url(service));
    }
    // Where there are several, it has to be said whose decisions.
    let whose = match cluster.services.as_slice() {
        [first, _, ..] => format!(" {}", first.name),
        _ => String::new(),
    };
    let _ = writeln!(text, "  {program} status --watch{options}\n  {program} why{whose}{options}");
    for service in cluster.services.iter().take(LOADS_MAX) {
        let _ = writeln!(text, "  {}", load(service));
    }
    text.push_str("\nCtrl-C drains the cluster and ends it.\n\n");
    text
}

/// How the running program is typed here: by its name where the shell finds it, else by its path.
pub(super) fn typed(program: &Path) -> String {
    let found = env::var_os("PATH").and_then(|path| {
        env::split_paths(&path).map(|place| place.join("accordion")).find(|candidate| candidate.is_file())
    });
    if found.is_some_and(|found| found.canonicalize().is_ok_and(|found| found == program)) {
        return "accordion".to_owned();
    }
    let here = env::current_dir().ok();
    let below = here.and_then(|here| program.strip_prefix(here).ok().map(Path::to_owned));
    match below {
        // Without a slash the shell would look for it elsewhere.
        Some(below) if below.components().count() == 1 => format!("./{}", below.display()),
        Some(below) => below.display().to_string(),
        None => program.display().to_string(),
    }
}

/// What leads the other commands to this cluster, where they would not find it by themselves.
fn options(args: &DaemonArgs) -> String {
    [("config", &args.config), ("runtime-dir", &args.runtime_dir)]
        .into_iter()
        .filter_map(|(option, path)| Some(format!(" --{option} {}", path.as_ref()?.display())))
        .collect()
}

fn url(service: &Service) -> String {
    format!("http://{}/", reachable(service.listen))
}

/// A load that makes the cluster borrow.
fn load(service: &Service) -> String {
    let address = reachable(service.listen);
    let is_demo = service.command.iter().any(|word| word == "demo-service");
    let uri = if is_demo { "/bytes/1024?wait=50ms" } else { "/" };
    format!(
        "httperf --server {} --port {} --uri \"{uri}\" --rate 300 --num-conns 18000 --hog",
        address.ip(),
        address.port()
    )
}

/// Where a client on this machine reaches what listens there.
fn reachable(listen: SocketAddr) -> SocketAddr {
    let ip = match listen.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listen.port())
}

impl Door {
    async fn is_open(&self) -> bool {
        match self {
            Self::Tcp(address) => TcpStream::connect(address).await.is_ok(),
            Self::Unix(path) => UnixStream::connect(path).await.is_ok(),
        }
    }
}

fn doors(cluster: &Cluster, directories: &Directories) -> Vec<(String, Door)> {
    let nodes = cluster.nodes.iter().flat_map(|node| {
        let name = format!("task-processor[{}]", node.name);
        [(name.clone(), Door::Tcp(node.control())), (name, Door::Tcp(node.data()))]
    });
    let services = cluster.services.iter().flat_map(|service| {
        let name = &service.name;
        [
            (format!("service-manager[{name}]"), Door::Unix(directories.service_manager_socket(name))),
            (format!("load-manager[{name}]"), Door::Unix(directories.load_manager_socket(name))),
        ]
    });
    nodes.chain(services).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = r#"
        [cluster]
        name = "demo"
        [[node]]
        name = "c1"
        address = "127.0.0.11"
        [service.shop]
        front_end = "127.0.0.1"
        listen = "0.0.0.0:8081"
        command = ["{accordion}", "demo-service", "--port", "{port}"]
        capacity = 8
    "#;

    #[test]
    fn it_names_what_there_is_and_commands_that_can_be_typed_as_they_stand() {
        let cluster = cluster::config::parse("cluster.toml", FILE).unwrap();
        let args = DaemonArgs { config: Some("/etc/x.toml".into()), ..DaemonArgs::default() };
        let text = text(&cluster, &args, "target/release/accordion");
        for line in [
            "Accordion is up: cluster demo, 1 node, 1 service.",
            "  curl http://127.0.0.1:8081/",
            "  target/release/accordion status --watch --config /etc/x.toml",
            "  target/release/accordion why --config /etc/x.toml",
            "  httperf --server 127.0.0.1 --port 8081 --uri \"/bytes/1024?wait=50ms\" --rate 300 --num-conns 18000 --hog",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
    }

    #[test]
    fn of_several_services_it_tells_each_address_whose_decisions_and_loads_that_compete() {
        let one = cluster::config::parse("cluster.toml", &FILE.replace("0.0.0.0", "127.0.0.1")).unwrap();
        let three = cluster::config::several(&one, &FILE.replace("0.0.0.0", "127.0.0.1"), 3).unwrap();
        let cluster = cluster::config::parse("cluster.toml", &three).unwrap();
        let args = DaemonArgs { config: Some("/run/demo/cluster.toml".into()), ..DaemonArgs::default() };
        let text = text(&cluster, &args, "accordion");
        for line in [
            "  service shop-a       http://127.0.0.1:8081/",
            "  service shop-c       http://127.0.0.3:8081/",
            "  accordion status --watch --config /run/demo/cluster.toml",
            "  accordion why shop-a --config /run/demo/cluster.toml",
        ] {
            assert!(text.lines().any(|told| told == line), "{line} is not in {text}");
        }
        let loads: Vec<_> = text.lines().filter(|line| line.contains("httperf")).collect();
        assert!(loads.len() == 2 && loads[1].contains("--server 127.0.0.2 "), "{loads:?}");
    }

    #[test]
    fn a_program_below_the_current_directory_is_typed_by_its_short_path() {
        let here = env::current_dir().unwrap();
        assert_eq!(typed(&here.join("target/release/accordion")), "target/release/accordion");
        assert_eq!(typed(&here.join("accordion")), "./accordion");
        assert_eq!(typed(Path::new("/nowhere/accordion")), "/nowhere/accordion");
    }
}
