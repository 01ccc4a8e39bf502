//! Text that is not TOML: every place where it is not is reported, and what can be understood of
//! the rest is kept, so that its faults are found in the same go.
//!
//! What is broken is blanked out with spaces, which leaves each byte of the rest where it was.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::de::{DeTable, DeValue, Error};

use super::report::Report;

/// Each pass finds what the errors of the one before hid. A text that needs more of them, for as many
/// values that never end, has its other errors told as the last one finds them.
const PASSES_MAX: usize = 20;

const ENDLESS: &str = "this value never ends, must end with what closes it: ], }, \"\"\" or '''";

/// What the parser says about a key that is there twice.
const TWICE: &str = "duplicate key";

/// How the parser's messages begin about a value that lacks its quotes, most likely.
const BARE_VALUES: [&str; 5] =
    ["invalid float", "invalid integer", "invalid boolean", "invalid date", "string values"];

/// The text without what is not TOML; nothing else of it has moved.
pub(super) fn mended(report: &Report<'_>) -> String {
    let mut text = report.text().to_owned();
    for pass in 1..=PASSES_MAX {
        let (table, errors) = DeTable::parse_recoverable(&text);
        // Of a key that is there twice the parser keeps one: nothing is broken by it.
        let (twice, errors): (Vec<Error>, Vec<Error>) =
            errors.into_iter().partition(|error| error.message() == TWICE);
        if errors.is_empty() {
            report_each_line(&text, &twice, report);
            break;
        }
        // Some errors end the parser's work: what stands behind them shows in the next pass.
        match errors.iter().find(|error| is_endless(error)) {
            None => leave_out(&mut text, &errors, report),
            Some(_) if pass == PASSES_MAX => leave_out(&mut text, &errors, report),
            Some(open) => match endless(table.get_ref(), open, &errors, report) {
                Some(endless) => leave_endless_out(&mut text, endless, report),
                // The parser gave up before it: the first error is what it stumbled over.
                None => leave_out(&mut text, first(&errors), report),
            },
        }
    }
    text
}

fn leave_endless_out(text: &mut String, endless: Range<usize>, report: &Report<'_>) {
    report.fault(endless.start, ENDLESS);
    report.set_incomplete();
    let line = report.lines().range(report.lines().index(endless.start)).start;
    blank(text, line..endless.end);
}

/// Reports the errors, and blanks what they make unreadable.
fn leave_out(text: &mut String, errors: &[Error], report: &Report<'_>) {
    report_each_line(text, errors, report);
    for broken in broken(text, errors, report) {
        report.set_incomplete();
        blank(text, broken);
    }
}

fn first(errors: &[Error]) -> &[Error] {
    let start = |error: &&Error| error.span().unwrap_or_default().start;
    errors.iter().min_by_key(start).map_or(&[], std::slice::from_ref)
}

/// Reports the first error of each line: those behind it follow from it more often than not.
fn report_each_line(text: &str, errors: &[Error], report: &Report<'_>) {
    let mut by_line: BTreeMap<usize, (usize, String)> = BTreeMap::new();
    for error in errors {
        let span = error.span().unwrap_or_default();
        let line = report.lines().index(span.start);
        if by_line.get(&line).is_none_or(|(start, _)| span.start < *start) {
            by_line.insert(line, in_words(error, span, text));
        }
    }
    for (offset, words) in by_line.into_values() {
        report.fault(offset, words);
    }
}

/// Where the error is, what the parser says, and what it must be.
fn in_words(error: &Error, span: Range<usize>, text: &str) -> (usize, String) {
    let message = error.message();
    let (what, expected) = message.split_once(", expected ").unwrap_or((message, ""));
    let written = text.get(span.clone()).unwrap_or_default();
    let words = if what == TWICE {
        format!("duplicate key {written:?}, must be written only once")
    } else if BARE_VALUES.iter().any(|value| what.starts_with(value)) {
        // The parser points at the first letter that does not fit; the value begins before it.
        let begins = text.get(..span.start).unwrap_or_default().rfind([' ', '\t', '\n', '=', ',', '[']);
        let what = if written.is_empty() { "no value" } else { "unreadable value" };
        let place = begins.map_or(0, |before| before + 1);
        return (place, format!("{what}, must be a number, true, false, or text in quotes"));
    } else if expected.is_empty() {
        format!("{what}, must be mended")
    } else if expected == "nothing" {
        format!("{what}, must be left out")
    } else {
        format!("{what}, must have {expected}")
    };
    (span.start, words)
}

/// The lines that cannot be understood. A broken header takes its whole table with it, whose keys
/// would otherwise count as those of the table before.
fn broken(text: &str, errors: &[Error], report: &Report<'_>) -> Vec<Range<usize>> {
    let lines = report.lines();
    let is_header = |line: usize| text[lines.range(line)].trim_start().starts_with('[');
    let mut broken: Vec<usize> =
        errors.iter().map(|error| lines.index(error.span().unwrap_or_default().start)).collect();
    broken.sort_unstable();
    broken.dedup();
    let mut end = 0;
    let mut ranges = Vec::new();
    for line in broken.into_iter().filter(|line| *line < lines.count()) {
        if line < end {
            continue;
        }
        end = line + 1;
        if is_header(line) {
            while end < lines.count() && !is_header(end) {
                end += 1;
            }
        }
        ranges.push(lines.range(line).start..lines.range(end - 1).end);
    }
    ranges
}

/// A value that was opened and never closed: from its beginning to the end of the line before the
/// first one that does not look like a part of it.
fn endless(table: &DeTable<'_>, open: &Error, errors: &[Error], report: &Report<'_>) -> Option<Range<usize>> {
    let at = open.span()?.start;
    let value = reaching(table, at)?;
    let inside = errors.iter().filter_map(Error::span).map(|span| span.start);
    let first = inside.filter(|start| (value..=at).contains(start)).min().unwrap_or(at);
    let lines = report.lines();
    let (first_line, value_line) = (lines.index(first), lines.index(value));
    let last = if first == at { lines.index(at) } else { value_line.max(first_line.saturating_sub(1)) };
    Some(value..lines.range(last).end)
}

fn is_endless(error: &Error) -> bool {
    let words = ["unclosed array,", "unclosed inline", "invalid multi-line"];
    words.iter().any(|words| error.message().starts_with(words))
}

/// Where the outermost value begins that goes on to that byte.
fn reaching(table: &DeTable<'_>, at: usize) -> Option<usize> {
    let begins = |value: &toml::Spanned<DeValue<'_>>| -> Option<usize> {
        let span = value.span();
        let many = matches!(value.get_ref(), DeValue::String(_) | DeValue::Array(_) | DeValue::Table(_));
        if many && span.start < at && at <= span.end {
            return Some(span.start);
        }
        match value.get_ref() {
            DeValue::Table(table) => reaching(table, at),
            DeValue::Array(array) => array.iter().filter_map(|v| reaching(v.get_ref().as_table()?, at)).min(),
            _ => None,
        }
    };
    table.values().filter_map(begins).min()
}

/// Puts a space in the place of each byte but the newlines.
fn blank(text: &mut String, range: Range<usize>) {
    let start = text.floor_char_boundary(range.start);
    let end = text.ceil_char_boundary(range.end);
    let spaces: String =
        text[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(start..end, &spaces);
}
