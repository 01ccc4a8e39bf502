//! A value as it would be written in the file, for whoever reads what changed.

use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::kind::{shown, size};
use crate::config::{
    AccessLog, Capacity, CertificateFiles, DataPath, DispatchRule, Floor, Forwarding, Local, Network, Policy,
    UpstreamProtocol, Weekday,
};

/// What can be written as the value of a key.
pub(super) trait Written {
    /// As it would be in the file.
    fn written(&self) -> String;
}

/// A number that is written with its unit.
#[derive(PartialEq)]
pub(super) struct Bytes(pub(super) u64);

/// A share, or the word that there is none.
#[derive(PartialEq)]
pub(super) struct OrOff(pub(super) Option<f64>);

/// What Rust writes as TOML does.
macro_rules! plain {
    ($($type:ty),*) => {$(
        impl Written for $type {
            fn written(&self) -> String {
                format!("{self:?}")
            }
        }
    )*};
}

/// What is written as text, in quotes.
macro_rules! text {
    ($($type:ty),*) => {$(
        impl Written for $type {
            fn written(&self) -> String {
                format!("\"{self}\"")
            }
        }
    )*};
}

/// One of a few words.
macro_rules! words {
    ($($type:ty { $($value:ident => $word:literal),* })*) => {$(
        impl Written for $type {
            fn written(&self) -> String {
                let word = match self {
                    $(Self::$value => $word,)*
                };
                format!("\"{word}\"")
            }
        }
    )*};
}

plain!(bool, u16, u32, usize, f64, String, PathBuf);
text!(IpAddr, SocketAddr, Network);
words! {
    UpstreamProtocol { Http1 => "http1", H2c => "h2c" }
    DataPath { Relayed => "relayed", Direct => "direct" }
    Local { Auto => "auto", Always => "always" }
    DispatchRule { Fill => "fill", RoundRobin => "round-robin", LeastInFlight => "least-in-flight", P2c => "p2c" }
    AccessLog { Off => "off", Combined => "combined", Json => "json" }
    Policy { Adaptive => "adaptive", Classic => "classic" }
    Weekday {
        Mon => "mon", Tue => "tue", Wed => "wed", Thu => "thu", Fri => "fri", Sat => "sat", Sun => "sun"
    }
}

impl Written for Capacity {
    fn written(&self) -> String {
        match self {
            Self::Requests(requests) => requests.written(),
            Self::Auto => "\"auto\"".to_owned(),
        }
    }
}

impl Written for Duration {
    fn written(&self) -> String {
        format!("\"{}\"", shown(*self))
    }
}

impl Written for Bytes {
    fn written(&self) -> String {
        format!("\"{}\"", size::shown(self.0))
    }
}

impl Written for OrOff {
    fn written(&self) -> String {
        self.0.map_or_else(|| "\"off\"".to_owned(), |share| share.written())
    }
}

impl Written for RangeInclusive<u16> {
    fn written(&self) -> String {
        format!("\"{}-{}\"", self.start(), self.end())
    }
}

/// A key that is not there says something too: what, is in the reference file.
impl<T: Written> Written for Option<T> {
    fn written(&self) -> String {
        self.as_ref().map_or_else(|| "unset".to_owned(), T::written)
    }
}

impl<T: Written> Written for Vec<T> {
    fn written(&self) -> String {
        format!("[{}]", self.iter().map(T::written).collect::<Vec<_>>().join(", "))
    }
}

impl Written for CertificateFiles {
    fn written(&self) -> String {
        let Self { certificate, key } = self;
        format!("{{ certificate = {}, key = {} }}", certificate.written(), key.written())
    }
}

impl Written for Forwarding {
    fn written(&self) -> String {
        let Self { x_forwarded_for, x_forwarded_host, x_forwarded_proto, forwarded, via } = *self;
        let fields = [
            ("x-forwarded-for", x_forwarded_for),
            ("x-forwarded-host", x_forwarded_host),
            ("x-forwarded-proto", x_forwarded_proto),
            ("forwarded", forwarded),
            ("via", via),
        ];
        let listed = fields.into_iter().filter(|(_, is_listed)| *is_listed);
        listed.map(|(name, _)| name.to_owned()).collect::<Vec<_>>().written()
    }
}

impl Written for Floor {
    fn written(&self) -> String {
        let Self { days, from, to, nodes } = self;
        format!("{{ days = {}, from = \"{from}\", to = \"{to}\", nodes = {nodes} }}", days.written())
    }
}
