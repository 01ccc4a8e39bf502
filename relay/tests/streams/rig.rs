//! One relay, or a front end with a node behind it, services whose connections the test plays, and a dispatcher
//! that writes down what it hears.

use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use relay::{Dispatch, Failure, Head, Pick, Protocol, Refusal, Relay, Settings, Upstream, UpstreamSpec};

use crate::peer::{DEADLINE, Peer};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub(crate) const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A service; each connection to it is played by the test.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    accepted: mpsc::Receiver<TcpStream>,
}

impl Origin {
    pub(crate) fn start() -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, accepted) = mpsc::channel();
        thread::spawn(move || {
            while let Ok((tcp, _)) = listener.accept() {
                if sender.send(tcp).is_err() {
                    break;
                }
            }
        });
        Origin { address, accepted }
    }

    pub(crate) fn accept(&self) -> Peer {
        Peer::of(self.accepted.recv_timeout(DEADLINE).expect("the relay connects"))
    }

    /// Whether a connection came that was not accepted.
    pub(crate) fn was_connected(&self) -> bool {
        self.accepted.try_recv().is_ok()
    }
}

/// Picks the first that was not tried; refuses where none is left. Writes the failures down.
pub(crate) struct Told {
    upstreams: Vec<Arc<Upstream>>,
    failures: Mutex<Vec<(String, Failure)>>,
}

impl Told {
    pub(crate) fn of(upstreams: &[Arc<Upstream>]) -> Arc<Told> {
        Arc::new(Told { upstreams: upstreams.to_vec(), failures: Mutex::default() })
    }

    pub(crate) fn failures(&self) -> Vec<(String, Failure)> {
        self.failures.lock().unwrap().clone()
    }
}

impl Dispatch for Told {
    fn pick(&self, _: &Head<'_>, avoid: &[u64]) -> Pick {
        let untried = self.upstreams.iter().find(|upstream| !avoid.contains(&upstream.id()));
        untried.map_or_else(|| Pick::Refuse(nobody()), |upstream| Pick::Forward(upstream.acquire()))
    }

    fn failed(&self, upstream: &Arc<Upstream>, failure: Failure) {
        self.failures.lock().unwrap().push((upstream.name().to_owned(), failure));
    }
}

pub(crate) fn nobody() -> Refusal {
    Refusal {
        status: 503,
        reason: "no-upstream",
        text: "nobody is left".into(),
        retry_after: Some(1),
        refused: false,
    }
}

pub(crate) fn service(name: &str, address: SocketAddr) -> Arc<Upstream> {
    Upstream::new(
        UpstreamSpec {
            name: name.into(),
            address,
            token: None,
            may_refuse: false,
            protocol: Protocol::Http1,
        },
        |_| (),
    )
}

fn node(address: SocketAddr) -> Arc<Upstream> {
    let spec = UpstreamSpec {
        name: "c1".into(),
        address,
        token: Some("t".into()),
        may_refuse: true,
        protocol: Protocol::Http1,
    };
    Upstream::new(spec, |_| ())
}

/// The relays of a test, where clients come in first. Each has one worker.
pub(crate) struct Rig {
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
    /// Where the relay that clients reach sends its requests.
    pub(crate) upstream: Arc<Upstream>,
    pub(crate) told: Arc<Told>,
    node: Option<Box<Rig>>,
}

impl Rig {
    /// A front end before one service.
    pub(crate) fn front(origin: &Origin) -> Rig {
        Rig::front_with(origin, Settings::default())
    }

    pub(crate) fn front_with(origin: &Origin, settings: Settings) -> Rig {
        Rig::over(&[service("local", origin.address)], settings)
    }

    /// A front end before several, asked in their order.
    pub(crate) fn over(upstreams: &[Arc<Upstream>], settings: Settings) -> Rig {
        let told = Told::of(upstreams);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let dispatch = Arc::clone(&told);
        let relay = Relay::start(vec![listener], 1, dispatch, settings).unwrap();
        Rig { relay, address, upstream: Arc::clone(&upstreams[0]), told, node: None }
    }

    /// A front end, and a node between it and the service.
    pub(crate) fn chain(origin: &Origin) -> Rig {
        Rig::chain_with(origin, Settings::default())
    }

    pub(crate) fn chain_with(origin: &Origin, settings: Settings) -> Rig {
        Rig::chain_to(origin.address, settings)
    }

    pub(crate) fn chain_to(origin: SocketAddr, settings: Settings) -> Rig {
        let behind = Settings { front: false, served_by: false, ..settings.clone() };
        let behind = Rig::over(&[service("local", origin)], behind);
        let front = Rig::over(&[node(behind.address)], settings);
        Rig { node: Some(Box::new(behind)), ..front }
    }

    pub(crate) fn client(&self) -> Peer {
        Peer::connect(self.address)
    }

    /// Requests in flight, a request by the node counted at both places.
    pub(crate) fn in_flight(&self) -> u32 {
        self.upstream.in_flight() + self.node.as_ref().map_or(0, |node| node.in_flight())
    }

    /// Who was blamed for what, here and at the node.
    pub(crate) fn failures(&self) -> Vec<(String, Failure)> {
        let behind = self.node.as_ref().map_or_else(Vec::new, |node| node.failures());
        [self.told.failures(), behind].concat()
    }

    /// Waits until nothing is in flight.
    pub(crate) fn comes_to_rest(&self) {
        eventually("nothing is in flight", || self.in_flight() == 0);
    }

    /// Waits until the workers have heard of what was done to an upstream, and their connections too: each
    /// barrier is a turn of their event loops.
    pub(crate) fn has_heard(&self) {
        for _ in 0..4 {
            block_on(self.relay.barrier());
        }
    }

    /// Waits until a drain has begun.
    pub(crate) fn is_closed(&self) {
        eventually("nobody is let in", || TcpStream::connect(self.address).is_err());
        self.has_heard();
    }
}

/// Waits until it holds, and fails at the deadline.
pub(crate) fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < DEADLINE, "not in time: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

pub(crate) fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}
