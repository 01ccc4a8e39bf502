//! The two CPUs of a run: one for whatever proxy is measured, one for the origin and the load.

use std::fs;
use std::io;

use crate::affinity;

/// Two different CPUs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cores {
    /// Where every proxy runs.
    pub(super) proxy: usize,
    /// Where the origin and the load run.
    pub(super) load: usize,
    /// How many the process was allowed to use.
    pub(super) allowed: usize,
}

/// Where a CPU sits: two with the same place are threads of one core.
type Place = Option<(String, String)>;

impl Cores {
    /// Two of those that this process may use, of different cores where there are such; `None` when it
    /// may use one only.
    ///
    /// # Errors
    /// The system does not tell.
    pub(super) fn choose() -> io::Result<Option<Self>> {
        Ok(chosen(&affinity::allowed()?, place))
    }

    /// Puts this thread, and what it starts, where the load runs.
    ///
    /// # Errors
    /// The system refuses.
    pub(super) fn pin_to_load(&self) -> io::Result<()> {
        affinity::keep_to(self.load)
    }
}

/// The load gets the first, where the system's own work is most likely.
fn chosen(allowed: &[usize], place: impl Fn(usize) -> Place) -> Option<Cores> {
    let (&load, others) = allowed.split_first()?;
    let home = place(load);
    let apart = others.iter().find(|&&cpu| home.is_none() || place(cpu) != home);
    let proxy = *apart.or(others.first())?;
    Some(Cores { proxy, load, allowed: allowed.len() })
}

fn place(cpu: usize) -> Place {
    let read = |name| fs::read_to_string(format!("/sys/devices/system/cpu/cpu{cpu}/topology/{name}")).ok();
    Some((read("physical_package_id")?, read("core_id")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// CPUs 0 and 1 are one core, 2 and 3 the next.
    #[expect(clippy::unnecessary_wraps, reason = "it stands for `place`")]
    fn pairs(cpu: usize) -> Place {
        Some(("0".to_owned(), (cpu / 2).to_string()))
    }

    #[test]
    fn two_threads_of_one_core_are_taken_only_where_there_is_nothing_else() {
        assert_eq!(chosen(&[0, 1, 2, 3], pairs), Some(Cores { proxy: 2, load: 0, allowed: 4 }));
        assert_eq!(chosen(&[0, 1], pairs), Some(Cores { proxy: 1, load: 0, allowed: 2 }));
        assert_eq!(chosen(&[3, 7], |_| None), Some(Cores { proxy: 7, load: 3, allowed: 2 }));
    }

    #[test]
    fn one_cpu_is_too_few() {
        assert_eq!(chosen(&[5], pairs), None);
        assert_eq!(chosen(&[], pairs), None);
    }
}
