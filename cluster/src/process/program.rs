//! The program of a service's command: where it is, and whether this machine can run it, asked before
//! anything is started.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::guard;

/// Where execvp(3) looks when PATH is not set.
const PATH_DEFAULT: &str = "/bin:/usr/bin";

/// The file that the first word of `command` names, in this process's PATH where it has no slash.
///
/// # Errors
/// There is none, or it cannot be run by this user: one sentence.
pub fn program(command: &[String]) -> Result<PathBuf, String> {
    let word = command.first().ok_or("the command is empty")?;
    let own = guard::program().map_err(|error| format!("the path of this program is not known: {error}"))?;
    let word = word.replace("{accordion}", &own.to_string_lossy());
    found(&word, &env::var_os("PATH").unwrap_or_else(|| OsString::from(PATH_DEFAULT)))
}

fn found(word: &str, search: &OsString) -> Result<PathBuf, String> {
    let candidates = || -> Box<dyn Iterator<Item = PathBuf>> {
        if word.contains('/') {
            return Box::new(std::iter::once(PathBuf::from(word)));
        }
        Box::new(env::split_paths(search).map(|directory| directory.join(word)))
    };
    if let Some(path) = candidates().find(|path| is_executable(path)) {
        return Ok(path);
    }
    match candidates().find(|path| path.exists()) {
        Some(path) if path.is_dir() => Err(format!("{} is a directory", path.display())),
        Some(path) => Err(format!("{} is not executable for this user", path.display())),
        None if word.contains('/') => Err(format!("there is no {word}")),
        None => Err(format!("there is no {word:?} in PATH ({})", search.to_string_lossy())),
    }
}

fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_program_is_found_by_its_path_or_its_name_and_otherwise_it_is_said_why_not() {
        let place = tempfile::tempdir().unwrap();
        let file = |name: &str, mode| {
            let path = place.path().join(name);
            fs::write(&path, "#!/bin/sh\n").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        let (shopd, notes) = (file("shopd", 0o755), file("notes", 0o644));
        let search = OsString::from(format!("/nowhere:{}", place.path().display()));
        let found = |word: &str| found(word, &search);
        assert_eq!(found("shopd"), Ok(shopd.clone()));
        assert_eq!(found(&shopd.display().to_string()), Ok(shopd));
        let words = format!("{} is not executable for this user", notes.display());
        assert_eq!(found("notes").unwrap_err(), words);
        assert_eq!(found("/nowhere/shopd").unwrap_err(), "there is no /nowhere/shopd");
        assert!(found("blogd").unwrap_err().starts_with("there is no \"blogd\" in PATH (/nowhere:"));
        assert!(found("/").unwrap_err().contains("is a directory"));
    }
}
