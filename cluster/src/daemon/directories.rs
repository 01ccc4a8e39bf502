//! Where a daemon's files are: sockets in the runtime directory, what must survive it in the state
//! directory. Each is joined with the cluster's name, so that clusters do not meet.

use std::env;
use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use super::DaemonArgs;
use crate::config::Cluster;

/// Sockets are for the group as well; state is nobody else's business.
const RUNTIME_MODE: u32 = 0o750;
const STATE_MODE: u32 = 0o700;

/// The directories of one daemon of one cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Directories {
    /// For Unix sockets; gone after a reboot.
    pub runtime: PathBuf,
    /// For what must survive the daemon.
    pub state: PathBuf,
}

/// What the system says about the process, apart from it so that tests can make it up.
struct Surroundings<'a> {
    variable: &'a dyn Fn(&str) -> Option<OsString>,
    uid: u32,
}

impl Directories {
    /// Where they are, for whoever only asks the daemons: it must not make them, for they would be its own and
    /// not the daemons'. In this order: the argument, what systemd says, cluster.toml, the system's place for
    /// root, the XDG place for anybody else.
    pub(super) fn find(args: &DaemonArgs, cluster: &Cluster) -> io::Result<Self> {
        let uid = rustix::process::geteuid().as_raw();
        let surroundings = Surroundings { variable: &|name| env::var_os(name), uid };
        let state =
            surroundings.state(args.state_dir.as_deref(), cluster.state_dir.as_deref()).ok_or_else(|| {
                io::Error::new(ErrorKind::NotFound, "HOME is not set: say where with --state-dir")
            })?;
        let runtime = Self::find_runtime(args, &cluster.name, cluster.runtime_dir.as_deref())?;
        Ok(Self { runtime, state: state.join(&cluster.name) })
    }

    /// The runtime directory of the cluster of that name.
    pub(super) fn find_runtime(
        args: &DaemonArgs,
        name: &str,
        configured: Option<&Path>,
    ) -> io::Result<PathBuf> {
        let uid = rustix::process::geteuid().as_raw();
        let surroundings = Surroundings { variable: &|name| env::var_os(name), uid };
        let runtime = surroundings.runtime(args.runtime_dir.as_deref(), configured);
        if runtime == surroundings.shared_runtime() {
            refuse_strange(&runtime, uid)?;
        }
        Ok(runtime.join(name))
    }

    /// The same, made where they are missing.
    pub(super) fn make(args: &DaemonArgs, cluster: &Cluster) -> io::Result<Self> {
        let directories = Self::find(args, cluster)?;
        let uid = rustix::process::geteuid().as_raw();
        let shared = shared_runtime(uid);
        if directories.runtime.starts_with(&shared) {
            make(&shared, STATE_MODE)?;
            // Somebody may have been quicker than the look above.
            refuse_strange(&shared, uid)?;
        }
        make(&directories.runtime, RUNTIME_MODE)?;
        make(&directories.state, STATE_MODE)?;
        Ok(directories)
    }

    /// Where the service's service-manager listens for gRPC.
    pub fn service_manager_socket(&self, service: &str) -> PathBuf {
        self.runtime.join(format!("{service}.service-manager.sock"))
    }

    /// Where the service's load-manager listens for gRPC.
    pub fn load_manager_socket(&self, service: &str) -> PathBuf {
        self.runtime.join(format!("{service}.load-manager.sock"))
    }

    /// Where the node's task-processor hears what is asked of it on its own machine.
    pub fn task_processor_socket(&self, node: &str) -> PathBuf {
        self.runtime.join(format!("{node}.task-processor.sock"))
    }

    /// The file of that name in the state directory.
    pub fn state_file(&self, name: &str) -> PathBuf {
        self.state.join(name)
    }
}

