//! A machine's share of this one's CPU, by the bandwidth control of cgroups (v1 or v2, whichever has the `cpu`
//! controller here).

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};

/// The shortest time for which the kernel takes a quota (min_cfs_quota_period).
const QUOTA_MIN_US: f64 = 1_000.0;

/// Periods are as short as the quota allows, so that a cap does not come in bursts: with 100 ms, the kernel's
/// default, a quarter of a core is 25 ms of full speed and then 75 ms of nothing.
const PERIOD_MIN_US: f64 = 1_000.0;
const PERIOD_MAX_US: f64 = 5_000.0;

/// The least is what fits into the longest period.
const CORES_MIN: f64 = QUOTA_MIN_US / PERIOD_MAX_US;
const CORES_MAX: f64 = 64.0;

/// How much of a core.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Share(f64);

/// A share as the kernel takes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Quota {
    quota_us: u32,
    period_us: u32,
}

impl Share {
    /// From a number of cores like 0.25.
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        match word.parse() {
            Ok(cores) if (CORES_MIN..=CORES_MAX).contains(&cores) => Ok(Self(cores)),
            _ => Err(format!("must be a number of cores from {CORES_MIN} to {CORES_MAX}")),
        }
    }

    /// In cores.
    pub(crate) const fn cores(self) -> f64 {
        self.0
    }

    fn quota(self) -> Quota {
        let period = (QUOTA_MIN_US / self.0).ceil().clamp(PERIOD_MIN_US, PERIOD_MAX_US);
        let quota = (self.0 * period).round().max(QUOTA_MIN_US);
        Quota { quota_us: quota as u32, period_us: period as u32 }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} of a core", self.0)
    }
}

/// The groups of one rack, one for each machine that has a share.
#[derive(Debug)]
pub(super) struct Groups {
    hierarchy: Hierarchy,
    /// Below the root of the hierarchy.
    directory: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Hierarchy {
    V1(PathBuf),
    V2(PathBuf),
}

impl Groups {
    /// Those of the rack of that name; none is made yet.
    pub(super) fn of(rack: &str) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mounts").context("no /proc/self/mounts")?;
        let Some(hierarchy) = Hierarchy::of(&mounts, |file| fs::read_to_string(file).unwrap_or_default())
        else {
            bail!("no cgroup hierarchy with the cpu controller is mounted: machines cannot be capped");
        };
        let directory = hierarchy.root().join("accordion-rack").join(rack);
        Ok(Self { hierarchy, directory })
    }

    /// Where the processes of a machine are written to.
    pub(super) fn of_machine(&self, machine: &str) -> PathBuf {
        self.directory.join(machine)
    }

    /// Makes the one of `machine`.
    pub(super) fn make(&self, machine: &str, share: Share) -> anyhow::Result<()> {
        let group = self.of_machine(machine);
        fs::create_dir_all(&group).with_context(|| format!("cannot make {}", group.display()))?;
        let Quota { quota_us, period_us } = share.quota();
        let write = |file: &Path, text: String| {
            fs::write(file, &text).with_context(|| format!("cannot write {text:?} to {}", file.display()))
        };
        match &self.hierarchy {
            Hierarchy::V1(_) => {
                write(&group.join("cpu.cfs_period_us"), period_us.to_string())?;
                write(&group.join("cpu.cfs_quota_us"), quota_us.to_string())
            }
            Hierarchy::V2(root) => {
                for above in [root.as_path(), &root.join("accordion-rack"), &self.directory] {
                    write(&above.join("cgroup.subtree_control"), "+cpu".to_owned())?;
                }
                write(&group.join("cpu.max"), format!("{quota_us} {period_us}"))
            }
        }
    }

    /// The processes in all of them.
    pub(super) fn processes(&self) -> Vec<i32> {
        let groups = fs::read_dir(&self.directory).into_iter().flatten().flatten();
        let listed = groups.filter_map(|group| fs::read_to_string(group.path().join("cgroup.procs")).ok());
        listed.flat_map(|text| text.lines().filter_map(|pid| pid.parse().ok()).collect::<Vec<_>>()).collect()
    }

    /// Takes them away. One that has processes yet stays.
    pub(super) fn remove(&self) -> io::Result<()> {
        let groups = match fs::read_dir(&self.directory) {
            Ok(groups) => groups,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        for group in groups.flatten().filter(|entry| entry.path().is_dir()) {
            fs::remove_dir(group.path())?;
        }
        fs::remove_dir(&self.directory)?;
        // Another rack may be in it.
        let _ = self.directory.parent().map(fs::remove_dir);
        Ok(())
    }
}

impl Hierarchy {
    /// That of the cpu controller, by the mounts of this machine; `read` reads a file.
    fn of(mounts: &str, read: impl Fn(&Path) -> String) -> Option<Self> {
        mounts.lines().find_map(|line| {
            let [_, place, kind, options, ..] = line.split(' ').collect::<Vec<_>>()[..] else { return None };
            let place = PathBuf::from(place);
            match kind {
                "cgroup" if options.split(',').any(|option| option == "cpu") => Some(Self::V1(place)),
                "cgroup2"
                    if read(&place.join("cgroup.controllers")).split_whitespace().any(|one| one == "cpu") =>
                {
                    Some(Self::V2(place))
                }
                _ => None,
            }
        })
    }

    fn root(&self) -> &Path {
        match self {
            Self::V1(root) | Self::V2(root) => root,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quota(word: &str) -> (u32, u32) {
        let Quota { quota_us, period_us } = Share::parse(word).unwrap().quota();
        (quota_us, period_us)
    }

    #[test]
    fn the_period_is_as_short_as_the_kernel_allows() {
        assert_eq!(quota("0.25"), (1000, 4000));
        assert_eq!(quota("0.4"), (1000, 2500));
        assert_eq!(quota("0.2"), (1000, 5000));
        assert_eq!(quota("1"), (1000, 1000));
        assert_eq!(quota("2.5"), (2500, 1000));
        assert_eq!(quota("0.3"), (1000, 3334));
    }

    #[test]
    fn a_share_that_no_period_holds_is_refused_with_the_range() {
        for bad in ["0.1", "0", "-1", "65", "half", "NaN"] {
            assert_eq!(Share::parse(bad).unwrap_err(), "must be a number of cores from 0.2 to 64");
        }
    }

    #[test]
    fn the_hierarchy_is_the_one_that_has_the_controller() {
        let hybrid = "cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0\n\
                      cgroup /sys/fs/cgroup/cpu,cpuacct cgroup rw,relatime,cpu,cpuacct 0 0\n\
                      cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        let none = |_: &Path| String::new();
        assert_eq!(Hierarchy::of(hybrid, none), Some(Hierarchy::V1("/sys/fs/cgroup/cpu,cpuacct".into())));
        let unified = "cgroup2 /sys/fs/cgroup cgroup2 rw,nsdelegate 0 0\n";
        let all = |_: &Path| "cpuset cpu io memory\n".to_owned();
        assert_eq!(Hierarchy::of(unified, all), Some(Hierarchy::V2("/sys/fs/cgroup".into())));
        assert_eq!(Hierarchy::of(unified, none), None);
    }
}
