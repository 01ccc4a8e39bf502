//! One service made into several that are alike but for their front ends, to see on one machine what a
//! shared pool does. Pure: a text in, a text out, which is then read like any other.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use thiserror::Error;
use toml::{Table, Value};

use super::{Cluster, Service};

/// The most that one service can become; what they do to one another shows with fewer.
pub const SEVERAL_MAX: u8 = 9;

/// Why one service cannot become several.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SeveralFault {
    /// Whose copies these would be is not said.
    #[error("the file has several services already ({}), and only one can become several", .0.join(", "))]
    Already(Vec<String>),
    /// Only the loopback has addresses for machines that do not exist.
    #[error(
        "{key} of service {service} is {address}, and front ends can only be counted up on loopback, from an address \
         like 127.0.0.1"
    )]
    NotLoopback {
        /// Whose it is.
        service: String,
        /// Which of its addresses.
        key: &'static str,
        /// What it is.
        address: IpAddr,
    },
    /// The last octet ends at 255.
    #[error("{key} of service {service} is {address}, and its last octet cannot be counted up by {by}")]
    Beyond {
        /// Whose it is.
        service: String,
        /// Which of its addresses.
        key: &'static str,
        /// What it is.
        address: Ipv4Addr,
        /// How much higher it would have to be.
        by: u8,
    },
}

/// The text of a file with `count` services in the place of the one of `cluster`, which is what `text`
/// describes: `shop` becomes `shop-a`, `shop-b` and so on, and with each the last octet of `front_end`,
/// `listen`, `admin` and `tls.listen` is one higher. Everything else is as in `text`, without its comments.
///
/// # Errors
/// There are several already, or the front end is not on loopback.
pub fn several(cluster: &Cluster, text: &str, count: u8) -> Result<String, SeveralFault> {
    let [service] = cluster.services.as_slice() else {
        return Err(SeveralFault::Already(cluster.services.iter().map(|one| one.name.clone()).collect()));
    };
    let mut file: Table = text.parse().expect("it was read without a fault");
    let services = file.get_mut("service").and_then(Value::as_table_mut);
    let services = services.expect("it was read and has a service");
    let written = services.remove(&service.name).expect("it was read and has this service");
    for (index, letter) in (0..count).zip('a'..) {
        let mut one = written.clone();
        let keys = one.as_table_mut().expect("it was read and is a table");
        for (key, value) in addresses(service, index)? {
            keys.insert(key.to_owned(), Value::String(value));
        }
        if let Some(tls) = keys.get_mut("tls").and_then(Value::as_table_mut)
            && let Some(listen) = secured(service, index)?
        {
            tls.insert("listen".to_owned(), Value::String(listen));
        }
        services.insert(format!("{}-{letter}", service.name), one);
    }
    Ok(file.to_string())
}

/// What is the front end's own, for the one that is `by` after the first.
fn addresses(service: &Service, by: u8) -> Result<Vec<(&'static str, String)>, SeveralFault> {
    let front_end = higher(service, "front_end", service.front_end, by)?.to_string();
    let mut addresses = vec![("front_end", front_end)];
    addresses.push(("listen", socket(service, "listen", service.listen, by)?));
    if let Some(admin) = service.admin {
        addresses.push(("admin", socket(service, "admin", admin, by)?));
    }
    Ok(addresses)
}

/// The same of `[service.NAME.tls]`.
fn secured(service: &Service, by: u8) -> Result<Option<String>, SeveralFault> {
    service.tls.as_ref().map(|tls| socket(service, "tls.listen", tls.listen, by)).transpose()
}

fn socket(service: &Service, key: &'static str, socket: SocketAddr, by: u8) -> Result<String, SeveralFault> {
    Ok(SocketAddr::new(higher(service, key, socket.ip(), by)?, socket.port()).to_string())
}

fn higher(service: &Service, key: &'static str, address: IpAddr, by: u8) -> Result<IpAddr, SeveralFault> {
    let name = || service.name.clone();
    // Of IPv6 the loopback is a single address.
    let IpAddr::V4(first) = address else {
        return Err(SeveralFault::NotLoopback { service: name(), key, address });
    };
    if !first.is_loopback() {
        return Err(SeveralFault::NotLoopback { service: name(), key, address });
    }
    let [network @ .., last] = first.octets();
    let last = last.checked_add(by).ok_or_else(|| SeveralFault::Beyond {
        service: name(),
        key,
        address: first,
        by,
    })?;
    let [a, b, c] = network;
    Ok(Ipv4Addr::new(a, b, c, last).into())
}
