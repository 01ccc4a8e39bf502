//! The kinds of value that name files.

use toml::de::DeValue;

use super::{AbsolutePath, Kind};
use crate::config::CertificateFiles;

/// A certificate and the key to it.
pub(crate) struct CertificateAndKey;

impl Kind for CertificateAndKey {
    type Value = CertificateFiles;

    fn expected(&self) -> String {
        "a certificate and its key, PEM files by their absolute paths, like { certificate = \"/etc/a/fullchain.pem\", key \
         = \"/etc/a/privkey.pem\" }"
            .to_owned()
    }

    fn same_type(&self, value: &DeValue<'_>) -> bool {
        value.is_table()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<CertificateFiles> {
        let table = value.as_table()?;
        let path = |key| AbsolutePath.read(table.get(key)?.get_ref());
        let files = CertificateFiles { certificate: path("certificate")?, key: path("key")? };
        (table.len() == 2).then_some(files)
    }
}
