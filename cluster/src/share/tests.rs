//! The rules of the shares, one by one.

use super::*;

/// A claim of weight 1 for so many nodes.
fn claim(service: &str, want: u32) -> Claim {
    let (service, front_end) = (service.to_owned(), "10.0.0.1".to_owned());
    Claim { service, front_end, held: 0, want, min: 0, max: 100, weight: 1.0, priority: 0, slots: 0 }
}

fn due(claims: &[Claim], slots: u32) -> Vec<u32> {
    shares(claims, slots).into_iter().map(|due| due.share).collect()
}

#[test]
fn who_wants_less_than_an_even_part_gets_it_and_the_others_share_the_rest() {
    let claims = [claim("a", 1), claim("b", 9), claim("c", 9)];
    assert_eq!(due(&claims, 9), [1, 4, 4]);
    assert_eq!(due(&claims, 19), [1, 9, 9]);
    assert_eq!(due(&claims, 100), [1, 9, 9]);
    assert_eq!((due(&claims, 0), due(&[], 9)), (vec![0, 0, 0], vec![]));
}

#[test]
fn the_dues_carry_the_names_of_the_claims() {
    let due = shares(&[claim("shop", 2)], 1).remove(0);
    assert_eq!((due.service.as_str(), due.front_end.as_str(), due.share), ("shop", "10.0.0.1", 1));
}

#[test]
fn nodes_beyond_the_mins_go_by_weight() {
    let heavy = Claim { weight: 3.0, ..claim("heavy", 20) };
    assert_eq!(due(&[heavy.clone(), claim("light", 20)], 8), [6, 2]);
    // A min comes first and does not count against the weight.
    let kept = Claim { min: 4, ..claim("light", 20) };
    assert_eq!(due(&[heavy, kept], 8), [3, 5]);
}

#[test]
fn a_min_is_served_as_far_as_it_is_wanted_and_before_any_priority() {
    let kept = Claim { min: 3, ..claim("kept", 3) };
    let urgent = Claim { priority: 9, ..claim("urgent", 10) };
    assert_eq!(due(&[kept.clone(), urgent.clone()], 5), [3, 2]);
    assert_eq!(due(&[Claim { want: 1, ..kept }, urgent], 5), [1, 4]);
}

#[test]
fn a_higher_priority_takes_all_it_wants_before_a_lower_one_takes_anything() {
    let claims = [claim("low", 5), Claim { priority: 2, ..claim("high", 4) }, claim("other", 5)];
    assert_eq!(due(&claims, 4), [0, 4, 0]);
    assert_eq!(due(&claims, 8), [2, 4, 2]);
}

#[test]
fn mins_that_do_not_fit_are_shared_by_weight_whatever_the_priority() {
    let heavy = Claim { min: 6, weight: 2.0, ..claim("heavy", 9) };
    let light = Claim { min: 6, priority: 7, ..claim("light", 9) };
    assert_eq!(due(&[heavy, light], 6), [4, 2]);
}

#[test]
fn a_tie_goes_to_who_holds_more_then_by_name() {
    let claims = [claim("b", 5), claim("a", 5)];
    assert_eq!(due(&claims, 3), [1, 2]);
    let holding = [Claim { held: 2, ..claim("b", 5) }, Claim { held: 1, ..claim("a", 5) }];
    assert_eq!(due(&holding, 3), [2, 1]);
    let front_ends = [Claim { front_end: "10.0.0.2".to_owned(), ..claim("a", 5) }, claim("a", 5)];
    assert_eq!(due(&front_ends, 3), [1, 2]);
}

#[test]
fn nobody_gets_more_than_its_max() {
    assert_eq!(due(&[Claim { max: 2, ..claim("a", 9) }, claim("b", 3)], 9), [2, 3]);
}

#[test]
fn a_weight_that_is_no_number_above_zero_counts_as_one() {
    for weight in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let odd = Claim { weight, ..claim("odd", 9) };
        assert_eq!(due(&[odd, Claim { weight: 2.0, ..claim("even", 9) }], 6), [2, 4], "{weight}");
    }
}
