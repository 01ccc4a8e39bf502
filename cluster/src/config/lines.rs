//! Where the lines of a text begin, to turn a byte offset into a line and a column.

use std::ops::Range;

/// The first byte of each line.
pub(super) struct Lines {
    starts: Vec<usize>,
    end: usize,
}

impl Lines {
    pub(super) fn of(text: &str) -> Self {
        let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1)).collect();
        Self { starts, end: text.len() }
    }

    /// The line that holds the offset, counted from 0; a newline belongs to the line it ends.
    pub(super) fn index(&self, offset: usize) -> usize {
        self.starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// The bytes of a line, its newline included; empty behind the last one.
    pub(super) fn range(&self, index: usize) -> Range<usize> {
        let start = |index: usize| self.starts.get(index).copied().unwrap_or(self.end);
        start(index)..start(index + 1)
    }

    pub(super) fn count(&self) -> usize {
        self.starts.len()
    }
}
