//! Sockets that were passed to the daemon under the convention of sd_listen_fds(3): by systemd from a socket
//! unit or out of its store, where the daemon's life before put them, or by another process.
//!
//! What the store has of ours is named by what it is for and its address, `accordion/http/127.0.0.1-8080`, so
//! that what is not wanted any more is known by its name. Any other name is a starter's.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process;

use rustix::io::FdFlags;
use socket2::{SockRef, Socket, Type};
use tracing::{info, warn};

use super::listeners::{bind, bind_beside, bind_free};
use crate::sys;

/// With this begin all names that a daemon gives. No unit's name has a slash.
const OURS: &str = "accordion/";

/// Descriptors that one message takes along: a little under the kernel's SCM_MAX_FD of 253.
pub(super) const FILES_PER_MESSAGE: usize = 250;

/// What a kept listener is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A service's clients.
    Http,
    /// The same, where they speak TLS.
    Https,
    /// Prometheus and health checks.
    Admin,
}

/// What was passed and nobody took yet, and what was bound since.
#[derive(Debug, Default)]
pub struct Passed {
    files: Vec<(String, OwnedFd)>,
    bound: Vec<Kept>,
    is_starters: bool,
}

/// What changes in systemd's store.
#[derive(Debug, Default)]
pub struct Store {
    /// Names of what is not listened on any more.
    pub(super) stale: BTreeSet<String>,
    /// Bound by this process.
    pub(super) new: Vec<Kept>,
}

/// Sockets of one name, no more than a message takes.
#[derive(Debug)]
pub(super) struct Kept {
    pub(super) name: String,
    pub(super) files: Vec<OwnedFd>,
}

impl Purpose {
    /// As FDNAME allows it, which is without a colon.
    fn name(self, address: SocketAddr) -> String {
        let purpose = match self {
            Self::Http => "http",
            Self::Https => "https",
            Self::Admin => "admin",
        };
        format!("{OURS}{purpose}/{}", address.to_string().replace(':', "-"))
    }
}

impl Passed {
    /// What was passed to this very process; it can be taken once.
    pub fn take() -> Self {
        let variable = |name| env::var_os(name);
        let count = passed_count(variable("LISTEN_PID").as_deref(), variable("LISTEN_FDS").as_deref());
        let names = variable("LISTEN_FDNAMES").and_then(|names| names.into_string().ok()).unwrap_or_default();
        let names = names.split(':').map(str::to_owned).chain(std::iter::repeat(String::new()));
        Self { files: names.zip(sys::take_passed_files(count)).collect(), ..Self::default() }
    }

    /// What a predecessor hands over, which systemd has kept already where it keeps such things; and whether
    /// those for clients were its starter's.
    ///
    /// # Errors
    /// A file is no socket.
    pub fn handed(files: Vec<(Purpose, OwnedFd)>, is_starters: bool) -> io::Result<Self> {
        let named = files.into_iter().map(|(purpose, file)| {
            let bound = SockRef::from(&file).local_addr()?.as_socket();
            let bound = bound.ok_or_else(|| io::Error::from(ErrorKind::InvalidInput))?;
            Ok((purpose.name(bound), file))
        });
        Ok(Self { files: named.collect::<io::Result<_>>()?, is_starters, ..Self::default() })
    }

    /// Sockets listening on `address`: those of the starter, however many; or those of the store, and as many
    /// more as `count` wants. Where the store has more of them all are taken, for connections may be waiting in
    /// each. Otherwise `count` with SO_REUSEPORT, bound here, among which the kernel spreads the connections.
    /// They do not block, and what they accept has TCP_NODELAY. Those for TLS must be asked for first.
    ///
    /// # Errors
    /// The address is in use or not ours, or what was passed is no TCP listener; the text says what to do.
    pub fn listeners(
        &mut self,
        purpose: Purpose,
        address: SocketAddr,
        count: usize,
    ) -> io::Result<Vec<TcpListener>> {
        let starters = match purpose {
            // Of a starter that passes sockets for both, these are for the one that they are bound to.
            Purpose::Https => self.starters_on(address)?,
            Purpose::Http | Purpose::Admin => self.starters(address)?,
        };
        if !starters.is_empty() {
            self.is_starters |= purpose == Purpose::Http;
            return Ok(starters);
        }
        let mut listeners = self.stored(purpose, address)?;
        // At another address they are bound here, and nobody else's.
        self.is_starters &= !listeners.is_empty();
        let more = match listeners.first() {
            None => bind_free(address, count)?,
            Some(first) => as_many_more(first, count.saturating_sub(listeners.len()))?,
        };
        self.keep(purpose, &more)?;
        listeners.extend(more);
        Ok(listeners)
    }

