//! One running copy of a service: a port for it, its start under a guard, below us or as a unit of systemd's, the
//! probes that say whether it may be sent requests, and its end.
//!
//! What happens in the guard's own process is `guard`.

mod fault;
mod guarded;
mod holder;
mod leftover;
mod note;
mod pipes;
mod port;
mod probe;
mod prober;
mod program;
mod started;
mod unit;
mod words;

use std::future::pending;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::task::AbortOnDropHandle;
use tracing::info;

use crate::config::{self, DataPath};
use crate::guard;

pub use fault::StartFault;
use guarded::{End, Guarded, Life};
pub use leftover::{Leftover, leftovers};
use note::Note;
use port::Port;
use probe::Probe;
pub use program::program;
pub(crate) use unit::STARTER_VARIABLE;
pub use unit::{does_not_apply, tell_what_does_not_apply, use_starter};

/// Between two probes of a copy that is starting (design section 4).
const START_PROBE_PERIOD: Duration = Duration::from_millis(20);

/// What to run, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// The service's name, for words.
    pub service: String,
    /// The program and its arguments, with `{port}`, `{address}` and `{accordion}` still in it.
    pub command: Vec<String>,
    /// Where it is to listen.
    pub address: IpAddr,
    /// Where its port comes from.
    pub ports: RangeInclusive<u16>,
    /// The path whose GET answers 2xx when it may be sent requests; `None`: a TCP connect.
    pub ready: Option<String>,
    /// From its start to its first good probe.
    pub start_timeout: Duration,
    /// From SIGTERM to SIGKILL.
    pub stop_timeout: Duration,
    /// The directory in which it is noted that it runs, for `leftovers`; `None`: it is not noted.
    pub notes: Option<PathBuf>,
}

/// A copy of a service that has been ready. Dropped, it is ended by its guard: SIGTERM, SIGKILL
/// after 2 s, every process of it; nobody waits for that.
#[derive(Debug)]
pub struct Instance {
    port: Port,
    pid: u32,
    start_time: Duration,
    stop_timeout: Duration,
    guarded: Guarded,
    ready: watch::Receiver<bool>,
    _prober: AbortOnDropHandle<()>,
}

impl Spec {
    /// What a front end of that address runs for a service. The copy listens on the loopback, for
    /// only its daemon talks to it: on the machine's own address where that is one, so that
    /// several machines can be played on one.
    pub fn at_front_end(service: &config::Service, machine: IpAddr) -> Self {
        let address = if machine.is_loopback() { machine } else { Ipv4Addr::LOCALHOST.into() };
        Self::at(service, address)
    }

    /// What a node of that address runs for a service. As at the front end, but where the front end
    /// sends requests straight to the copy, it listens on the node's own address.
    pub fn on_node(service: &config::Service, machine: IpAddr) -> Self {
        match service.path {
            DataPath::Relayed => Self::at_front_end(service, machine),
            DataPath::Direct => Self::at(service, machine),
        }
    }

    pub(crate) fn at(service: &config::Service, address: IpAddr) -> Self {
        Self {
            service: service.name.clone(),
            command: service.command.clone(),
            address,
            ports: service.ports.clone(),
            ready: service.ready.clone(),
            start_timeout: service.start_timeout,
            stop_timeout: service.stop_timeout,
            notes: None,
        }
    }

    /// The command for this address, with nothing left to fill in.
    pub(crate) fn command_for(&self, address: SocketAddr) -> io::Result<Vec<String>> {
        let accordion = guard::program()?;
        let fill = |piece: &str| {
            piece
                .replace("{port}", &address.port().to_string())
                .replace("{address}", &address.ip().to_string())
                .replace("{accordion}", &accordion.to_string_lossy())
        };
        // Behind a dollar sign it is a variable of the command's own.
        let word = |word: &String| word.split("${").map(fill).collect::<Vec<_>>().join("${");
        Ok(self.command.iter().map(word).collect())
    }
}

impl Instance {
    /// Starts a copy under a guard and answers at its first good probe.
    ///
    /// # Errors
    /// It cannot be started, ends, or is not ready in time; nothing of it is left then.
    pub async fn start(spec: Spec) -> Result<Self, StartFault> {
        Self::start_unless(spec, pending()).await
    }

