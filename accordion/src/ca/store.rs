//! The directory of a CA: what is in it is made once and never written over.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use cluster::tls::{Authority, Identity, Issued, Places};

/// The CA's key, which no daemon reads.
pub(super) const KEY_FILE: &str = "ca.key";

const CERTIFICATE_FILE: &str = "ca.pem";

/// Of keys, and of the directory that holds them.
const KEY_MODE: u32 = 0o600;
const DIRECTORY_MODE: u32 = 0o700;
const CERTIFICATE_MODE: u32 = 0o644;

/// The directory.
pub(super) struct Store {
    directory: PathBuf,
}

impl Store {
    /// Makes the directory where it is missing.
    pub(super) fn make(directory: &Path) -> Result<Self, String> {
        let made = DirBuilder::new().recursive(true).mode(DIRECTORY_MODE).create(directory);
        made.map_err(|error| format!("cannot make the directory {}: {error}", directory.display()))?;
        Ok(Self::at(directory))
    }

    pub(super) fn at(directory: &Path) -> Self {
        Self { directory: directory.to_owned() }
    }

    /// Writes the CA's two files.
    pub(super) fn keep_authority(&self, authority: &Authority) -> Result<(), String> {
        let (certificate, key) = (self.directory.join(CERTIFICATE_FILE), self.directory.join(KEY_FILE));
        pair(&certificate, authority.certificate(), &key, &authority.key())
    }

    /// The CA that is kept here.
    pub(super) fn authority(&self, cluster: &str) -> Result<Authority, String> {
        let read = |name: &str| {
            let file = self.directory.join(name);
            fs::read_to_string(&file).map_err(|error| match error.kind() {
                ErrorKind::NotFound => format!(
                    "{} is missing: make the CA with `accordion ca init`, or say where it is with --ca DIR",
                    file.display()
                ),
                _ => format!("cannot read {}: {error}", file.display()),
            })
        };
        let (certificate, key) = (read(CERTIFICATE_FILE)?, read(KEY_FILE)?);
        let kept = Authority::kept(cluster, &certificate, &key);
        kept.map_err(|_| format!("{} holds no key of a CA", self.directory.join(KEY_FILE).display()))
    }

    /// Writes what was issued.
    pub(super) fn keep(&self, identity: &Identity, issued: &Issued) -> Result<Places, String> {
        let places = Places::in_directory(&self.directory, identity);
        pair(&places.certificate, &issued.certificate, &places.key, &issued.key)?;
        Ok(places)
    }

    /// Removes what was just written and is no good.
    pub(super) fn forget(&self, places: &Places) {
        for file in [&places.certificate, &places.key] {
            // What stays is told by the next call, which does not write over it.
            let _ = fs::remove_file(file);
        }
    }
}

/// Both or none.
fn pair(certificate: &Path, certificate_text: &str, key: &Path, key_text: &str) -> Result<(), String> {
    for file in [certificate, key] {
        if file.symlink_metadata().is_ok() {
            return Err(format!(
                "{} is there already and is not written over: move it away first",
                file.display()
            ));
        }
    }
    write(key, key_text, KEY_MODE)?;
    write(certificate, certificate_text, CERTIFICATE_MODE).inspect_err(|_| {
        // Without its certificate it is of no use, and it would be in the way.
        let _ = fs::remove_file(key);
    })
}

fn write(file: &Path, text: &str, mode: u32) -> Result<(), String> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(file);
    let written = opened.and_then(|mut opened| {
        opened.write_all(text.as_bytes())?;
        opened.sync_all()
    });
    written.map_err(|error| format!("cannot write {}: {error}", file.display()))
}
