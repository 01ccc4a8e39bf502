//! A worker's upstream connections: idle ones per upstream, warmest first, and the task that drives each.
//!
//! Nothing here is shared between workers. A connection is idle, or checked out as a [`Wire`] for one
//! exchange; a wire that is dropped instead of put back is closed, because nobody knows what is left on it.

mod link;

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::rc::{Rc, Weak};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::{TrySendError, http1};
use tokio::net::TcpStream;

pub(crate) use link::Link;

use crate::body::Upload;
use crate::dispatch::Failure;
use crate::stream::Stream;
use crate::upstream::Upstream;

/// Idle connections kept per upstream and worker: more than a worker's share of any sensible capacity, and
/// a bound on descriptors after a burst.
const IDLE_MAX: usize = 512;

#[derive(Default)]
pub(crate) struct Pool {
    stacks: RefCell<HashMap<u64, Rc<Stack>>>,
}

/// The connections to one upstream. Idle ones are in the order they were put back.
struct Stack {
    upstream: Arc<Upstream>,
    idle: RefCell<Vec<Idle>>,
    links: RefCell<Vec<Weak<Link>>>,
}

struct Idle {
    sender: http1::SendRequest<Upload>,
    link: Rc<Link>,
    since: Instant,
}

/// A connection checked out for one exchange.
pub(crate) struct Wire {
    /// Taken only when it is put back.
    sender: Option<http1::SendRequest<Upload>>,
    link: Rc<Link>,
    stack: Rc<Stack>,
}

impl Pool {
    /// The idle connection to `upstream` that was used last.
    pub(crate) fn checkout(&self, upstream: &Arc<Upstream>) -> Option<Wire> {
        let stack = self.stacks.borrow().get(&upstream.id()).map(Rc::clone)?;
        let Idle { sender, link, .. } = stack.take_ready()?;
        link.set_idle(false);
        Some(Wire { sender: Some(sender), link, stack })
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
        let tcp = tokio::select! {
            biased;
            () = link.severed() => return Err(Some(Failure::Connect)),
            connected = tokio::time::timeout(timeout, connect(upstream)) => match connected {
                Ok(Ok(tcp)) => tcp,
                Ok(Err(error)) => {
                    tracing::debug!(upstream = upstream.name(), %error, "connect failed");
                    return Err(failure_of(&error));
                }
                Err(_elapsed) => return Err(Some(Failure::ConnectTimeout)),
            },
        };
        let io = Stream::new(tcp, Arc::clone(link.moved()));
        let (sender, connection) = http1::handshake(io).await.map_err(|_| None)?;
        // Owned by the worker's runtime, which ends it with the worker; it ends by itself when the
        // connection does, when the sender is dropped, or when the link is severed.
        tokio::task::spawn_local(drive(connection.with_upgrades(), Rc::clone(&link)));
        Ok(Wire { sender: Some(sender), link, stack })
    }

    /// Does what closings since the last call ask for.
    pub(crate) fn apply_closings(&self) {
        for stack in self.stacks.borrow().values() {
            for link in stack.links.borrow().iter().filter_map(Weak::upgrade) {
                let retired_idle = link.is_idle() && stack.upstream.is_retired(link.age());
                if retired_idle || stack.upstream.is_cut(link.age()) {
                    link.sever();
                }
            }
            stack.idle.borrow_mut().retain(|idle| !idle.link.is_severed());
        }
    }

    /// Drops idle connections that were put back before `oldest` or are closed, and empty stacks.
    pub(crate) fn expire(&self, oldest: Instant) {
        self.stacks.borrow_mut().retain(|_, stack| {
            stack.idle.borrow_mut().retain(|idle| idle.since >= oldest && !idle.sender.is_closed());
            let mut links = stack.links.borrow_mut();
            links.retain(|link| link.strong_count() > 0);
            !links.is_empty() || !stack.idle.borrow().is_empty()
        });
    }

    fn stack(&self, upstream: &Arc<Upstream>) -> Rc<Stack> {
        let mut stacks = self.stacks.borrow_mut();
        let stack = stacks.entry(upstream.id()).or_insert_with(|| {
            Rc::new(Stack {
                upstream: Arc::clone(upstream),
                idle: RefCell::default(),
                links: RefCell::default(),
            })
        });
        Rc::clone(stack)
    }
}

impl Stack {
    /// The last idle one that can take a request; closed ones on the way are dropped. One that is still
    /// busy with the end of its last exchange is left for later.
    fn take_ready(&self) -> Option<Idle> {
        let mut idle = self.idle.borrow_mut();
        let mut at = idle.len();
        while at > 0 {
            at -= 1;
            if idle[at].sender.is_closed() {
                idle.remove(at);
            } else if idle[at].sender.is_ready() {
                return Some(idle.remove(at));
            }
        }
        None
    }
}

impl Wire {
    pub(crate) fn link(&self) -> &Rc<Link> {
        &self.link
    }

    pub(crate) fn upstream(&self) -> &Upstream {
        &self.stack.upstream
    }

    /// Sends a request. The answer's future does not borrow the wire.
    pub(crate) fn send(
        &mut self,
        request: Request<Upload>,
    ) -> impl Future<Output = Result<Response<Incoming>, TrySendError<Request<Upload>>>> + use<> {
        self.link.moved().reset();
        let sender = self.sender.as_mut().expect("a wire has its sender until it is put back");
        sender.try_send_request(request)
    }

    /// The exchange came to a clean end: the connection may serve the next.
    pub(crate) fn put_back(mut self, now: Instant) {
        if self.stack.upstream.is_retired(self.link.age()) {
            return;
        }
        let mut idle = self.stack.idle.borrow_mut();
        if idle.len() < IDLE_MAX
            && let Some(sender) = self.sender.take_if(|sender| !sender.is_closed())
        {
            self.link.set_idle(true);
            idle.push(Idle { sender, link: Rc::clone(&self.link), since: now });
        }
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if self.sender.is_some() {
            self.link.sever();
        }
    }
}

async fn connect(upstream: &Upstream) -> io::Result<TcpStream> {
    let tcp = TcpStream::connect(upstream.address()).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
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

/// Drives one upstream connection to its end. While it rests it sees the far side close it.
async fn drive(connection: impl Future<Output = hyper::Result<()>>, link: Rc<Link>) {
    let mut connection = std::pin::pin!(connection);
    let ended = std::future::poll_fn(|cx| {
        if link.watch(cx) {
            return Poll::Ready(Ok(()));
        }
        connection.as_mut().poll(cx)
    })
    .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "upstream connection ended");
    }
}
