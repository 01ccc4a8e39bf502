//! What people would take instead: nginx and HAProxy before a fixed set of copies, and what the paper's authors
//! had, a thread for each connection. Each does the same work: X-Forwarded-For and no more, no log, kept
//! connections to the copies where it can; fewest requests in flight first; one worker.

use std::fmt::Write as _;
use std::net::SocketAddr;

use super::probe::serves;
use super::{Layout, Site};
use crate::bench::paper::contestant::Contestant;
use crate::bench::tools;

/// After the copies, before what stands on them.
const RANK: u8 = 1;
const FRONT_RANK: u8 = 2;

/// A server of a proxy: where it listens, and the copies behind it.
type Server = (SocketAddr, Vec<SocketAddr>);

impl Site {
    /// Starts nginx and HAProxy before the local copy and before each of these numbers of nodes.
    pub(in super::super) async fn proxies(&mut self, counts: &[u32]) -> anyhow::Result<()> {
        let servers = |at: fn(u32) -> SocketAddr| -> Vec<Server> {
            counts.iter().map(|count| (at(*count), behind(*count, Layout::service))).collect()
        };
        let conf =
            self.write("nginx.conf", nginx(&self.directory.to_string_lossy(), &servers(Layout::nginx)))?;
        let words = [tools::program("nginx"), "-e".into(), "stderr".into(), "-c".into(), conf];
        self.start("front", FRONT_RANK, &words)?;
        let node = self.write(
            "haproxy-node.cfg",
            haproxy(&[(Layout::node_haproxy(self.one), vec![Layout::service(self.one)])], false),
        )?;
        self.haproxy(&Layout::machine(self.one), RANK, node)?;
        let mut all = servers(Layout::haproxy);
        all.push((Layout::two_haproxies(), vec![Layout::node_haproxy(self.one)]));
        let front = self.write("haproxy.cfg", haproxy(&all, true))?;
        self.haproxy("front", FRONT_RANK, front)?;
        for count in counts {
            self.targets.insert(Contestant::Nginx(*count), Layout::nginx(*count));
            self.targets.insert(Contestant::Haproxy(*count), Layout::haproxy(*count));
            serves(Layout::nginx(*count)).await?;
            serves(Layout::haproxy(*count)).await?;
        }
        self.targets.insert(Contestant::TwoHaproxies, Layout::two_haproxies());
        serves(Layout::two_haproxies()).await
    }

    /// Starts the relays with a thread for each connection, likewise.
    pub(in super::super) async fn threads(&mut self, counts: &[u32]) -> anyhow::Result<()> {
        for node in self.layout.nodes() {
            self.relay(node, RANK, Layout::node_threads(node), &[Layout::service(node)])?;
        }
        for node in self.layout.nodes() {
            serves(Layout::node_threads(node)).await?;
        }
        for count in counts {
            let target = Layout::threads(*count);
            let copies =
                if *count == 0 { vec![Layout::service(0)] } else { behind(*count, Layout::node_threads) };
            self.relay(0, FRONT_RANK, target, &copies)?;
            serves(target).await?;
            self.targets.insert(Contestant::Threads(*count), target);
        }
        Ok(())
    }

    fn haproxy(&mut self, machine: &str, rank: u8, file: String) -> anyhow::Result<()> {
        self.start(machine, rank, &[tools::program("haproxy"), "-db".into(), "-f".into(), file])
    }

    fn relay(&mut self, node: u32, rank: u8, listen: SocketAddr, to: &[SocketAddr]) -> anyhow::Result<()> {
        let to: Vec<String> = to.iter().map(ToString::to_string).collect();
        let mut words = vec![self.program()];
        words.extend(["bench", "thread-relay", "--listen"].map(str::to_owned));
        words.extend([listen.to_string(), "--to".to_owned(), to.join(",")]);
        self.start(&Layout::machine(node), rank, &words)
    }
}

/// Those of so many nodes; of none the front end's own.
fn behind(count: u32, at: fn(u32) -> SocketAddr) -> Vec<SocketAddr> {
    if count == 0 { vec![at(0)] } else { (1..=count).map(at).collect() }
}

/// nginx.conf of these servers.
fn nginx(directory: &str, servers: &[Server]) -> String {
    let user = if rustix::process::geteuid().is_root() { "user root;\n" } else { "" };
    let mut text = format!(
        "{user}daemon off;\nmaster_process off;\nworker_processes 1;\nworker_rlimit_nofile 16384;\npid {directory}/nginx.pid;\n\
         events {{ worker_connections 8192; }}\nhttp {{\n  access_log off;\n  proxy_max_temp_file_size 0;\n  client_body_temp_path {directory}/nginx-body;\n  \
         proxy_temp_path {directory}/nginx-proxy;\n  fastcgi_temp_path {directory}/nginx-fastcgi;\n  \
         uwsgi_temp_path {directory}/nginx-uwsgi;\n  scgi_temp_path {directory}/nginx-scgi;\n"
    );
    for (index, (listen, copies)) in servers.iter().enumerate() {
        // Writing into a String cannot fail.
        let _ = writeln!(text, "  upstream u{index} {{\n    least_conn;");
        for copy in copies {
            let _ = writeln!(text, "    server {copy};");
        }
        let _ = writeln!(
            text,
            "    keepalive 64;\n    keepalive_requests 1000000000;\n    keepalive_timeout 60s;\n  }}\n  server {{\n    \
             listen {listen} backlog=4096;\n    location / {{\n      proxy_pass http://u{index};\n      \
             proxy_http_version 1.1;\n      proxy_set_header Connection \"\";\n      proxy_set_header Host $http_host;\n      \
             proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n    }}\n  }}"
        );
    }
    text.push_str("}\n");
    text
}

/// haproxy.cfg of these servers. Behind another HAProxy it is no front, and leaves X-Forwarded-For as it comes.
fn haproxy(servers: &[Server], is_front: bool) -> String {
    let forwarding = if is_front { "  option forwardfor\n" } else { "" };
    let mut text = format!(
        "global\n  nbthread 1\n  maxconn 4096\n\ndefaults\n  mode http\n  timeout connect 5s\n  timeout client 60s\n  \
         timeout server 60s\n{forwarding}  option splice-auto\n  http-reuse always\n  balance leastconn\n"
    );
    for (index, (listen, copies)) in servers.iter().enumerate() {
        let _ = writeln!(
            text,
            "\nfrontend f{index}\n  bind {listen}\n  default_backend b{index}\n\nbackend b{index}"
        );
        for (number, copy) in copies.iter().enumerate() {
            let _ = writeln!(text, "  server s{number} {copy}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_no_node_is_before_the_local_copy() {
        assert_eq!(behind(0, Layout::service), [Layout::service(0)]);
        assert_eq!(behind(2, Layout::service), [Layout::service(1), Layout::service(2)]);
    }

    #[test]
    fn each_server_has_all_its_copies() {
        let servers =
            [(Layout::nginx(2), behind(2, Layout::service)), (Layout::nginx(0), behind(0, Layout::service))];
        for text in [nginx("/d", &servers), haproxy(&servers, true)] {
            assert_eq!(text.matches("10.77.0.11:8000").count(), 1, "{text}");
            assert_eq!(text.matches("10.77.0.12:8000").count(), 1, "{text}");
            assert!(text.contains("10.77.0.1:8202") && text.contains("10.77.0.1:8200"), "{text}");
        }
    }
}
