//! What holds of the shares whatever is claimed.

use proptest::prelude::*;

use super::{Claim, shares};

/// Also weights that no file may have: a claim comes from the network.
const WEIGHTS: [f64; 8] = [0.01, 0.5, 1.0, 1.0, 3.7, 100.0, 0.0, f64::NAN];

fn claim() -> impl Strategy<Value = Claim> {
    let numbers = (0..12_u32, 0..12_u32, 0..6_u32, 0..12_u32);
    (numbers, prop::sample::select(&WEIGHTS[..]), 0..3_u32).prop_map(
        |((held, want, min, max), weight, priority)| {
            let (service, front_end) = (String::new(), "10.0.0.1".to_owned());
            Claim { service, front_end, held, want, min, max, weight, priority, slots: 0 }
        },
    )
}

/// Up to twelve claims, each with a name of its own.
fn claims() -> impl Strategy<Value = Vec<Claim>> {
    prop::collection::vec(claim(), 0..12).prop_map(|mut claims| {
        for (number, claim) in claims.iter_mut().enumerate() {
            claim.service = format!("service-{number:02}");
        }
        claims
    })
}

fn due(claims: &[Claim], slots: u32) -> Vec<u32> {
    shares(claims, slots).into_iter().map(|due| due.share).collect()
}

fn kept(claim: &Claim) -> u32 {
    claim.min.min(claim.want)
}

/// What a claim can be given: it says itself that its min is within its max.
fn most(claim: &Claim) -> u32 {
    claim.want.min(claim.max.max(claim.min))
}

fn weight(claim: &Claim) -> f64 {
    if claim.weight > 0.0 { claim.weight } else { 1.0 }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn no_more_is_given_than_there_is_nor_than_is_wanted(claims in claims(), slots in 0..40_u32) {
        let due = due(&claims, slots);
        prop_assert!(due.iter().sum::<u32>() <= slots);
        for (claim, share) in claims.iter().zip(&due) {
            prop_assert!(*share <= claim.want, "{share} of {claim:?}");
        }
    }

    #[test]
    fn every_min_is_kept_while_they_fit(claims in claims(), more in 0..20_u32) {
        let slots = claims.iter().map(kept).sum::<u32>() + more;
        for (claim, share) in claims.iter().zip(due(&claims, slots)) {
            prop_assert!(share >= kept(claim), "{share} of {claim:?}");
        }
    }

    #[test]
    fn nobody_goes_short_while_slots_are_left(claims in claims(), slots in 0..80_u32) {
        let due = due(&claims, slots);
        if due.iter().sum::<u32>() < slots {
            for (claim, share) in claims.iter().zip(due) {
                prop_assert!(share >= claim.want.min(claim.max), "{share} of {claim:?}");
            }
        }
    }

    #[test]
    fn within_a_priority_nobody_envies_another_by_a_whole_node(claims in claims(), more in 0..30_u32) {
        let slots = claims.iter().map(kept).sum::<u32>() + more;
        let due = due(&claims, slots);
        let above = |index: usize| due[index] - kept(&claims[index]);
        for (short, claim) in claims.iter().enumerate().filter(|(index, claim)| due[*index] < most(claim)) {
            let same = |other: &usize| claims[*other].priority == claim.priority && above(*other) > 0;
            for other in (0..claims.len()).filter(same) {
                let (has, would) = (f64::from(above(other)), f64::from(above(short) + 1));
                let (has, would) = (has / weight(&claims[other]), would / weight(claim));
                prop_assert!(has <= would, "{claim:?} with {} envies {:?} with {}", due[short], claims[other], due[other]);
            }
        }
    }

    #[test]
    fn a_lower_priority_gets_nothing_above_its_min_while_a_higher_one_is_short(claims in claims(), slots in 0..60_u32) {
        let due = due(&claims, slots);
        let served = claims.iter().zip(&due).filter(|(claim, share)| **share > kept(claim));
        if let Some(lowest) = served.map(|(claim, _)| claim.priority).min() {
            for (claim, share) in claims.iter().zip(&due).filter(|(claim, _)| claim.priority > lowest) {
                prop_assert!(*share >= claim.want.min(claim.max), "{share} of {claim:?}");
            }
        }
    }

    #[test]
    fn another_slot_never_lowers_a_share(claims in claims(), slots in 0..60_u32) {
        for (fewer, more) in due(&claims, slots).into_iter().zip(due(&claims, slots + 1)) {
            prop_assert!(fewer <= more);
        }
    }

    #[test]
    fn the_order_of_the_claims_does_not_matter(claims in claims(), slots in 0..40_u32, seed in any::<u64>()) {
        let mut shuffled = claims.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        let mut dues = [shares(&claims, slots), shares(&shuffled, slots)];
        for dues in &mut dues {
            dues.sort_by(|one, other| one.service.cmp(&other.service));
        }
        let [straight, shuffled] = dues;
        prop_assert_eq!(straight, shuffled);
    }
}
