//! The words of the wire by which services share the pool, and the node's own, one for one.

use cluster::config::{NODES_MAX, PRIORITY_MAX, SLOTS_MAX, WEIGHT_MAX, WEIGHT_MIN};
use cluster::share::Claim;
use proto::task_processor as pb;
use tonic::Status;

use super::{millis, name};
use crate::lease::{HeardClaim, Holder, LeaseId, Reclaim, ReclaimWish, Shortage};

/// What the holder says of itself, in numbers that a cluster.toml could have.
pub(crate) fn claim(holder: &Holder, claim: pb::Claim) -> Result<Claim, Status> {
    let named = super::holder(claim.service, claim.front_end)?;
    if named != *holder {
        return Err(Status::invalid_argument(format!("{holder} cannot claim for {named}")));
    }
    let counts = [("held", claim.held), ("want", claim.want), ("min", claim.min), ("max", claim.max)];
    for (field, count) in counts {
        at_most(field, count, NODES_MAX)?;
    }
    at_most("min", claim.min, claim.max)?;
    at_most("priority", claim.priority, PRIORITY_MAX)?;
    if !(WEIGHT_MIN..=WEIGHT_MAX).contains(&claim.weight) {
        let text = format!("claim.weight is {} and must be {WEIGHT_MIN} to {WEIGHT_MAX}", claim.weight);
        return Err(Status::invalid_argument(text));
    }
    Ok(Claim {
        service: named.service,
        front_end: named.front_end,
        held: claim.held,
        want: claim.want,
        min: claim.min,
        max: claim.max,
        weight: claim.weight,
        priority: claim.priority,
        slots: claim.slots,
    })
}

/// The leases that are marked in one renewal; nobody can hold more here than a node has slots.
pub(crate) fn guaranteed(ids: Vec<String>) -> Result<Vec<LeaseId>, Status> {
    let count = ids.len();
    if count > SLOTS_MAX as usize {
        let text = format!("{count} leases are marked in one renewal and may be at most {SLOTS_MAX}");
        return Err(Status::invalid_argument(text));
    }
    ids.into_iter().map(|id| name("guaranteed", id).map(LeaseId)).collect()
}

/// What speaks for taking a slot back.
pub(crate) fn reclaim_wish(wish: pb::ReclaimWish) -> Result<ReclaimWish, Status> {
    let shortage = match pb::ReclaimReason::try_from(wish.reason) {
        Ok(pb::ReclaimReason::UnderMin) => Shortage::UnderMin,
        Ok(pb::ReclaimReason::Starved) => Shortage::Starved,
        Ok(pb::ReclaimReason::Unspecified) | Err(_) => {
            let text = format!("reclaim.reason is {} and must be one that is known", wish.reason);
            return Err(Status::invalid_argument(text));
        }
    };
    Ok(ReclaimWish { shortage, pool_slots: (wish.slots > 0).then_some(wish.slots) })
}

fn at_most(field: &str, value: u32, most: u32) -> Result<(), Status> {
    if value > most {
        return Err(Status::invalid_argument(format!("claim.{field} is {value} and must be at most {most}")));
    }
    Ok(())
}

impl From<Reclaim> for pb::Reclaim {
    fn from(reclaim: Reclaim) -> Self {
        Self {
            notice_ms: millis(reclaim.notice),
            reason: reclaim.reason.to_owned(),
            for_service: reclaim.for_service.unwrap_or_default(),
        }
    }
}

impl From<HeardClaim> for pb::Claim {
    fn from(HeardClaim { claim, age }: HeardClaim) -> Self {
        Self {
            service: claim.service,
            front_end: claim.front_end,
            held: claim.held,
            want: claim.want,
            min: claim.min,
            max: claim.max,
            weight: claim.weight,
            priority: claim.priority,
            slots: claim.slots,
            age_ms: millis(age),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn holder() -> Holder {
        Holder { service: "shop".to_owned(), front_end: "fe".to_owned() }
    }

    fn sound() -> pb::Claim {
        let (service, front_end) = ("shop".to_owned(), "fe".to_owned());
        pb::Claim {
            service,
            front_end,
            held: 2,
            want: 3,
            min: 1,
            max: 4,
            weight: 2.5,
            priority: 7,
            age_ms: 0,
            slots: 5,
        }
    }

    #[test]
    fn a_claim_arrives_as_it_was_sent_and_is_passed_on_with_its_age() {
        let heard = claim(&holder(), sound()).unwrap();
        let passed_on = pb::Claim::from(HeardClaim { claim: heard, age: Duration::from_millis(1500) });
        assert_eq!(passed_on, pb::Claim { age_ms: 1500, ..sound() });
    }

    #[test]
    fn a_claim_is_the_speakers_own_and_its_numbers_are_those_that_a_file_can_have() {
        for (wrong, said) in [
            (pb::Claim { front_end: "other".to_owned(), ..sound() }, "cannot claim for service shop"),
            (pb::Claim { service: "a".repeat(257), ..sound() }, "service has 257 bytes"),
            (pb::Claim { held: 100_001, ..sound() }, "claim.held is 100001 and must be at most 100000"),
            (pb::Claim { want: u32::MAX, ..sound() }, "claim.want"),
            (pb::Claim { max: 100_001, ..sound() }, "claim.max"),
            (pb::Claim { min: 5, ..sound() }, "claim.min is 5 and must be at most 4"),
            (pb::Claim { priority: 101, ..sound() }, "claim.priority"),
            (pb::Claim { weight: 0.0, ..sound() }, "claim.weight is 0 and must be 0.01 to 100"),
            (pb::Claim { weight: 100.1, ..sound() }, "claim.weight"),
            (pb::Claim { weight: f64::NAN, ..sound() }, "claim.weight is NaN"),
        ] {
            let fault = claim(&holder(), wrong).unwrap_err();
            assert_eq!(fault.code(), tonic::Code::InvalidArgument);
            assert!(fault.message().contains(said), "{fault:?}");
        }
    }

    #[test]
    fn marks_are_bounded_in_number_and_length() {
        assert_eq!(guaranteed(vec!["a".to_owned()]).unwrap(), [LeaseId("a".to_owned())]);
        for wrong in [vec!["a".to_owned(); 1001], vec![String::new()], vec!["a".repeat(257)]] {
            assert_eq!(guaranteed(wrong).unwrap_err().code(), tonic::Code::InvalidArgument);
        }
    }

    #[test]
    fn a_wish_says_why_in_a_word_that_is_known() {
        let wish = |reason, slots| reclaim_wish(pb::ReclaimWish { reason, slots });
        let expected = ReclaimWish { shortage: Shortage::UnderMin, pool_slots: None };
        assert_eq!(wish(1, 0).unwrap(), expected);
        let expected = ReclaimWish { shortage: Shortage::Starved, pool_slots: Some(7) };
        assert_eq!(wish(2, 7).unwrap(), expected);
        for unknown in [0, 3, -1] {
            assert_eq!(wish(unknown, 0).unwrap_err().code(), tonic::Code::InvalidArgument);
        }
    }
}
