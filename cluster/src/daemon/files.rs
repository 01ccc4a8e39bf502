//! How many files a daemon may have open.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tracing::warn;

/// The soft limit before it was raised. A service starts with this one.
static SOFT_LIMIT_BEFORE: OnceLock<u64> = OnceLock::new();

/// Raises the soft limit of open files to the hard one: each connection takes one, and the soft
/// limit is low only for the sake of programs that use select(2).
pub fn raise_file_limit() {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    if current == maximum {
        return;
    }
    if let Some(before) = current {
        SOFT_LIMIT_BEFORE.get_or_init(|| before);
    }
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        warn!(?current, ?maximum, %error, "the limit of open files could not be raised");
    }
}

/// What the soft limit was, where this daemon raised it.
pub(crate) fn soft_limit_before() -> Option<u64> {
    SOFT_LIMIT_BEFORE.get().copied()
}

/// Puts this process back to a soft limit of `current`, as far as the hard one allows.
pub(crate) fn restore_soft_limit(current: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = maximum.map_or(current, |maximum| current.min(maximum));
    // A limit that stays high harms only a service that uses select(2), and is no reason not to start it.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(current), maximum });
}
