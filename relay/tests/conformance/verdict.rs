//! Holds what was seen against what a case wants, and says both in a few words.

use std::fmt::Write;

use crate::case::{Case, Ending, Link, Reply, Saw, Upstream};
use crate::origin::Request;
use crate::play::{Fate, Observed};
use crate::wire::Received;

/// The differences, in words; none: the proxy conforms.
pub(crate) fn differences(case: &Case, seen: &Observed) -> Vec<String> {
    let mut found = Vec::new();
    for (index, want) in case.want.replies.iter().enumerate() {
        compare_reply(want, seen.replies.get(index), &mut found);
    }
    if !ends_as_wanted(case.want.ending, seen) {
        found.push(format!("the connection is {}", fate(seen.fate)));
    }
    if let Some(bytes) = seen.unseen {
        found.push(format!("the origin never got {bytes:?}"));
    }
    compare_upstream(&case.want.upstream, seen, &mut found);
    match case.want.link {
        Link::Ended if !seen.link_is_ended => found.push("the upstream connection is not ended".into()),
        Link::Ended if seen.link_took_follow_up => found.push("the upstream connection is reused".into()),
        Link::Open if seen.link_is_ended => found.push("the upstream connection is ended".into()),
        Link::Any | Link::Ended | Link::Open => {}
    }
    found
}

/// What a case wants, for a table.
pub(crate) fn wanted(case: &Case) -> String {
    let replies: Vec<_> = case
        .want
        .replies
        .iter()
        .map(|reply| reply.statuses.iter().map(|status| status_word(*status)).collect::<Vec<_>>().join("|"))
        .collect();
    let ending = match case.want.ending {
        Ending::Kept => "kept",
        Ending::Closed => "closed",
        Ending::Cut => "cut",
        Ending::Any => "any",
    };
    let upstream = match &case.want.upstream {
        Upstream::Nothing => "nothing".to_owned(),
        Upstream::NotWhole => "no whole request".to_owned(),
        Upstream::Saw(saw) => saw.requests.map_or("a request".to_owned(), requests_word),
    };
    format!("{} {ending} / {upstream}", replies.join(" "))
}

/// What was seen, in the same words.
pub(crate) fn got(seen: &Observed) -> String {
    let mut text = String::new();
    let shown = 4;
    for reply in seen.replies.iter().take(shown) {
        let _ = write!(text, "{} ", status_word(reply.status));
    }
    if seen.replies.len() > shown {
        text.push_str("... ");
    }
    let _ = write!(text, "{} / ", fate(seen.fate));
    let whole = seen.requests.iter().filter(|request| request.is_whole).count();
    if seen.requests.is_empty() {
        text.push_str(if seen.raw.is_empty() { "nothing" } else { "part of a head" });
    } else if whole == 0 {
        text.push_str("no whole request");
    } else {
        text.push_str(&requests_word(whole));
    }
    text
}

fn ends_as_wanted(want: Ending, seen: &Observed) -> bool {
    let is_refused = seen.replies.last().is_some_and(|reply| reply.status == 502);
    match (want, seen.fate) {
        (Ending::Kept | Ending::Any, Fate::Kept)
        | (Ending::Closed | Ending::Any, Fate::Closed)
        | (Ending::Cut, Fate::Cut) => true,
        (Ending::Cut, Fate::Kept | Fate::Closed) => is_refused,
        (Ending::Kept | Ending::Closed | Ending::Cut | Ending::Any, _) => false,
    }
}

fn compare_reply(want: &Reply, reply: Option<&Received>, found: &mut Vec<String>) {
    let none = Received::default();
    let reply = reply.unwrap_or(&none);
    if !want.statuses.contains(&reply.status) {
        found.push(format!("answered {}", status_word(reply.status)));
    }
    if want.body.as_ref().is_some_and(|body| *body != reply.body) {
        found.push(format!("the client reads the body {:?}", shorten(&reply.body)));
    }
    compare_fields("the client", &reply.fields, &want.has, &want.lacks, found);
}

fn compare_upstream(want: &Upstream, seen: &Observed, found: &mut Vec<String>) {
    let whole = || seen.requests.iter().filter(|request| request.is_whole);
    match want {
        Upstream::Nothing if !seen.raw.is_empty() => {
            found.push(format!("forwarded {:?}", shorten(&seen.raw)));
        }
        Upstream::NotWhole if whole().next().is_some() => {
            found.push("the origin took it for a whole request".into());
        }
        Upstream::NotWhole if !seen.requests.is_empty() && !seen.link_is_ended => {
            found.push("the upstream connection of the broken request is not ended".into());
        }
        Upstream::Nothing | Upstream::NotWhole => {}
        Upstream::Saw(saw) => compare_requests(saw, &seen.requests, found),
    }
}

fn compare_requests(saw: &Saw, requests: &[Request], found: &mut Vec<String>) {
    match saw.requests {
        None if requests.is_empty() => found.push("the origin saw no request".into()),
        Some(count) if count != requests.len() => {
            found.push(format!("the origin saw {}", requests_word(requests.len())));
        }
        None | Some(_) => {}
    }
    let fields: String = requests.iter().map(|request| request.fields.as_str()).collect();
    compare_fields("the origin", &fields, &saw.has, &saw.lacks, found);
    let body = requests.first().map(|request| request.body.as_slice()).unwrap_or_default();
    if saw.body.as_ref().is_some_and(|want| want != body) {
        found.push(format!("the origin read the body {:?}", shorten(body)));
    }
}

fn compare_fields(
    who: &str,
    fields: &str,
    has: &[&'static str],
    lacks: &[&'static str],
    found: &mut Vec<String>,
) {
    for text in has {
        if !fields.contains(&text.to_ascii_lowercase()) {
            found.push(format!("{who} misses {text:?}"));
        }
    }
    for text in lacks {
        if fields.contains(&text.to_ascii_lowercase()) {
            found.push(format!("{who} sees {text:?}"));
        }
    }
}

fn fate(fate: Fate) -> String {
    match fate {
        Fate::Kept => "kept".into(),
        Fate::Closed => "closed".into(),
        Fate::Cut => "cut".into(),
        Fate::Hung => "hung".into(),
        Fate::Mixed(0) => "garbled".into(),
        Fate::Mixed(status) => format!("mixed({status})"),
    }
}

fn status_word(status: u16) -> String {
    if status == 0 { "none".into() } else { status.to_string() }
}

fn requests_word(count: usize) -> String {
    if count == 1 { "1 request".into() } else { format!("{count} requests") }
}

fn shorten(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(80)]).into_owned()
}
