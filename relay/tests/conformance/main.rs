//! HTTP/1 conformance of the relay, from both sides and byte by byte: each case is data, and each group of
//! cases is one test that tells of all its failures at once. README.md says how to add a case.

#![allow(clippy::unwrap_used, reason = "an unwrap here is the assertion")]

mod case;
mod cases;
mod groups;
mod oracle;
mod origin;
mod play;
mod subject;
mod table;
mod verdict;
mod wire;
