//! The file from its bytes to a checked cluster: opened, bounded, decoded, parsed, judged.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use toml::de::DeTable;

use super::report::{self, Report};
use super::written::Table;
use super::{Cluster, Faults, checked, syntax};

/// The longest file that is read. Ten thousand nodes take about half of it.
pub const FILE_BYTES_MAX: usize = 1 << 20;

/// The newest good file that this process goes by, as far as it can, and its digest, for its daemon's status: a
/// daemon has one cluster.toml.
static NEWEST: Mutex<Option<(Arc<Cluster>, String)>> = Mutex::new(None);

/// The newest good file that was `take`n in this process, whatever of it waits for a restart.
pub fn newest() -> Option<Arc<Cluster>> {
    let newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
    newest.as_ref().map(|(cluster, _)| Arc::clone(cluster))
}

/// Its digest; empty before there is one.
pub fn newest_digest() -> String {
    let newest = NEWEST.lock().unwrap_or_else(PoisonError::into_inner);
    newest.as_ref().map(|(_, digest)| digest.clone()).unwrap_or_default()
}

/// This process goes by `cluster` from now on, as far as it can.
pub fn take(cluster: &Cluster) {
    let newest = (Arc::new(cluster.clone()), cluster.digest());
    *NEWEST.lock().unwrap_or_else(PoisonError::into_inner) = Some(newest);
}

/// The cluster that the file describes, which is `take`n.
///
/// # Errors
/// Every fault of the file; one, at its beginning, when it cannot be read.
pub fn read(path: &Path) -> Result<Cluster, Faults> {
    let cluster = parse(&path.display().to_string(), &text(path)?)?;
    take(&cluster);
    Ok(cluster)
}

/// The file's text, not judged yet.
///
/// # Errors
/// One fault when it cannot be read, is too long, or is no text.
pub fn text(path: &Path) -> Result<String, Faults> {
    let file_name = path.display().to_string();
    let mut bytes = Vec::new();
    // One byte more than allowed tells a file that is too long from one that just fits.
    let limit = FILE_BYTES_MAX as u64 + 1;
    if let Err(error) = File::open(path).and_then(|file| file.take(limit).read_to_end(&mut bytes)) {
        let fault = format!("cannot be read: {error}, must be a file that this user may read");
        return Err(report::only(&file_name, "", fault));
    }
    if bytes.len() > FILE_BYTES_MAX {
        return Err(too_long(&file_name));
    }
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.utf8_error().valid_up_to();
        let bytes = error.into_bytes();
        let (before, rest) = bytes.split_at(valid);
        let fault = format!("byte 0x{:02x} is not text, must be UTF-8", rest[0]);
        report::only(&file_name, &String::from_utf8_lossy(before), fault)
    })
}

/// The cluster that the text describes; `file_name` is what the faults call it.
///
/// # Errors
/// Every fault of the text.
pub fn parse(file_name: &str, text: &str) -> Result<Cluster, Faults> {
    if text.len() > FILE_BYTES_MAX {
        return Err(too_long(file_name));
    }
    let report = Report::on(text);
    let mended = syntax::mended(&report);
    let (tables, _) = DeTable::parse_recoverable(&mended);
    let cluster = checked::cluster(Table::root(tables.get_ref(), &report));
    match report.finish(file_name) {
        Some(faults) => Err(faults),
        None => Ok(cluster.expect("whatever keeps a cluster from being whole is reported as a fault")),
    }
}

/// Where the daemons of a file are that has faults elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whereabouts {
    /// The cluster's name.
    pub name: String,
    /// Its `runtime_dir`.
    pub runtime_dir: Option<PathBuf>,
}

/// What the text says of them, if it does: for who has something to ask the daemons about its faults.
pub fn whereabouts(text: &str) -> Option<Whereabouts> {
    let (tables, _) = DeTable::parse_recoverable(text);
    let cluster = tables.get_ref().get("cluster")?.get_ref().as_table()?;
    let word = |key| cluster.get(key)?.get_ref().as_str();
    Some(Whereabouts { name: word("name")?.to_owned(), runtime_dir: word("runtime_dir").map(PathBuf::from) })
}

fn too_long(file_name: &str) -> Faults {
    report::only(file_name, "", format!("file too long, must be at most {FILE_BYTES_MAX} bytes"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_with_faults_still_says_where_its_daemons_are() {
        let known = |runtime_dir: Option<&str>| {
            Some(Whereabouts { name: "t".into(), runtime_dir: runtime_dir.map(PathBuf::from) })
        };
        assert_eq!(whereabouts("[cluster]\nname = \"t\"\n[service.a]\ncapcity = 3\n"), known(None));
        assert_eq!(whereabouts("[cluster]\nruntime_dir = \"/r\"\nname = \"t\"\nx = \n"), known(Some("/r")));
        assert_eq!(whereabouts("[cluster\nname = 3"), None);
    }
}
