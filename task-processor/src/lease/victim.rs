//! Which lease is taken back when somebody who is short asks for a slot and none is free.

use std::cmp::Reverse;

use super::dues::Dues;
use super::{Holder, Lease, Shortage, State};

/// A search for the lease that hurts least.
pub(crate) struct Search<'a> {
    /// The node's leases.
    pub(crate) leases: &'a [Lease],
    /// What every holder has and is due.
    pub(crate) dues: &'a Dues,
    /// Who asks.
    pub(crate) claimant: &'a Holder,
    /// What it lacks.
    pub(crate) shortage: Shortage,
}

impl<'a> Search<'a> {
    /// A revocable lease that serves, of somebody else who has more than it is due. One that nobody
    /// renews goes first: it is given up anyway. Then who is over its share goes before who is only above
    /// its min, which is enough for a claimant under its own; then the lowest priority, who is furthest
    /// over its share, and the youngest lease.
    pub(crate) fn victim(&self) -> Option<&'a Lease> {
        let candidates = self.leases.iter().filter_map(|lease| Some((lease, self.spare(lease)?)));
        let order = |(lease, spare): &(&Lease, Spare)| {
            let is_orphan = matches!(lease.state, State::Orphan { .. });
            (
                Reverse(is_orphan),
                Reverse(spare.over > 0),
                spare.priority,
                Reverse(spare.over),
                Reverse((lease.granted_at, lease.epoch)),
            )
        };
        candidates.min_by_key(order).map(|(lease, _)| lease)
    }

    /// What the lease's holder can spare, where this lease can be taken from it.
    fn spare(&self, lease: &Lease) -> Option<Spare> {
        let is_revocable = !lease.guaranteed && lease.reclaim.is_none() && lease.state.takes_requests();
        if !is_revocable || lease.holder == *self.claimant {
            return None;
        }
        let standing = self.dues.of(&lease.holder)?;
        let leaving = self.leaving(&lease.holder);
        let (over, above_min) = (standing.over() - leaving, standing.above_min() - leaving);
        let has_spare = match self.shortage {
            Shortage::UnderMin => over > 0 || above_min > 0,
            Shortage::Starved => over > 0,
        };
        has_spare.then_some(Spare { over, priority: standing.claim.priority })
    }

    /// Leases that are being reclaimed here from a holder: its claim may count them still.
    fn leaving(&self, holder: &Holder) -> i64 {
        let leaving = self.leases.iter().filter(|lease| lease.holder == *holder && lease.reclaim.is_some());
        i64::from(u32::try_from(leaving.count()).unwrap_or(u32::MAX))
    }
}

struct Spare {
    over: i64,
    priority: u32,
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cluster::share::Claim;

    use super::*;
    use crate::lease::{LeaseId, Token};

    fn holder(service: &str) -> Holder {
        Holder { service: service.to_owned(), front_end: "front".to_owned() }
    }

    /// A claim that is due `share` nodes as long as there are slots for all.
    fn claim(service: &str, held: u32, share: u32) -> Claim {
        let Holder { service, front_end } = holder(service);
        Claim { service, front_end, held, want: share, min: 0, max: 100, weight: 1.0, priority: 0, slots: 0 }
    }

    /// A lease that serves, the `number`-th that was granted.
    fn lease(service: &str, number: u32) -> Lease {
        Lease {
            id: LeaseId(format!("{service}-{number}")),
            epoch: number.into(),
            token: Token::new(String::new()),
            holder: holder(service),
            incarnation: 1,
            request_id: String::new(),
            granted_at: Duration::from_secs(number.into()),
            expires_at: Duration::MAX,
            drain_limit: Duration::ZERO,
            state: State::Ready,
            answering: true,
            detail: String::new(),
            has_exited: false,
            guaranteed: false,
            reclaim: None,
        }
    }

    fn victim(leases: &[Lease], claims: &[Claim], shortage: Shortage) -> Option<String> {
        let dues = Dues::reckon(claims.to_vec(), 1000);
        let search = Search { leases, dues: &dues, claimant: &holder("me"), shortage };
        search.victim().map(|lease| lease.id.0.clone())
    }

    fn starved(leases: &[Lease], claims: &[Claim]) -> Option<String> {
        victim(leases, claims, Shortage::Starved)
    }

    #[test]
    fn the_youngest_lease_of_who_is_furthest_over_its_share_goes_first() {
        let claims = [claim("a", 3, 1), claim("b", 5, 1)];
        let leases = [lease("a", 9), lease("b", 3), lease("b", 4), lease("b", 2)];
        assert_eq!(starved(&leases, &claims).as_deref(), Some("b-4"));
    }

    #[test]
    fn a_lower_priority_goes_first_however_little_it_is_over() {
        let claims = [claim("a", 2, 1), Claim { priority: 1, ..claim("b", 9, 1) }];
        let leases = [lease("a", 1), lease("b", 2)];
        assert_eq!(starved(&leases, &claims).as_deref(), Some("a-1"));
    }

    #[test]
    fn a_lease_that_nobody_renews_goes_before_one_that_is_looked_after() {
        let claims = [claim("a", 2, 1), Claim { priority: 1, ..claim("b", 2, 1) }];
        let orphan = Lease { state: State::Orphan { until: Duration::MAX }, ..lease("b", 1) };
        assert_eq!(starved(&[lease("a", 2), orphan], &claims).as_deref(), Some("b-1"));
    }

    #[test]
    fn only_revocable_leases_of_others_that_serve_are_taken() {
        let claims = [claim("a", 9, 1), claim("me", 9, 1)];
        let guaranteed = Lease { guaranteed: true, ..lease("a", 1) };
        let starting = Lease { state: State::Starting, ..lease("a", 2) };
        let stopped = Lease { state: State::Stopped, ..lease("a", 3) };
        let leases = [guaranteed, starting, stopped, lease("me", 4), lease("unheard-of", 5)];
        for shortage in [Shortage::Starved, Shortage::UnderMin] {
            assert_eq!(victim(&leases, &claims, shortage), None);
        }
    }

    #[test]
    fn only_below_ones_own_min_is_something_taken_from_who_is_not_over_its_share() {
        let fair = Claim { min: 1, ..claim("fair", 2, 2) };
        let kept = Claim { min: 2, ..claim("kept", 2, 2) };
        let leases = [lease("fair", 1), lease("kept", 2)];
        let claims = [fair.clone(), kept];
        assert_eq!(starved(&leases, &claims), None);
        assert_eq!(victim(&leases, &claims, Shortage::UnderMin).as_deref(), Some("fair-1"));
        // And who is over its share goes first, whatever its priority.
        let over = Claim { priority: 9, ..claim("over", 3, 2) };
        let leases = [lease("fair", 1), lease("over", 2)];
        assert_eq!(victim(&leases, &[fair, over], Shortage::UnderMin).as_deref(), Some("over-2"));
    }
}
