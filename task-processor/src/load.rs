//! How busy the machine and each service on it are, by sysinfo, once a second and away from the
//! requests. A service is its whole process tree: everything below its guard.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use sysinfo::{
    CpuRefreshKind, MemoryRefreshKind, Pid, ProcessRefreshKind, ProcessesToUpdate, RefreshKind, System,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::lease::LeaseId;

/// How often the machine is looked at: sysinfo's figures are means between two looks.
const EVERY: Duration = Duration::from_secs(1);

/// One look at the machine.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures {
    /// The machine.
    pub(crate) machine: MachineLoad,
    /// The services that ran, by their leases.
    pub(crate) services: HashMap<LeaseId, ServiceLoad>,
    /// When; since the first look.
    taken_at: Duration,
}

/// How busy the machine is.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct MachineLoad {
    /// Share of all CPUs in use, 0 to 1.
    pub(crate) cpu: f64,
    /// How many CPUs there are.
    pub(crate) cpus: u32,
    /// Bytes.
    pub(crate) memory_total: u64,
    /// Bytes that programs may still have.
    pub(crate) memory_available: u64,
}

/// How busy a service's processes are.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct ServiceLoad {
    /// CPUs in use since the look before; 1.0 is one CPU.
    pub(crate) cpu: f64,
    /// Resident bytes.
    pub(crate) memory: u64,
    /// CPU time since the lease's first look.
    cpu_time: Duration,
}

/// The mean since the last report of one lease.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Meter {
    cpu_time: Duration,
    at: Duration,
    last: f64,
}

/// The processes to look at: each lease with the root of its tree.
pub(crate) type Roots = Vec<(LeaseId, u32)>;

struct Sampler {
    system: System,
    began: Instant,
    taken_at: Duration,
    cpu_millis: HashMap<Pid, u64>,
    cpu_time: HashMap<LeaseId, Duration>,
}

impl Meter {
    /// CPUs used by the lease's service since this was last asked; again the same where nothing was
    /// looked at meanwhile.
    pub(crate) fn mean(&mut self, figures: &Figures, lease: &LeaseId) -> f64 {
        let Some(service) = figures.services.get(lease) else { return 0.0 };
        let elapsed = figures.taken_at.saturating_sub(self.at);
        if !elapsed.is_zero() {
            let used = service.cpu_time.saturating_sub(self.cpu_time);
            self.last =
                if self.at.is_zero() { service.cpu } else { used.as_secs_f64() / elapsed.as_secs_f64() };
            (self.at, self.cpu_time) = (figures.taken_at, service.cpu_time);
        }
        self.last
    }
}

/// Looks at the machine until `stop`. The figures are empty until the first look is done.
pub(crate) fn watch(
    roots: watch::Receiver<Roots>,
    stop: CancellationToken,
) -> (watch::Receiver<Figures>, JoinHandle<()>) {
    let (sender, receiver) = watch::channel(Figures::default());
    let task = tokio::spawn(async move {
        stop.run_until_cancelled(run(roots, sender)).await;
    });
    (receiver, task)
}

async fn run(roots: watch::Receiver<Roots>, figures: watch::Sender<Figures>) {
    let mut sampler = match Sampler::new() {
        Ok(sampler) => sampler,
        Err(fault) => {
            tracing::warn!(%fault, "this machine's load cannot be read; none will be reported");
            return;
        }
    };
    let mut ticks = tokio::time::interval(EVERY);
    ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let roots = roots.borrow().clone();
        let look = tokio::task::spawn_blocking(move || {
            let figures = sampler.look(&roots);
            (sampler, figures)
        });
        let Ok((returned, taken)) = look.await else { return };
        sampler = returned;
        figures.send_replace(taken);
    }
}

impl Sampler {
    fn new() -> Result<Self, sysinfo::Error> {
        let kinds = RefreshKind::nothing()
            .with_cpu(CpuRefreshKind::nothing().with_usage())
            .with_memory(MemoryRefreshKind::nothing().with_ram());
        Ok(Self {
            system: System::new_with_specifics(kinds)?,
            began: Instant::now(),
            taken_at: Duration::ZERO,
            cpu_millis: HashMap::new(),
            cpu_time: HashMap::new(),
        })
    }

