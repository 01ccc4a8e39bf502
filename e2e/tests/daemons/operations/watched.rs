//! The alert rules and the dashboard that are packaged name only metrics, labels and label values that a
//! front end really exposes.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::time::Duration;

use e2e::client;
use e2e::site::{Plan, Site};
use e2e::wait_for;
use serde_json::Value;

use super::{PROGRAM, STEP};

const GET_LIMIT: Duration = Duration::from_secs(20);

/// What each family is: "counter", "gauge", "histogram".
fn families(page: &str) -> BTreeMap<&str, &str> {
    let types = page.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.collect()
}

/// The names of metrics in a text: every word that begins as ours do.
fn named(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    words.filter(|word| word.starts_with("accordion_")).map(str::to_owned).collect()
}

/// The selectors of a text, like `level="high"` in `accordion_level{level="high"}`.
fn selectors(text: &str) -> BTreeSet<(String, String)> {
    let braces = text.split("accordion_").skip(1).filter_map(|rest| {
        let (name, rest) = rest.split_once('{')?;
        let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
        is_name.then(|| rest.split_once('}').map(|(inside, _)| (format!("accordion_{name}"), inside)))?
    });
    braces.map(|(name, inside)| (name, inside.replace('\\', ""))).collect()
}

/// Whether a sample of the metric has the label, and where an exact value is asked for, the value.
fn is_met(page: &str, metric: &str, matcher: &str) -> bool {
    let label = matcher.split(['=', '!']).next().unwrap();
    // Prometheus adds these itself.
    if ["job", "instance"].contains(&label) {
        return true;
    }
    let is_exact = matcher.starts_with(&format!("{label}=\""));
    let wanted = if is_exact { matcher.to_owned() } else { format!("{label}=\"") };
    page.lines().any(|line| line.starts_with(metric) && line.contains(&wanted))
}

fn packaged(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../packaging").join(name);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn page() -> String {
    let mut site = Site::new(PROGRAM, &Plan { nodes: 1, ..Plan::default() });
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    site.rewrite("[service.demo]", &format!("[service.demo]\nadmin = \"{free}\""));
    site.start();
    site.wait_until_up();
    assert_eq!(site.get("/bytes/10").unwrap().status, 200);
    // A request is counted when it has ended.
    let page = wait_for("a request is counted", STEP, || {
        let answer = client::get(free, "/metrics", GET_LIMIT).ok()?;
        let page = String::from_utf8(answer.body).unwrap();
        page.contains("accordion_requests_total{").then_some(page)
    });
    assert!(site.down().success());
    page
}

#[test]
fn rules_and_dashboard_name_only_metrics_that_there_are() {
    let page = page();
    let families = families(&page);
    let exists = |name: &str| {
        let of = |suffix| name.strip_suffix(suffix).and_then(|base| families.get(base));
        let is_histogram =
            ["_bucket", "_sum", "_count"].iter().any(|suffix| of(*suffix) == Some(&"histogram"));
        is_histogram || families.get(name).is_some_and(|kind| *kind != "histogram")
    };
    let files =
        ["prometheus/accordion.rules.yml", "grafana/accordion.json"].map(|name| (name, packaged(name)));
    for (file, text) in &files {
        let named = named(text);
        assert!(named.len() > 5, "{file} watches something: {named:?}");
        for name in &named {
            assert!(exists(name), "{file} names {name}, which is none of {:?}", families.keys());
        }
        for (metric, selector) in selectors(text) {
            for matcher in selector.split(',') {
                assert!(is_met(&page, &metric, matcher), "{file}: nothing of {metric} can have {matcher}");
            }
        }
    }
    // A rate is of what only grows.
    for (file, text) in &files {
        for asked in ["rate(", "increase("].iter().flat_map(|function| text.split(*function).skip(1)) {
            let name: String = asked.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
            let is_counter = families.get(name.as_str()) == Some(&"counter");
            assert!(is_counter || name.ends_with("_bucket"), "{file}: a rate of {name}, which is no counter");
        }
    }
}

#[test]
fn the_dashboard_is_json_whose_panels_each_ask_something() {
    let dashboard: Value = serde_json::from_str(&packaged("grafana/accordion.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().unwrap();
        assert!(
            targets.iter().all(|target| target["expr"].as_str().unwrap().contains("accordion_")),
            "{panel}"
        );
    }
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len());
}
