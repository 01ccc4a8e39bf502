//! What the holders that share the pool said last of themselves to this node, and when: each node
//! passes it on, so that all come to the same shares.

use std::time::Duration;

use cluster::share::Claim;

use super::Holder;

/// Claims that are remembered; beyond it the one that was heard longest ago is forgotten. More
/// services than one pool is meant for.
const REMEMBERED: usize = 256;

/// A claim, as it is passed on.
#[derive(Debug, Clone, PartialEq)]
pub struct HeardClaim {
    /// What its holder said.
    pub claim: Claim,
    /// How long ago this node heard it.
    pub age: Duration,
}

/// The last claim of each holder.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    known: Vec<Known>,
}

#[derive(Debug)]
struct Known {
    claim: Claim,
    heard_at: Duration,
}

impl Claims {
    /// Notes what a holder says of itself.
    pub(crate) fn hear(&mut self, now: Duration, claim: Claim) {
        let same = |known: &Known| is_of(&known.claim, &claim.service, &claim.front_end);
        if let Some(known) = self.known.iter_mut().find(|known| same(known)) {
            *known = Known { claim, heard_at: now };
            return;
        }
        if self.known.len() == REMEMBERED
            && let Some((oldest, _)) = self.known.iter().enumerate().min_by_key(|(_, known)| known.heard_at)
        {
            self.known.swap_remove(oldest);
        }
        self.known.push(Known { claim, heard_at: now });
    }

    /// Forgets what was not said again for `patience`.
    pub(crate) fn forget_silent(&mut self, now: Duration, patience: Duration) {
        self.known.retain(|known| known.heard_at + patience > now);
    }

    /// When the next claim is forgotten.
    pub(crate) fn next_forgotten(&self, patience: Duration) -> Option<Duration> {
        self.known.iter().map(|known| known.heard_at + patience).min()
    }

    /// When the holder's claim was heard, where there is one.
    pub(crate) fn heard_at(&self, holder: &Holder) -> Option<Duration> {
        self.of(holder).map(|known| known.heard_at)
    }

    /// Slots of the pool as the holder sees it, where it says so.
    pub(crate) fn slots_seen_by(&self, holder: &Holder) -> Option<u32> {
        self.of(holder).map(|known| known.claim.slots).filter(|slots| *slots > 0)
    }

    fn of(&self, holder: &Holder) -> Option<&Known> {
        self.known.iter().find(|known| is_of(&known.claim, &holder.service, &holder.front_end))
    }

    /// All of them.
    pub(crate) fn all(&self) -> Vec<Claim> {
        self.known.iter().map(|known| known.claim.clone()).collect()
    }

    /// Those of everybody but this holder, with their ages; `None`: of everybody.
    pub(crate) fn but_of(&self, holder: Option<&Holder>, now: Duration) -> Vec<HeardClaim> {
        let is_own = |known: &&Known| {
            holder.is_some_and(|holder| is_of(&known.claim, &holder.service, &holder.front_end))
        };
        let others = self.known.iter().filter(|known| !is_own(known));
        let heard = |known: &Known| HeardClaim {
            claim: known.claim.clone(),
            age: now.saturating_sub(known.heard_at),
        };
        others.map(heard).collect()
    }
}

fn is_of(claim: &Claim, service: &str, front_end: &str) -> bool {
    claim.service == service && claim.front_end == front_end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn claim(number: usize, held: u32) -> Claim {
        let (service, front_end) = (format!("service-{number}"), "front".to_owned());
        Claim { service, front_end, held, want: held, min: 0, max: 9, weight: 1.0, priority: 0, slots: 0 }
    }

    fn holder(number: usize) -> Holder {
        Holder { service: format!("service-{number}"), front_end: "front".to_owned() }
    }

    #[test]
    fn the_youngest_word_of_a_holder_counts_and_its_own_is_left_out() {
        let mut claims = Claims::default();
        claims.hear(s(0), claim(1, 4));
        claims.hear(s(1), claim(2, 1));
        claims.hear(s(5), claim(1, 3));
        let heard = claims.but_of(Some(&holder(2)), s(7));
        assert_eq!(heard, [HeardClaim { claim: claim(1, 3), age: s(2) }]);
        assert_eq!(claims.but_of(None, s(7)).len(), 2);
    }

    #[test]
    fn silence_is_forgotten() {
        let mut claims = Claims::default();
        claims.hear(s(0), claim(1, 1));
        claims.hear(s(5), claim(2, 1));
        assert_eq!(claims.next_forgotten(s(30)), Some(s(30)));
        claims.forget_silent(s(29), s(30));
        assert_eq!(claims.all().len(), 2);
        claims.forget_silent(s(30), s(30));
        assert_eq!(claims.all(), [claim(2, 1)]);
        claims.forget_silent(s(35), s(30));
        assert_eq!((claims.all(), claims.next_forgotten(s(30))), (vec![], None));
    }

    #[test]
    fn no_more_claims_are_kept_than_fit_and_the_oldest_goes() {
        let mut claims = Claims::default();
        for number in 0..=REMEMBERED {
            claims.hear(s(number as u64), claim(number, 1));
        }
        assert_eq!(claims.all().len(), REMEMBERED);
        assert_eq!((claims.heard_at(&holder(0)), claims.heard_at(&holder(1))), (None, Some(s(1))));
    }
}
