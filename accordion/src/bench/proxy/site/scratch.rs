//! The files of a run: a directory that is gone with its owner, and what of it is shown in the report.

use std::env;
use std::fs::{self, DirBuilder};
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process;

use crate::bench::proxy::rows::Contestant;

/// The directory, and the configurations that were written into it.
pub(super) struct Scratch {
    path: PathBuf,
    kept: Vec<(String, String)>,
}

impl Scratch {
    /// An empty directory.
    pub(super) fn new() -> io::Result<Self> {
        let path = env::temp_dir().join(format!("accordion-bench-{}", process::id()));
        // Not where something is already: it may be somebody else's.
        DirBuilder::new().mode(0o755).create(&path)?;
        Ok(Self { path, kept: Vec::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// The configurations, each with the name of what it is for, in the order in which they came.
    pub(super) fn kept(&self) -> &[(String, String)] {
        &self.kept
    }

    /// A directory of its own for what serves at `target`.
    pub(super) fn directory_of(&self, name: &str, target: SocketAddr) -> io::Result<PathBuf> {
        let directory = self.path.join(format!("{name}-{}", target.ip()));
        fs::create_dir(&directory)?;
        Ok(directory)
    }

    /// Writes a configuration and answers its path; the first of that name is kept for the report.
    pub(super) fn write(&mut self, path: &Path, name: &str, text: String) -> io::Result<String> {
        fs::write(path, &text)?;
        let most = if name == Contestant::TwoHaproxies.key() { 2 } else { 1 };
        if self.kept.iter().filter(|(known, _)| known == name).count() < most {
            self.kept.push((name.to_owned(), text));
        }
        Ok(path.to_string_lossy().into_owned())
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What is left in the temporary directory is no reason to fail.
        let _ = fs::remove_dir_all(&self.path);
    }
}
