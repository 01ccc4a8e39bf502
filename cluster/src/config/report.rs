//! Collects faults by byte offset while a text is judged, and orders them by line and column.
//!
//! It also knows whether parts of the text could not be understood at all: what seems to be
//! missing may then stand in such a part, and is not reported.

use std::cell::{Cell, RefCell};
use std::ops::Range;
use std::sync::Arc;

use super::fault::{Fault, Faults};
use super::lines::Lines;

/// A text with more faults is not a cluster.toml; the rest is only counted.
const FAULTS_MAX: usize = 1000;

/// What a fault quotes of a value, in characters.
const EXCERPT_MAX: usize = 60;

/// The faults of one text so far.
pub(super) struct Report<'t> {
    text: &'t str,
    lines: Lines,
    found: RefCell<Vec<(usize, String)>>,
    incomplete: Cell<bool>,
}

/// The one fault of a file that goes no further than to this text.
pub(super) fn only(file_name: &str, before: &str, fault: String) -> Faults {
    let report = Report::on(before);
    report.fault(before.len(), fault);
    report.finish(file_name).expect("a fault was reported just now")
}

impl<'t> Report<'t> {
    pub(super) fn on(text: &'t str) -> Self {
        Self { text, lines: Lines::of(text), found: RefCell::default(), incomplete: Cell::new(false) }
    }

    pub(super) fn text(&self) -> &'t str {
        self.text
    }

    pub(super) fn lines(&self) -> &Lines {
        &self.lines
    }

    /// Something is wrong at that byte.
    pub(super) fn fault(&self, offset: usize, text: impl Into<String>) {
        self.found.borrow_mut().push((offset, text.into()));
    }

    /// Something is not there, or not enough of it.
    pub(super) fn missing(&self, offset: usize, text: impl Into<String>) {
        if !self.incomplete.get() {
            self.fault(offset, text);
        }
    }

    /// From now on nothing counts as missing: a part of the text is left out.
    pub(super) fn set_incomplete(&self) {
        self.incomplete.set(true);
    }

    pub(super) fn is_incomplete(&self) -> bool {
        self.incomplete.get()
    }

    /// The value as it was written: its first line, not too much of it, nothing unprintable.
    pub(super) fn excerpt(&self, span: Range<usize>) -> String {
        let written = self.text.get(span).unwrap_or_default();
        let line = written.lines().next().unwrap_or_default();
        let mut excerpt: String =
            line.chars().take(EXCERPT_MAX).map(|c| if c.is_control() { ' ' } else { c }).collect();
        if excerpt.len() < written.len() {
            excerpt.push_str("...");
        }
        excerpt
    }

    /// The line of a byte, counted from 1.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.lines.index(offset) + 1
    }

    /// All that was found, if anything was.
    pub(super) fn finish(self, file_name: &str) -> Option<Faults> {
        let file: Arc<str> = file_name.into();
        let mut found = self.found.take();
        found.sort_by_key(|(offset, _)| *offset);
        found.dedup();
        let more = found.len().saturating_sub(FAULTS_MAX);
        let end = self.text.len();
        if more > 0 {
            found.truncate(FAULTS_MAX);
            found.push((end, format!("{more} more faults, must be mended after those above")));
        }
        let faults: Vec<Fault> =
            found.into_iter().map(|(offset, text)| self.place(&file, offset, text)).collect();
        (!faults.is_empty()).then_some(Faults(faults))
    }

    fn place(&self, file: &Arc<str>, offset: usize, text: String) -> Fault {
        let offset = self.text.floor_char_boundary(offset);
        let line = self.lines.index(offset);
        let before = &self.text[self.lines.range(line).start..offset];
        Fault { file: file.clone(), line: line + 1, column: before.chars().count() + 1, text }
    }
}
