//! Which CPU of this machine each machine of a rack is.
//!
//! The kernel hands the quota of a group out to its CPUs in slices of 5 ms (sched_cfs_bandwidth_slice_us), which is
//! more than all that a small machine has in one period. So whichever of its processes runs first has all of it
//! on its CPU, and another one that runs on another CPU waits for the next period, though the machine has time left.
//! A machine of a core or less has no other CPU in truth; so it has none here.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, ErrorKind};
use std::path::PathBuf;

use anyhow::Context;

use super::inside::Place;
use super::left;
use super::plan::Machine;
use super::share::Share;
use crate::affinity;

/// A machine that is worth more than this has several.
const ONE_CORE: f64 = 1.0;

/// Notes for `keep_to` which CPU each machine is.
pub(super) fn note(rack: &str, machines: &[Machine]) -> anyhow::Result<()> {
    let cpus = affinity::allowed().context("the system does not say which CPUs there are")?;
    let shares: Vec<_> = machines.iter().map(|machine| machine.cpu).collect();
    let mut text = String::new();
    for (machine, cpu) in machines.iter().zip(spread(&shares, &cpus)) {
        if let Some(cpu) = cpu {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "{} {cpu}", machine.name);
        }
    }
    let file = file(rack);
    let made = fs::create_dir_all(left::files(rack)).and_then(|()| fs::write(&file, text));
    made.with_context(|| format!("cannot write {}", file.display()))
}

/// Keeps this thread, and what it starts from now on, to the CPU that the machine is.
pub(super) fn keep_to(place: &Place) -> io::Result<()> {
    let text = match fs::read_to_string(file(&place.rack)) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    of(&text, &place.machine).map_or(Ok(()), affinity::keep_to)
}

/// The CPU of each of these, in their order, so that none of them has much more to do than another; `None`: any.
fn spread(shares: &[Option<Share>], cpus: &[usize]) -> Vec<Option<usize>> {
    let mut taken: Vec<(f64, usize)> = cpus.iter().map(|cpu| (0.0, *cpu)).collect();
    let mut place = |share: &Option<Share>| {
        let cores = share.map(Share::cores).filter(|cores| *cores <= ONE_CORE)?;
        let (least, cpu) = taken.iter_mut().min_by(|(one, _), (other, _)| one.total_cmp(other))?;
        *least += cores;
        Some(*cpu)
    };
    shares.iter().map(&mut place).collect()
}

/// What is noted of a machine.
fn of(text: &str, machine: &str) -> Option<usize> {
    let mut lines = text.lines().filter_map(|line| line.rsplit_once(' '));
    lines.find(|(name, _)| *name == machine)?.1.parse().ok().filter(|cpu| *cpu < affinity::CPUS_MAX)
}

fn file(rack: &str) -> PathBuf {
    left::files(rack).join("cpus")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(word: &str) -> Option<Share> {
        Some(Share::parse(word).unwrap())
    }

    #[test]
    fn machines_are_spread_and_those_of_several_cores_are_free() {
        let rack = [share("0.4"), share("0.25"), share("0.25"), share("0.25"), None, share("2")];
        assert_eq!(spread(&rack, &[0, 1]), [Some(0), Some(1), Some(1), Some(0), None, None]);
        assert_eq!(spread(&rack, &[3]), [Some(3), Some(3), Some(3), Some(3), None, None]);
        assert_eq!(spread(&rack[..1], &[]), [None]);
    }

    #[test]
    fn what_is_noted_is_found_by_the_whole_name() {
        assert_eq!(
            [of("c1 0\nc11 1\n", "c11"), of("c1 0\n", "c"), of("c1 x\n", "c1")],
            [Some(1), None, None]
        );
        assert_eq!(of("c1 99999999\n", "c1"), None);
    }
}
