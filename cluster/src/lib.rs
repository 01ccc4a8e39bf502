//! What several of Accordion's daemons share: `cluster.toml`, the start and stop of a daemon, the
//! supervision of a service process, backoff, shares of a pool, mutual TLS. It knows no daemon.

pub mod backoff;
pub mod config;
pub mod daemon;
pub mod guard;
pub mod level;
pub mod process;
pub mod share;
mod sys;
pub mod tls;
