//! A worker's upstream connections: idle ones per upstream, warmest first.
//!
//! Nothing here is shared between workers. A connection is idle, or checked out as a [`Wire`] for one
//! exchange; a wire that is dropped instead of put back is closed, because nobody knows what is left on it.
//! No task watches an idle connection: that its far side has closed it is seen at the checkout, mostly without
//! a system call, and by the sweep.

mod link;

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::SockRef;
use tokio::net::TcpStream;

pub(crate) use link::Link;

use crate::dispatch::Failure;
use crate::h2::Uplinks;
use crate::io::Io;
use crate::tls;
use crate::upstream::{Protocol, Upstream};

/// Idle connections kept per upstream and worker: more than a worker's share of any sensible capacity, and
/// a bound on descriptors after a burst.
const IDLE_MAX: usize = 512;

/// The plainest congestion control; every Linux has it and lets everybody choose it (tcp(7)).
const SAME_MACHINE_CONGESTION: &[u8] = b"reno";

#[derive(Default)]
pub(crate) struct Pool {
    stacks: RefCell<HashMap<u64, Rc<Stack>>>,
}

/// The connections to one upstream. Idle ones are in the order they were put back.
struct Stack {
    upstream: Arc<Upstream>,
    idle: RefCell<Vec<Idle>>,
    links: RefCell<Vec<Weak<Link>>>,
    /// The connections that carry its wires, where it speaks HTTP/2.
    uplinks: Rc<Uplinks>,
}

struct Idle {
    io: Io,
    link: Rc<Link>,
    since: Instant,
}

/// A connection checked out for one exchange.
pub(crate) struct Wire {
    pub(crate) io: Io,
    link: Rc<Link>,
    stack: Rc<Stack>,
}

impl Pool {
    /// The idle connection to `upstream` that was used last, as far as the runtime knows still a good one. It
    /// may be a turn of its loop behind: for a request that `has_one_chance` the system itself is asked.
    pub(crate) fn checkout(&self, upstream: &Arc<Upstream>, has_one_chance: bool) -> Option<Wire> {
        let stack = self.stacks.borrow().get(&upstream.id()).map(Rc::clone)?;
        let Idle { io, link, .. } = stack.take_quiet(has_one_chance)?;
        link.set_idle(false);
        Some(Wire { io, link, stack })
    }

    /// A new connection, or the upstream's failure; none where the fault is not the upstream's.
    pub(crate) async fn connect(
        &self,
        upstream: &Arc<Upstream>,
        timeout: Duration,
    ) -> Result<Wire, Option<Failure>> {
        let stack = self.stack(upstream);
        let link = Rc::new(Link::new(upstream.age()));
        stack.links.borrow_mut().push(Rc::downgrade(&link));
        let io = tokio::select! {
            biased;
            () = link.severed() => return Err(Some(Failure::Connect)),
            connected = tokio::time::timeout(timeout, stack.connect(timeout)) => match connected {
                Ok(Ok(io)) => io,
                Ok(Err(error)) => {
                    tracing::debug!(upstream = upstream.name(), %error, "connect failed");
                    return Err(failure_of(&error));
                }
                Err(_elapsed) => return Err(Some(Failure::ConnectTimeout)),
            },
        };
        Ok(Wire { io, link, stack })
    }

    /// Closes the idle connections to `upstream`: one of its connections has just ended without an answer,
    /// and where its process has died the others are as dead, which is not known of each yet.
    pub(crate) fn forget_idle(&self, upstream: &Upstream) {
        let stack = self.stacks.borrow().get(&upstream.id()).map(Rc::clone);
        if let Some(stack) = stack {
            stack.idle.borrow_mut().clear();
        }
    }

    /// Does what closings since the last call ask for.
    pub(crate) fn apply_closings(&self) {
        for stack in self.stacks.borrow().values() {
            for link in stack.links.borrow().iter().filter_map(Weak::upgrade) {
                let retired_idle = link.is_idle() && stack.upstream.is_retired(link.age());
                if retired_idle || stack.upstream.is_cut(link.age()) {
                    link.sever();
                } else if stack.upstream.is_parting(link.age()) {
                    link.leave();
                }
            }
            stack.idle.borrow_mut().retain(|idle| !idle.link.is_severed());
            stack.uplinks.apply_closings();
        }
    }

