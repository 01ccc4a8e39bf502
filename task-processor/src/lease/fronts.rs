//! Who has spoken to this node: for each holder the newest start of its load-manager, whether it
//! listens, and when a wish of it was last turned away for lack of a slot.

use std::time::Duration;

use super::Holder;

/// Holders that are remembered; beyond it the one that has been silent longest is forgotten.
const REMEMBERED: usize = 256;

/// How long a wish that was turned away counts as a wish. A front end that still wants the node
/// asks again sooner: the shortest pause after a denial is the `retry_after` of one time to live.
pub(crate) const WISH_LASTS: Duration = Duration::from_secs(30);

/// The holders this node has heard from.
#[derive(Debug, Default)]
pub(crate) struct Fronts {
    fronts: Vec<Front>,
}

#[derive(Debug)]
struct Front {
    holder: Holder,
    newest: u64,
    listening: bool,
    turned_away_at: Option<Duration>,
    heard_at: Duration,
}

/// What hearing from an incarnation means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Heard {
    /// It is the newest, as before.
    Same,
    /// It supersedes an older one, or is the first.
    Newer,
    /// It was superseded by this one.
    Fenced(u64),
}

impl Fronts {
    /// Notes a call; `has_lease` tells which holders must not be forgotten.
    pub(crate) fn hear(
        &mut self,
        now: Duration,
        holder: &Holder,
        incarnation: u64,
        has_lease: impl Fn(&Holder) -> bool,
    ) -> Heard {
        let Some(front) = self.fronts.iter_mut().find(|front| front.holder == *holder) else {
            self.make_room(has_lease);
            self.fronts.push(Front {
                holder: holder.clone(),
                newest: incarnation,
                listening: false,
                turned_away_at: None,
                heard_at: now,
            });
            return Heard::Newer;
        };
        if incarnation < front.newest {
            return Heard::Fenced(front.newest);
        }
        front.heard_at = now;
        if incarnation == front.newest {
            return Heard::Same;
        }
        front.newest = incarnation;
        Heard::Newer
    }

    /// The newest incarnation heard of, if that is newer than the caller's.
    pub(crate) fn newer_than(&self, holder: &Holder, incarnation: u64) -> Option<u64> {
        self.find(holder).map(|front| front.newest).filter(|newest| *newest > incarnation)
    }

    /// Notes whether a stream of the holder's newest incarnation is open.
    pub(crate) fn set_listening(&mut self, holder: &Holder, listening: bool) {
        if let Some(front) = self.fronts.iter_mut().find(|front| front.holder == *holder) {
            front.listening = listening;
        }
    }

    /// Whether a stream of the holder is open.
    pub(crate) fn is_listening(&self, holder: &Holder) -> bool {
        self.find(holder).is_some_and(|front| front.listening)
    }

    /// Notes that a wish was turned away for lack of a slot, or with `None` that it was granted.
    pub(crate) fn turn_away(&mut self, holder: &Holder, at: Option<Duration>) {
        if let Some(front) = self.fronts.iter_mut().find(|front| front.holder == *holder) {
            front.turned_away_at = at;
        }
    }

    /// Whether somebody else than this holder was turned away lately.
    pub(crate) fn others_want(&self, now: Duration, holder: &Holder) -> bool {
        self.turned_away(now).any(|other| other != holder)
    }

    /// Who was turned away lately.
    pub(crate) fn turned_away(&self, now: Duration) -> impl Iterator<Item = &Holder> {
        let lately = move |at: Duration| now.saturating_sub(at) <= WISH_LASTS;
        let turned_away = self.fronts.iter().filter(move |front| front.turned_away_at.is_some_and(lately));
        turned_away.map(|front| &front.holder)
    }

    fn find(&self, holder: &Holder) -> Option<&Front> {
        self.fronts.iter().find(|front| front.holder == *holder)
    }

    fn make_room(&mut self, has_lease: impl Fn(&Holder) -> bool) {
        if self.fronts.len() < REMEMBERED {
            return;
        }
        let silent = self.fronts.iter().enumerate().filter(|(_, front)| !has_lease(&front.holder));
        if let Some((oldest, _)) = silent.min_by_key(|(_, front)| (front.listening, front.heard_at)) {
            self.fronts.swap_remove(oldest);
        }
    }
}
