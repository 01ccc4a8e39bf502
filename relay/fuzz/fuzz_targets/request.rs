//! Requests, one after the other. What is asserted is in `relay/tests/h1/check.rs`.

#![no_main]
// Each target uses a part of what they share.
#![allow(dead_code)]

#[path = "../../tests/h1/check.rs"]
mod check;
mod manner;
#[path = "../../tests/h1/naive.rs"]
mod naive;
#[path = "../../tests/h1/read.rs"]
mod read;

libfuzzer_sys::fuzz_target!(|input: &[u8]| {
    if let Some(manner) = manner::manner(input) {
        check::requests(manner.bytes, &manner.pieces, manner.limits);
    }
});