    /// Drops idle connections that were put back before `oldest` or are closed, and empty stacks.
    pub(crate) fn expire(&self, oldest: Instant) {
        self.stacks.borrow_mut().retain(|_, stack| {
            stack.idle.borrow_mut().retain_mut(|idle| idle.since >= oldest && idle.io.is_quiet());
            let mut links = stack.links.borrow_mut();
            links.retain(|link| link.strong_count() > 0);
            stack.uplinks.expire(oldest);
            !links.is_empty() || !stack.idle.borrow().is_empty() || !stack.uplinks.is_empty()
        });
    }

    fn stack(&self, upstream: &Arc<Upstream>) -> Rc<Stack> {
        let mut stacks = self.stacks.borrow_mut();
        let stack = stacks.entry(upstream.id()).or_insert_with(|| {
            Rc::new(Stack {
                upstream: Arc::clone(upstream),
                idle: RefCell::default(),
                links: RefCell::default(),
                uplinks: Rc::new(Uplinks::new(upstream)),
            })
        });
        Rc::clone(stack)
    }
}

impl Stack {
    async fn connect(&self, timeout: Duration) -> io::Result<Io> {
        match self.upstream.protocol() {
            Protocol::Http1 => connect(&self.upstream).await,
            // On the heap: it would make every other connect larger.
            Protocol::H2c => Box::pin(self.uplinks.open(timeout)).await,
        }
    }

    /// The last idle one that can take a request; those that cannot any more are dropped on the way.
    fn take_quiet(&self, has_one_chance: bool) -> Option<Idle> {
        let is_quiet = if has_one_chance { Io::is_quiet_by_now } else { Io::is_quiet };
        let mut idle = self.idle.borrow_mut();
        std::iter::from_fn(|| idle.pop()).find_map(|mut idle| is_quiet(&mut idle.io).then_some(idle))
    }
}

impl Wire {
    pub(crate) fn link(&self) -> &Rc<Link> {
        &self.link
    }

    pub(crate) fn upstream(&self) -> &Arc<Upstream> {
        &self.stack.upstream
    }

    /// Its stream and its link, for good: it does not come back.
    pub(crate) fn into_parts(self) -> (Io, Rc<Link>) {
        (self.io, self.link)
    }

    /// The exchange came to a clean end: the connection may serve the next.
    pub(crate) fn put_back(self, now: Instant) {
        let Wire { io, link, stack } = self;
        if stack.upstream.is_retired(link.age()) {
            return;
        }
        let mut idle = stack.idle.borrow_mut();
        if idle.len() < IDLE_MAX {
            link.set_idle(true);
            idle.push(Idle { io, link, since: now });
        }
    }
}

/// A connection, with TLS where that is spoken there.
pub(crate) async fn connect(upstream: &Upstream) -> io::Result<Io> {
    let tcp = TcpStream::connect(upstream.address()).await?;
    tcp.set_nodelay(true)?;
    if tcp.local_addr()?.ip() == tcp.peer_addr()?.ip() {
        // Whatever the system chooses for its networks, such as BBR with its timers for pacing, is for nothing
        // on the way to a copy on this machine. A system that does not let us only costs more.
        let _ = SockRef::from(&tcp).set_tcp_congestion(SAME_MACHINE_CONGESTION);
    }
    match upstream.tls() {
        // On the heap: it would make every other connect larger.
        Some(tls) => Ok(Io::Tls(Box::new(Box::pin(tls::dial(tcp, tls)).await?))),
        None => Ok(Io::Tcp(tcp)),
    }
}

/// What a failed connect tells of the upstream. Anything but these is about this machine, such as no
/// descriptor or no port left, and would be so for every upstream alike.
fn failure_of(error: &io::Error) -> Option<Failure> {
    use io::ErrorKind::{ConnectionRefused, ConnectionReset, HostUnreachable, NetworkUnreachable, TimedOut};
    match error.kind() {
        ConnectionRefused | ConnectionReset | HostUnreachable | NetworkUnreachable => Some(Failure::Connect),
        TimedOut => Some(Failure::ConnectTimeout),
        _ => None,
    }
}
