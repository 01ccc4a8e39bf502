//! The programs of others that a run needs: where they are, which version, in which package, and how to read
//! the numbers they say.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A program, and the Debian package that has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tool {
    pub(super) name: &'static str,
    package: &'static str,
    /// What makes it tell its version.
    version: &'static str,
}

// All that any benchmark uses.
pub(super) const NGINX: Tool = Tool { name: "nginx", package: "nginx", version: "-v" };
pub(super) const HAPROXY: Tool = Tool { name: "haproxy", package: "haproxy", version: "-v" };
pub(super) const WRK: Tool = Tool { name: "wrk", package: "wrk", version: "-v" };
pub(super) const AB: Tool = Tool { name: "ab", package: "apache2-utils", version: "-V" };
pub(super) const HTTPERF: Tool = Tool { name: "httperf", package: "httperf", version: "-V" };
pub(super) const SLOWHTTPTEST: Tool = Tool { name: "slowhttptest", package: "slowhttptest", version: "-h" };
pub(super) const TASKSET: Tool = Tool { name: "taskset", package: "util-linux", version: "-V" };
pub(super) const IP: Tool = Tool { name: "ip", package: "iproute2", version: "-V" };
pub(super) const TC: Tool = Tool { name: "tc", package: "iproute2", version: "-V" };

/// Where programs are that only root has in its PATH.
const MORE_PLACES: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Whether all these are there; otherwise one sentence that names the missing ones and their packages.
pub(super) fn check(tools: &[Tool]) -> Result<(), String> {
    let missing: Vec<Tool> = tools.iter().copied().filter(|tool| path(tool.name).is_none()).collect();
    if missing.is_empty() { Ok(()) } else { Err(sentence(&missing)) }
}

/// The program of that name, or just the name where there is none.
pub(super) fn program(name: &str) -> String {
    path(name).map_or_else(|| name.to_owned(), |path| path.to_string_lossy().into_owned())
}

/// The first line with words in it of what each says of itself.
pub(super) fn versions(tools: &[Tool]) -> Vec<String> {
    tools.iter().map(|tool| format!("{}: {}", tool.name, version(tool))).collect()
}

/// The number that these words of a tool begin with.
pub(super) fn number(text: &str) -> Option<f64> {
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
    text[..end].parse().ok()
}

fn path(name: &str) -> Option<PathBuf> {
    let places = env::var_os("PATH").unwrap_or_default();
    let mut all = env::split_paths(&places).chain(MORE_PLACES.map(PathBuf::from));
    all.find_map(|place| Some(place.join(name)).filter(|path| is_program(path)))
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

fn version(tool: &Tool) -> String {
    let Ok(output) = Command::new(program(tool.name)).arg(tool.version).output() else {
        return "does not run".to_owned();
    };
    // Some say it on stderr, and httperf says other things there.
    let said = [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    let mut lines = said.iter().flat_map(|said| said.lines()).filter(|line| !line.trim().is_empty());
    lines.next().unwrap_or("says nothing").to_owned()
}

fn sentence(missing: &[Tool]) -> String {
    let names: Vec<_> = missing.iter().map(|tool| tool.name).collect();
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    format!("not found: {}; install with: apt install {}", names.join(", "), packages.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_is_missing_is_named_at_once_with_its_package() {
        let expected = "not found: wrk, ab; install with: apt install wrk apache2-utils";
        assert_eq!(sentence(&[WRK, AB]), expected);
    }

    #[test]
    fn the_tool_of_slow_clients_is_named_with_its_package() {
        assert_eq!(
            sentence(&[SLOWHTTPTEST]),
            "not found: slowhttptest; install with: apt install slowhttptest"
        );
    }

    #[test]
    fn a_program_is_found_and_a_word_that_is_none_is_not() {
        assert!(path("sh").is_some());
        assert_eq!(path("no such program"), None);
    }
}
