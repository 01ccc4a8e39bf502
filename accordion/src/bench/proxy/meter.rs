//! What processes have used, as /proc tells: CPU time and resident memory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::iter::Sum;
use std::time::Duration;

/// Clock ticks of /proc/PID/stat in a second: the kernel's interface has 100 of them whatever its own
/// clock does (USER_HZ), on every architecture that Debian runs on.
const TICKS_PER_SECOND: u64 = 100;

/// CPU time.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) user: Duration,
    pub(super) system: Duration,
}

/// What processes have used up to a moment.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of all threads, also of those that have ended, but in steps of 10 ms.
    coarse: Cpu,
    /// Of the threads there are, each by its number, to the nanosecond; empty where the kernel does not
    /// count so (it lacks CONFIG_SCHED_INFO).
    fine: BTreeMap<u32, Duration>,
}

impl Cpu {
    /// Of both kinds.
    pub(super) fn total(&self) -> Duration {
        self.user + self.system
    }

    /// The same in all, shared out in the same way.
    fn scaled_to(self, total: Duration) -> Self {
        match self.total().as_secs_f64() {
            0.0 => Self { user: Duration::ZERO, system: total },
            whole => {
                let user = total.mul_f64(self.user.as_secs_f64() / whole);
                Self { user, system: total.saturating_sub(user) }
            }
        }
    }
}

impl Sum for Cpu {
    fn sum<I: Iterator<Item = Self>>(all: I) -> Self {
        all.fold(Self::default(), |sum, cpu| Self {
            user: sum.user + cpu.user,
            system: sum.system + cpu.system,
        })
    }
}

impl Reading {
    /// What these processes have used together so far.
    ///
    /// # Errors
    /// One of them is gone.
    pub(super) fn of(pids: &[u32]) -> io::Result<Self> {
        let one = |pid: &u32| parse_cpu(&read(*pid, "stat")?).ok_or_else(|| strange(*pid, "stat"));
        let coarse = pids.iter().map(one).sum::<io::Result<Cpu>>()?;
        Ok(Self { coarse, fine: pids.iter().flat_map(|pid| threads(*pid)).collect() })
    }

    /// What was used since `before`: to the nanosecond where the threads are still the same.
    pub(super) fn since(&self, before: &Self) -> Cpu {
        let coarse = Cpu {
            user: self.coarse.user.saturating_sub(before.coarse.user),
            system: self.coarse.system.saturating_sub(before.coarse.system),
        };
        if self.fine.is_empty() || !self.fine.keys().eq(before.fine.keys()) {
            return coarse;
        }
        let total: Duration = self.fine.values().sum();
        coarse.scaled_to(total.saturating_sub(before.fine.values().sum()))
    }
}

/// The resident memory of these processes together, in KiB.
///
/// # Errors
/// One of them is gone.
pub(super) fn resident_kib(pids: &[u32]) -> io::Result<u64> {
    let one =
        |pid: &u32| parse_resident(&read(*pid, "smaps_rollup")?).ok_or_else(|| strange(*pid, "smaps_rollup"));
    pids.iter().map(one).sum()
}

/// The processes that `parent` has started, each with its command line.
pub(super) fn children(parent: u32) -> Vec<(u32, Vec<String>)> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    let pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let is_child = |pid: &u32| read(*pid, "stat").is_ok_and(|stat| parse_parent(&stat) == Some(parent));
    pids.filter(is_child).map(|pid| (pid, words(pid))).collect()
}

/// The threads of a process, and how long each has run.
fn threads(pid: u32) -> Vec<(u32, Duration)> {
    let Ok(entries) = fs::read_dir(format!("/proc/{pid}/task")) else { return Vec::new() };
    let run_time = |tid: u32| -> Option<Duration> {
        let schedstat = read(pid, &format!("task/{tid}/schedstat")).ok()?;
        Some(Duration::from_nanos(schedstat.split_ascii_whitespace().next()?.parse().ok()?))
    };
    let tids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    tids.filter_map(|tid| Some((tid, run_time(tid)?))).collect()
}

