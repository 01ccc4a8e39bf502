//! A cable between one front end and one node: a TCP relay on loopback that passes, delays or holds what
//! goes each way, and resets what is connected, when it is told to. No root, no namespaces, and many of
//! them side by side. How a connection fares is in `connection`.
//!
//! It differs from a real cable in this: the kernel takes a connection here at once. One that a cut cable
//! would not let come about is made and stays silent, and one that nobody takes at the node is reset.

mod connection;
#[cfg(test)]
mod tests;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use connection::Connection;

/// Connections through one link at a time; others wait to be taken.
const CONNECTIONS_MAX: usize = 512;

/// What happens to what is sent one way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Manner {
    /// It goes on at once.
    #[default]
    Pass,
    /// It goes on in its order, after at least and at most so long.
    Delay {
        /// The shortest.
        least: Duration,
        /// The longest.
        most: Duration,
    },
    /// It goes on when this manner ends, if the connection still stands then.
    Hold,
}

/// Both ways of a link.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ways {
    /// What the front end sends.
    pub to_node: Manner,
    /// What the node sends.
    pub to_front: Manner,
}

/// One link, at first whole, and gone with all its connections when it is dropped.
pub struct Link {
    state: watch::Sender<State>,
    addresses: Vec<SocketAddr>,
    _accepting: JoinSet<()>,
}

/// What the connections of a link go by.
#[derive(Debug, Clone, Copy, Default)]
struct State {
    ways: Ways,
    /// So many times all that stood was reset.
    resets: u64,
}

impl Link {
    /// Takes what is connected to the first address of each end on to its second, on that runtime.
    ///
    /// # Errors
    /// When one cannot be listened on.
    pub fn start(runtime: &Handle, ends: &[(SocketAddr, SocketAddr)]) -> io::Result<Self> {
        let (state, seen) = watch::channel(State::default());
        let rooms = Arc::new(Semaphore::new(CONNECTIONS_MAX));
        let _inside = runtime.enter();
        let (mut accepting, mut addresses) = (JoinSet::new(), Vec::new());
        for &(here, there) in ends {
            let listener = std::net::TcpListener::bind(here)?;
            listener.set_nonblocking(true)?;
            addresses.push(listener.local_addr()?);
            let listener = TcpListener::from_std(listener)?;
            accepting.spawn(accept(listener, there, seen.clone(), Arc::clone(&rooms)));
        }
        Ok(Self { state, addresses, _accepting: accepting })
    }

    /// Where its ends take connections, in their order.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// From now on its ways are like these.
    pub fn set(&self, ways: Ways) {
        self.state.send_if_modified(|state| std::mem::replace(&mut state.ways, ways) != ways);
    }

    /// Ends every connection of it with a reset to both sides, whatever is held.
    pub fn reset(&self) {
        self.state.send_modify(|state| state.resets += 1);
    }
}

/// Takes connections, and drops those that stand when it is dropped.
async fn accept(
    listener: TcpListener,
    there: SocketAddr,
    state: watch::Receiver<State>,
    rooms: Arc<Semaphore>,
) {
    let mut connections = JoinSet::new();
    loop {
        let room = Arc::clone(&rooms).acquire_owned().await.expect("nobody closes the semaphore");
        // One that is gone before it was taken is nobody's loss.
        let Ok((front, _)) = listener.accept().await else { continue };
        let connection = Connection::new(front, state.clone());
        connections.spawn(async move {
            connection.run(there).await;
            drop(room);
        });
        while connections.try_join_next().is_some() {}
    }
}
