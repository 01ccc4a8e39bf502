//! The starter: what may do, for a daemon that may not, the one thing that needs root, which is to have systemd
//! start a copy of a service as a unit of its own. systemd starts it for each request (`accordion-starter.socket`,
//! Accept=yes) and it ends with its answer.
//!
//! Its promise: whoever takes over a daemon gets by it no more than that daemon had to ask for. The request names
//! a service, a port and a mark. What is run, as whom and with which limits stands in the cluster.toml that root
//! alone can write, and is read here anew. The daemon's side of it is in `process`.

mod asker;
pub(crate) mod door;
mod file;
pub(crate) mod files;
mod manager;
pub(crate) mod mark;
mod unit;
mod user;
pub(crate) mod wire;

use std::io::Write;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::time::Duration;

use rustix::net::sockopt::socket_peercred;
use rustix::process::geteuid;

use crate::config::{Cluster, DEFAULT_USER, Service};
use asker::Asker;
use door::Door;
use unit::Unit;
use wire::{Answer, REQUEST_BYTES_MAX, Request, Start};

pub use user::{User, UserFault};

/// A daemon says at once what it wants, and waits for the answer.
const SPEAK_TIMEOUT: Duration = Duration::from_secs(5);

/// The files that come with a request to start: the guard's stdin, stdout and stderr.
pub(crate) const FILES: usize = 3;

/// What a starter has beside the request.
#[derive(Debug, Clone)]
pub struct Starter {
    /// The cluster.toml of this machine, which nobody but root can write.
    pub config: PathBuf,
    /// A directory of root's own, where every user may go through: for the guards that come for their files.
    pub directory: PathBuf,
}

impl Starter {
    /// Serves the one request that comes by the connection. What was done is given, for the log.
    ///
    /// # Errors
    /// It was refused or failed: one sentence, which the daemon was told as well.
    pub fn serve(&self, mut connection: UnixStream) -> Result<String, String> {
        let mut asked = String::new();
        let served = self.served(&connection, &mut asked);
        let answer = match &served {
            Ok((answer, _)) => answer.clone(),
            Err(fault) => Answer::Fault(fault.clone()),
        };
        // Where the daemon is gone, systemd ends by BindsTo= what was started, and the guard by its pipe.
        let _ = writeln!(connection, "{answer}").and_then(|()| connection.shutdown(Shutdown::Both));
        served.map(|(_, words)| words).map_err(|fault| format!("{asked:?}: {fault}"))
    }

    /// The answer, and words for the log. What was asked is left in `asked`.
    fn served(&self, connection: &UnixStream, asked: &mut String) -> Result<(Answer, String), String> {
        let failed = |error| format!("the request cannot be read: {error}");
        connection.set_read_timeout(Some(SPEAK_TIMEOUT)).map_err(failed)?;
        connection.set_write_timeout(Some(SPEAK_TIMEOUT)).map_err(failed)?;
        let peer = socket_peercred(connection).map_err(|error| format!("who asks is not known: {error}"))?;
        let asker = Asker::of(peer.pid)?;
        let (text, files) = files::receive(connection, REQUEST_BYTES_MAX).map_err(failed)?;
        text.trim_end().clone_into(asked);
        match text.parse().map_err(|garbled: wire::Garbled| garbled.to_string())? {
            Request::End { service, mark } => {
                if !asker.may_start(&service) {
                    return Err(format!("{asker} may not end what it may not start: service {service:?}"));
                }
                let unit = unit::name(&service, &mark);
                manager::stop(&unit)?;
                Ok((Answer::Ended, format!("{unit} has ended, as {asker} wished")))
            }
            Request::Start(start) => {
                let (pid, unit) = self.start(&asker, peer.uid.as_raw(), &start, files)?;
                Ok((Answer::Started(pid), format!("{unit} was started for {asker}")))
            }
        }
    }

