//! Where a run is kept. By default in a folder of its own: one that took two hours is not written over by a quick one.

use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use anyhow::Context;

/// What a folder has that a run is kept in.
const REPORT: &str = "report.html";

/// That folder, or the first one by today's name that has no report yet; made, and seen to be writable.
///
/// # Errors
/// It cannot be written to.
pub(super) fn kept_apart(wanted: Option<&Path>, cpus: usize) -> anyhow::Result<PathBuf> {
    let free = || first_free(&of_today(cpus), |folder| folder.join(REPORT).exists());
    let folder = wanted.map_or_else(free, Path::to_owned);
    let probe = folder.join(".probe");
    fs::create_dir_all(&folder)
        .and_then(|()| fs::write(&probe, ""))
        .and_then(|()| fs::remove_file(&probe))
        .with_context(|| {
        format!("nothing can be kept in {}: choose another folder with --out", folder.display())
    })?;
    Ok(folder)
}

/// Takes it away again if nothing was kept in it.
pub(super) fn leave(folder: &Path) {
    // One that has files stays.
    let _ = fs::remove_dir(folder);
}

/// Like 2026-11-21.
pub(super) fn today() -> String {
    let now = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    now.split('T').next().unwrap_or_default().to_owned()
}

/// That of a machine with so many CPUs.
pub(super) fn of_today(cpus: usize) -> PathBuf {
    PathBuf::from(format!("e2e/runs/{}-{cpus}cpu-{}", today(), env::consts::ARCH))
}

/// It, or it with a number from 2 on.
fn first_free(folder: &Path, is_taken: impl Fn(&Path) -> bool) -> PathBuf {
    let numbered = (2..).map(|number| PathBuf::from(format!("{}-{number}", folder.display())));
    let mut all = std::iter::once(folder.to_owned()).chain(numbered);
    all.find(|folder| !is_taken(folder)).expect("the numbers do not end")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_that_was_kept_is_not_written_over() {
        assert_eq!(first_free(Path::new("runs/a"), |_| false), Path::new("runs/a"));
        let taken = ["runs/a", "runs/a-2"];
        assert_eq!(
            first_free(Path::new("runs/a"), |folder| taken.iter().any(|one| folder == Path::new(one))),
            Path::new("runs/a-3")
        );
    }

    #[test]
    fn a_folder_that_cannot_be_written_to_is_told_before_anything_is_measured() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let fault = kept_apart(Some(&file.path().join("below")), 2).unwrap_err().to_string();
        assert!(fault.contains("choose another folder with --out"), "{fault}");
    }

    #[test]
    fn a_folder_in_which_nothing_was_kept_goes_and_another_one_stays() {
        let place = tempfile::tempdir().unwrap();
        let folder = kept_apart(Some(&place.path().join("a")), 2).unwrap();
        leave(&folder);
        assert!(!folder.exists());
        let folder = kept_apart(Some(&place.path().join("b")), 2).unwrap();
        fs::write(folder.join(REPORT), "").unwrap();
        leave(&folder);
        assert!(folder.exists());
    }
}