fn words(pid: u32) -> Vec<String> {
    let line = read(pid, "cmdline").unwrap_or_default();
    line.split('\0').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn read(pid: u32, file: &str) -> io::Result<String> {
    let bytes = fs::read(format!("/proc/{pid}/{file}"))
        .map_err(|error| io::Error::new(error.kind(), format!("process {pid} cannot be read: {error}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn strange(pid: u32, file: &str) -> io::Error {
    io::Error::other(format!("/proc/{pid}/{file} is not what it should be"))
}

/// The fields behind the name, which may hold anything, parentheses as well: the first of them is the
/// third of proc_pid_stat(5).
fn fields(stat: &str) -> Option<std::str::SplitAsciiWhitespace<'_>> {
    Some(stat.rsplit_once(')')?.1.split_ascii_whitespace())
}

/// Fields 14 and 15, utime and stime.
fn parse_cpu(stat: &str) -> Option<Cpu> {
    let mut times = fields(stat)?.skip(11).map(|field| {
        let ticks: u64 = field.parse().ok()?;
        Some(Duration::from_millis(ticks * 1000 / TICKS_PER_SECOND))
    });
    Some(Cpu { user: times.next()??, system: times.next()?? })
}

/// Field 4.
fn parse_parent(stat: &str) -> Option<u32> {
    fields(stat)?.nth(1)?.parse().ok()
}

fn parse_resident(rollup: &str) -> Option<u64> {
    let line = rollup.lines().find_map(|line| line.strip_prefix("Rss:"))?;
    line.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const STAT: &str = "42 (a) S 9 (b) S 7 42 42 0 -1 4194560 100 0 0 0 250 1031 0 0 20 0 3 0 99";

    #[test]
    fn a_name_with_parentheses_does_not_mislead() {
        let expected = Cpu { user: Duration::from_millis(2500), system: Duration::from_millis(10310) };
        assert_eq!(parse_cpu(STAT), Some(expected));
        assert_eq!(parse_parent(STAT), Some(7));
        assert_eq!(parse_cpu("42 (a"), None);
    }

    #[test]
    fn resident_memory_is_that_of_the_whole_process() {
        let rollup = "55d-7ff ---p 00000000 00:00 0 [rollup]\nRss:                1234 kB\nPss:     99 kB\n";
        assert_eq!(parse_resident(rollup), Some(1234));
        assert!(resident_kib(&[std::process::id()]).unwrap() > 100);
    }

    #[test]
    fn work_of_this_process_is_seen_and_a_process_that_is_gone_is_an_error() {
        let pids = [std::process::id()];
        let before = Reading::of(&pids).unwrap();
        let mut sum = 0_u64;
        while Reading::of(&pids).unwrap().since(&before).total() < Duration::from_millis(20) {
            sum = (0..1_000_000).fold(sum, u64::wrapping_add);
        }
        assert!(sum > 0);
        let mut child = std::process::Command::new("true").spawn().unwrap();
        child.wait().unwrap();
        assert!(Reading::of(&[child.id()]).is_err());
    }

    fn reading(user_ms: u64, system_ms: u64, threads: &[(u32, u64)]) -> Reading {
        let coarse = Cpu { user: Duration::from_millis(user_ms), system: Duration::from_millis(system_ms) };
        let fine = threads.iter().map(|&(tid, us)| (tid, Duration::from_micros(us))).collect();
        Reading { coarse, fine }
    }

    #[test]
    fn the_finer_count_is_used_where_the_threads_are_the_same() {
        let before = reading(10, 20, &[(7, 10_000), (8, 21_000)]);
        let used = reading(20, 50, &[(7, 20_000), (8, 55_000)]).since(&before);
        let expected = Cpu { user: Duration::from_millis(11), system: Duration::from_millis(33) };
        assert_eq!(used, expected);
        let coarse = Cpu { user: Duration::from_millis(10), system: Duration::from_millis(30) };
        assert_eq!(reading(20, 50, &[(7, 20_000), (9, 1_000)]).since(&before), coarse);
        assert_eq!(reading(20, 50, &[]).since(&reading(10, 20, &[])), coarse);
    }

    #[test]
    fn less_than_a_step_is_seen_as_well() {
        let before = reading(10, 20, &[(7, 30_000)]);
        assert_eq!(reading(10, 20, &[(7, 34_000)]).since(&before).total(), Duration::from_millis(4));
    }
}
