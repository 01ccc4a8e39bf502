//! Which certificate a client is shown: one for the name that it asks for, by its own name or a wildcard; the first
//! where it asks for none, or for one that nobody has. Of several for one name, the first whose key it understands.

use std::collections::HashMap;
use std::sync::Arc;

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::tls::certificate;

type Keys = Vec<Arc<CertifiedKey>>;

#[derive(Debug)]
pub(super) struct ByName {
    /// In small letters.
    names: HashMap<String, Keys>,
    /// By what stands behind `*.`.
    wildcards: HashMap<String, Keys>,
    all: Keys,
}

impl ByName {
    /// In that order.
    pub(super) fn new(keys: impl Iterator<Item = CertifiedKey>) -> Self {
        let all: Keys = keys.map(Arc::new).collect();
        let mut by_name = Self { names: HashMap::new(), wildcards: HashMap::new(), all: all.clone() };
        for key in &all {
            for name in key.cert.first().map(certificate::names).unwrap_or_default() {
                let name = name.to_ascii_lowercase();
                let (names, name) = match name.strip_prefix("*.") {
                    Some(parent) => (&mut by_name.wildcards, parent.to_owned()),
                    None => (&mut by_name.names, name),
                };
                names.entry(name).or_default().push(Arc::clone(key));
            }
        }
        by_name
    }

    fn of(&self, name: &str) -> Option<&Keys> {
        let name = name.to_ascii_lowercase();
        let by_wildcard = || self.wildcards.get(name.split_once('.')?.1);
        self.names.get(&name).or_else(by_wildcard)
    }
}

impl ResolvesServerCert for ByName {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let keys = hello.server_name().and_then(|name| self.of(name)).unwrap_or(&self.all);
        let is_understood =
            |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        keys.iter().find(is_understood).or(keys.first()).cloned()
    }
}