    /// One socket listening on `address`, out of the store or bound here.
    ///
    /// # Errors
    /// As for several.
    pub fn listener(&mut self, purpose: Purpose, address: SocketAddr) -> io::Result<TcpListener> {
        if let Some(stored) = self.stored(purpose, address)?.pop() {
            return Ok(stored);
        }
        let listener = bind(address, false)?;
        self.keep(purpose, std::slice::from_ref(&listener))?;
        Ok(listener)
    }

    /// Whether what was taken for a service's clients is held by its starter too, so that to close it here does not
    /// close it.
    pub fn are_a_starters(&self) -> bool {
        self.is_starters
    }

    /// Sockets listening on `address`, none where there is none, while the process may still listen on `own`, which
    /// it is going to close; and what is to change in the store then.
    ///
    /// # Errors
    /// The address is in use or not ours; the text says what to do.
    pub fn moved(
        purpose: Purpose,
        own: Option<SocketAddr>,
        address: Option<SocketAddr>,
        count: usize,
    ) -> io::Result<(Vec<TcpListener>, Store)> {
        let listeners = match (own, address) {
            (_, None) => Vec::new(),
            (None, Some(address)) => bind_free(address, count)?,
            (Some(own), Some(address)) => bind_beside(own, address, count)?,
        };
        let mut passed = Self::default();
        passed.keep(purpose, &listeners)?;
        let stale = own.into_iter().map(|own| purpose.name(own)).collect();
        Ok((listeners, Store { stale, ..passed.store() }))
    }

    /// What is to change in the store. What nobody took is closed.
    pub fn store(self) -> Store {
        let left = self.files.into_iter().map(|(name, _)| name);
        Store { stale: left.filter(|name| name.starts_with(OURS)).collect(), new: self.bound }
    }

    /// Those of whoever else started the daemon, a socket unit or `accordion up`.
    pub(super) fn starters(&mut self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let files = self.remove(|name| !name.starts_with(OURS));
        files.into_iter().map(|file| adopt(file, address)).collect()
    }

    /// Those of them that are bound to that address.
    fn starters_on(&mut self, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let is_on = |file: &OwnedFd| {
            let bound = SockRef::from(file).local_addr().ok();
            bound.and_then(|bound| bound.as_socket()) == Some(address)
        };
        let all = std::mem::take(&mut self.files);
        let is_meant = |(name, file): &(String, OwnedFd)| !name.starts_with(OURS) && is_on(file);
        let (meant, others): (Vec<_>, Vec<_>) = all.into_iter().partition(is_meant);
        self.files = others;
        meant.into_iter().map(|(_, file)| adopt(file, address)).collect()
    }

    fn stored(&mut self, purpose: Purpose, address: SocketAddr) -> io::Result<Vec<TcpListener>> {
        let mut wanted = purpose.name(address);
        if address.port() == 0 {
            // Any of that address will do.
            wanted.pop();
        }
        let any_port = address.port() == 0;
        let is_meant = |name: &str| if any_port { name.starts_with(&wanted) } else { name == wanted };
        self.remove(is_meant).into_iter().map(|file| adopt(file, address)).collect()
    }

    fn remove(&mut self, is_meant: impl Fn(&str) -> bool) -> Vec<OwnedFd> {
        let all = std::mem::take(&mut self.files);
        let (meant, others): (Vec<_>, Vec<_>) = all.into_iter().partition(|(name, _)| is_meant(name));
        self.files = others;
        meant.into_iter().map(|(_, file)| file).collect()
    }

    fn keep(&mut self, purpose: Purpose, listeners: &[TcpListener]) -> io::Result<()> {
        for some in listeners.chunks(FILES_PER_MESSAGE) {
            let name = purpose.name(some[0].local_addr()?);
            let files = some.iter().map(|listener| Ok(listener.try_clone()?.into()));
            self.bound.push(Kept { name, files: files.collect::<io::Result<_>>()? });
        }
        Ok(())
    }
}

