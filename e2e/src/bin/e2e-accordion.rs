//! The one binary under test, built with this package so that cargo keeps it fresh for the tests.

use std::process::ExitCode;

fn main() -> ExitCode {
    cluster::guard::enter_if_asked();
    accordion::run()
}
