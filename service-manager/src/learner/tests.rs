//! The learner against a copy that is simulated: so many servers, requests that come as they like, and the
//! front door's queue before it.

mod copy;

use proptest::prelude::*;

use self::copy::{Site, WORKS};
use super::*;

const MINUTE: Duration = Duration::from_secs(60);

/// A site with a copy of so many servers, where a request is 50 ms of work, with this share of what they can do.
fn site(servers: u32, share: f64, work: copy::Work) -> Site {
    Site::new(servers, 0.05, work, share * f64::from(servers) / 0.05)
}

/// The least and the most that K is in each second of that time.
fn range(site: &mut Site, time: Duration) -> (f64, f64) {
    let mut range = (f64::MAX, 0.0_f64);
    for _ in 0..time.as_secs() {
        site.run(Duration::from_secs(1));
        range = (range.0.min(site.learner.k()), range.1.max(site.learner.k()));
    }
    range
}

#[track_caller]
fn assert_within((least, most): (f64, f64), low: f64, high: f64) {
    assert!(low <= least && most <= high, "{least:.1} to {most:.1}, not within {low} to {high}");
}

#[test]
fn under_an_overload_it_comes_down_to_a_copy_with_four_servers_and_stays_for_ten_minutes() {
    for work in WORKS {
        for share in [1.5, 5.0] {
            let mut site = site(4, share, work);
            site.run(MINUTE);
            assert_within(range(&mut site, MINUTE * 10), 4.0, 9.0);
        }
    }
}

#[test]
fn a_copy_that_handles_one_request_at_a_time_is_found_out() {
    for work in WORKS {
        let mut site = site(1, 1.5, work);
        site.run(MINUTE * 2);
        assert_within(range(&mut site, MINUTE * 3), 1.0, 4.0);
    }
}

#[test]
fn it_rises_to_a_copy_with_a_hundred_servers_and_no_further_than_the_queue_begins() {
    for work in WORKS {
        let mut site = site(100, 1.5, work);
        site.run(Duration::from_secs(40));
        assert_within(range(&mut site, MINUTE * 5), 90.0, 180.0);
    }
}

#[test]
fn a_good_load_that_stays_makes_it_neither_collapse_nor_grow_without_end() {
    for work in WORKS {
        let mut site = site(16, 0.7, work);
        assert_within(range(&mut site, MINUTE * 10), 11.0, 40.0);
        let served = site.served() as f64 / (site.rate * 600.0);
        assert!(served > 0.98, "{served}");
    }
}

#[test]
fn a_copy_that_has_too_many_at_far_below_k_is_found_out_too() {
    for work in WORKS {
        let mut site = site(1, 0.85, work);
        site.has_twin = true;
        site.run(MINUTE * 3);
        assert_within(range(&mut site, MINUTE * 2), 1.0, 6.0);
    }
}

#[test]
fn a_copy_that_is_filled_while_the_next_one_is_idle_brings_it_down_by_itself() {
    let mut learner = Learner::new(20.0);
    let copy = |key| Seen { key, speed: 1.0, ended: 0, time_sum: Duration::ZERO, errors: 0 };
    let (mut filled, mut idle) = (copy(1), copy(2));
    for look in 1..=600 {
        // 6.4 in flight at the one, 80 ms each, and 50 ms where it is held to less; 3.2 at the other.
        let held = learner.probed().map(|(key, limit)| (key, (limit * 2.0) as u64));
        let (ended, millis) = held.map_or((8, 80), |(key, ended)| {
            assert_eq!(key, 1);
            (ended, 50)
        });
        filled.ended += ended;
        filled.time_sum += Duration::from_millis(ended * millis);
        idle.ended += 8;
        idle.time_sum += Duration::from_millis(8 * 40);
        learner.look(Duration::from_millis(look * 100), &[filled, idle]);
    }
    assert!((5.0..8.0).contains(&learner.k()), "{}", learner.k());
}

#[test]
fn a_low_load_does_not_bring_it_down_by_chance_and_is_hardly_probed() {
    for work in WORKS {
        let mut site = site(16, 0.25, work);
        site.has_twin = true;
        assert_within(range(&mut site, MINUTE * 30), 19.0, 21.0);
        let share = site.probes as f64 * 0.1 / 1800.0;
        assert!(share < 0.005, "{share} of the time");
    }
}

