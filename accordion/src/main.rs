//! The one command people type: `accordion up`, `check`, `status`, … and every daemon.

use std::process::ExitCode;

fn main() -> ExitCode {
    // A service process runs under a guard, which is this same program started in another way.
    cluster::guard::enter_if_asked();
    accordion::run()
}
