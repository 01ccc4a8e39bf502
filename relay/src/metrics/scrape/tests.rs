//! The whole text, read back by a parser of the format's rules.

use std::collections::{BTreeMap, HashSet};
use std::net::{IpAddr, Ipv4Addr};
use std::time::UNIX_EPOCH;

use super::*;
use crate::access_log::{Record, Times};

/// What a scraper takes out of a text: each sample under its name and labels, as they are written.
struct Scraped {
    samples: BTreeMap<String, f64>,
}

impl Scraped {
    /// Fails on whatever the format forbids: a sample outside of its family, a family that comes twice or
    /// has no help, a sample that comes twice, a label's value that is not closed.
    fn parse(text: &str) -> Scraped {
        assert!(text.ends_with('\n'));
        let (mut samples, mut seen) = (BTreeMap::new(), HashSet::new());
        let (mut helped, mut family, mut kind) = (String::new(), String::new(), String::new());
        for line in text.lines() {
            if let Some(help) = line.strip_prefix("# HELP ") {
                let (name, words) = help.split_once(' ').unwrap();
                assert!(!words.is_empty(), "{line}");
                helped = name.to_owned();
            } else if let Some(typed) = line.strip_prefix("# TYPE ") {
                let (name, of) = typed.split_once(' ').unwrap();
                assert_eq!(name, helped);
                assert!(seen.insert(name.to_owned()), "{name} comes twice");
                assert_eq!(of == "counter", name.ends_with("_total"), "{line}");
                assert_eq!(of == "histogram", name.ends_with("_seconds"), "{line}");
                assert!(["counter", "gauge", "histogram"].contains(&of), "{line}");
                (family, kind) = (name.to_owned(), of.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let name = series.split('{').next().unwrap();
                let suffix =
                    name.strip_prefix(family.as_str()).unwrap_or_else(|| panic!("{line}: not of {family}"));
                let suffixes: &[_] = if kind == "histogram" { &["_bucket", "_sum", "_count"] } else { &[""] };
                assert!(suffixes.contains(&suffix), "{line}");
                check_labels(&series[name.len()..]);
                let value: f64 = if value == "+Inf" { f64::INFINITY } else { value.parse().unwrap() };
                assert!(samples.insert(series.to_owned(), value).is_none(), "{series} comes twice");
            }
        }
        Scraped { samples }
    }

    fn of(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series}"))
    }

    fn sum(&self, name: &str) -> f64 {
        let of = format!("{name}{{");
        self.samples.iter().filter(|(series, _)| series.starts_with(&of)).map(|(_, value)| value).sum()
    }
}

