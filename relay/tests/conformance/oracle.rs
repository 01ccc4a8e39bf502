//! A second opinion on the suite itself: http_desync_guardian sorts request heads by how far readers of the
//! same bytes may differ. What it calls severe a case must refuse, and what it calls compliant a case must
//! accept, except where a reason is written down here.

use http_desync_guardian::RequestSafetyTier as Tier;
use http_desync_guardian::request_analyzer::HttpRequestData;

use crate::case::{Case, Direction, Step, Upstream};
use crate::cases;
use crate::table::table;

/// Heads that pass the guardian and that a case refuses nevertheless. The other way round there are none:
/// what it calls severe is refused without an exception.
struct Apart {
    group: &'static str,
    /// None: any of the group.
    names: &'static [&'static str],
    reason: &'static str,
}

const APART: &[Apart] = &[
    Apart { group: "chunks", names: &[], reason: "it reads heads alone" },
    Apart { group: "trailers", names: &[], reason: "it reads heads alone" },
    Apart { group: "broken_off", names: &[], reason: "it reads heads alone" },
    Apart { group: "limits", names: &[], reason: "it has no limits" },
    Apart { group: "expectation", names: &[], reason: "it does not look at Expect" },
    Apart { group: "host", names: &[], reason: "it does not look at Host (RFC 9112, section 3.2)" },
    Apart { group: "target", names: &[], reason: "it knows neither the forms of a target nor methods" },
    Apart {
        group: "start_line",
        names: &["version 2.0", "version 3.0", "the preface of HTTP/2", "version in lower case"],
        reason: "any major version is as good to it, and any case",
    },
    Apart {
        group: "start_line",
        names: &["version of another protocol", "word after the version", "bare CR in the request line"],
        reason: "what does not begin with HTTP/1 it takes for no version of interest",
    },
    Apart {
        group: "start_line",
        names: &["no target but its spaces", "space for a method"],
        reason: "it counts the spaces of a request line and not what is between them",
    },
    Apart {
        group: "length",
        names: &["empty length"],
        reason: "empty fields are harmless to it; a length is 1*DIGIT (RFC 9110, section 8.6)",
    },
    Apart {
        group: "coding",
        names: &[
            "gzip",
            "gzip, chunked",
            "identity",
            "chunked, gzip",
            "chunked, identity",
            "identity, chunked",
            "chunked with a parameter",
            "chunked and identity in two lines",
        ],
        reason: "it takes every registered coding for known; here only chunked is (RFC 9112, section 6.1)",
    },
];

#[test]
fn severe_heads_are_refused_and_compliant_ones_accepted() {
    let mut rows = Vec::new();
    let mut used = vec![false; APART.len()];
    let mut judged = 0;
    for (group, cases) in cases::groups() {
        for case in &cases {
            let Some(head) = first_head(case) else { continue };
            judged += 1;
            let opinion = HttpRequestData::analyze_raw_request(&head);
            let is_wrong = match opinion.tier {
                Tier::Severe => !is_refused(case),
                Tier::Compliant => is_refused(case),
                Tier::Acceptable | Tier::Ambiguous => false,
            };
            match apart(group, case.name).filter(|_| opinion.tier == Tier::Compliant) {
                _ if !is_wrong => {}
                Some(index) => used[index] = true,
                None => rows.push([
                    group.to_owned(),
                    case.name.to_owned(),
                    format!("{:?}", opinion.tier),
                    format!("{:?}", opinion.reason),
                ]),
            }
        }
    }
    assert!(rows.is_empty(), "\n{}\n", table(["group", "case", "opinion", "because"], &rows));
    let idle = APART.iter().zip(used).filter(|(_, used)| !used).map(|(apart, _)| apart.reason);
    assert_eq!(idle.collect::<Vec<_>>(), Vec::<&str>::new(), "reasons nobody needs any more");
    assert!(judged > 150, "{judged} heads are a poor sample");
}

fn apart(group: &str, name: &str) -> Option<usize> {
    APART
        .iter()
        .position(|apart| apart.group == group && (apart.names.is_empty() || apart.names.contains(&name)))
}

/// Whether the first request is, by the proxy itself.
fn is_refused(case: &Case) -> bool {
    let statuses = &case.want.replies[0].statuses;
    !matches!(case.want.upstream, Upstream::Saw(_))
        && statuses.iter().all(|status| *status == 0 || *status >= 400)
}

/// The head of a request, if the client sends it whole and at the very beginning.
fn first_head(case: &Case) -> Option<Vec<u8>> {
    if case.direction != Direction::Request {
        return None;
    }
    let sends = case.steps.iter().filter_map(|step| match step {
        Step::Send(bytes) => Some(bytes.as_slice()),
        Step::Read | Step::OriginSees(_) | Step::OriginSays(_) | Step::Finish => None,
    });
    let sent = sends.collect::<Vec<_>>().concat();
    let at = sent.windows(4).position(|window| window == b"\r\n\r\n")?;
    Some(sent[..at + 4].to_vec())
}
