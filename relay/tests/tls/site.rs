//! A relay with a port for TLS, and whoever connects to it.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};

use relay::metrics::Text;
use relay::{HandshakeFault, Relay, Secured, Settings, TlsServer};
use rustls::ServerConfig;
use rustls::version::{TLS12, TLS13};

use crate::certificates::Authority;
use crate::client::Client;
use crate::rig::{Origin, Told, upstream};

pub(crate) const NAME: &str = "shop.example";

pub(crate) struct Site {
    pub(crate) relay: Relay,
    pub(crate) address: SocketAddr,
    /// Without TLS.
    pub(crate) plain: SocketAddr,
    pub(crate) authority: Authority,
    /// What is shown from now on.
    pub(crate) shown: Arc<Mutex<Arc<ServerConfig>>>,
    /// Handshakes that came to nothing.
    pub(crate) failed: Arc<Mutex<Vec<(HandshakeFault, String)>>>,
}

impl Site {
    pub(crate) fn before(origin: &Origin) -> Site {
        Site::with(origin, Settings::default())
    }

    pub(crate) fn with(origin: &Origin, settings: Settings) -> Site {
        let told = Told::in_order(&[&upstream("local", origin.address)]);
        let authority = Authority::new();
        let shown = Arc::new(Mutex::new(authority.server(NAME)));
        let failed = Arc::<Mutex<Vec<_>>>::default();
        let (asked, heard) = (Arc::clone(&shown), Arc::clone(&failed));
        let tls = TlsServer::new(move || Arc::clone(&asked.lock().unwrap()))
            .telling(move |failed| heard.lock().unwrap().push((failed.fault, failed.words.to_owned())));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let without = TcpListener::bind("127.0.0.1:0").unwrap();
        let plain = without.local_addr().unwrap();
        let secured = Some(Secured { listeners: vec![listener], tls });
        let relay = Relay::start_secured(vec![without], secured, 1, told, settings).unwrap();
        Site { relay, address, plain, authority, shown, failed }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address, NAME, self.authority.client(&TLS13, None))
    }

    pub(crate) fn old_client(&self) -> Client {
        Client::connect(self.address, NAME, self.authority.client(&TLS12, Some("http/1.1")))
    }

    /// The value of a sample of the metrics.
    pub(crate) fn metric(&self, sample: &str) -> u64 {
        let mut text = Text::new();
        self.relay.scrape().write(&[], &mut text);
        let text = text.finish();
        let value = text.lines().find_map(|line| line.strip_prefix(sample));
        value.unwrap_or_else(|| panic!("{sample} in {text}")).trim().parse().unwrap()
    }
}