fn check_labels(labels: &str) {
    if labels.is_empty() {
        return;
    }
    let mut rest = labels.strip_prefix('{').and_then(|labels| labels.strip_suffix('}')).unwrap();
    while !rest.is_empty() {
        let (name, value) = rest.split_once("=\"").unwrap();
        assert!(name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{labels}");
        let mut is_escaped = false;
        let end = value.bytes().position(|byte| {
            let ends = byte == b'"' && !is_escaped;
            is_escaped = byte == b'\\' && !is_escaped;
            ends
        });
        let after = &value[end.unwrap() + 1..];
        rest = after.strip_prefix(',').unwrap_or(after);
        assert!(rest.is_empty() || after.starts_with(','), "{labels}");
    }
}

fn record<'a>(status: u16, ended: End, times: Times) -> Record<'a> {
    Record {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        time: UNIX_EPOCH,
        method: b"GET",
        target: b"/",
        version: "HTTP/1.1",
        host: None,
        referer: None,
        user_agent: None,
        status,
        request_bytes: 10,
        response_bytes: 100,
        served_by: "-",
        retries: 0,
        times,
        ended,
    }
}

fn scrape(workers: &[Arc<Metrics>], rows: &[UpstreamRow<'_>]) -> Scraped {
    let mut text = Text::new();
    Scrape::new(workers.to_vec()).write(rows, &mut text);
    Scraped::parse(&text.finish())
}

#[test]
fn requests_are_summed_over_the_workers_and_counted_once_in_each_family() {
    let workers = [Arc::<Metrics>::default(), Arc::default()];
    let pooled = Times { head: 5, queue: 0, connect: 0, first_byte: 800, total: 900 };
    let fresh = Times { head: 5, queue: 20_000, connect: 300, first_byte: 90, total: 30_000 };
    workers[0].observe(&record(200, End::Completed, pooled));
    workers[0].observe(&record(503, End::Refused("queue-full"), Times::default()));
    workers[1].observe(&record(200, End::Completed, fresh));
    workers[1].observe(&record(0, End::ClientGone, Times::default()));
    workers[1].observe(&record(500, End::Refused("a new word"), Times::default()));
    workers[1].observe(&record(101, End::TunnelClosed, Times { total: 3_600_000_000, ..fresh }));
    workers.iter().for_each(|worker| worker.retried());
    let scraped = scrape(&workers, &[]);

    assert_eq!(scraped.sum("accordion_requests_total"), 6.0);
    assert_eq!(scraped.of(r#"accordion_requests_total{code="2xx"}"#), 2.0);
    assert_eq!(scraped.of(r#"accordion_requests_total{code="5xx"}"#), 2.0);
    assert_eq!(scraped.of(r#"accordion_requests_total{code="none"}"#), 1.0);
    assert_eq!(scraped.sum("accordion_requests_ended_total"), 6.0);
    assert_eq!(scraped.of(r#"accordion_requests_ended_total{ended="client-gone"}"#), 1.0);
    assert_eq!(scraped.sum("accordion_refusals_total"), 2.0);
    assert_eq!(scraped.of(r#"accordion_refusals_total{reason="queue-full"}"#), 1.0);
    assert_eq!(scraped.of(r#"accordion_refusals_total{reason="other"}"#), 1.0);
    assert_eq!(scraped.of("accordion_retries_total"), 2.0);
    assert_eq!(scraped.of("accordion_request_body_bytes_total"), 60.0);
    assert_eq!(scraped.of("accordion_response_body_bytes_total"), 600.0);

    assert_eq!(scraped.of("accordion_queue_seconds_count"), 6.0);
    assert_eq!(scraped.of("accordion_queue_seconds_sum"), 0.04);
    assert_eq!(scraped.of(r#"accordion_queue_seconds_bucket{le="0.0001"}"#), 4.0);
    assert_eq!(scraped.of(r#"accordion_queue_seconds_bucket{le="0.025"}"#), 6.0);
    assert_eq!(scraped.of("accordion_connect_seconds_count"), 2.0);
    assert_eq!(scraped.of("accordion_first_byte_seconds_count"), 3.0);
    assert_eq!(scraped.of(r#"accordion_first_byte_seconds_bucket{le="+Inf"}"#), 3.0);
    // The tunnel's hour is not among them.
    assert_eq!(scraped.of("accordion_request_seconds_count"), 5.0);
    assert_eq!(scraped.of("accordion_request_seconds_sum"), 0.0309);
}

#[test]
fn connections_and_bytes_are_summed_over_the_workers() {
    let workers = [Arc::<Metrics>::default(), Arc::default()];
    for worker in &workers {
        (0..2).for_each(|_| worker.connection_accepted());
        (0..2).for_each(|_| worker.opened());
        worker.connection_refused();
        worker.client_bytes(10, 20);
        worker.upstream_bytes(30, 40);
    }
    workers[1].closed();
    let scraped = scrape(&workers, &[]);
    assert_eq!(scraped.of("accordion_connections_accepted_total"), 4.0);
    assert_eq!(scraped.of("accordion_connections_open"), 3.0);
    assert_eq!(scraped.of("accordion_connections_refused_total"), 2.0);
    assert_eq!(scraped.of(r#"accordion_received_bytes_total{side="client"}"#), 20.0);
    assert_eq!(scraped.of(r#"accordion_sent_bytes_total{side="client"}"#), 40.0);
    assert_eq!(scraped.of(r#"accordion_received_bytes_total{side="upstream"}"#), 60.0);
    assert_eq!(scraped.of(r#"accordion_sent_bytes_total{side="upstream"}"#), 80.0);
}

#[test]
fn each_upstream_has_its_row_whatever_its_name() {
    let row = UpstreamRow {
        name: "local",
        state: UpstreamState::Up,
        in_flight: 7,
        long_lived: 2,
        load: 5.2,
        capacity: 64.0,
        requests: [0, 900, 40, 9, 1],
        ejections: 3,
    };
    let odd = UpstreamRow { name: "a\"},b\\\n", state: UpstreamState::Draining, in_flight: 1, ..row };
    let scraped = scrape(&[], &[row, odd]);
    assert_eq!(scraped.of(r#"accordion_upstream_in_flight{upstream="local"}"#), 7.0);
    assert_eq!(scraped.of(r#"accordion_upstream_in_flight{upstream="a\"},b\\\n"}"#), 1.0);
    assert_eq!(scraped.of(r#"accordion_upstream_long_lived{upstream="local"}"#), 2.0);
    assert_eq!(scraped.of(r#"accordion_upstream_load{upstream="local"}"#), 5.2);
    assert_eq!(scraped.of(r#"accordion_upstream_capacity{upstream="local"}"#), 64.0);
    assert_eq!(scraped.of(r#"accordion_upstream_requests_total{upstream="local",code="2xx"}"#), 900.0);
    assert_eq!(scraped.of(r#"accordion_upstream_requests_total{upstream="local",code="5xx"}"#), 1.0);
    assert_eq!(scraped.of(r#"accordion_upstream_ejections_total{upstream="local"}"#), 3.0);
    assert_eq!(scraped.of(r#"accordion_upstream_state{upstream="local",state="up"}"#), 1.0);
    assert_eq!(scraped.of(r#"accordion_upstream_state{upstream="local",state="draining"}"#), 0.0);
    assert_eq!(scraped.sum("accordion_upstream_state"), 2.0);
}
