//! All cases, in groups. A group is a list of data; what the words mean is in `case`.

pub(crate) mod answer_framing;
pub(crate) mod answer_head;
pub(crate) mod broken_off;
pub(crate) mod chunks;
pub(crate) mod coding;
pub(crate) mod expectation;
pub(crate) mod fields;
pub(crate) mod forwarding;
pub(crate) mod host;
pub(crate) mod interim;
pub(crate) mod length;
pub(crate) mod limits;
pub(crate) mod old_version;
pub(crate) mod sequence;
pub(crate) mod start_line;
pub(crate) mod surplus;
pub(crate) mod target;
pub(crate) mod trailers;
pub(crate) mod truncation;

use crate::case::Case;

/// Every group with its name, requests first.
pub(crate) fn groups() -> Vec<(&'static str, Vec<Case>)> {
    vec![
        ("start_line", start_line::cases()),
        ("target", target::cases()),
        ("host", host::cases()),
        ("fields", fields::cases()),
        ("length", length::cases()),
        ("coding", coding::cases()),
        ("chunks", chunks::cases()),
        ("trailers", trailers::cases()),
        ("broken_off", broken_off::cases()),
        ("limits", limits::cases()),
        ("expectation", expectation::cases()),
        ("forwarding", forwarding::cases()),
        ("sequence", sequence::cases()),
        ("old_version", old_version::cases()),
        ("answer_head", answer_head::cases()),
        ("answer_framing", answer_framing::cases()),
        ("truncation", truncation::cases()),
        ("surplus", surplus::cases()),
        ("interim", interim::cases()),
    ]
}
