//! What a node must remember beyond its own life: the last epoch it gave out, and whether an
//! operator drained it. One small text file in the state directory, replaced whole and synced, so
//! that a power cut leaves the old one or the new one. Leases and services are not kept.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

/// What is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Saved {
    /// The highest epoch that was given out; 0: none yet.
    pub(crate) epoch: u64,
    /// Whether an operator drained the node.
    pub(crate) maintenance: bool,
}

/// Where it is kept.
#[derive(Debug, Clone)]
pub(crate) struct StateFile {
    path: PathBuf,
}

/// Why it could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum StateFault {
    /// The file is there and cannot be read.
    #[error("cannot read the saved epoch in {}: {source}; make the file readable for this user", .path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The file is not one of ours.
    #[error(
        "the saved epoch in {} cannot be understood: {what}; restore the file, or delete it once no front end \
         holds a lease on this node", .path.display()
    )]
    Garbage {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// The file cannot be replaced.
    #[error("cannot save the epoch in {}: {source}; make the directory writable and look for space on it", .path.display())]
    Unwritable {
        /// Which file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

impl StateFile {
    /// The file at `path`, which need not exist yet.
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path }
    }

    /// What was saved last; nothing where there is no file yet.
    ///
    /// # Errors
    /// When there is a file that cannot be read or understood: to begin at 0 again could give an epoch twice.
    pub(crate) fn read(&self) -> Result<Saved, StateFault> {
        match fs::read_to_string(&self.path) {
            Ok(text) => parse(&text).map_err(|what| StateFault::Garbage { path: self.path.clone(), what }),
            Err(fault) if fault.kind() == io::ErrorKind::NotFound => Ok(Saved::default()),
            Err(source) => Err(StateFault::Unreadable { path: self.path.clone(), source }),
        }
    }

    /// Replaces what was saved; when it returns, the new values are on disk.
    ///
    /// # Errors
    /// When the system refuses; the old file then stays.
    pub(crate) fn write(&self, saved: Saved) -> Result<(), StateFault> {
        self.replace(saved).map_err(|source| StateFault::Unwritable { path: self.path.clone(), source })
    }

    fn replace(&self, saved: Saved) -> io::Result<()> {
        let new = self.path.with_extension("new");
        let mut file = File::create(&new)?;
        writeln!(file, "epoch = {}\nmaintenance = {}", saved.epoch, saved.maintenance)?;
        file.sync_all()?;
        fs::rename(&new, &self.path)?;
        File::open(self.path.parent().unwrap_or(Path::new(".")))?.sync_all()
    }
}

fn parse(text: &str) -> Result<Saved, String> {
    let (mut epoch, mut maintenance) = (None, None);
    for line in text.lines() {
        let (key, value) = line.split_once(" = ").ok_or_else(|| format!("{line:?} is no `key = value`"))?;
        match key {
            "epoch" if epoch.is_none() => {
                epoch = Some(value.parse().map_err(|_| format!("epoch {value:?} is no number"))?);
            }
            "maintenance" if maintenance.is_none() => {
                maintenance = Some(
                    value.parse().map_err(|_| format!("maintenance {value:?} is neither true nor false"))?,
                );
            }
            _ => return Err(format!("{line:?} does not belong there")),
        }
    }
    match (epoch, maintenance) {
        (Some(epoch), Some(maintenance)) => Ok(Saved { epoch, maintenance }),
        (None, _) => Err("the epoch is missing".to_owned()),
        (Some(_), None) => Err("the maintenance flag is missing".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file() -> (tempfile::TempDir, StateFile) {
        let directory = tempfile::tempdir().unwrap();
        let file = StateFile::new(directory.path().join("task-processor-c1.state"));
        (directory, file)
    }

    #[test]
    fn a_missing_file_means_that_no_epoch_was_given_yet() {
        let (_directory, file) = file();
        assert_eq!(file.read().unwrap(), Saved { epoch: 0, maintenance: false });
    }

    #[test]
    fn what_was_written_is_read_back() {
        let (_directory, file) = file();
        for saved in [Saved { epoch: 7, maintenance: true }, Saved { epoch: u64::MAX, maintenance: false }] {
            file.write(saved).unwrap();
            assert_eq!(file.read().unwrap(), saved);
        }
    }

    #[test]
    fn a_file_that_is_not_ours_is_never_taken_for_zero() {
        let (directory, file) = file();
        for garbage in [
            "",
            "epoch = 3\n",
            "epoch = 3\nepoch = 4\nmaintenance = true\n",
            "epoch = -1\nmaintenance = true\n",
            "\0\0",
        ] {
            fs::write(directory.path().join("task-processor-c1.state"), garbage).unwrap();
            let fault = file.read().unwrap_err().to_string();
            assert!(fault.contains("task-processor-c1.state") && fault.contains("delete it"), "{fault}");
        }
    }

    #[test]
    fn a_directory_that_is_gone_is_named_when_saving() {
        let (directory, file) = file();
        drop(directory);
        let fault = file.write(Saved::default()).unwrap_err().to_string();
        assert!(fault.contains("task-processor-c1.state"), "{fault}");
    }
}
