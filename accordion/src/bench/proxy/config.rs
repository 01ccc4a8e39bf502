//! The files that a run is made of: nginx.conf of the origin and of the proxy, haproxy.cfg and
//! cluster.toml. Each is as a person would write it who wants the same work of all: X-Forwarded-For
//! and no more, no log, kept connections to the origin. Pure text; who starts what is in `site`.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use rustix::process::geteuid;

use super::rows::SMALL;

/// Where an origin listens; its address is that of whoever started it.
pub(super) const ORIGIN_PORT: u16 = 8000;

/// Where everything that load is sent to listens.
pub(super) const FRONT_PORT: u16 = 8080;

/// The name of the service in each cluster.toml, and of the one node.
pub(super) const SERVICE: &str = "bench";
pub(super) const NODE: &str = "c1";

/// Keys that make Accordion do what the others do and no more, as far as it knows them.
const SAME_WORK: [&str; 3] =
    ["forwarding = [\"x-forwarded-for\"]", "served_by = false", "access_log = \"off\""];

/// Keys that make it write a log to a file.
const LOGGED: &str = "access_log = \"combined\"\naccess_log_file = \"{file}\"";

/// What a cluster.toml is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// The same work as the others.
    SameWork,
    /// As it is when nothing is said.
    Defaults,
    /// The same with an access log, where there is one.
    Logged,
}

/// One Accordion.
#[derive(Debug, Clone)]
pub(super) struct Accordion<'a> {
    /// Its directory, with the sockets; the files of its origins are beside it.
    pub(super) directory: &'a Path,
    /// Where the directories of the origins are.
    pub(super) origins: &'a Path,
    pub(super) kind: Kind,
    pub(super) front: IpAddr,
    pub(super) node: Option<IpAddr>,
    /// The start of the command of the origin: pinned to its CPU.
    pub(super) nginx: &'a [String],
    pub(super) client_timeout: ClientTimeout,
}

/// How long a client may take for a head, and pause within a body; `None`: as it is when nothing is said,
/// or long. In whole seconds.
pub(super) type ClientTimeout = Option<Duration>;

/// What the origin answers only when it has the whole body of the request.
pub(super) const BODY_PATH: &str = "/body";

/// The origin's directory, below the place of the origins.
pub(super) fn origin_name(address: SocketAddr) -> String {
    format!("origin-{}-{}", address.ip(), address.port())
}

/// nginx.conf of an origin that serves the files of `files`.
pub(super) fn origin(directory: &Path, listen: SocketAddr, files: &Path, connections: u64) -> String {
    let server = format!(
        "  sendfile on;\n  tcp_nopush on;\n  open_file_cache max=16;\n  default_type application/octet-stream;\n  \
         server {{\n    listen {listen} backlog=4096;\n    root {};\n    location = {BODY_PATH} {{\n      \
         proxy_pass http://{listen}/{SMALL};\n      proxy_method GET;\n      proxy_pass_request_body off;\n      \
         proxy_set_header Content-Length \"\";\n    }}\n  }}\n",
        files.display()
    );
    nginx_frame(directory, connections, &server)
}

/// nginx.conf of the proxy.
pub(super) fn nginx(
    directory: &Path,
    listen: SocketAddr,
    origin: SocketAddr,
    connections: u64,
    client_timeout: ClientTimeout,
) -> String {
    let timeouts = client_timeout.map_or_else(String::new, |timeout| {
        let seconds = timeout.as_secs();
        format!("  client_header_timeout {seconds}s;\n  client_body_timeout {seconds}s;\n")
    });
    let server = format!(
        "{timeouts}  upstream origin {{\n    server {origin};\n    keepalive 64;\n    keepalive_requests 1000000000;\n    \
         keepalive_timeout 600s;\n  }}\n  server {{\n    listen {listen} backlog=4096;\n    location / {{\n      \
         proxy_pass http://origin;\n      proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      \
         proxy_set_header Host $http_host;\n      \
         proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }}\n  }}\n"
    );
    nginx_frame(directory, connections, &server)
}

