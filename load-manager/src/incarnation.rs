//! The number of a load-manager's life: higher with each start, so that the nodes can tell the newest
//! one of a front end. Kept in the state directory, because a clock may be set back.

use std::io;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// The number for this start: milliseconds since 1970, or one more than the last where that is more.
/// Where it cannot be kept, the clock has to do.
pub(crate) fn next(path: &Path) -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(1, |since| since.as_millis() as u64);
    let next = after(last(path), now);
    if let Err(fault) = keep(path, next) {
        tracing::warn!(file = %path.display(), "the incarnation is not kept, and a clock set back would fence this one: {fault}");
    }
    next
}

fn after(last: Option<u64>, now: u64) -> u64 {
    last.map_or(now, |last| now.max(last.saturating_add(1)))
}

fn last(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn keep(path: &Path, incarnation: u64) -> io::Result<()> {
    let fresh = path.with_extension("new");
    std::fs::write(&fresh, format!("{incarnation}\n"))?;
    std::fs::rename(fresh, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_set_back_does_not_make_a_start_older_than_the_last() {
        assert_eq!(after(None, 1000), 1000);
        assert_eq!(after(Some(900), 1000), 1000);
        assert_eq!(after(Some(5000), 1000), 5001);
    }

    #[test]
    fn it_is_higher_with_each_start() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("incarnation");
        let starts: Vec<_> = (0..3).map(|_| next(&path)).collect();
        assert!(starts.is_sorted_by(|earlier, later| earlier < later), "{starts:?}");
    }
}