    /// As `start`, and gives up once `unwanted` answers.
    ///
    /// # Errors
    /// As `start`, also when it was given up; nothing of it is left then.
    pub async fn start_unless(spec: Spec, unwanted: impl Future<Output = ()>) -> Result<Self, StartFault> {
        let began = Instant::now();
        // Held until nothing of the copy is left.
        let port = port::free(spec.address, &spec.ports).map_err(|error| StartFault::port(&spec, error))?;
        let address = port.socket();
        let unit_of = unit::starter().map(|_| spec.service.as_str());
        let note = spec.notes.as_deref().map(|directory| Note::leave(directory, address, unit_of));
        let note = note.transpose().map_err(|error| StartFault::note(&spec, error))?;
        let guarded = Guarded::start(&spec, address, note).await?;
        let probe = Probe::new(address, spec.ready.clone());
        let became = tokio::select! {
            became = become_ready(&spec, &guarded, &probe, began + spec.start_timeout) => became,
            () = unwanted => Err(StartFault::end(&spec, End::Ordered)),
        };
        let pid = match became {
            Ok(pid) => pid,
            Err(fault) => {
                guarded.end(spec.stop_timeout).await;
                return Err(fault);
            }
        };
        let start_time = began.elapsed();
        let start_ms = start_time.as_secs_f64() * 1e3;
        info!(service = spec.service, %address, pid, start_ms, "service is ready");
        let (ready_out, ready) = watch::channel(true);
        let probing = prober::watch_over(spec.service, probe, guarded.life(), ready_out);
        let prober = AbortOnDropHandle::new(tokio::spawn(probing));
        Ok(Self { port, pid, start_time, stop_timeout: spec.stop_timeout, guarded, ready, _prober: prober })
    }

    /// Where the service listens.
    pub fn address(&self) -> SocketAddr {
        self.port.socket()
    }

    /// The service's main process.
    pub fn pid(&self) -> u32 {
        self.pid
    }

    /// The guard: every process of the service is below it.
    pub fn guard_pid(&self) -> u32 {
        self.guarded.pid()
    }

    /// From the start to the first good probe.
    pub fn start_time(&self) -> Duration {
        self.start_time
    }

    /// Whether it may be sent requests: probed each second, and changed by three opposite results
    /// in a row, or by its end.
    pub fn ready(&self) -> watch::Receiver<bool> {
        self.ready.clone()
    }

    /// How the main process ended, once it has ended without being told to.
    pub fn exited(&self) -> watch::Receiver<Option<String>> {
        self.guarded.exited()
    }

    /// Ends it: SIGTERM to every process of it, SIGKILL to what is left after the stop timeout.
    /// Answers when none is left; may be called again, and by several at once.
    pub async fn stop(&self) {
        self.guarded.end(self.stop_timeout).await;
    }
}

/// Waits for the first good probe; answers the main process's number.
async fn become_ready(
    spec: &Spec,
    guarded: &Guarded,
    probe: &Probe,
    until: Instant,
) -> Result<u32, StartFault> {
    let mut life = guarded.life();
    let mut last_miss = None;
    let mut ticks = interval(START_PROBE_PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let ask = async {
            ticks.tick().await;
            probe.once().await
        };
        tokio::select! {
            biased;
            end = ended(&mut life) => return Err(StartFault::end(spec, end)),
            () = sleep_until(until) => return Err(StartFault::not_ready(spec, probe, last_miss)),
            answer = ask => match answer {
                Ok(()) => break,
                Err(miss) => last_miss = Some(miss),
            },
        }
    }
    match life.wait_for(|life| *life != Life::Starting).await.as_deref() {
        Ok(Life::Running { pid }) => Ok(*pid),
        // Another program answered on the port while ours ended.
        Ok(Life::Ended(end) | Life::Gone(end)) => Err(StartFault::end(spec, end.clone())),
        Ok(Life::Starting) | Err(_) => Err(StartFault::end(spec, End::GuardLost)),
    }
}

/// Answers when the main process has ended, with how.
async fn ended(life: &mut watch::Receiver<Life>) -> End {
    match life.wait_for(|life| matches!(life, Life::Ended(_) | Life::Gone(_))).await.as_deref() {
        Ok(Life::Ended(end) | Life::Gone(end)) => end.clone(),
        Ok(Life::Starting | Life::Running { .. }) | Err(_) => End::GuardLost,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Where a copy is to listen at a front end of that address, and on such a node.
    fn addresses(path: &str, machine: &str) -> [String; 2] {
        let text = format!(
            "[cluster]\nname = \"t\"\n[service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\n\
             command = [\"x\", \"{{address}}:{{port}}\"]\ncapacity = 8\npath = {path:?}\n"
        );
        let service = config::parse("cluster.toml", &text).unwrap().services.remove(0);
        let machine = machine.parse().unwrap();
        [Spec::at_front_end(&service, machine), Spec::on_node(&service, machine)]
            .map(|spec| spec.address.to_string())
    }

    #[test]
    fn a_copy_listens_on_the_loopback_but_on_a_node_whose_requests_come_straight() {
        assert_eq!(addresses("relayed", "10.0.0.11"), ["127.0.0.1", "127.0.0.1"]);
        assert_eq!(addresses("relayed", "127.0.0.11"), ["127.0.0.11", "127.0.0.11"]);
        assert_eq!(addresses("direct", "10.0.0.11"), ["127.0.0.1", "10.0.0.11"]);
        assert_eq!(addresses("direct", "127.0.0.11"), ["127.0.0.11", "127.0.0.11"]);
    }
}