/// haproxy.cfg. `connections` is the most that may be open at once. Behind another HAProxy it is no
/// front, and leaves X-Forwarded-For as it comes.
pub(super) fn haproxy(
    listen: SocketAddr,
    upstream: SocketAddr,
    connections: u64,
    is_front: bool,
    client_timeout: ClientTimeout,
) -> String {
    let client = client_timeout.map_or(600, |timeout| timeout.as_secs());
    let head = client_timeout.map_or_else(String::new, |_| format!("  timeout http-request {client}s\n"));
    let forwarding = if is_front { "  option forwardfor\n" } else { "" };
    format!(
        "global\n  nbthread 1\n  maxconn {connections}\n  no strict-limits\n\ndefaults\n  mode http\n  timeout connect 5s\n  \
timeout client {client}s\n  timeout server 600s\n{head}{forwarding}  option splice-auto\n  http-reuse always\n\n\
         frontend front\n  bind {listen}\n  default_backend back\n\nbackend back\n  server origin {upstream}\n"
    )
}

/// Unset, half of the open files are connections, and the idle ones need about that many: here the origin
/// keeps none of them.
const CONNECTIONS: &str = "connections_max = 100000";

/// cluster.toml of one Accordion.
pub(super) fn cluster(accordion: &Accordion<'_>) -> String {
    let (directory, front) = (accordion.directory.display(), accordion.front);
    let mut text = format!(
        "[cluster]\nname = \"bench\"\nruntime_dir = \"{directory}/run\"\nstate_dir = \"{directory}/state\"\n\n"
    );
    if let Some(node) = accordion.node {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "[[node]]\nname = \"{NODE}\"\naddress = \"{node}\"\n");
    }
    let conf = format!("{}/origin-{{address}}-{{port}}/nginx.conf", accordion.origins.display());
    let command: Vec<&str> =
        accordion.nginx.iter().map(String::as_str).chain(["-e", "stderr", "-c", &conf]).collect();
    let _ = writeln!(
        text,
        "[service.{SERVICE}]\nfront_end = \"{front}\"\nlisten = \"{front}:{FRONT_PORT}\"\ncommand = {command:?}\n\
         ports = \"{ORIGIN_PORT}-{ORIGIN_PORT}\"\ncapacity = 100000\nworkers = 1"
    );
    if is_known(CONNECTIONS) {
        let _ = writeln!(text, "{CONNECTIONS}");
    }
    if accordion.node.is_some() {
        // Held whatever the load is.
        let _ = writeln!(text, "min = 1");
    }
    let lines = match accordion.kind {
        Kind::SameWork => {
            SAME_WORK.iter().map(|line| (*line).to_owned()).filter(|line| is_known(line)).collect()
        }
        Kind::Defaults => Vec::new(),
        Kind::Logged => logged(accordion.directory).into_iter().collect(),
    };
    for line in lines {
        let _ = writeln!(text, "{line}");
    }
    if let Some(seconds) = accordion.client_timeout.map(|timeout| timeout.as_secs()) {
        let _ = writeln!(text, "head_timeout = \"{seconds}s\"\nbody_idle_timeout = \"{seconds}s\"");
    }
    text
}

/// The keys for an access log in that directory; `None`: this Accordion writes none.
pub(super) fn logged(directory: &Path) -> Option<String> {
    let file = directory.join("access.log").display().to_string();
    Some(LOGGED.replace("{file}", &file)).filter(|lines| is_known(lines))
}

/// Whether cluster.toml may have these lines under `[service.NAME]`.
fn is_known(lines: &str) -> bool {
    let text = format!(
        "[cluster]\nname = \"a\"\n[service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:1\"\n\
         command = [\"a\", \"{{port}}\"]\ncapacity = 1\n{lines}\n"
    );
    cluster::config::parse("cluster.toml", &text).is_ok()
}