    fn start(
        &self,
        asker: &Asker,
        daemon_uid: u32,
        start: &Start,
        files: Vec<OwnedFd>,
    ) -> Result<(u32, String), String> {
        let cluster = file::trusted(&self.config, &self.directory)?;
        let service = allowed(&cluster, asker, start)?;
        let user = User::of(service.user.as_deref().unwrap_or(DEFAULT_USER))
            .map_err(|fault| format!("{fault}; create it, or mend user in cluster.toml"))?;
        user.is_fit(daemon_uid).map_err(|fault| fault.to_string())?;
        let files = <[OwnedFd; FILES]>::try_from(files)
            .map_err(|files| format!("{} files came with the request, not {FILES}", files.len()))?;
        let door = Door::open(&self.directory, &start.mark)
            .map_err(|error| format!("no socket in {}: {error}", self.directory.display()))?;
        let unit = Unit { asker, service, start, user: &user, door: door.path() };
        let failed = |error| format!("its command is not known: {error}");
        manager::start(&unit.call().map_err(failed)?)?;
        match door.admit(&unit.name(), user.uid, &files, door::GUARD_TIMEOUT) {
            Ok(pid) => Ok((pid, unit.name())),
            Err(fault) => {
                let name = unit.name();
                let left = manager::stop(&name).err().map(|fault| format!("; {fault}")).unwrap_or_default();
                Err(format!("{name}: {fault}; see journalctl -u {name}{left}"))
            }
        }
    }
}

/// The service that is to be started, if the asker may have it there.
fn allowed<'a>(cluster: &'a Cluster, asker: &Asker, start: &Start) -> Result<&'a Service, String> {
    let Start { service, address, .. } = start;
    let found = cluster.service(service);
    let found = found.ok_or_else(|| format!("cluster.toml has no service {service:?}"))?;
    if !asker.may_start(service) {
        return Err(format!("{asker} may not start service {service:?}"));
    }
    if !found.ports.contains(&address.port()) {
        return Err(format!("port {} is none of its ports in cluster.toml", address.port()));
    }
    if !asker.places(cluster, found).contains(&address.ip()) {
        return Err(format!("{} is no address for it on a machine of cluster.toml", address.ip()));
    }
    Ok(found)
}

/// Whether this process can do what it is for.
pub fn is_root() -> bool {
    geteuid().is_root()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    const TEXT: &str = r#"
[cluster]
name = "t"
insecure = true
[[node]]
name = "c1"
address = "10.0.0.11"
[service.shop]
front_end = "10.0.0.1"
listen = "10.0.0.1:80"
command = ["shopd", "{port}"]
capacity = 8
[service.blog]
front_end = "10.0.0.2"
listen = "10.0.0.2:80"
command = ["blogd", "{address}:{port}"]
capacity = 8
path = "direct"
ports = "30000-30009"
"#;

    fn said(asker: &Asker, service: &str, address: &str) -> Result<String, String> {
        let cluster = config::parse("cluster.toml", TEXT).unwrap();
        let mark = "0123456789abcdef".parse().unwrap();
        let start = Start { service: service.to_owned(), mark, address: address.parse().unwrap() };
        allowed(&cluster, asker, &start).map(|service| service.name.clone())
    }

    #[test]
    fn a_front_end_gets_its_own_service_and_a_node_every_one() {
        let front_end = Asker::FrontEnd("shop".to_owned());
        assert_eq!(said(&front_end, "shop", "127.0.0.1:20000").unwrap(), "shop");
        assert_eq!(said(&Asker::Node, "shop", "127.0.0.1:29999").unwrap(), "shop");
        assert_eq!(said(&Asker::Node, "blog", "10.0.0.11:30000").unwrap(), "blog");
        let fault = said(&front_end, "blog", "127.0.0.1:30000").unwrap_err();
        assert_eq!(fault, "service-manager@shop.service may not start service \"blog\"");
    }

    #[test]
    fn nothing_is_started_that_the_file_does_not_have_or_elsewhere_than_it_says() {
        assert!(
            said(&Asker::Node, "bash", "127.0.0.1:20000").unwrap_err().contains("has no service \"bash\"")
        );
        let elsewhere =
            ["127.0.0.1:19999", "127.0.0.1:30000", "0.0.0.0:20000", "10.0.0.11:20000", "[::1]:20000"];
        for address in elsewhere {
            assert!(said(&Asker::Node, "shop", address).is_err(), "{address}");
        }
        // Straight to the copy is for nodes alone.
        assert!(said(&Asker::FrontEnd("blog".to_owned()), "blog", "10.0.0.11:30000").is_err());
    }
}
