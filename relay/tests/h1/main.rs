//! The HTTP/1 codec: a test for every rule, and properties that hold for any bytes.

mod bodies;
mod check;
mod chunks;
mod connection;
mod limits;
mod naive;
mod properties;
mod read;
mod requests;
mod responses;
mod targets;
mod trailers;

use relay::h1::{Fault, Limits, Request, Response, Slots, parse_request, parse_response};

const LIMITS: Limits = Limits { head_bytes_max: 16 * 1024, fields_max: 100 };

/// Reads a head that must be good and whole.
#[track_caller]
fn request<T>(head: impl AsRef<[u8]>, see: impl FnOnce(Request<'_, '_>) -> T) -> T {
    let mut slots = Slots::new();
    let request = parse_request(head.as_ref(), LIMITS, &mut slots);
    see(request.expect("a good head").expect("a complete head"))
}

#[track_caller]
fn request_fault(head: impl AsRef<[u8]>) -> Fault {
    let mut slots = Slots::new();
    match parse_request(head.as_ref(), LIMITS, &mut slots) {
        Err(fault) => fault,
        Ok(request) => panic!("not refused: {request:?}"),
    }
}

#[track_caller]
fn response<T>(head: impl AsRef<[u8]>, see: impl FnOnce(Response<'_, '_>) -> T) -> T {
    let mut slots = Slots::new();
    let response = parse_response(head.as_ref(), LIMITS, false, &mut slots);
    see(response.expect("a good head").expect("a complete head"))
}

#[track_caller]
fn response_fault(head: impl AsRef<[u8]>) -> Fault {
    let mut slots = Slots::new();
    match parse_response(head.as_ref(), LIMITS, false, &mut slots) {
        Err(fault) => fault,
        Ok(response) => panic!("not refused: {response:?}"),
    }
}

/// A GET with a `Host` and these field lines, each with its line end.
fn get(lines: &str) -> String {
    format!("GET / HTTP/1.1\r\nHost: a\r\n{lines}\r\n")
}