/// What both kinds of nginx have: one worker, no log, connections that are kept.
fn nginx_frame(directory: &Path, connections: u64, server: &str) -> String {
    let directory = directory.display();
    // Its workers would be somebody who may not read our files.
    let user = if geteuid().is_root() { "user root;\n" } else { "" };
    let mut text = format!(
        "{user}daemon off;\nworker_processes 1;\npid {directory}/pid;\nerror_log stderr error;\n\
         events {{\n  worker_connections {connections};\n}}\nhttp {{\n  access_log off;\n  \
         keepalive_timeout 600s;\n  keepalive_requests 1000000000;\n"
    );
    for what in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        let _ = writeln!(text, "  {what}_temp_path {directory}/{what};");
    }
    text + server + "}\n"
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    fn accordion(kind: Kind, node: Option<IpAddr>, nginx: &[String]) -> String {
        let directory = Path::new("/tmp/bench");
        let front = Ipv4Addr::new(127, 200, 0, 1).into();
        cluster(&Accordion { directory, origins: directory, kind, front, node, nginx, client_timeout: None })
    }

    #[test]
    fn clients_have_the_same_time_with_all_three() {
        let time = Duration::from_secs(5);
        let (directory, here) = (Path::new("/tmp/bench"), "127.200.0.1:8080".parse().unwrap());
        let front = Ipv4Addr::new(127, 200, 0, 1).into();
        let of = |client_timeout| {
            let ours = Accordion {
                directory,
                origins: directory,
                kind: Kind::SameWork,
                front,
                node: None,
                nginx: &["nginx".to_owned()],
                client_timeout,
            };
            let nginx = nginx(directory, here, here, 100, client_timeout);
            [nginx, haproxy(here, here, 100, true, client_timeout), cluster(&ours)]
        };
        let [nginx, haproxy, ours] = of(Some(time));
        assert!(nginx.contains("client_header_timeout 5s;\n  client_body_timeout 5s;\n"), "{nginx}");
        assert!(haproxy.contains("  timeout client 5s\n") && haproxy.contains("  timeout http-request 5s\n"));
        let cluster =
            cluster::config::parse("cluster.toml", &ours).unwrap_or_else(|faults| panic!("{faults}"));
        assert_eq!((cluster.services[0].head_timeout, cluster.services[0].body_idle_timeout), (time, time));
        // Where slow clients are not what is measured, nobody looks at the time.
        let [nginx, haproxy, ours] = of(None);
        assert!(!nginx.contains("client_header_timeout") && !ours.contains("timeout"), "{nginx}{ours}");
        assert!(
            haproxy.contains("  timeout client 600s\n") && !haproxy.contains("http-request"),
            "{haproxy}"
        );
    }

    #[test]
    fn every_cluster_toml_passes_the_daemons_own_check() {
        let nginx: Vec<String> = ["taskset", "-c", "1", "/usr/sbin/nginx"].map(str::to_owned).to_vec();
        let node = Some(Ipv4Addr::new(127, 200, 0, 2).into());
        for kind in [Kind::SameWork, Kind::Defaults, Kind::Logged] {
            for node in [None, node] {
                let text = accordion(kind, node, &nginx);
                let cluster =
                    cluster::config::parse("cluster.toml", &text).unwrap_or_else(|faults| panic!("{faults}"));
                let service = &cluster.services[0];
                assert_eq!(service.workers, Some(1));
                assert_eq!(service.min, u32::from(node.is_some()));
                assert_eq!(service.served_by, kind != Kind::SameWork);
                assert_eq!(service.ports, ORIGIN_PORT..=ORIGIN_PORT);
                assert!(service.command.starts_with(&nginx), "{:?}", service.command);
            }
        }
    }

    #[test]
    fn a_key_that_cluster_toml_does_not_have_is_seen() {
        assert!(is_known("served_by = false"));
        assert!(!is_known("served_bi = false"));
        assert!(!is_known("served_by = \"no\""));
    }

    #[test]
    fn the_origin_of_an_address_is_where_the_command_looks_for_it() {
        let name = origin_name(SocketAddr::new(Ipv4Addr::new(127, 200, 0, 1).into(), ORIGIN_PORT));
        let text = accordion(Kind::SameWork, None, &[]);
        let filled = text.replace("{address}", "127.200.0.1").replace("{port}", &ORIGIN_PORT.to_string());
        assert!(filled.contains(&format!("/tmp/bench/{name}/nginx.conf")), "{filled}");
    }
}
