//! The load-manager under test, a process of its own with the pool and the front end around it, and what it
//! takes of the machine.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::front::Front;
use crate::pool::{Pool, SLOTS};

const PROGRAM: &str = env!("CARGO_BIN_EXE_e2e-accordion");

/// The service under test, and the name of the cluster.
pub(crate) const SERVICE: &str = "shop";
const CLUSTER: &str = "scale";

/// So many requests in flight are 0.6 of what 500 nodes of this K take: all of them are wanted.
pub(crate) const CAPACITY: u32 = 165;

/// Clock ticks of /proc/PID/stat in a second (USER_HZ), on every architecture that Debian runs on.
const TICKS_PER_SECOND: u32 = 100;

/// A load-manager that runs; killed when it is dropped.
pub(crate) struct Daemon {
    process: Child,
    /// The nodes that it borrows.
    pub(crate) pool: Pool,
    /// Its front end.
    pub(crate) front: Front,
    directory: TempDir,
}

/// What it has used and done up to a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reading {
    at: Instant,
    cpu: Duration,
    renewed: u64,
    granted: u64,
    released: u64,
    lists: u64,
}

/// What it used and did between two moments.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Use {
    /// How long that was.
    pub(crate) time: Duration,
    /// CPU time against it, in percent of one core.
    pub(crate) cpu_percent: f64,
    /// Renewals a second.
    pub(crate) renewals: f64,
    /// Nodes that it was granted.
    pub(crate) granted: u64,
    /// Nodes that it gave back.
    pub(crate) released: u64,
    /// Lists that the front end put in force.
    pub(crate) lists: u64,
}

/// Resident memory, in MiB.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Resident {
    /// Now.
    pub(crate) now: f64,
    /// At most so far.
    pub(crate) peak: f64,
}

impl Daemon {
    /// Starts it for a pool of so many nodes, with these lines in `[service.shop.scaling]`.
    pub(crate) async fn start(nodes: u32, scaling: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("scale").tempdir().expect("a temporary directory");
        let pool = Pool::listen(nodes).await;
        let run = directory.path().join("run").join(CLUSTER);
        std::fs::create_dir_all(&run).expect("the directory is ours");
        let front = Front::listen(&run.join(format!("{SERVICE}.service-manager.sock")), CAPACITY);
        let config = directory.path().join("cluster.toml");
        std::fs::write(&config, text(&pool.addresses, scaling)).expect("the directory is ours");
        let log = std::fs::File::create(directory.path().join("log")).expect("the directory is ours");
        let mut command = Command::new(PROGRAM);
        command.args(["load-manager", "--service", SERVICE]).arg("--config").arg(config);
        command.arg("--runtime-dir").arg(directory.path().join("run"));
        command.arg("--state-dir").arg(directory.path().join("state"));
        let process = command.stdin(Stdio::null()).stderr(log).spawn().expect("the program starts");
        Self { process, pool, front, directory }
    }

    /// What it has used and done so far.
    pub(crate) fn read(&self) -> Reading {
        let asked = &self.pool.asked;
        Reading {
            at: Instant::now(),
            cpu: cpu_time(&self.proc()),
            renewed: asked.renewed.load(Ordering::Relaxed),
            granted: asked.granted.load(Ordering::Relaxed),
            released: asked.released.load(Ordering::Relaxed),
            lists: self.front.lists(),
        }
    }

    /// What it has used and done since then.
    pub(crate) fn used_since(&self, before: &Reading) -> Use {
        let now = self.read();
        let time = now.at - before.at;
        Use {
            time,
            cpu_percent: (now.cpu - before.cpu).as_secs_f64() / time.as_secs_f64() * 100.0,
            renewals: (now.renewed - before.renewed) as f64 / time.as_secs_f64(),
            granted: now.granted - before.granted,
            released: now.released - before.released,
            lists: now.lists - before.lists,
        }
    }

    /// Its memory.
    pub(crate) fn resident(&self) -> Resident {
        let status = std::fs::read_to_string(self.proc().join("status")).expect("it runs");
        let kib = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).expect("Linux has it")
        };
        Resident { now: kib("VmRSS:") / 1024.0, peak: kib("VmHWM:") / 1024.0 }
    }

    /// The lines of its log that tell of something wrong.
    pub(crate) fn faults(&self) -> Vec<String> {
        let is_fault = |line: &&str| line.contains("WARN") || line.contains("ERROR");
        self.log().lines().filter(is_fault).map(str::to_owned).collect()
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.directory.path().join("log")).unwrap_or_default()
    }

    fn proc(&self) -> PathBuf {
        Path::new("/proc").join(self.process.id().to_string())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("---- what it said ----\n{}", self.log());
        }
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// A cluster.toml with these nodes and three services.
pub(crate) fn text(nodes: &[SocketAddr], scaling: &str) -> String {
    let mut text = format!("[cluster]\nname = \"{CLUSTER}\"\n\n");
    for (index, node) in nodes.iter().enumerate() {
        let (address, port) = (node.ip(), node.port());
        // Writing into a String cannot fail.
        let _ = writeln!(
            text,
            "[[node]]\nname = \"node-{index}\"\naddress = \"{address}\"\ncontrol_port = {port}\nslots = {SLOTS}\n"
        );
    }
    for (service, last) in [(SERVICE, 1), ("blog", 2), ("wiki", 3)] {
        let _ = writeln!(
            text,
            "[service.{service}]\nfront_end = \"127.0.0.{last}\"\nlisten = \"127.0.0.{last}:8080\"\n\
             command = [\"/bin/false\", \"{{port}}\"]\ncapacity = {CAPACITY}\n"
        );
    }
    let _ = writeln!(text, "[service.{SERVICE}.scaling]\n{scaling}");
    text
}

/// User and system time of a process so far.
fn cpu_time(proc: &Path) -> Duration {
    let stat = std::fs::read_to_string(proc.join("stat")).expect("it runs");
    // What follows the name in its brackets: field 3 and on; utime and stime are 14 and 15.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let tick = |field: usize| fields[field - 3].parse::<u64>().expect("a count of ticks");
    Duration::from_secs(tick(14) + tick(15)) / TICKS_PER_SECOND
}
