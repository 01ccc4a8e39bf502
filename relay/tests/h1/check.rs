//! What holds for any bytes. The properties and the fuzz targets both call it.

use relay::h1::{
    self, Fields, Framing, Limits, Request, Response, Slots, Version, parse_request, parse_response,
};

use crate::naive::decode;
use crate::read::{Event, Kind, Manner, read};

const ROOMY: Limits = Limits { head_bytes_max: 1 << 20, fields_max: usize::MAX };

/// Requests, one after the other. `pieces`: how the bytes come in.
pub(crate) fn requests(bytes: &[u8], pieces: &[usize], limits: Limits) {
    messages(Kind::Requests, bytes, pieces, limits);
    let mut slots = Slots::new();
    if let Ok(Some(request)) = parse_request(bytes, limits, &mut slots) {
        reads_the_same_when_written_again(&request);
    }
}

/// Responses, all to the same method.
pub(crate) fn responses(bytes: &[u8], pieces: &[usize], limits: Limits, to_head: bool) {
    messages(Kind::Responses { to_head }, bytes, pieces, limits);
    let mut slots = Slots::new();
    if let Ok(Some(response)) = parse_response(bytes, limits, to_head, &mut slots) {
        answers_the_same_when_written_again(&response, to_head);
    }
}

/// A chunked body.
pub(crate) fn chunks(bytes: &[u8], pieces: &[usize]) {
    messages(Kind::Chunks, bytes, pieces, ROOMY);
}

/// The same is seen however the bytes come in, and with or without the framing of bodies.
fn messages(kind: Kind, bytes: &[u8], pieces: &[usize], limits: Limits) {
    let manner = |keep_framing| Manner { kind, limits, keep_framing };
    let [framed, plain] = [true, false].map(|keep_framing| {
        let whole = read(manner(keep_framing), bytes, &[]);
        let cut = read(manner(keep_framing), bytes, pieces);
        assert_eq!(whole, cut, "in pieces of {pieces:?}: {:?}", bytes.escape_ascii().to_string());
        ends_with_a_fault_if_at_all(&whole);
        whole
    });
    assert_eq!(decoded(kind, framed), plain);
}

fn ends_with_a_fault_if_at_all(events: &[Event]) {
    if let Some((_, others)) = events.split_last() {
        assert!(!others.iter().any(|event| matches!(event, Event::Fault(_))));
    }
}

/// What would have been seen without the framing of chunked bodies.
fn decoded(kind: Kind, framed: Vec<Event>) -> Vec<Event> {
    let mut is_chunked = matches!(kind, Kind::Chunks);
    let mut trailers = None;
    let mut plain = Vec::new();
    for event in framed {
        match event {
            Event::Head(_, framing) => is_chunked = framing == Framing::Chunked,
            Event::Kept(bytes) if is_chunked => {
                let (data, rest) = decode(&bytes);
                trailers = rest;
                if !data.is_empty() {
                    plain.push(Event::Kept(data));
                }
                continue;
            }
            Event::End(_) if is_chunked => {
                plain.push(Event::End(trailers.take().expect("a whole body")));
                continue;
            }
            Event::Fault(_) | Event::Cut => assert_eq!(trailers, None, "a bad body that looks whole"),
            Event::Kept(_) | Event::End(_) => (),
        }
        plain.push(event);
    }
    plain
}

/// A request that goes on means the same to the next reader.
fn reads_the_same_when_written_again(request: &Request<'_, '_>) {
    let mut text = request.method.as_bytes().to_vec();
    text.push(b' ');
    request.target.write(&mut text);
    text.extend_from_slice(format!(" {}\r\n", version(request.version)).as_bytes());
    if !request.host.is_empty() || request.version == Version::Http11 {
        text.extend_from_slice(&[b"host: ", request.host, b"\r\n"].concat());
    }
    let skipped = [h1::Kind::Host];
    write_fields(&request.fields, request.framing, &skipped, &mut text);

    let mut slots = Slots::new();
    let again = parse_request(&text, ROOMY, &mut slots).expect("a good head").expect("a complete head");
    assert_eq!(again.head_bytes, text.len());
    let target = request.target.to_string();
    assert_eq!((again.method, again.target.to_string(), again.host), (request.method, target, request.host));
    assert_eq!((again.version, again.framing), (request.version, request.framing));
    assert_eq!(again.expects_continue, request.expects_continue);
    assert_eq!(passing(&again.fields, &skipped), passing(&request.fields, &skipped));
}

fn answers_the_same_when_written_again(response: &Response<'_, '_>, to_head: bool) {
    let mut text = format!("{} {} ", version(response.version), response.status).into_bytes();
    text.extend_from_slice(response.reason);
    text.extend_from_slice(b"\r\n");
    write_fields(&response.fields, response.framing, &[], &mut text);

    let mut slots = Slots::new();
    let again =
        parse_response(&text, ROOMY, to_head, &mut slots).expect("a good head").expect("a complete head");
    assert_eq!(again.head_bytes, text.len());
    assert_eq!((again.status, again.reason), (response.status, response.reason));
    assert_eq!((again.version, again.framing), (response.version, response.framing));
    assert_eq!(passing(&again.fields, &[]), passing(&response.fields, &[]));
}

fn version(version: Version) -> &'static str {
    match version {
        Version::Http10 => "HTTP/1.0",
        Version::Http11 => "HTTP/1.1",
    }
}

fn write_fields(fields: &Fields<'_, '_>, framing: Framing, skipped: &[h1::Kind], text: &mut Vec<u8>) {
    for (name, value) in passing(fields, skipped) {
        text.extend_from_slice(&[name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    if framing == Framing::Chunked {
        text.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    text.extend_from_slice(b"\r\n");
}

fn passing<'b>(fields: &Fields<'_, 'b>, skipped: &[h1::Kind]) -> Vec<(&'b str, &'b [u8])> {
    let passes = |kind: h1::Kind| kind.passes() && !skipped.contains(&kind);
    fields.iter().filter(|field| passes(field.kind)).map(|field| (field.name, field.value)).collect()
}
