//! Whether this machine can carry the cluster: every address must be its own and free. Asked before
//! anything is started; the front ends' sockets stay bound from then on.

use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

use cluster::config::{Cluster, Service};
use cluster::daemon::{self, Directories};

/// The listening sockets of each service, by the address it listens on.
pub(crate) type Fronts = HashMap<SocketAddr, Vec<TcpListener>>;

/// Why it cannot.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unfit {
    /// The file is one for several machines.
    #[error(
        "{of}: {address} is no address of this machine, and `accordion up` runs the whole cluster on one: \
         use addresses like 127.0.0.11, or start the daemons on their machines (accordion {daemon} --help)"
    )]
    Foreign { of: String, address: IpAddr, daemon: &'static str },
    /// Somebody has the address, or we may not have it; the source names it and the remedy.
    #[error("{of}: {source}")]
    Taken { of: String, source: io::Error },
    /// Good where each has a machine of its own, but here they are on one.
    #[error(
        "service {of}: {key} = \"{socket}\" is taken by service {other}, and `accordion up` runs every front end on this \
         one machine: give each an address of its own, like 127.0.0.2, or another port"
    )]
    Shared { of: String, other: String, key: &'static str, socket: SocketAddr },
    /// A daemon of this cluster runs already, on other addresses.
    #[error(
        "service {service}: a daemon of cluster {cluster} answers on {} already: end it, or say another place with \
         --runtime-dir and --state-dir",
        socket.display()
    )]
    Running { service: String, cluster: String, socket: PathBuf },
}

/// Looks at every address of the cluster and binds those that clients reach.
pub(super) fn prepare(cluster: &Cluster) -> Result<Fronts, Unfit> {
    for node in &cluster.nodes {
        own(&format!("node {}", node.name), node.address, "task-processor")?;
    }
    for service in &cluster.services {
        let of = format!("service {}", service.name);
        own(&of, service.front_end, "service-manager")?;
        own(&of, service.listen.ip(), "service-manager")?;
        if let Some(tls) = &service.tls {
            own(&of, tls.listen.ip(), "service-manager")?;
        }
    }
    apart(cluster)?;
    for node in &cluster.nodes {
        for address in [node.control(), node.data()] {
            // Bound only to see that it is free: the task-processor binds it again.
            daemon::listener(address).map_err(|source| taken(format!("node {}", node.name), source))?;
        }
    }
    cluster.services.iter().map(|service| Ok((service.listen, bind(service)?))).collect()
}

/// Whether no two front ends want the same socket, which a file for several machines may have them do.
fn apart(cluster: &Cluster) -> Result<(), Unfit> {
    let mut taken: Vec<(SocketAddr, &str)> = Vec::new();
    for service in &cluster.services {
        let secured = service.tls.as_ref().map(|tls| tls.listen);
        let sockets = [("listen", Some(service.listen)), ("admin", service.admin), ("tls.listen", secured)];
        for (key, socket) in sockets.into_iter().filter_map(|(key, socket)| Some((key, socket?))) {
            let clashes = |other: &&(SocketAddr, &str)| {
                let (ip, other) = (socket.ip(), other.0);
                let is_same = ip == other.ip() || ip.is_unspecified() || other.ip().is_unspecified();
                is_same && socket.port() == other.port()
            };
            if let Some((_, other)) = taken.iter().find(clashes) {
                let (of, other) = (service.name.clone(), (*other).to_owned());
                return Err(Unfit::Shared { of, other, key, socket });
            }
            taken.push((socket, &service.name));
        }
    }
    Ok(())
}

/// Whether no daemon of the cluster runs already.
pub(super) fn alone(cluster: &Cluster, directories: &Directories) -> Result<(), Unfit> {
    for service in &cluster.services {
        let name = &service.name;
        for socket in [directories.service_manager_socket(name), directories.load_manager_socket(name)] {
            if UnixStream::connect(&socket).is_ok() {
                return Err(Unfit::Running { service: name.clone(), cluster: cluster.name.clone(), socket });
            }
        }
    }
    Ok(())
}

/// Whether the address is one of this machine; other faults show when the real port is bound.
fn own(of: &str, address: IpAddr, daemon: &'static str) -> Result<(), Unfit> {
    match TcpListener::bind((address, 0)) {
        Err(error) if error.kind() == ErrorKind::AddrNotAvailable => {
            Err(Unfit::Foreign { of: of.to_owned(), address, daemon })
        }
        _ => Ok(()),
    }
}

/// One socket for each worker of the service, and one for TLS, which the workers share.
fn bind(service: &Service) -> Result<Vec<TcpListener>, Unfit> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = service.workers.unwrap_or_else(cores);
    let taken = |source| taken(format!("service {}", service.name), source);
    let mut listeners = daemon::listeners(service.listen, workers).map_err(taken)?;
    if let Some(tls) = &service.tls {
        listeners.push(daemon::listener(tls.listen).map_err(taken)?);
    }
    Ok(listeners)
}

fn taken(of: String, source: io::Error) -> Unfit {
    Unfit::Taken { of, source }
}