impl Surroundings<'_> {
    fn runtime(&self, argument: Option<&Path>, configured: Option<&Path>) -> PathBuf {
        self.chosen(argument, "RUNTIME_DIRECTORY", configured, "/run/accordion")
            .or_else(|| self.under("XDG_RUNTIME_DIR", "accordion"))
            .unwrap_or_else(|| self.shared_runtime())
    }

    fn state(&self, argument: Option<&Path>, configured: Option<&Path>) -> Option<PathBuf> {
        self.chosen(argument, "STATE_DIRECTORY", configured, "/var/lib/accordion")
            .or_else(|| self.under("XDG_STATE_HOME", "accordion"))
            .or_else(|| self.under("HOME", ".local/state/accordion"))
    }

    fn shared_runtime(&self) -> PathBuf {
        shared_runtime(self.uid)
    }

    fn chosen(
        &self,
        argument: Option<&Path>,
        systemd: &str,
        configured: Option<&Path>,
        of_root: &str,
    ) -> Option<PathBuf> {
        argument
            .map(Path::to_owned)
            .or_else(|| self.first_of(systemd))
            .or_else(|| configured.map(Path::to_owned))
            .or_else(|| (self.uid == 0).then(|| PathBuf::from(of_root)))
    }

    /// The first directory in a list that systemd may have written with colons.
    fn first_of(&self, variable: &str) -> Option<PathBuf> {
        env::split_paths(&(self.variable)(variable)?).find(|path| path.is_absolute())
    }

    fn under(&self, variable: &str, rest: &str) -> Option<PathBuf> {
        Some(PathBuf::from((self.variable)(variable)?))
            .filter(|path| path.is_absolute())
            .map(|path| path.join(rest))
    }
}

fn make(path: &Path, mode: u32) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(mode).create(path).map_err(|error| {
        let text = format!(
            "cannot make the directory {}: {error}; check runtime_dir and state_dir in cluster.toml, or say where with --runtime-dir and --state-dir",
            path.display()
        );
        io::Error::new(error.kind(), text)
    })
}

/// The last resort, in a directory where anybody may put anything.
fn shared_runtime(uid: u32) -> PathBuf {
    PathBuf::from(format!("/tmp/accordion-{uid}"))
}

/// Refuses a directory among everybody's files that somebody else made.
fn refuse_strange(path: &Path, uid: u32) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        Ok(metadata) if metadata.is_dir() && metadata.uid() == uid => Ok(()),
        Err(error) => Err(error),
        Ok(_) => {
            let text =
                format!("{} belongs to somebody else; say another place with --runtime-dir", path.display());
            Err(io::Error::new(ErrorKind::PermissionDenied, text))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;
    use std::path::{Path, PathBuf};

    use super::Surroundings;

    /// The runtime and the state directory, with these variables and nothing said.
    fn places(uid: u32, variables: &[(&str, &str)]) -> (PathBuf, Option<PathBuf>) {
        said(uid, variables, None, None)
    }

    fn said(
        uid: u32,
        variables: &[(&str, &str)],
        argument: Option<&str>,
        configured: Option<&str>,
    ) -> (PathBuf, Option<PathBuf>) {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| OsString::from(value))
        };
        let surroundings = Surroundings { variable: &variable, uid };
        let (argument, configured) = (argument.map(Path::new), configured.map(Path::new));
        (surroundings.runtime(argument, configured), surroundings.state(argument, configured))
    }

    #[test]
    fn root_has_the_places_of_the_system() {
        let (runtime, state) = places(0, &[("XDG_RUNTIME_DIR", "/run/user/0"), ("HOME", "/root")]);
        assert_eq!(runtime, Path::new("/run/accordion"));
        assert_eq!(state.as_deref(), Some(Path::new("/var/lib/accordion")));
    }

    #[test]
    fn anybody_else_has_the_places_of_xdg_or_the_last_resort() {
        let (runtime, state) = places(7, &[("XDG_RUNTIME_DIR", "/run/user/7"), ("XDG_STATE_HOME", "/state")]);
        assert_eq!(runtime, Path::new("/run/user/7/accordion"));
        assert_eq!(state.as_deref(), Some(Path::new("/state/accordion")));
        let (runtime, state) = places(7, &[("HOME", "/home/u")]);
        assert_eq!(runtime, Path::new("/tmp/accordion-7"));
        assert_eq!(state.as_deref(), Some(Path::new("/home/u/.local/state/accordion")));
        assert_eq!(places(7, &[]).1, None);
    }

    #[test]
    fn the_argument_wins_over_systemd_and_systemd_over_the_file() {
        let systemd = [("RUNTIME_DIRECTORY", "/run/a:/run/b"), ("STATE_DIRECTORY", "/var/lib/a")];
        let runtime = |variables, argument| said(0, variables, argument, Some("/file")).0;
        assert_eq!(runtime(&systemd, Some("/argument")), Path::new("/argument"));
        assert_eq!(runtime(&systemd, None), Path::new("/run/a"));
        assert_eq!(runtime(&[], None), Path::new("/file"));
    }
}
