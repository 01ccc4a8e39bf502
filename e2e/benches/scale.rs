//! What a load-manager takes with 500 nodes and 50,000 requests in flight: CPU and memory of the real
//! process while the pool grows, while nothing changes, and while nodes come and go; the time of one
//! decision; and what a pick costs the service-manager with one child and with a thousand.
//!
//! `cargo bench -p e2e --bench scale` (about 4 minutes). Nodes and service-manager are stand-ins that
//! speak the real protocol over real sockets, so that all of the machine is not theirs. Keeps its summary in
//! `e2e/runs/<date>-<machine>/`.
#![allow(clippy::print_stdout)] // what a person who runs it reads

#[path = "scale/daemon.rs"]
mod daemon;
#[path = "scale/decision.rs"]
mod decision;
#[path = "scale/front.rs"]
mod front;
#[path = "scale/pick.rs"]
mod pick;
#[path = "scale/pool.rs"]
mod pool;

use std::fmt::Write as _;
use std::time::Duration;

use e2e::runs;
use tokio::time::sleep;

use daemon::{Daemon, Resident, Use};
use decision::Case;

const NODES: u16 = 500;
const LOAD: u32 = 50_000;

/// What calls for all nodes at once; a load for which they are just right would stop a few short of them.
const SURGE: u32 = 70_000;

/// The other side of a load that wobbles: 300 nodes' worth.
const LESS: u32 = 30_000;

/// The goals.
const CPU_PERCENT_MAX: f64 = 2.0;
const RESIDENT_MIB_MAX: f64 = 64.0;
const DECISION_MS_MAX: f64 = 1.0;

/// CPU is the median of so many windows.
const WINDOWS: usize = 3;
const WINDOW: Duration = Duration::from_secs(20);

/// From the last node's start to the first window.
const SETTLE: Duration = Duration::from_secs(10);

/// How long a load that wobbles stays on one side.
const SIDE: Duration = Duration::from_secs(10);

/// The pool doubles every 2 s; a busy machine may need longer.
const GROWN_LIMIT: Duration = Duration::from_secs(120);

/// Windows so short that nodes are given back within seconds: what changes is to be measured.
const HASTY: &str = "slow_window = \"3s\"\ndown_window = \"3s\"\ndown_after_up = \"1s\"\nnode_age_min = \"1s\"\n\
                     drain_period = \"500ms\"\n";

/// What the process took in each phase.
struct Taken {
    growing: Use,
    steady: Vec<Use>,
    steady_memory: Resident,
    wobbling: Vec<Use>,
    wobbling_memory: Resident,
}

fn main() {
    cluster::daemon::raise_file_limit();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let taken = runtime.expect("a runtime").block_on(taken());
    let steady = decision::measure(NODES, "", [LOAD.into(), LOAD.into()], 1);
    let wobbling = decision::measure(NODES, HASTY, [LOAD.into(), LESS.into()], 10);
    let summary = summary(&taken, &steady, &wobbling, &pick::figures());
    println!("\n{summary}");
    let title = format!("A load-manager with {NODES} nodes");
    println!("kept in {}", runs::keep("scale", &title, &summary).display());
    let cpu = median(&taken.steady);
    assert!(cpu <= CPU_PERCENT_MAX, "{cpu:.2} % of a core");
    let resident = taken.steady_memory.peak.max(taken.wobbling_memory.peak);
    assert!(resident <= RESIDENT_MIB_MAX, "{resident:.1} MiB");
    for case in [&steady, &wobbling] {
        assert!(case.decision.at(0.99) <= DECISION_MS_MAX * 1e3, "{:.0} us", case.decision.at(0.99));
    }
}

/// The process through all phases.
async fn taken() -> Taken {
    let (growing, daemon) = grown("").await;
    sleep(SETTLE).await;
    let mut steady = Vec::new();
    for _ in 0..WINDOWS {
        let before = daemon.read();
        sleep(WINDOW).await;
        steady.push(said("steady", daemon.used_since(&before)));
    }
    let steady_memory = daemon.resident();
    daemon.faults().iter().for_each(|line| println!("{line}"));
    drop(daemon);
    let (_, daemon) = grown(HASTY).await;
    sleep(SETTLE).await;
    let mut wobbling = Vec::new();
    for _ in 0..WINDOWS {
        let before = daemon.read();
        for load in [LESS, LOAD] {
            daemon.front.load(load);
            sleep(SIDE).await;
        }
        wobbling.push(said("wobbling", daemon.used_since(&before)));
    }
    Taken { growing, steady, steady_memory, wobbling, wobbling_memory: daemon.resident() }
}

