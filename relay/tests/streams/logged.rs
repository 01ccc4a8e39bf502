//! What the access log and the metrics say of an exchange.

use std::fs;

use relay::Settings;
use relay::access_log::{AccessLog, Format};
use relay::metrics::Text;
use serde_json::Value;

use crate::peer::Close;
use crate::rig::{GET, OK, Origin, POST, Rig, Told, eventually, node, refusing_address};
use crate::scratch::Scratch;

/// An answer after which the service's connection serves no other request.
const LAST: &str = "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok";

/// An access log of one relay, of one test.
struct Log {
    file: Scratch,
    log: AccessLog,
}

impl Log {
    fn new() -> Log {
        let file = Scratch::new();
        let log = AccessLog::to_file(Format::Json, file.path()).unwrap();
        Log { file, log }
    }

    fn settings(&self) -> Settings {
        Settings { access_log: Some(self.log.clone()), ..Settings::default() }
    }

    /// All lines, once the relay that wrote them is gone.
    fn lines(self, rig: Rig) -> Vec<Value> {
        drop(rig);
        drop(self.log);
        let text = fs::read_to_string(self.file.path()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

/// What a scraper reads of one series.
fn scraped(rig: &Rig, series: &str) -> u64 {
    let mut text = Text::new();
    rig.relay.scrape().write(&[], &mut text);
    let text = text.finish();
    let value = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    value.unwrap_or_else(|| panic!("no {series}")).parse().unwrap()
}

#[test]
fn a_relay_that_ends_at_once_leaves_a_line_of_each_request() {
    let log = Log::new();
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, log.settings());
    for _ in 0..20 {
        let (mut client, mut service) = rig.asked(&origin, GET);
        service.send(LAST);
        client.message();
    }
    assert_eq!(log.lines(rig).len(), 20);
}

#[test]
fn a_connection_that_is_turned_away_leaves_a_line() {
    let log = Log::new();
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, Settings { connections_max: 1, ..log.settings() });
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(OK);
    client.message();
    // Whether it has sent a request or not.
    for request in [GET, "", "GET / HT"] {
        let mut refused = rig.client();
        refused.send(request);
        assert_eq!(refused.message().reason(), Some("too-many-connections"));
        refused.expect_end();
    }
    assert_eq!(scraped(&rig, r#"accordion_refusals_total{reason="too-many-connections"}"#), 3);
    assert_eq!(scraped(&rig, r#"accordion_requests_total{code="5xx"}"#), 3);
    let lines = log.lines(rig);
    assert_eq!((lines.len(), &lines[0]["ended"]), (4, &"completed".into()));
    for line in &lines[1..] {
        assert_eq!((&line["ended"], &line["reason"]), (&"refused".into(), &"too-many-connections".into()));
        assert_eq!((&line["status"], &line["client"]), (&503.into(), &"127.0.0.1".into()), "{line}");
        assert_eq!(
            (&line["method"], &line["target"], &line["served_by"]),
            (&Value::Null, &Value::Null, &Value::Null)
        );
    }
}

/// Waits until a request has ended for the metrics too, which is later than for its client.
fn is_counted(rig: &Rig) {
    eventually("it is counted", || scraped(rig, "accordion_request_seconds_count") == 1);
}

/// How a line says that its request ended, and who served it.
fn ended(line: &Value) -> [&str; 3] {
    ["ended", "reason", "served_by"].map(|key| line[key].as_str().unwrap_or("-"))
}

#[test]
fn an_answer_of_a_nodes_own_is_refused_with_its_reason() {
    let refused = "HTTP/1.1 502 No\r\nX-Accordion-Reason: bad-response\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    let unheard_of = refused.replace("bad-response", "unheard-of");
    // What the service sends through a node and its front end, or what a node itself sends.
    for (by_node, answer, reason) in [
        (true, "this is no HTTP\r\n\r\n", "bad-response"),
        (true, refused, "-"),
        (false, refused, "bad-response"),
        (false, &unheard_of, "other"),
        (false, LAST, "-"),
    ] {
        let log = Log::new();
        let origin = Origin::start();
        let rig = match by_node {
            true => Rig::chain_with(&origin, log.settings()),
            false => Rig::with(Told::in_order(&[&node("c1", origin.address)]), log.settings()),
        };
        let (mut client, mut service) = rig.asked(&origin, GET);
        service.send(answer);
        service.end(Close::Fin);
        let told = client.message();
        is_counted(&rig);
        let counted = |word| scraped(&rig, &format!(r#"accordion_requests_ended_total{{ended="{word}"}}"#));
        let [as_refused, as_completed] = ["refused", "completed"].map(counted);
        if reason == "-" {
            assert_eq!((as_refused, as_completed), (0, 1));
            assert_eq!(ended(&log.lines(rig)[0]), ["completed", "-", "c1"]);
        } else {
            assert_eq!((as_refused, as_completed), (1, 0));
            assert_eq!(scraped(&rig, &format!(r#"accordion_refusals_total{{reason="{reason}"}}"#)), 1);
            assert_eq!((told.status(), ended(&log.lines(rig)[0])), (502, ["refused", reason, "c1"]));
        }
    }
}

#[test]
fn a_service_that_dies_behind_a_node_is_in_the_front_ends_log() {
    let log = Log::new();
    let origin = Origin::start();
    let rig = Rig::chain_with(&origin, log.settings());
    let (mut client, service) = rig.asked(&origin, POST);
    service.end(Close::Fin);
    let answer = client.message();
    assert_eq!((answer.status(), answer.reason()), (502, Some("upstream-closed")));
    is_counted(&rig);
    assert_eq!(scraped(&rig, r#"accordion_refusals_total{reason="upstream-closed"}"#), 1);
    assert_eq!(ended(&log.lines(rig)[0]), ["refused", "upstream-closed", "-"]);

    let log = Log::new();
    let rig = Rig::chain_to(refusing_address(), log.settings());
    assert_eq!(rig.ask(GET).reason(), Some("no-upstream"));
    is_counted(&rig);
    assert_eq!(ended(&log.lines(rig)[0]), ["refused", "no-upstream", "c1"]);
}

#[test]
fn bodies_are_counted_without_the_framing_of_chunks() {
    let chunked = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n\
        2;a=b\r\nhe\r\n003\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n";
    let get = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n";
    let old = "GET / HTTP/1.0\r\n\r\n";
    let in_chunks = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\
        1\r\nw\r\n5\r\norld!\r\n0\r\nX-Sum: 1\r\n\r\n";
    let cases = [
        (chunked, in_chunks, 5, 6),
        (chunked, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", 5, 2),
        (get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 0, 0),
        // What ends with its connection gets chunks here, and to an old client loses them.
        (get, "HTTP/1.0 200 OK\r\n\r\nall of it", 0, 9),
        (get, "HTTP/1.0 200 OK\r\n\r\n", 0, 0),
        (old, "HTTP/1.0 200 OK\r\n\r\nall of it", 0, 9),
        (old, in_chunks, 0, 6),
    ];
    let log = Log::new();
    let origin = Origin::start();
    let rig = Rig::front_with(&origin, log.settings());
    for (request, answer, ..) in cases {
        let (mut client, mut service) = rig.asked(&origin, request);
        service.send(answer);
        service.end(Close::Fin);
        client.rest();
    }
    assert_eq!(scraped(&rig, "accordion_request_body_bytes_total"), 10);
    assert_eq!(scraped(&rig, "accordion_response_body_bytes_total"), 32);
    let lines = log.lines(rig);
    assert_eq!(lines.len(), cases.len(), "{lines:#?}");
    for (line, (.., request_bytes, response_bytes)) in lines.iter().zip(cases) {
        assert_eq!((&line["ended"], &line["status"]), (&"completed".into(), &200.into()), "{line}");
        assert_eq!(line["request_bytes"], request_bytes, "{line}");
        assert_eq!(line["response_bytes"], response_bytes, "{line}");
    }
}
