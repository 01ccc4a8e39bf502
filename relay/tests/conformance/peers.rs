//! nginx and HAProxy as plain keep-alive reverse proxies, one listener a case, each before an origin of its
//! own. They are started here and end with the value.

use std::fmt::Write;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use crate::wire::Door;

/// Longest wait for a peer to listen.
const START_MAX: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Copy)]
pub(crate) enum Kind {
    Nginx,
    Haproxy,
}

/// A running peer.
pub(crate) struct Peer {
    child: Child,
    folder: Folder,
}

/// Sockets, configuration and temporary files; removed at the end.
struct Folder(PathBuf);

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "HAProxy",
        }
    }

    /// Its Debian package, which is also the name of its program.
    pub(crate) fn package(self) -> &'static str {
        match self {
            Kind::Nginx => "nginx",
            Kind::Haproxy => "haproxy",
        }
    }

    /// Its program, if it is installed; an ordinary user's path often leaves out the last folder.
    pub(crate) fn program(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let folders = std::env::split_paths(&path).chain([PathBuf::from("/usr/sbin")]);
        folders.map(|folder| folder.join(self.package())).find(|program| program.is_file())
    }

    fn configuration(self, folder: &Path, origins: &[SocketAddr]) -> String {
        match self {
            Kind::Nginx => nginx_configuration(folder, origins),
            Kind::Haproxy => haproxy_configuration(folder, origins),
        }
    }
}

impl Peer {
    /// Starts it before these origins and waits until it listens everywhere.
    pub(crate) fn start(kind: Kind, program: &Path, origins: &[SocketAddr]) -> io::Result<Peer> {
        let folder = Folder::make(kind)?;
        let written = folder.0.join("configuration");
        fs::write(&written, kind.configuration(&folder.0, origins))?;
        let mut command = Command::new(program);
        match kind {
            Kind::Nginx => command.arg("-p").arg(&folder.0).arg("-e").arg(folder.0.join("log")).arg("-c"),
            Kind::Haproxy => command.arg("-db").arg("-f"),
        };
        let log = fs::File::create(folder.0.join("output"))?;
        command.arg(written).stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let mut peer = Peer { child: command.spawn()?, folder };
        peer.wait_until_it_listens(origins.len())?;
        Ok(peer)
    }

    /// Where the case of this index is to be sent.
    pub(crate) fn door(&self, index: usize) -> Door {
        Door::Unix(socket(&self.folder.0, index))
    }

    fn wait_until_it_listens(&mut self, count: usize) -> io::Result<()> {
        let began = Instant::now();
        while !(0..count).all(|index| UnixStream::connect(socket(&self.folder.0, index)).is_ok()) {
            let ended = self.child.try_wait()?.is_some();
            if ended || began.elapsed() > START_MAX {
                let said = fs::read_to_string(self.folder.0.join("output")).unwrap_or_default();
                return Err(io::Error::other(format!("it did not start: {said}")));
            }
            thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        // Each runs as one process without children.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Folder {
    fn make(kind: Kind) -> io::Result<Folder> {
        let name = format!("conformance-{}-{}", kind.package(), std::process::id());
        let folder = Folder(std::env::temp_dir().join(name));
        fs::create_dir(&folder.0)?;
        Ok(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn socket(folder: &Path, index: usize) -> PathBuf {
    folder.join(format!("{index}.sock"))
}

fn nginx_configuration(folder: &Path, origins: &[SocketAddr]) -> String {
    let mut text = String::from(
        "daemon off;\nmaster_process off;\npid pid;\nevents { worker_connections 4096; }\nhttp {\n\
         access_log off;\nclient_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\nproxy_http_version 1.1;\n\
         proxy_set_header Connection \"\";\nproxy_set_header Host $http_host;\n",
    );
    for (index, origin) in origins.iter().enumerate() {
        let socket = socket(folder, index);
        let _ = write!(
            text,
            "upstream o{index} {{ server {origin}; keepalive 8; }}\n\
             server {{ listen unix:{}; location / {{ proxy_pass http://o{index}; }} }}\n",
            socket.display()
        );
    }
    text.push_str("}\n");
    text
}

fn haproxy_configuration(folder: &Path, origins: &[SocketAddr]) -> String {
    let mut text = String::from(
        "global\n maxconn 2000\ndefaults\n mode http\n timeout connect 2s\n \
         timeout client 60s\n timeout server 60s\n",
    );
    for (index, origin) in origins.iter().enumerate() {
        let socket = socket(folder, index);
        let _ = write!(text, "listen o{index}\n bind {}\n server s {origin}\n", socket.display());
    }
    text
}