/// How many sockets were passed to this very process; a child of it may see the variables as well.
fn passed_count(pid: Option<&OsStr>, count: Option<&OsStr>) -> usize {
    let number = |text: Option<&OsStr>| text?.to_str()?.parse::<u32>().ok();
    match (number(pid), number(count)) {
        (Some(pid), Some(count)) if pid == process::id() => count as usize,
        _ => 0,
    }
}

/// A passed socket, checked and set up as ours are.
fn adopt(file: OwnedFd, address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::from(file);
    let is_listener =
        socket.is_listener().unwrap_or(false) && socket.r#type().is_ok_and(|kind| kind == Type::STREAM);
    let Some(bound) = socket.local_addr()?.as_socket().filter(|_| is_listener) else {
        let text = "a file passed by LISTEN_FDS is no listening TCP socket; check the socket unit";
        return Err(io::Error::new(ErrorKind::InvalidInput, text));
    };
    if bound == address || address.port() == 0 {
        info!(%bound, "listening on a socket that was passed on");
    } else {
        warn!(%bound, configured = %address, "the socket that was passed on has another address than cluster.toml says");
    }
    rustix::io::fcntl_setfd(&socket, FdFlags::CLOEXEC)?;
    socket.set_nonblocking(true)?;
    socket.set_tcp_nodelay(true)?;
    Ok(socket.into())
}

