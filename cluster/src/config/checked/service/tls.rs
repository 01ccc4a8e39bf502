//! `[service.NAME.tls]`: where clients speak TLS, and what they are shown.

use std::net::SocketAddr;

use crate::config::kind::Kind;
use crate::config::kind::files::CertificateAndKey;
use crate::config::kind::network::Listen;
use crate::config::written::{Found, Table};
use crate::config::{CertificateFiles, ServiceTls};

/// What was found, each judged by itself.
pub(super) struct Shown {
    /// Judged against the other sockets of the cluster, with its place.
    pub(super) listen: Option<Found<SocketAddr>>,
    certificates: Option<Vec<CertificateFiles>>,
}

/// What the table says; `None` where there is none.
pub(super) fn checked(table: Option<Table<'_>>) -> Option<Shown> {
    let mut table = table?;
    let listen = table.required("listen", &Listen);
    let expected = format!("a list, each element {}", CertificateAndKey.expected());
    let certificates = table.elements("certificates", &CertificateAndKey);
    if let Some((written, _)) = table.value_again("certificates").zip(certificates.as_ref())
        && written.get_ref().as_array().is_some_and(|array| array.is_empty())
    {
        table.wrong("certificates", written, &format!("{expected}, and not empty"));
    }
    table.must_have("certificates", expected);
    table.finish();
    let certificates = certificates.map(|all| all.into_iter().map(|found| found.value).collect());
    Some(Shown { listen, certificates })
}

impl Shown {
    /// `None` only if a fault was reported.
    pub(super) fn whole(self) -> Option<ServiceTls> {
        Some(ServiceTls { listen: self.listen?.value, certificates: self.certificates? })
    }
}
