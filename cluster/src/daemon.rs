//! Start and stop of a daemon: its arguments, its directories, its log, its listening sockets, its successor, a
//! cluster.toml that changed, what it tells systemd and its shutdown. A daemon's `main.rs` is a story told
//! with these.

mod args;
mod directories;
mod files;
mod handover;
mod listeners;
mod log;
mod memory;
mod notify;
mod passed;
mod reload;
mod reopen;
mod shutdown;
mod unix;

pub use args::{DaemonArgs, LogFormat};
pub use directories::Directories;
pub use files::raise_file_limit;
pub(crate) use files::{restore_soft_limit, soft_limit_before};
pub use handover::{Handover, Program};
pub use listeners::{listener, listeners, with_listeners};
pub use memory::Memory;
pub use notify::Notify;
pub use passed::{Passed, Purpose, Store};
pub use reload::{Asked, Last, Outcome, Reload, Reloader, Report};
pub use reopen::Reopen;
pub use shutdown::Shutdown;
pub use unix::{unix_listener, unix_listener_handed, unix_lock};

/// The exit status after a bad cluster.toml: EX_CONFIG of sysexits.h, which systemd knows by name.
pub const EXIT_CONFIG: u8 = 78;

/// The exit status of a daemon that has been replaced by a newer one elsewhere: starting it again
/// would only take everything back. EX_NOPERM of sysexits.h.
pub const EXIT_FENCED: u8 = 77;
