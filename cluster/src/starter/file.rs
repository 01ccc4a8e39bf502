//! The cluster.toml that the starter goes by: only one that nobody but root can have written.
//!
//! While somebody edits it and it has faults, the last good one that was read here stays in force, as it does
//! with the daemons.

use std::fs::{self, File, Metadata, Permissions};
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

use crate::config::{self, Cluster, FILE_BYTES_MAX};

/// In the starter's own directory.
const LAST_GOOD: &str = "cluster.toml";

/// Others than its owner may write it.
const WRITABLE_BY_OTHERS: u32 = 0o022;

/// The cluster that the file describes, or described when it last was good.
pub(super) fn trusted(path: &Path, directory: &Path) -> Result<Cluster, String> {
    let text = text(path)?;
    let kept = directory.join(LAST_GOOD);
    match config::parse(&path.display().to_string(), &text) {
        Ok(cluster) => {
            keep(&kept, &text);
            Ok(cluster)
        }
        Err(faults) => fs::read_to_string(&kept)
            .ok()
            .and_then(|text| config::parse("the last good file", &text).ok())
            .ok_or_else(|| format!("{} has faults: {faults}", path.display())),
    }
}

/// What is in the file, if it is root's alone, and the way to it too.
fn text(path: &Path) -> Result<String, String> {
    let shown = path.display();
    let failed = |error| format!("{shown} cannot be read: {error}");
    let real = fs::canonicalize(path).map_err(failed)?;
    let file = File::open(&real).map_err(failed)?;
    for directory in real.ancestors().skip(1) {
        if !is_roots(&fs::symlink_metadata(directory).map_err(failed)?) {
            let directory = directory.display();
            return Err(format!(
                "{shown} is not trusted: others than root may change {directory}, where it is"
            ));
        }
    }
    if !is_roots(&file.metadata().map_err(failed)?) {
        return Err(format!(
            "{shown} is not trusted: others than root may change it (chown root, chmod go-w)"
        ));
    }
    let mut text = String::new();
    file.take(FILE_BYTES_MAX as u64).read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

fn is_roots(metadata: &Metadata) -> bool {
    is_trusted(metadata.uid(), metadata.mode())
}

fn is_trusted(uid: u32, mode: u32) -> bool {
    uid == 0 && mode & WRITABLE_BY_OTHERS == 0
}

/// By another name first, so that it is always whole. Where it cannot be kept nothing is lost today.
fn keep(kept: &Path, text: &str) {
    if fs::read_to_string(kept).is_ok_and(|before| before == text) {
        return;
    }
    let new = kept.with_extension(format!("toml.{}", std::process::id()));
    let written = fs::write(&new, text)
        .and_then(|()| fs::set_permissions(&new, Permissions::from_mode(0o600)))
        .and_then(|()| fs::rename(&new, kept));
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_root_alone_may_write_is_trusted() {
        assert!(is_trusted(0, 0o100_644) && is_trusted(0, 0o100_640) && is_trusted(0, 0o40_755));
        assert!(!is_trusted(998, 0o100_644));
        assert!(!is_trusted(0, 0o100_664) && !is_trusted(0, 0o100_646) && !is_trusted(0, 0o41_777));
    }

    #[test]
    fn a_file_in_a_place_where_anybody_writes_is_refused() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("cluster.toml");
        fs::write(&path, config::sample(1, "")).unwrap();
        fs::set_permissions(place.path(), Permissions::from_mode(0o777)).unwrap();
        let fault = text(&path).unwrap_err();
        assert!(fault.contains("is not trusted: others than root may change"), "{fault}");
    }
}
