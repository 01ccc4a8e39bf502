//! The open renewal streams, by which the owner can speak without having been asked.

use std::collections::BTreeSet;

use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Notice;
use crate::lease::{Holder, Renewal};

/// Streams that may be open at once: more front ends than one pool is meant for.
const LINES_MAX: usize = 512;

/// Tells one stream from another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LineId(pub(crate) u64);

/// The node's end of one stream. The stream ends when `cut` is cancelled; what was sent before still arrives.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) id: LineId,
    pub(crate) out: mpsc::Sender<Notice>,
    pub(crate) cut: CancellationToken,
}

/// All streams, one for each holder.
#[derive(Debug, Default)]
pub(super) struct Lines {
    open: Vec<Open>,
}

/// A stream whose holder is known, with what it last said: an unasked notice is about that.
#[derive(Debug)]
pub(super) struct Open {
    line: Line,
    pub(super) renewal: Renewal,
}

impl Lines {
    /// Notes what came in on a line. An older stream of the same incarnation is cut: one speaks for it
    /// at a time. (Those of older incarnations are fenced, which is more than a cut.) False where there
    /// are too many.
    pub(super) fn hear(&mut self, line: Line, renewal: Renewal) -> bool {
        if let Some(open) = self.open.iter_mut().find(|open| open.line.id == line.id) {
            open.renewal = renewal;
            return true;
        }
        self.cut(|open| {
            open.renewal.holder == renewal.holder && open.renewal.incarnation == renewal.incarnation
        });
        if self.open.len() == LINES_MAX {
            line.cut.cancel();
            return false;
        }
        self.open.push(Open { line, renewal });
        true
    }

    /// Forgets a line that has ended; its holder, where it was still known.
    pub(super) fn close(&mut self, id: LineId) -> Option<Holder> {
        let index = self.open.iter().position(|open| open.line.id == id)?;
        Some(self.open.swap_remove(index).renewal.holder)
    }

    /// The open lines of these holders.
    pub(super) fn of<'a>(&'a self, holders: &'a BTreeSet<Holder>) -> impl Iterator<Item = &'a Open> {
        self.open.iter().filter(|open| holders.contains(&open.renewal.holder))
    }

    /// Who has a line open.
    pub(super) fn holders(&self) -> impl Iterator<Item = &Holder> {
        self.open.iter().map(|open| &open.renewal.holder)
    }

    /// The line of that id.
    pub(super) fn find(&self, id: LineId) -> Option<&Open> {
        self.open.iter().find(|open| open.line.id == id)
    }

    /// The lines of a holder's older incarnations.
    pub(super) fn older(&self, holder: &Holder, newest: u64) -> Vec<LineId> {
        let older = |open: &&Open| open.renewal.holder == *holder && open.renewal.incarnation < newest;
        self.open.iter().filter(older).map(|open| open.line.id).collect()
    }

    /// Ends these lines.
    fn cut(&mut self, which: impl Fn(&Open) -> bool) {
        for open in self.open.extract_if(.., |open| which(open)) {
            open.line.cut.cancel();
        }
    }

    /// Ends one line; its holder, where it was still known.
    pub(super) fn end(&mut self, id: LineId) -> Option<Holder> {
        let holder = self.find(id).map(|open| open.renewal.holder.clone());
        self.cut(|open| open.line.id == id);
        holder
    }

    /// Ends all lines.
    pub(super) fn end_all(&mut self) {
        self.cut(|_| true);
    }
}

impl Open {
    /// Which line.
    pub(super) fn id(&self) -> LineId {
        self.line.id
    }

    /// Sends without waiting; false when the reader is too slow or gone.
    pub(super) fn send(&self, notice: Notice) -> bool {
        self.line.out.try_send(notice).is_ok()
    }
}
