//! The kinds of fields, and what `Connection` does to them and to the connection.

use relay::h1::Kind;

use crate::{get, request, response};

fn kinds(lines: &str) -> Vec<Kind> {
    request(get(lines), |request| request.fields.iter().skip(1).map(|field| field.kind).collect())
}

#[test]
fn a_kind_is_told_from_the_name_in_any_case() {
    for (name, kind) in [
        ("Host", Kind::Host),
        ("Content-Length", Kind::ContentLength),
        ("Transfer-Encoding", Kind::TransferEncoding),
        ("Upgrade", Kind::Upgrade),
        ("Connection", Kind::Connection),
        ("Keep-Alive", Kind::Dropped),
        ("Proxy-Connection", Kind::Dropped),
        ("TE", Kind::Te),
        ("Expect", Kind::Expect),
        ("Trailer", Kind::Trailer),
        ("Via", Kind::Via),
        ("Forwarded", Kind::Forwarded),
        ("X-Forwarded-For", Kind::XForwardedFor),
        ("X-Forwarded-Host", Kind::XForwardedHost),
        ("X-Forwarded-Proto", Kind::XForwardedProto),
        ("X_Forwarded_For", Kind::XForwardedFor),
        ("X-Forwarded_Host", Kind::XForwardedHost),
        ("X_FORWARDED_PROTO", Kind::XForwardedProto),
        ("X-Accordion-Token", Kind::Token),
        ("X-Accordion-Refused", Kind::Refused),
        ("X-Accordion-Lost", Kind::Lost),
        ("X-Accordion-Reason", Kind::Reason),
        ("X-Accordion-Served-By", Kind::ServedBy),
        ("X-Accordion-Anything", Kind::Mark),
        ("X-Accordion-", Kind::Mark),
        ("X-Accordion", Kind::Other),
        ("X-Accordions-Token", Kind::Other),
        ("Date", Kind::Date),
        ("Server", Kind::Server),
        ("User-Agent", Kind::UserAgent),
        ("Referer", Kind::Referer),
        ("Accept", Kind::Other),
        ("Hosts", Kind::Other),
        ("Hast", Kind::Other),
        ("X", Kind::Other),
        ("X-Forwarded-Fox", Kind::Other),
        ("X-Forwarded-Port", Kind::Other),
        ("Content-Lengths", Kind::Other),
        ("Content-Lengtn", Kind::Other),
    ] {
        for name in [name.to_owned(), name.to_ascii_lowercase(), name.to_ascii_uppercase()] {
            let head = format!("HTTP/1.1 304 x\r\n{name}: 3\r\n\r\n");
            if kind == Kind::TransferEncoding {
                continue;
            }
            response(head, |response| {
                let first = response.fields.iter().next().map(|field| field.kind);
                assert_eq!(first, Some(kind), "{name}");
            });
        }
    }
    assert_eq!(kinds("TRANSFER-encoding: chunked\r\n"), [Kind::TransferEncoding]);
}

#[test]
fn what_belongs_to_one_connection_does_not_pass() {
    let dropped: Vec<_> = request(
        get("Connection: close\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nUpgrade: h2c\r\n\
             Transfer-Encoding: chunked\r\nTrailer: x\r\nAccept: *\r\nVia: 1.1 x\r\n"),
        |request| {
            request
                .fields
                .iter()
                .filter(|field| field.kind.passes())
                .map(|field| field.name.to_owned())
                .collect()
        },
    );
    assert_eq!(dropped, ["Host", "Trailer", "Accept", "Via"]);
}

#[test]
fn fields_that_connection_names_do_not_pass() {
    assert_eq!(
        kinds(
            "X-B: 1\r\nConnection: close, x-a ,,X-B\r\nX-A: 1\r\nconnection: x-c\r\nX-C: 1\r\nX-D: 1\r\nX-A: 2\r\n"
        ),
        [
            Kind::Dropped,
            Kind::Connection,
            Kind::Dropped,
            Kind::Connection,
            Kind::Dropped,
            Kind::Other,
            Kind::Dropped,
        ]
    );
    assert_eq!(
        kinds(
            "Connection: via, x-forwarded-for, cookie\r\nVia: 1.1 a\r\nX-Forwarded-For: a\r\nCookie: a\r\n"
        )[1..],
        [Kind::Dropped, Kind::Dropped, Kind::Dropped]
    );
}

#[test]
fn connection_cannot_name_away_what_a_message_needs() {
    let lines = "Connection: host, content-length, x-accordion-token, x-accordion-lost, x-accordion-x, connection\r\n\
                 Content-Length: 3\r\nX-Accordion-Token: t\r\nX-Accordion-Lost: l\r\nX-Accordion-X: x\r\n";
    request(get(lines), |request| {
        let kinds: Vec<_> = request.fields.iter().map(|field| field.kind).collect();
        let expected =
            [Kind::Host, Kind::Connection, Kind::ContentLength, Kind::Token, Kind::Lost, Kind::Mark];
        assert_eq!(kinds, expected);
    });
    let lines = "Connection: transfer-encoding\r\nTransfer-Encoding: chunked\r\n";
    assert_eq!(kinds(lines), [Kind::Connection, Kind::TransferEncoding]);
}

#[test]
fn connection_has_a_bound() {
    let named = |count: usize| format!("Connection: {}\r\n", vec!["x"; count].join(","));
    request(get(&named(128)), |request| assert!(request.keep_alive));
    assert_eq!(crate::request_fault(get(&named(129))).status, 400);
}

#[test]
fn marks_are_told_from_the_token() {
    for kind in [Kind::Refused, Kind::Lost, Kind::Reason, Kind::ServedBy, Kind::Mark] {
        assert!(kind.is_mark() && kind.passes());
    }
    assert!(!Kind::Token.is_mark() && !Kind::Other.is_mark());
}

#[test]
fn a_connection_persists_as_its_version_has_it() {
    for (version, lines, expected) in [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: x, CLOSE\r\n", false),
        ("1.1", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("1.1", "Connection: closed\r\n", true),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive, close\r\n", false),
        ("1.0", "Keep-Alive: timeout=5\r\n", false),
    ] {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        request(head, |request| assert_eq!(request.keep_alive, expected, "{version} {lines:?}"));
        let head = format!("HTTP/{version} 200 OK\r\nContent-Length: 0\r\n{lines}\r\n");
        response(head, |response| assert_eq!(response.keep_alive, expected, "{version} {lines:?}"));
    }
}

#[test]
fn an_upgrade_needs_both_fields_and_http_1_1() {
    let both = "Connection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n";
    for (version, lines, expected) in [
        ("1.1", both, Some(&b"websocket"[..])),
        ("1.0", both, None),
        ("1.1", "Upgrade: websocket\r\n", None),
        ("1.1", "Connection: upgrade\r\n", None),
        ("1.1", "Connection: upgrade\r\nUpgrade:\r\n", None),
        ("1.1", "Upgrade: a\r\nConnection: upgrade\r\nUpgrade: b\r\n", Some(b"a")),
    ] {
        let head = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        request(head, |request| assert_eq!(request.upgrade, expected, "{version} {lines:?}"));
        let head = format!("HTTP/{version} 101 x\r\n{lines}\r\n");
        response(head, |response| assert_eq!(response.upgrade, expected, "{version} {lines:?}"));
    }
}