    fn look(&mut self, roots: &Roots) -> Figures {
        self.system.refresh_cpu_usage();
        self.system.refresh_memory();
        let before = std::mem::replace(&mut self.taken_at, self.began.elapsed());
        let elapsed = self.taken_at.saturating_sub(before);
        let machine = MachineLoad {
            cpu: f64::from(self.system.global_cpu_usage() / 100.0).clamp(0.0, 1.0),
            cpus: u32::try_from(self.system.cpus().len()).unwrap_or(u32::MAX),
            memory_total: self.system.total_memory(),
            memory_available: self.system.available_memory(),
        };
        let services = if roots.is_empty() { HashMap::new() } else { self.services(roots, elapsed) };
        self.cpu_time.retain(|lease, _| services.contains_key(lease));
        Figures { machine, services, taken_at: self.taken_at }
    }

    fn services(&mut self, roots: &Roots, elapsed: Duration) -> HashMap<LeaseId, ServiceLoad> {
        let kinds = ProcessRefreshKind::nothing().with_cpu().with_memory().without_tasks();
        self.system.refresh_processes_specifics(ProcessesToUpdate::All, true, kinds);
        let children = self.children();
        let mut seen = HashMap::new();
        let mut services = HashMap::new();
        for (lease, root) in roots {
            let (millis, memory) = self.tree(Pid::from_u32(*root), &children, &mut seen);
            let used = Duration::from_millis(millis);
            let cpu_time = self.cpu_time.entry(lease.clone()).or_default();
            *cpu_time += used;
            let cpu = if elapsed.is_zero() { 0.0 } else { used.as_secs_f64() / elapsed.as_secs_f64() };
            services.insert(lease.clone(), ServiceLoad { cpu, memory, cpu_time: *cpu_time });
        }
        self.cpu_millis = seen;
        services
    }

    fn children(&self) -> HashMap<Pid, Vec<Pid>> {
        let mut children: HashMap<Pid, Vec<Pid>> = HashMap::new();
        for (pid, process) in self.system.processes() {
            if let Some(parent) = process.parent() {
                children.entry(parent).or_default().push(*pid);
            }
        }
        children
    }

    /// CPU milliseconds since the look before and resident bytes of everything below the root.
    fn tree(&self, root: Pid, children: &HashMap<Pid, Vec<Pid>>, seen: &mut HashMap<Pid, u64>) -> (u64, u64) {
        let (mut millis, mut memory) = (0, 0);
        let mut rest: Vec<Pid> = children.get(&root).cloned().unwrap_or_default();
        while let Some(pid) = rest.pop() {
            let Some(process) = self.system.process(pid) else { continue };
            let total = process.accumulated_cpu_time();
            if seen.insert(pid, total).is_some() {
                continue;
            }
            millis += total.saturating_sub(self.cpu_millis.get(&pid).copied().unwrap_or_default());
            memory += process.memory();
            rest.extend(children.get(&pid).into_iter().flatten());
        }
        (millis, memory)
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    fn lease() -> LeaseId {
        LeaseId("l".to_owned())
    }

    #[test]
    fn a_tree_is_measured_and_the_root_itself_is_not() {
        // This test's process is the root, so that only what it starts counts.
        let mut child =
            Command::new("sh").args(["-c", "while :; do :; done"]).stdout(Stdio::null()).spawn().unwrap();
        let mut sampler = Sampler::new().unwrap();
        let roots = vec![(lease(), std::process::id())];
        let deadline = Instant::now() + Duration::from_secs(20);
        let load = loop {
            let load = sampler.look(&roots).services[&lease()];
            if load.cpu_time > Duration::from_millis(50) || Instant::now() > deadline {
                break load;
            }
            std::thread::sleep(Duration::from_millis(20));
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(load.cpu_time > Duration::from_millis(50) && load.memory > 0, "{load:?}");
    }

    #[test]
    fn the_machine_has_cpus_and_memory() {
        let machine = Sampler::new().unwrap().look(&Vec::new()).machine;
        assert!(machine.cpus >= 1 && machine.memory_total >= machine.memory_available, "{machine:?}");
        assert!((0.0..=1.0).contains(&machine.cpu));
    }

    #[test]
    fn a_report_is_the_mean_since_the_one_before() {
        let figures = |at: u64, cpu_time: u64| Figures {
            services: [(
                lease(),
                ServiceLoad { cpu: 9.0, memory: 0, cpu_time: Duration::from_millis(cpu_time) },
            )]
            .into(),
            taken_at: Duration::from_secs(at),
            ..Figures::default()
        };
        let mut meter = Meter::default();
        meter.mean(&figures(1, 1000), &lease());
        assert!((meter.mean(&figures(4, 2500), &lease()) - 0.5).abs() < 1e-9);
        // Asked again before the next look, it says the same.
        assert!((meter.mean(&figures(4, 2500), &lease()) - 0.5).abs() < 1e-9);
    }
}
