//! Why a copy of a service did not start: one sentence each that names the thing and the remedy.

use std::io;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::io::Errno;

use super::Spec;
use super::guarded::End;
use super::probe::{Miss, Probe};

/// How a program ends that did what it was asked to, or went on in the background.
const EXITED_WELL: &str = "exited with status 0";

/// Why a copy of a service did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartFault {
    /// Every port of the range is taken.
    #[error("service {service:?}: no port from {} to {} is free on {address}; widen ports in cluster.toml", ports.start(), ports.end())]
    NoFreePort {
        /// The service.
        service: String,
        /// Where a port was looked for.
        address: IpAddr,
        /// Which were tried.
        ports: RangeInclusive<u16>,
    },
    /// The address does not let us listen.
    #[error(
        "service {service:?} cannot listen on {address}: {error}; check the machine's address in cluster.toml"
    )]
    Address {
        /// The service.
        service: String,
        /// Where it was to listen.
        address: IpAddr,
        /// What the system says.
        error: io::Error,
    },
    /// That it runs cannot be noted for the daemon's next life.
    #[error(
        "service {service:?}: that it runs cannot be noted in {}: {error}; make the directory writable and look \
         for space on it", .directory.display()
    )]
    Note {
        /// The service.
        service: String,
        /// Where it was to be noted.
        directory: PathBuf,
        /// What the system says.
        error: io::Error,
    },
    /// The guard, which is this very program, could not be started.
    #[error(
        "service {service:?}: its guard process, which is this program again, could not be started: {error}; \
         check the limits of processes and open files (ulimit -u -n), and the memory"
    )]
    Guard {
        /// The service.
        service: String,
        /// What the system says.
        error: io::Error,
    },
    /// systemd was to start it as a unit of its own.
    #[error("service {service:?} was not started by systemd: {fault}")]
    Starter {
        /// The service.
        service: String,
        /// What the starter says, or why it says nothing.
        fault: String,
    },
    /// There is no such program.
    #[error("service {service:?}: the program {program:?} was not found; check command in cluster.toml")]
    NotFound {
        /// The service.
        service: String,
        /// The first word of its command.
        program: String,
    },
    /// The program is there and cannot be run.
    #[error(
        "service {service:?}: the program {program:?} cannot be run: {reason}; check command in cluster.toml"
    )]
    NotRun {
        /// The service.
        service: String,
        /// The first word of its command.
        program: String,
        /// What is wrong with it.
        reason: String,
    },
    /// It ended before it was ready.
    #[error("service {service:?} {how} before it was ready; {}", advice(how, words))]
    Exited {
        /// The service.
        service: String,
        /// "exited with status 1", "was killed by signal 9".
        how: String,
        /// What it wrote last; may be empty.
        words: String,
    },
    /// It was told to end before it was ready.
    #[error("service {service:?} was stopped before it was ready")]
    Stopped {
        /// The service.
        service: String,
    },
    /// Its guard was killed, and it with it.
    #[error(
        "service {service:?} lost its guard process before it was ready; see who killed it (the kernel's log \
         tells of a lack of memory)"
    )]
    GuardLost {
        /// The service.
        service: String,
    },
    /// It runs, and no probe was good in time.
    #[error(
        "service {service:?} was not ready within {} (last probe of {probe}: {miss}); check ready and start_timeout in cluster.toml",
        humantime::format_duration(*timeout)
    )]
    NotReady {
        /// The service.
        service: String,
        /// How long it had.
        timeout: Duration,
        /// What was probed.
        probe: String,
        /// What the last probe gave.
        miss: String,
    },
}

impl StartFault {
    /// No port was found.
    pub(super) fn port(spec: &Spec, error: io::Error) -> Self {
        let (service, address) = (spec.service.clone(), spec.address);
        match error.kind() {
            io::ErrorKind::AddrInUse => Self::NoFreePort { service, address, ports: spec.ports.clone() },
            _ => Self::Address { service, address, error },
        }
    }

    /// It could not be noted that it runs.
    pub(super) fn note(spec: &Spec, error: io::Error) -> Self {
        Self::Note { service: spec.service.clone(), directory: spec.notes.clone().unwrap_or_default(), error }
    }

    /// The main process ended, or never began.
    pub(super) fn end(spec: &Spec, end: End) -> Self {
        let service = spec.service.clone();
        match end {
            End::NotRun(number) => Self::not_run(spec, number),
            End::ByItself { how, words } => Self::Exited { service, how, words },
            End::Ordered => Self::Stopped { service },
            End::GuardLost => Self::GuardLost { service },
        }
    }

    /// No probe was good in time.
    pub(super) fn not_ready(spec: &Spec, probe: &Probe, miss: Option<Miss>) -> Self {
        Self::NotReady {
            service: spec.service.clone(),
            timeout: spec.start_timeout,
            probe: probe.to_string(),
            miss: miss.map_or_else(|| "no answer yet".to_owned(), |miss| miss.to_string()),
        }
    }

    fn not_run(spec: &Spec, number: i32) -> Self {
        let service = spec.service.clone();
        let program = spec.command.first().cloned().unwrap_or_default();
        // The system has no error of that number: what went wrong has none.
        if number == 0 {
            let reason = "the system does not say why; try it by hand".to_owned();
            return Self::NotRun { service, program, reason };
        }
        let is_missing = Errno::from_raw_os_error(number) == Errno::NOENT;
        if !is_missing {
            return Self::NotRun {
                service,
                program,
                reason: io::Error::from_raw_os_error(number).to_string(),
            };
        }
        // A script without its interpreter gives the same error as no script.
        if program.contains('/') && Path::new(&program).exists() {
            let reason = "the interpreter in its first line, or its loader, was not found".to_owned();
            return Self::NotRun { service, program, reason };
        }
        Self::NotFound { service, program }
    }
}

/// The last words, and what to do where they may not say it.
fn advice(how: &str, words: &str) -> String {
    let said =
        if words.is_empty() { "it wrote nothing".to_owned() } else { format!("its last words: {words:?}") };
    match (how, words) {
        (EXITED_WELL, _) => format!("{said}; command must stay in the foreground"),
        (_, "") => format!("{said}; try its command by hand"),
        (_, _) => said,
    }
}
