//! What several of Accordion's daemons share: `cluster.toml`, the start and stop of a daemon, the
//! supervision of a service process, its start by systemd, backoff, shares of a pool, mutual TLS. It knows no daemon.

pub mod backoff;
pub mod config;
pub mod daemon;
pub mod guard;
pub mod level;
pub mod process;
pub mod share;
pub mod starter;
mod sys;
pub mod tls;
