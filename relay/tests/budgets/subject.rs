//! The relay whose requests are counted, as a row wants it: one worker, or two where a node takes part.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use relay::access_log::{AccessLog, Format};
use relay::{Dispatch, Failure, Head, Pick, Protocol, Relay, Settings, Upstream, UpstreamSpec};

use crate::counting;
use crate::rows::Row;
use crate::scratch::Scratch;

/// Longer than any row takes, so that no connection is made twice.
const IDLE_TIMEOUT: Duration = Duration::from_secs(600);

pub(crate) struct Subject {
    pub(crate) address: SocketAddr,
    /// What its workers have allocated since their first pick.
    pub(crate) allocations: &'static AtomicU64,
    // It ends when this is dropped.
    _relays: Vec<Relay>,
    _log: Option<Scratch>,
}

impl Subject {
    pub(crate) fn start(row: Row, origin: SocketAddr) -> Subject {
        // The workers' threads may look at it to their end, and it is a few bytes a row.
        let allocations: &'static AtomicU64 = Box::leak(Box::default());
        let mut relays = Vec::new();
        let mut next_hop = origin;
        if row.goes_by_node {
            let spec = UpstreamSpec {
                name: "service".into(),
                address: origin,
                token: None,
                may_refuse: false,
                protocol: Protocol::Http1,
            };
            let settings =
                Settings { front: false, upstream_idle_timeout: IDLE_TIMEOUT, ..Settings::default() };
            next_hop = serve(&mut relays, vec![Upstream::new(spec, |_| ())], settings, allocations);
        }
        let upstreams = (0..row.upstreams).map(|index| {
            let token = row.goes_by_node.then(|| "7f3a9c5e1b2d4f60".to_owned());
            let may_refuse = row.goes_by_node;
            let name = format!("c{index}");
            Upstream::new(
                UpstreamSpec { name, address: next_hop, token, may_refuse, protocol: Protocol::Http1 },
                |_| (),
            )
        });
        let log = row.is_logged.then(Scratch::new);
        let access_log = log.as_ref().map(|log| AccessLog::to_file(Format::Combined, log.path()).unwrap());
        let settings = Settings { access_log, upstream_idle_timeout: IDLE_TIMEOUT, ..Settings::default() };
        let address = serve(&mut relays, upstreams.collect(), settings, allocations);
        Subject { address, allocations, _relays: relays, _log: log }
    }
}

fn serve(
    relays: &mut Vec<Relay>,
    upstreams: Vec<Arc<Upstream>>,
    settings: Settings,
    allocations: &'static AtomicU64,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let dispatch = Arc::new(InTurn { upstreams, next: AtomicUsize::new(0), allocations });
    relays.push(Relay::start(vec![listener], 1, dispatch, settings).unwrap());
    address
}

/// One upstream after the other.
struct InTurn {
    upstreams: Vec<Arc<Upstream>>,
    next: AtomicUsize,
    allocations: &'static AtomicU64,
}

impl Dispatch for InTurn {
    fn pick(&self, _: &Head<'_>, _: &[u64]) -> Pick {
        counting::count_this_thread(self.allocations);
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        Pick::Forward(self.upstreams[turn % self.upstreams.len()].acquire())
    }

    fn failed(&self, _: &Arc<Upstream>, _: Failure) {}
}
