//! What is loaded: one copy of the service, started as a daemon would start it, or one that runs already.

use std::fmt;
use std::future::pending;
use std::net::{SocketAddr, TcpListener};
use std::thread::available_parallelism;

use cluster::config::Service;
use cluster::daemon::Shutdown;
use cluster::process::{Instance, Spec, StartFault, does_not_apply};

/// It, and where it is.
pub(super) enum Subject {
    /// It is ours, and ends with us.
    Own(Box<Instance>),
    /// Somebody else's.
    At(SocketAddr),
}

impl Subject {
    /// Starts a copy of the service and waits until it is ready, or until an end is asked for.
    ///
    /// # Errors
    /// As those of `Instance::start_unless`; nothing of it is left then.
    pub(super) async fn start(service: &Service, shutdown: &Shutdown) -> Result<Self, StartFault> {
        let spec = Spec::at_front_end(service, service.front_end);
        Ok(Self::Own(Box::new(Instance::start_unless(spec, shutdown.asked()).await?)))
    }

    pub(super) fn address(&self) -> SocketAddr {
        match self {
            Self::Own(instance) => instance.address(),
            Self::At(address) => *address,
        }
    }

    /// Answers with how it ended, should it end by itself.
    pub(super) async fn ended(&self) -> String {
        if let Self::Own(instance) = self
            && let Ok(how) = instance.exited().wait_for(Option::is_some).await.as_deref()
        {
            return how.clone().unwrap_or_default();
        }
        pending().await
    }

    /// Ends it, if it is ours.
    pub(super) async fn stop(&self) {
        match self {
            Self::Own(instance) => instance.stop().await,
            Self::At(_) => {}
        }
    }

    /// Whether it shares this machine with the client.
    pub(super) fn is_here(&self) -> bool {
        match self {
            Self::Own(_) => true,
            Self::At(address) => TcpListener::bind((address.ip(), 0)).is_ok(),
        }
    }

    /// What must be known of it to understand the figures.
    pub(super) fn remarks(&self, service: &Service) -> Vec<String> {
        let mut remarks = Vec::new();
        match self {
            Self::Own(_) if does_not_apply(service) => remarks.push(
                "user and limits of cluster.toml do not apply to this copy: only systemd can start a service as \
                 another user and with limits; load one that it started, with --at"
                    .to_owned(),
            ),
            Self::At(address) if is_front_end(service, *address) => remarks.push(format!(
                "{address} is where the front end of {} listens: all its copies are loaded, not one",
                service.name
            )),
            Self::Own(_) | Self::At(_) => {}
        }
        // It knows of affinity and of a cgroup's quota.
        if self.is_here() && available_parallelism().is_ok_and(|cpus| cpus.get() == 1) {
            remarks.push(
                "the client and the service share one CPU: what the client uses is missing to the service; load it \
                 from another machine, with --at"
                    .to_owned(),
            );
        }
        remarks
    }
}

/// Whether the front end of the service answers at that address.
fn is_front_end(service: &Service, address: SocketAddr) -> bool {
    let listen = service.listen;
    let is_its_own = address.ip() == service.front_end || address.ip().is_loopback();
    listen == address || (listen.ip().is_unspecified() && is_its_own && listen.port() == address.port())
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Own(instance) => {
                let ready = instance.start_time().as_secs_f64();
                write!(f, "a copy of its own at {}, ready after {ready:.2} s", instance.address())
            }
            Self::At(address) => write!(f, "the copy that runs at {address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use cluster::config;

    use super::*;

    #[test]
    fn a_front_end_is_known_by_its_address_and_one_that_listens_everywhere_too() {
        let mut service = config::parse("cluster.toml", &config::sample(1, "")).unwrap().services.remove(0);
        let at = |address: &str| address.parse::<SocketAddr>().unwrap();
        service.front_end = at("10.0.0.1:0").ip();
        service.listen = at("10.0.0.1:80");
        let is_front_end = |service: &Service, address| is_front_end(service, at(address));
        assert!(is_front_end(&service, "10.0.0.1:80") && !is_front_end(&service, "127.0.0.1:80"));
        service.listen = at("0.0.0.0:80");
        assert!(is_front_end(&service, "10.0.0.1:80") && is_front_end(&service, "127.0.0.1:80"));
        // A node.
        assert!(!is_front_end(&service, "10.0.0.2:80") && !is_front_end(&service, "127.0.0.1:81"));
    }
}