#[test]
fn it_follows_a_service_that_becomes_slower_or_faster_or_gets_more_servers_or_fewer() {
    for (servers, seconds, low, high) in
        [(4, 0.1, 3.0, 12.0), (4, 0.025, 3.0, 12.0), (16, 0.05, 14.0, 32.0), (2, 0.05, 2.0, 5.5)]
    {
        for work in WORKS {
            let mut site = site(4, 1.5, work);
            site.run(MINUTE);
            (site.servers, site.seconds) = (servers, seconds);
            site.rate = 1.5 * f64::from(servers) / seconds;
            site.run(MINUTE);
            assert_within(range(&mut site, MINUTE), low, high);
        }
    }
}

#[test]
fn answers_that_fail_fast_do_not_raise_it_and_are_not_taken_for_its_speed() {
    for work in WORKS {
        let mut site = site(4, 1.5, work);
        site.run(MINUTE);
        let (k, base) = (site.learner.k(), site.learner.base);
        (site.seconds, site.failing) = (0.002, 0.5);
        // A window that began before may still end.
        site.run(Duration::from_secs(5));
        let (_, most) = range(&mut site, MINUTE);
        assert!(most <= k * 1.3, "{most} from {k}");
        assert!(site.learner.base.unwrap().time > 0.7 * base.unwrap().time, "{:?}", site.learner.base);
    }
}

#[test]
fn nothing_is_learned_from_few_requests_and_no_probe_disturbs_an_only_copy_that_has_little_to_do() {
    let mut few = Site::new(4, 0.05, WORKS[0], 0.5);
    assert_within(range(&mut few, MINUTE * 5), 20.0, 20.0);
    assert!(!few.learner.has_learned() && few.probes == 0);
    // Nor one that is not idle, while there is no other for its requests.
    for share in [0.005, 0.05] {
        let mut only = site(100, share, WORKS[0]);
        assert_within(range(&mut only, MINUTE * 5), 20.0, 20.0);
        assert_eq!(only.probes, 0);
    }
}

#[test]
fn probes_take_little_of_an_overloaded_copys_time() {
    for work in WORKS {
        let mut site = site(16, 1.5, work);
        site.run(MINUTE * 5);
        let served = site.served() as f64 / (site.rate * 300.0 / 1.5);
        assert!(served > 0.93, "{served} of what it can");
    }
}

#[test]
fn a_copy_of_speed_two_with_twice_as_many_in_flight_counts_like_any() {
    let mut window = Window::default();
    let seen = |key, speed, ended, seconds| Seen {
        key,
        speed,
        ended,
        time_sum: Duration::from_secs(seconds),
        errors: 0,
    };
    window.count(Duration::ZERO, &[seen(1, 1.0, 0, 0), seen(2, 2.0, 0, 0)]);
    // 0.05 s each: 5 in flight at one copy, 10 at the other.
    window.count(Duration::from_secs(1), &[seen(1, 1.0, 100, 5), seen(2, 2.0, 200, 10)]);
    let span = window.full(Duration::from_secs(1)).unwrap();
    assert_eq!((span.mean.in_flight, span.mean.ended, span.busiest.key), (5.0, 300, 2));
    assert!((span.mean.time - 0.05).abs() < 1e-9);
}

/// Counts of one copy, as strange as they can be.
fn any_seen() -> impl Strategy<Value = Seen> {
    let speed = prop_oneof![Just(1.0), Just(0.0), Just(f64::NAN), Just(f64::INFINITY), 0.01..100.0_f64];
    (0..4_u64, speed, any::<u32>(), any::<u64>(), any::<u32>()).prop_map(
        |(key, speed, ended, nanos, errors)| {
            let (ended, errors) = (u64::from(ended), u64::from(errors));
            Seen { key, speed, ended, time_sum: Duration::from_nanos(nanos), errors }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_counted_k_stays_within_its_bounds_and_moves_by_a_tenth_a_second_at_most(
        start in any::<f64>(),
        looks in prop::collection::vec((0..40_000_u64, prop::collection::vec(any_seen(), 0..4)), 1..60),
    ) {
        let mut learner = Learner::new(start);
        let (mut now, mut before) = (Duration::ZERO, learner.k());
        let mut moved = now;
        for (passed, copies) in looks {
            now += Duration::from_millis(passed);
            learner.look(now, &copies);
            let k = learner.k();
            prop_assert!((K_MIN..=K_MAX).contains(&k), "{}", k);
            if k != before {
                let most = 1.1_f64.powf((now - moved).as_secs_f64()) * 1.000_001;
                prop_assert!(k <= before * most && k >= before / most, "{} from {}", k, before);
                (before, moved) = (k, now);
            }
            if let Some((_, limit)) = learner.probed() {
                prop_assert!(limit >= 1.0 && limit.is_finite());
            }
        }
    }
}