/// So many more on the first one's address, where it lets others share that.
fn as_many_more(first: &TcpListener, count: usize) -> io::Result<Vec<TcpListener>> {
    let address = first.local_addr()?;
    let count = if SockRef::from(first).reuse_port()? { count } else { 0 };
    (0..count).map(|_| bind(address, true)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST), 0);

    /// What the next life is passed by systemd when the store has learned that.
    fn next_life(store: Store) -> Passed {
        let files = store
            .new
            .into_iter()
            .flat_map(|kept| kept.files.into_iter().map(move |file| (kept.name.clone(), file)));
        Passed { files: files.collect(), ..Passed::default() }
    }

    fn address(listeners: &[TcpListener]) -> SocketAddr {
        listeners[0].local_addr().unwrap()
    }

    #[test]
    fn sockets_passed_to_another_process_are_not_ours() {
        let (ours, other) = (process::id().to_string(), (process::id() + 1).to_string());
        let count = |pid: &str, fds: &str| passed_count(Some(OsStr::new(pid)), Some(OsStr::new(fds)));
        assert_eq!(count(&ours, "2"), 2);
        assert_eq!(count(&other, "2"), 0);
        assert_eq!(count(&ours, "two"), 0);
        assert_eq!(passed_count(None, Some(OsStr::new("2"))), 0);
    }

    #[test]
    fn stored_sockets_are_all_taken_up_and_only_what_is_missing_is_bound_and_stored() {
        let mut first = Passed::default();
        let listening = address(&first.listeners(Purpose::Http, ANY_PORT, 2).unwrap());
        let mut second = next_life(first.store());
        assert_eq!(second.listeners(Purpose::Http, listening, 1).unwrap().len(), 2, "none is closed");
        let store = second.store();
        assert!(store.new.is_empty() && store.stale.is_empty(), "{store:?}");

        let mut first = Passed::default();
        let listening = address(&first.listeners(Purpose::Http, ANY_PORT, 2).unwrap());
        let mut second = next_life(first.store());
        let listeners = second.listeners(Purpose::Http, listening, 3).unwrap();
        assert!(listeners.iter().all(|listener| listener.local_addr().unwrap() == listening));
        let store = second.store();
        assert_eq!((listeners.len(), store.new.len(), store.new[0].files.len()), (3, 1, 1));
        assert_eq!(store.new[0].name, format!("accordion/http/127.0.0.1-{}", listening.port()));
    }

    #[test]
    fn the_sockets_of_an_address_that_is_not_wanted_any_more_are_closed_and_named() {
        let mut first = Passed::default();
        let before = address(&first.listeners(Purpose::Http, ANY_PORT, 2).unwrap());
        let admin = first.listener(Purpose::Admin, ANY_PORT).unwrap().local_addr().unwrap();
        let free = listener_on_a_free_port();
        let mut second = next_life(first.store());
        let listeners = second.listeners(Purpose::Http, free, 2).unwrap();
        assert_eq!(address(&listeners), free);
        assert_eq!(second.listener(Purpose::Admin, admin).unwrap().local_addr().unwrap(), admin);
        let store = second.store();
        assert_eq!(store.stale, BTreeSet::from([Purpose::Http.name(before)]));
        assert_eq!(store.new.len(), 1);
        let refused = std::net::TcpStream::connect(before).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    }

    #[test]
    fn who_listens_elsewhere_stores_the_new_sockets_and_names_the_old_ones() {
        let mut first = Passed::default();
        let old = first.listeners(Purpose::Http, ANY_PORT, 2).unwrap();
        let before = address(&old);
        // The same port of every address is taken by nobody but the process itself.
        let everywhere = SocketAddr::new(std::net::Ipv4Addr::UNSPECIFIED.into(), before.port());
        let (listeners, store) = Passed::moved(Purpose::Http, Some(before), Some(everywhere), 3).unwrap();
        assert_eq!((listeners.len(), address(&listeners)), (3, everywhere));
        assert_eq!(store.stale, BTreeSet::from([Purpose::Http.name(before)]));
        drop((old, listeners));
        let mut second = next_life(store);
        assert_eq!(second.listeners(Purpose::Http, everywhere, 3).unwrap().len(), 3);
        let taken = listener_on_a_port();
        for own in [Some(before), None] {
            let fault = Passed::moved(Purpose::Http, own, Some(taken.local_addr().unwrap()), 1).unwrap_err();
            assert_eq!(fault.kind(), ErrorKind::AddrInUse);
        }
    }

    #[test]
    fn who_listens_nowhere_any_more_stores_nothing() {
        let admin = Passed::default().listener(Purpose::Admin, ANY_PORT).unwrap().local_addr().unwrap();
        let (listeners, store) = Passed::moved(Purpose::Admin, Some(admin), None, 1).unwrap();
        assert!(listeners.is_empty() && store.new.is_empty(), "{store:?}");
        assert_eq!(store.stale, BTreeSet::from([Purpose::Admin.name(admin)]));
    }

    #[test]
    fn the_sockets_of_a_starter_are_its_own_and_are_not_stored() {
        let listener = bind(ANY_PORT, false).unwrap();
        let listening = listener.local_addr().unwrap();
        let files = vec![("shop.socket".to_owned(), listener.into())];
        let mut passed = Passed { files, ..Passed::default() };
        assert_eq!(passed.listeners(Purpose::Http, listening, 4).unwrap().len(), 1);
        assert!(passed.are_a_starters());
        let handed = || vec![(Purpose::Http, bind(ANY_PORT, false).unwrap().into())];
        for (address, is_fixed) in [(ANY_PORT, true), (listener_on_a_free_port(), false)] {
            let mut handed = Passed::handed(handed(), true).unwrap();
            handed.listeners(Purpose::Http, address, 1).unwrap();
            assert_eq!(handed.are_a_starters(), is_fixed, "{address}");
        }
        let store = passed.store();
        assert!(store.new.is_empty() && store.stale.is_empty(), "{store:?}");
    }

    #[test]
    fn of_a_starter_that_passes_sockets_for_tls_too_each_goes_where_it_is_bound() {
        let plain = bind(ANY_PORT, false).unwrap();
        let secured = bind(ANY_PORT, false).unwrap();
        let (plain_at, secured_at) = (plain.local_addr().unwrap(), secured.local_addr().unwrap());
        let file = |listener: TcpListener| (String::new(), listener.into());
        let mut passed = Passed { files: vec![file(plain), file(secured)], ..Passed::default() };
        let secured = passed.listeners(Purpose::Https, secured_at, 4).unwrap();
        let plain = passed.listeners(Purpose::Http, plain_at, 4).unwrap();
        assert_eq!((secured.len(), plain.len()), (1, 1));
        assert_eq!((address(&secured), address(&plain)), (secured_at, plain_at));
        assert!(passed.store().new.is_empty());
    }

    #[test]
    fn sockets_for_tls_are_kept_by_a_name_of_their_own() {
        let mut first = Passed::default();
        let listening = address(&first.listeners(Purpose::Https, ANY_PORT, 2).unwrap());
        let store = first.store();
        assert_eq!(store.new[0].name, format!("accordion/https/127.0.0.1-{}", listening.port()));
        let mut second = next_life(store);
        assert_eq!(second.listeners(Purpose::Https, listening, 2).unwrap().len(), 2);
        assert!(second.store().new.is_empty());
    }

    fn listener_on_a_free_port() -> SocketAddr {
        listener_on_a_port().local_addr().unwrap()
    }

    fn listener_on_a_port() -> TcpListener {
        bind(ANY_PORT, false).unwrap()
    }
}
