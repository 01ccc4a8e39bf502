//! The learner against a copy that is simulated: so many servers, requests that come as they like, and the
//! front door's queue before it.

mod copy;

use proptest::prelude::*;

use self::copy::{Site, WORKS, seen};
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

/// Nobody waits.
fn calm() -> Queued {
    Queued {
        count: 0,
        max: 1000,
        oldest: Duration::ZERO,
        timeout: Duration::from_secs(10),
        is_overrun: false,
    }
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
    let (mut filled, mut idle) = (seen(1), seen(2));
    for look in 1..=600 {
        // 6.4 in flight at the one, 80 ms each, and 50 ms where it is held to less; 3.2 at the other.
        let held = learner.held().map(|held| (held.key, (held.limit * 2.0) as u64));
        let (ended, millis) = held.map_or((8, 80), |(key, ended)| {
            assert_eq!(key, 1);
            (ended, 50)
        });
        filled.ended += ended;
        filled.time_sum += Duration::from_millis(ended * millis);
        idle.ended += 8;
        idle.time_sum += Duration::from_millis(8 * 40);
        learner.look(Duration::from_millis(look * 100), &[filled, idle], &calm());
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
        [(4, 0.1, 3.0, 12.0), (4, 0.025, 3.0, 12.0), (16, 0.05, 14.0, 32.0), (2, 0.05, 2.0, 6.0)]
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
fn requests_of_very_different_lengths_do_not_ratchet_it_down() {
    for (work, seed) in WORKS.into_iter().flat_map(|work| (0..3).map(move |seed| (work, seed))) {
        let mut site = site(16, 0.7, work);
        (site.is_mixed, site.has_twin, site.random) = (true, true, fastrand::Rng::with_seed(seed));
        assert_within(range(&mut site, MINUTE * 15), 11.2, 32.0);
        assert_eq!(site.refused, 0);
    }
}

#[test]
fn a_probe_of_an_only_copy_that_works_well_refuses_no_request_and_keeps_none_for_long() {
    // Milliseconds, and as many in flight as that. Held to half, they would fill the queue, or wait until they time
    // out in it.
    for (seconds, in_flight) in [(0.001, 12.0), (0.005, 14.0), (0.05, 12.0), (0.5, 11.0), (4.0, 11.0)] {
        for work in WORKS {
            let mut only = Site::new(1000, seconds, work, in_flight / seconds);
            only.run(MINUTE * 3);
            assert_eq!(only.refused, 0, "of {seconds} s, {in_flight} in flight");
            assert!(
                seconds > 0.001 || only.probes == 0,
                "12,000 a second would fill the queue between two looks"
            );
            assert!(
                only.longest_queue <= 260 && only.longest_wait <= 2_600,
                "{seconds} s: {}, {} ms",
                only.longest_queue,
                only.longest_wait
            );
        }
    }
}

#[test]
fn a_probe_ends_at_once_where_more_wait_than_it_allows_or_for_longer() {
    let of = |count, oldest, is_overrun| {
        let oldest = Duration::from_millis(oldest);
        Queued { count, oldest, is_overrun, ..calm() }
    };
    for (queued, goes_on) in [
        (of(250, 2_500, false), true),
        (of(251, 100, false), false),
        (of(10, 2_600, false), false),
        (of(0, 0, true), false),
    ] {
        let (mut learner, mut copy) = (Learner::new(20.0), seen(1));
        let mut now = Duration::ZERO;
        while learner.held().is_none() {
            assert!(now < MINUTE, "it is probed");
            now += Duration::from_millis(100);
            copy.ended += 24;
            copy.time_sum += Duration::from_millis(24 * 50);
            learner.look(now, &[copy], &calm());
        }
        assert!(learner.excuses_queue());
        learner.look(now + Duration::from_millis(50), &[copy], &queued);
        assert_eq!((learner.held().is_some(), learner.has_learned()), (goes_on, false), "{queued:?}");
    }
}

#[test]
fn a_hold_that_finds_nothing_ends_and_the_next_one_is_later_and_later() {
    // 9 a second take a second each; held, the copy ends none any more.
    let (mut learner, mut copy) = (Learner::new(20.0), seen(1));
    let (mut begun, mut longest): (Vec<u64>, u64) = (Vec::new(), 0);
    let mut was_held = false;
    for look in 1..=6000 {
        let is_held = learner.held().is_some();
        if is_held && !was_held {
            begun.push(look);
        }
        was_held = is_held;
        longest = longest.max(begun.last().filter(|_| is_held).map_or(0, |begun| look - begun));
        let ended = if is_held { 0 } else { 2 };
        copy.ended += ended;
        copy.time_sum += Duration::from_millis(ended * 600);
        learner.look(Duration::from_millis(look * 100), &[copy], &calm());
    }
    assert!(longest <= 31, "held for {longest} looks");
    let pauses: Vec<u64> = begun.windows(2).map(|two| two[1] - two[0]).collect();
    assert!(pauses.len() <= 6 && pauses.is_sorted() && pauses[0] >= 200, "{pauses:?}");
    assert!(!learner.has_learned());
}

#[test]
fn a_copy_that_is_too_slow_to_be_measured_is_not_held() {
    for (seconds, in_flight) in [(5.0, 15.0), (1.0, 11.0)] {
        let mut slow = Site::new(1000, seconds, WORKS[0], in_flight / seconds);
        slow.run(MINUTE * 10);
        assert_eq!(slow.probes, 0, "{seconds} s");
    }
}

#[test]
fn long_lived_requests_keep_their_place_beside_a_probe_and_no_request_from_being_served() {
    // 10 of their weight, and 8 others that are fast enough.
    let mut site = Site::new(100, 0.05, WORKS[0], 160.0);
    site.long_lived = 10.0;
    for _ in 0..1800 {
        site.run(Duration::from_millis(100));
        if let Some(Held { limit, .. }) = site.learner.held() {
            assert!(limit >= 12.0, "{limit}");
        }
    }
    assert_eq!(site.refused, 0);
    // With 15, K rises for what there is to do beside them, ...
    let mut site = Site::new(100, 0.05, WORKS[0], 400.0);
    site.long_lived = 15.0;
    site.run(MINUTE * 3);
    assert!(site.learner.k() > 30.0, "{}", site.learner.k());
    // ... and also from where nothing else could be served at all.
    let mut site = Site::new(100, 0.05, WORKS[0], 100.0);
    site.long_lived = 25.0;
    site.run(Duration::from_secs(10));
    let refused = site.refused;
    site.run(MINUTE);
    assert!(site.learner.k() >= 26.0, "{}", site.learner.k());
    assert_eq!(site.refused, refused);
}

#[test]
fn a_single_thread_near_its_limit_is_found_out_by_its_only_copy() {
    for work in WORKS {
        let mut only = site(1, 0.85, work);
        only.run(MINUTE * 5);
        assert!(only.learner.has_learned(), "{work:?}");
        assert_eq!(only.refused, 0);
    }
}

#[test]
fn one_that_begins_above_a_thousand_is_not_cut_to_that() {
    let mut learner = Learner::new(5000.0);
    assert_eq!(learner.k(), 5000.0);
    learner.look(Duration::from_secs(1), &[seen(1)], &calm());
    assert_eq!(learner.k(), 5000.0);
}

#[test]
fn one_that_begins_at_one_request_or_two_rises_to_what_there_is_to_do() {
    for k in [1.0, 1.95, 2.5] {
        let mut site = Site::new(100, 0.05, WORKS[0], 200.0);
        site.begin_at(k);
        site.run(MINUTE * 2);
        assert!(site.learner.k() > 8.0, "{} from {k}", site.learner.k());
    }
}

#[test]
fn half_busy_is_half_of_the_whole_places() {
    let mut learner = Learner::new(1.95);
    learner.base = Some(Base { time: 0.05, in_flight: 1.0 });
    let mut copy = seen(1);
    // One place, taken for 0.9 of the time: that of 1.95 is less than half.
    for look in 1..=100 {
        copy.ended += 18;
        copy.time_sum += Duration::from_millis(900);
        learner.look(Duration::from_secs(look), &[copy], &calm());
    }
    assert!(learner.k() > 2.2, "{}", learner.k());
}

#[test]
fn a_copy_that_is_full_of_long_lived_requests_and_slow_comes_down() {
    let mut learner = Learner::new(20.0);
    (learner.base, learner.probe_from) = (Some(Base { time: 0.05, in_flight: 3.0 }), MINUTE);
    let mut copy = Seen { long_lived: 15.0, load: 19.5, ..seen(1) };
    for look in 1..=15 {
        copy.ended += 90;
        copy.time_sum += Duration::from_millis(90 * 100);
        learner.look(Duration::from_secs(2 * look), &[copy], &calm());
    }
    assert_within((learner.k(), learner.k()), 18.0, 19.5);
}

#[test]
fn a_queue_is_excused_while_a_probe_made_it_and_for_a_moment_after() {
    let mut site = site(100, 0.12, WORKS[0]);
    while site.learner.held().is_none() {
        assert!(!site.learner.excuses_queue());
        site.run(Duration::from_millis(100));
    }
    while site.learner.held().is_some() {
        assert!(site.learner.excuses_queue());
        site.run(Duration::from_millis(100));
    }
    site.run(Duration::from_secs(2));
    assert!(!site.learner.excuses_queue());
    // One that was there before is not.
    let mut site = self::site(4, 1.5, WORKS[0]);
    site.run(Duration::from_secs(5));
    for _ in 0..600 {
        site.run(Duration::from_millis(100));
        assert!(!site.learner.excuses_queue());
    }
}

#[test]
fn nothing_is_learned_from_few_requests_and_no_probe_disturbs_an_only_copy_that_has_little_to_do() {
    let mut few = Site::new(4, 0.05, WORKS[0], 0.5);
    assert_within(range(&mut few, MINUTE * 5), 20.0, 20.0);
    assert!(!few.learner.has_learned() && few.probes == 0);
    // Nor one that is not idle, while there is no other for its requests.
    for share in [0.005, 0.02] {
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
    let counted = |key, speed, ended, seconds| Seen {
        speed,
        ended,
        time_sum: Duration::from_secs(seconds),
        ..seen(key)
    };
    window.count(Duration::ZERO, &[counted(1, 1.0, 0, 0), counted(2, 2.0, 0, 0)]);
    // 0.05 s each: 5 in flight at one copy, 10 at the other.
    window.count(Duration::from_secs(1), &[counted(1, 1.0, 100, 5), counted(2, 2.0, 200, 10)]);
    let span = window.full(Duration::from_secs(1)).unwrap();
    assert_eq!((span.mean.in_flight, span.mean.ended, span.busiest.key), (5.0, 300, 2));
    assert!((span.mean.time - 0.05).abs() < 1e-9);
}

/// Counts of one copy, as strange as they can be.
fn any_seen() -> impl Strategy<Value = Seen> {
    let speed = prop_oneof![Just(1.0), Just(0.0), Just(f64::NAN), Just(f64::INFINITY), 0.01..100.0_f64];
    let long_lived = prop_oneof![3 => Just(0.0), 1 => 0.0..2000.0_f64];
    (0..4_u64, speed, any::<u32>(), any::<u64>(), any::<u32>(), long_lived).prop_map(
        |(key, speed, ended, nanos, errors, long_lived)| {
            let (ended, errors) = (u64::from(ended), u64::from(errors));
            let load = long_lived + f64::from(ended as u8);
            Seen { key, speed, ended, time_sum: Duration::from_nanos(nanos), errors, load, long_lived }
        },
    )
}

/// A queue, as strange as it can be.
fn any_queued() -> impl Strategy<Value = Queued> {
    (0..3000_usize, 0..2000_usize, 0..20_000_u64, 1..20_000_u64, any::<bool>()).prop_map(
        |(count, max, oldest, timeout, is_overrun)| {
            let (oldest, timeout) = (Duration::from_millis(oldest), Duration::from_millis(timeout));
            Queued { count, max, oldest, timeout, is_overrun }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_is_counted_k_stays_within_its_bounds_and_moves_by_a_tenth_a_second_at_most(
        start in any::<f64>(),
        looks in prop::collection::vec(
            (0..40_000_u64, prop::collection::vec(any_seen(), 0..4), any_queued()),
            1..60,
        ),
    ) {
        let mut learner = Learner::new(start);
        let (mut now, mut before) = (Duration::ZERO, learner.k());
        let mut moved = now;
        for (passed, copies, queued) in looks {
            now += Duration::from_millis(passed);
            learner.look(now, &copies, &queued);
            let k = learner.k();
            prop_assert!((K_MIN..=K_MAX.max(start)).contains(&k), "{}", k);
            if k != before {
                let most = 1.1_f64.powf((now - moved).as_secs_f64()) * 1.000_001;
                prop_assert!(k <= before * most && k >= before / most, "{} from {}", k, before);
                (before, moved) = (k, now);
            }
            if let Some(Held { limit, .. }) = learner.held() {
                prop_assert!(limit >= 1.0 && limit.is_finite());
            }
        }
    }
}
