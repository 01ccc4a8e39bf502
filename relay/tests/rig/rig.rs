//! A relay under test, back ends that hand their connections to the test, and dispatchers that do as told: what
//! several test crates share.

use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, Instant};

use relay::{Dispatch, Failure, Head, Pick, Protocol, Refusal, Relay, Settings, Upstream, UpstreamSpec};

use crate::peer::{DEADLINE, Message, Peer};

pub(crate) const GET: &str = "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n";
pub(crate) const POST: &str = "POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello";
pub(crate) const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
pub(crate) const CHUNKED: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

/// A back end; each connection to it is played by the test.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    accepted: mpsc::Receiver<TcpStream>,
}

impl Origin {
    pub(crate) fn start() -> Origin {
        Origin::on(TcpListener::bind("127.0.0.1:0").unwrap())
    }

    pub(crate) fn on(listener: TcpListener) -> Origin {
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
    pub(crate) fn has_more_connections(&self) -> bool {
        self.accepted.try_recv().is_ok()
    }
}

/// An address that refuses connections.
pub(crate) fn refusing_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap()
}

pub(crate) fn upstream(name: &str, address: SocketAddr) -> Arc<Upstream> {
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

pub(crate) fn node(name: &str, address: SocketAddr) -> Arc<Upstream> {
    let token = Some(format!("token-of-{name}"));
    Upstream::new(
        UpstreamSpec { name: name.into(), address, token, may_refuse: true, protocol: Protocol::Http1 },
        |_| (),
    )
}

type Picker = dyn Fn(&Head<'_>, &[u64]) -> Pick + Send + Sync;

/// Picks as a closure says, and writes the failures down.
pub(crate) struct Told {
    pick: Box<Picker>,
    /// Those it picks from, where they are known.
    upstreams: Vec<Arc<Upstream>>,
    failures: Mutex<Vec<(String, Failure)>>,
}

impl Told {
    pub(crate) fn new(pick: impl Fn(&Head<'_>, &[u64]) -> Pick + Send + Sync + 'static) -> Arc<Told> {
        Told::over(&[], pick)
    }

    /// The first of them that was not tried; else a refusal.
    pub(crate) fn in_order(upstreams: &[&Arc<Upstream>]) -> Arc<Told> {
        let all: Vec<_> = upstreams.iter().map(|upstream| Arc::clone(upstream)).collect();
        Told::over(upstreams, move |_, avoid| {
            let untried = all.iter().find(|upstream| !avoid.contains(&upstream.id()));
            untried.map_or(Pick::Refuse(nobody()), |upstream| Pick::Forward(upstream.acquire()))
        })
    }

    fn over(
        upstreams: &[&Arc<Upstream>],
        pick: impl Fn(&Head<'_>, &[u64]) -> Pick + Send + Sync + 'static,
    ) -> Arc<Told> {
        let upstreams = upstreams.iter().map(|upstream| Arc::clone(upstream)).collect();
        Arc::new(Told { pick: Box::new(pick), upstreams, failures: Mutex::default() })
    }

    pub(crate) fn upstreams(&self) -> &[Arc<Upstream>] {
        &self.upstreams
    }

    pub(crate) fn failures(&self) -> Vec<(String, Failure)> {
        self.failures.lock().unwrap().clone()
    }
}

impl Dispatch for Told {
    fn pick(&self, head: &Head<'_>, avoid: &[u64]) -> Pick {
        (self.pick)(head, avoid)
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

/// A relay with one worker on a port of its own.
pub(crate) struct Rig {
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
    pub(crate) told: Arc<Told>,
    /// The relay behind it, where it sends its requests to a node.
    pub(crate) node: Option<Box<Rig>>,
}

impl Rig {
    pub(crate) fn start(dispatch: Arc<Told>) -> Rig {
        Rig::with(dispatch, Settings::default())
    }

    pub(crate) fn with(dispatch: Arc<Told>, settings: Settings) -> Rig {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let told = Arc::clone(&dispatch);
        Rig { relay: Relay::start(vec![listener], 1, dispatch, settings).unwrap(), address, told, node: None }
    }

    /// In front of one upstream, which it also makes.
    pub(crate) fn before(origin: &Origin) -> (Rig, Arc<Upstream>) {
        let upstream = upstream("local", origin.address);
        (Rig::start(Told::in_order(&[&upstream])), upstream)
    }

    pub(crate) fn client(&self) -> Peer {
        Peer::connect(self.address)
    }

    /// A client whose request is with the service, and the service.
    pub(crate) fn asked(&self, origin: &Origin, request: impl AsRef<[u8]>) -> (Peer, Peer) {
        let mut client = self.client();
        client.send(request);
        let mut service = origin.accept();
        service.message();
        (client, service)
    }

    /// One request on a connection of its own.
    pub(crate) fn ask(&self, request: &str) -> Message {
        let mut client = self.client();
        client.send(request);
        client.message()
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
