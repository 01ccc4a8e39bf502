//! The relay under test: one worker on a port of its own, before one origin.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use relay::{Dispatch, Failure, Head, Pick, Protocol, Relay, Settings, Upstream, UpstreamSpec};

use crate::wire::Door;

pub(crate) struct Subject {
    pub(crate) door: Door,
    // It ends when this is dropped.
    _relay: Relay,
}

impl Subject {
    /// With the settings a user gets, as the place clients reach.
    pub(crate) fn before(origin: SocketAddr) -> Subject {
        let spec = UpstreamSpec {
            name: "local".into(),
            address: origin,
            token: None,
            may_refuse: false,
            protocol: Protocol::Http1,
        };
        let dispatch = Arc::new(Always(Upstream::new(spec, |_| ())));
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let door = Door::Tcp(listener.local_addr().expect("a bound listener has an address"));
        let relay = Relay::start(vec![listener], 1, dispatch, Settings::default()).expect("a relay starts");
        Subject { door, _relay: relay }
    }
}

/// Every attempt goes to the one origin.
struct Always(Arc<Upstream>);

impl Dispatch for Always {
    fn pick(&self, _: &Head<'_>, _: &[u64]) -> Pick {
        Pick::Forward(self.0.acquire())
    }

    fn failed(&self, _: &Arc<Upstream>, _: Failure) {}
}
