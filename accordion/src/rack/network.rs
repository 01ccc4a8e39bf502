//! The namespaces of a rack and the switch between them. Gone when it is dropped, and found by their names by
//! whoever clears up after a rack that was killed.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, bail};

use super::cpu;
use super::inside::Place;
use super::left::{GONE_TIMEOUT, LOOK_EVERY};
use super::link::Link;
use super::plan::{Machine, PREFIX, Plan};
use super::share::Groups;

/// The switch's own device.
const BRIDGE: &str = "br0";

/// A machine's.
const DEVICE: &str = "eth0";

/// All machines of a rack, made.
#[derive(Debug)]
pub(crate) struct Network {
    rack: String,
    namespaces: Vec<String>,
    groups: Groups,
}

impl Network {
    /// Makes every machine of `plan`.
    pub(crate) fn make(plan: &Plan) -> anyhow::Result<Self> {
        let groups = Groups::of(&plan.name)?;
        let mut network = Self { rack: plan.name.clone(), namespaces: Vec::new(), groups };
        cpu::note(&plan.name, &plan.machines)?;
        let switch = network.namespace(SWITCH)?;
        ip(&["-n", &switch, "link", "add", BRIDGE, "type", "bridge"])?;
        ip(&["-n", &switch, "link", "set", "dev", BRIDGE, "up"])?;
        for (index, machine) in plan.machines.iter().enumerate() {
            network.machine(&switch, &format!("p{index}"), machine, plan.link)?;
        }
        Ok(network)
    }

    fn machine(&mut self, switch: &str, port: &str, machine: &Machine, link: Link) -> anyhow::Result<()> {
        let namespace = self.namespace(&machine.name)?;
        let address = format!("{}/{PREFIX}", machine.address);
        ip(&[
            "-n", switch, "link", "add", port, "type", "veth", "peer", "name", DEVICE, "netns", &namespace,
        ])?;
        ip(&["-n", switch, "link", "set", "dev", port, "master", BRIDGE, "up"])?;
        ip(&["-n", &namespace, "address", "add", &address, "dev", DEVICE])?;
        ip(&["-n", &namespace, "link", "set", "dev", DEVICE, "up"])?;
        if let Some(words) = link.words() {
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            for (namespace, device) in [(switch, port), (namespace.as_str(), DEVICE)] {
                let shape = ["-n", namespace, "qdisc", "add", "dev", device, "root"];
                run("tc", &[&shape, words.as_slice()].concat()).context(NO_SHAPE)?;
            }
        }
        machine.cpu.map_or(Ok(()), |share| self.groups.make(&machine.name, share))
    }

    fn namespace(&mut self, machine: &str) -> anyhow::Result<String> {
        let name = Place::of(&self.rack, machine).namespace;
        // Noted first: one that is made by half is to be taken away too.
        self.namespaces.push(name.clone());
        ip(&["netns", "add", &name])?;
        ip(&["-n", &name, "link", "set", "dev", "lo", "up"])?;
        Ok(name)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in &self.namespaces {
            // It may not have been made.
            let _ = ip(&["netns", "delete", namespace]);
        }
        // What was killed a moment ago is in its group until the kernel has taken it away.
        let deadline = Instant::now() + GONE_TIMEOUT;
        let mut removed = self.groups.remove();
        while removed.is_err() && Instant::now() < deadline {
            std::thread::sleep(LOOK_EVERY);
            removed = self.groups.remove();
        }
        if let Err(error) = removed {
            eprintln!("accordion rack: a cgroup is left, {error}: accordion rack down --name {}", self.rack);
        }
    }
}

/// What is most likely wrong when a device cannot be shaped.
const NO_SHAPE: &str = "a link cannot be shaped: this kernel may have no tbf (which --link needs) or no netem (which --round-trip needs)";

/// The machine that is none.
const SWITCH: &str = "switch";

/// The namespaces of that rack that there are.
pub(super) fn namespaces(rack: &str) -> anyhow::Result<Vec<String>> {
    let prefix = Place::of(rack, "").namespace;
    let listed = ip(&["netns", "list"])?;
    let names = listed.lines().filter_map(|line| line.split_whitespace().next());
    // The name of another rack may begin like this one's; those of machines have no "." in them.
    let ours =
        names.filter(|name| name.strip_prefix(prefix.as_str()).is_some_and(|rest| !rest.contains('.')));
    Ok(ours.map(str::to_owned).collect())
}

/// The processes that run in a namespace.
pub(super) fn processes(namespace: &str) -> Vec<i32> {
    let listed = ip(&["netns", "pids", namespace]).unwrap_or_default();
    listed.split_whitespace().filter_map(|pid| pid.parse().ok()).collect()
}

/// Runs `ip`; what it prints.
pub(super) fn ip(words: &[&str]) -> anyhow::Result<String> {
    run("ip", words)
}

fn run(program: &str, words: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(program).args(words).output();
    let output = output.with_context(|| format!("cannot run {program}: install iproute2"))?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    bail!("{program} {}: {}", words.join(" "), said.trim());
}
