//! What holds for the leases whatever happens in whatever order.

mod world;

use std::time::Duration;

use proptest::prelude::*;

use super::*;
use world::{Call, Event, Says, What, World};

fn event() -> impl Strategy<Value = Event> {
    let call = prop::sample::select(vec![Call::Start, Call::Drain, Call::Undrain, Call::Stop, Call::Release]);
    let what = prop::sample::select(vec![
        What::Started,
        What::StartFailed,
        What::InFlightZero,
        What::ProcessesGone,
        What::Exited,
        What::Probed(false),
        What::Probed(true),
    ]);
    let reclaim = prop::option::of(reclaim_wish());
    prop_oneof![
        4 => (any::<u8>(), 1..4_u64, 0..4_u8, reclaim).prop_map(|(holder, incarnation, request, reclaim)| {
            Event::Reserve { holder, incarnation, request, reclaim }
        }),
        8 => (call, any::<u8>(), prop::bool::weighted(0.1))
            .prop_map(|(call, lease, older_epoch)| Event::Call { call, lease, older_epoch }),
        1 => (any::<u8>(), 1..4_u64).prop_map(|(holder, incarnation)| Event::Adopt { holder, incarnation }),
        6 => (any::<u8>(), 1..4_u64, says())
            .prop_map(|(holder, incarnation, says)| Event::Renew { holder, incarnation, says }),
        6 => (what, any::<u8>()).prop_map(|(what, lease)| Event::Happen { what, lease }),
        1 => (any::<u8>(), any::<bool>()).prop_map(|(holder, listening)| Event::Listen { holder, listening }),
        1 => any::<bool>().prop_map(Event::Maintenance),
        1 => prop::bool::weighted(0.05).prop_map(|end| if end { Event::End } else { Event::Pass { millis: 1 } }),
        4 => (0..20_000_u64).prop_map(|millis| Event::Pass { millis }),
    ]
}

fn reclaim_wish() -> impl Strategy<Value = ReclaimWish> {
    (any::<bool>(), prop::option::of(0..6_u32)).prop_map(|(starved, pool_slots)| {
        let shortage = if starved { Shortage::Starved } else { Shortage::UnderMin };
        ReclaimWish { shortage, pool_slots }
    })
}

fn says() -> impl Strategy<Value = Says> {
    let numbers = prop::option::weighted(0.8, (0..4_u32, 0..4_u32, 0..3_u32, 0..2_u32));
    (numbers, any::<u8>()).prop_map(|(numbers, marks)| Says { numbers, marks })
}

/// Leases of everybody, so that the events that follow find something to reclaim.
fn full_house() -> impl Strategy<Value = Vec<Event>> {
    let renew = |holder, held, want| Event::Renew {
        holder,
        incarnation: 3,
        says: Says { numbers: Some((held, want, 1, 0)), marks: 0 },
    };
    let mut events = Vec::new();
    for lease in 0..2 {
        let holder = 0;
        events.push(Event::Reserve { holder, incarnation: 3, request: lease, reclaim: None });
        events.push(Event::Call { call: Call::Start, lease, older_epoch: false });
        events.push(Event::Happen { what: What::Started, lease });
    }
    events.extend([renew(0, 3, 3), renew(1, 0, 3), renew(2, 0, 2)]);
    events.push(Event::Listen { holder: 0, listening: true });
    let starts = prop::bool::weighted(0.7);
    starts.prop_map(move |is_full| if is_full { events.clone() } else { Vec::new() })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    (full_house(), prop::collection::vec(event(), 1..120))
        .prop_map(|(before, events)| before.into_iter().chain(events).collect())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(512) })]

    #[test]
    fn one_lease_a_slot_rising_epochs_no_stale_act_and_nothing_kept_is_reclaimed(events in events()) {
        let mut world = World::new(7);
        for event in &events {
            world.apply(event);
        }
        prop_assert!(world.epochs.iter().all(|epoch| *epoch > 7), "no epoch of an earlier life comes again");
    }

    #[test]
    fn every_lease_ends_when_nobody_renews_it(events in events()) {
        let mut world = World::new(0);
        for event in &events {
            world.apply(event);
        }
        world.time_passes_in_silence();
        prop_assert!(world.book.leases().is_empty(), "{:?}", world.book.leases());
        prop_assert_eq!(world.book.next_deadline(), None);
        prop_assert!(world.running.is_empty() && world.kept.is_empty());
    }

    #[test]
    fn a_deadline_that_was_ticked_does_not_come_again(events in events()) {
        let mut world = World::new(0);
        for event in &events {
            world.apply(event);
            world.book.tick(world.now);
            world.run_effects();
            prop_assert!(world.book.next_deadline().is_none_or(|deadline| deadline > world.now));
        }
    }

    #[test]
    fn who_has_a_lease_reclaimed_and_stays_short_gets_a_slot_after_the_notice(events in events()) {
        let mut world = World::new(0);
        for event in events.iter().filter(|event| !matches!(event, Event::End)) {
            world.apply(event);
        }
        world.apply(&Event::Maintenance(false));
        let mut reclaiming_since = None;
        for second in 0..80_u64 {
            world.apply(&Event::Pass { millis: 1000 });
            world.end_what_stops();
            let says = Says { numbers: Some((0, 3, 0, 1)), marks: 0 };
            world.apply(&Event::Renew { holder: 1, incarnation: 9, says });
            match world.ask_for(1, 9, "last", Some(ReclaimWish { shortage: Shortage::Starved, pool_slots: None })) {
                Ok(_) => return Ok(()),
                Err(denial) if denial.reclaiming => {
                    let since = *reclaiming_since.get_or_insert(second);
                    // A process that runs ends when it is told to, within the second.
                    prop_assert!(second - since <= world::NOTICE.as_secs() + 1, "{:?}", world.book.leases());
                }
                Err(_) => prop_assert!(reclaiming_since.is_none(), "a reclaim is not taken back without a reason"),
            }
        }
    }
}
