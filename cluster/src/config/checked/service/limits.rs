//! How much clients may bring: connections, heads of requests and their bodies.

use crate::config::kind::Whole;
use crate::config::kind::size::{KIB, Size, TIB};
use crate::config::written::Table;

const CONNECTIONS_MAX: u32 = 1_000_000;

/// A head is kept whole in one buffer, from which a request may be sent a second time.
const HEAD_MAX: u64 = 16 * KIB;

const HEADERS_MAX: u32 = 128;
const HEADERS: u32 = 100;

pub(super) struct Limits {
    pub(super) connections: Option<u32>,
    pub(super) head: usize,
    pub(super) headers: usize,
    pub(super) body: Option<u64>,
}

pub(super) fn checked(table: &mut Table<'_>) -> Limits {
    Limits {
        connections: table.optional("connections_max", &Whole(1, CONNECTIONS_MAX)).map(|most| most.value),
        head: table.or("head_max", &Size(KIB, HEAD_MAX), HEAD_MAX).value as usize,
        headers: table.or("headers_max", &Whole(1, HEADERS_MAX), HEADERS).value as usize,
        body: table.optional("body_max", &Size(1, TIB)).map(|most| most.value),
    }
}