/// One whose nodes are all ready, and what that took.
async fn grown(scaling: &str) -> (Use, Daemon) {
    let daemon = Daemon::start(NODES.into(), scaling).await;
    let before = daemon.read();
    daemon.front.load(SURGE);
    daemon.front.wait_for_children(NODES.into(), GROWN_LIMIT).await;
    let growing = said("growing", daemon.used_since(&before));
    daemon.front.load(LOAD);
    (growing, daemon)
}

fn said(phase: &str, used: Use) -> Use {
    println!("{phase}: {used:?}");
    used
}

fn summary(taken: &Taken, steady: &Case, wobbling: &Case, picks: &str) -> String {
    let mut text = format!(
        "{NODES} nodes, {LOAD} requests in flight, three services in the pool. The load-manager is the real process;\n\
         nodes and service-manager are stand-ins that speak the protocol over real sockets. Goals: {CPU_PERCENT_MAX} % of one\n\
         core and {RESIDENT_MIB_MAX} MiB in the steady state, a decision in {DECISION_MS_MAX} ms.\n\n\
         | phase | CPU of one core | renewals/s | lists/s | nodes added, given back | memory, peak |\n\
         |---|--:|--:|--:|--:|--:|\n"
    );
    let steady_name = format!("steady, median of {WINDOWS} x {} s", WINDOW.as_secs());
    let wobbling_name = format!("{LOAD} and {LESS} by turns, {} s each", SIDE.as_secs());
    let growing_name = format!("growing to {NODES}, {:.0} s", taken.growing.time.as_secs_f64());
    row(&mut text, &steady_name, &taken.steady, Some(taken.steady_memory));
    row(&mut text, &growing_name, std::slice::from_ref(&taken.growing), None);
    row(&mut text, &wobbling_name, &taken.wobbling, Some(taken.wobbling_memory));
    let _ = write!(
        text,
        "\nThe holder alone, each input with all that follows from it, in us; the shortest time of {} plays of the\n\
         same day:\n\n| input | load | count | median | 99 % | worst |\n|---|---|--:|--:|--:|--:|\n",
        decision::PLAYS
    );
    for (load, case) in [("steady", steady), ("by turns", wobbling)] {
        let inputs =
            [("decision", &case.decision), ("load sample", &case.sample), ("renewal", &case.renewal)];
        for (input, times) in inputs {
            let [median, most, worst] = [0.5, 0.99, 1.0].map(|share| times.at(share));
            // Writing into a String cannot fail.
            let _ = writeln!(
                text,
                "| {input} | {load} | {} | {median:.1} | {most:.1} | {worst:.1} |",
                times.count()
            );
        }
    }
    let _ = write!(text, "\nBy turns, {} nodes were added or given back meanwhile.\n", wobbling.changes);
    let _ = write!(
        text,
        "\nA pick of the service-manager (`what_a_pick_costs`, the least of three runs):\n\n{picks}"
    );
    text
}

fn row(text: &mut String, phase: &str, used: &[Use], memory: Option<Resident>) {
    let count = used.len() as f64;
    let mean = |figure: fn(&Use) -> f64| used.iter().map(figure).sum::<f64>() / count;
    let each: Vec<String> = used.iter().map(|used| format!("{:.2}", used.cpu_percent)).collect();
    let each = if each.len() > 1 { format!(" ({})", each.join(", ")) } else { String::new() };
    let (granted, released) =
        used.iter().fold((0, 0), |sum, used| (sum.0 + used.granted, sum.1 + used.released));
    let memory = memory.map_or(String::new(), |memory| format!("{:.1}, {:.1} MiB", memory.now, memory.peak));
    let _ = writeln!(
        text,
        "| {phase} | {:.2} %{each} | {:.0} | {:.1} | {granted}, {released} | {memory} |",
        median(used),
        mean(|used| used.renewals),
        mean(|used| used.lists as f64 / used.time.as_secs_f64()),
    );
}

fn median(used: &[Use]) -> f64 {
    let mut percents: Vec<f64> = used.iter().map(|used| used.cpu_percent).collect();
    percents.sort_by(f64::total_cmp);
    percents[percents.len() / 2]
}
