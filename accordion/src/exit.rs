//! Exit statuses that several commands have, beside those of the daemons (`cluster::daemon`).

/// What is needed is not there (EX_UNAVAILABLE of sysexits.h).
pub(crate) const EXIT_UNAVAILABLE: u8 = 69;

/// Ended by a signal, as a shell says it of SIGINT.
pub(crate) const EXIT_INTERRUPTED: u8 = 130;
