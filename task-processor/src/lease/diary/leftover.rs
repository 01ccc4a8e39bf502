//! A daemon that was killed and started again while a service of its earlier life still ends.

use super::*;

const STILL_ENDS: &str = "a process of the daemon's previous life still ends";

fn restarted(slots: usize, leftovers: usize) -> Diary {
    Diary { book: Book::new(Limits { slots, ..limits() }, 7, false, leftovers), wishes: 0 }
}

#[test]
fn a_slot_is_granted_only_when_the_processes_of_the_daemons_earlier_life_are_gone() {
    let mut diary = restarted(1, 1);
    let denial = diary.ask(s(0), "shop", 1, "first").unwrap_err();
    assert_eq!((denial.reason, denial.detail.as_str()), (DenialReason::NoSlot, STILL_ENDS));
    // Nobody holds it, it is not being reclaimed, and asking again soon helps.
    assert!(denial.holders.is_empty() && !denial.reclaiming);
    assert_eq!(denial.retry_after, s(1));
    assert_eq!(diary.book.roll(s(0), &renewal("shop", 1, Vec::new())).slots_free, 0);

    // However long it takes: time alone frees nothing.
    assert_eq!(diary.book.next_deadline(), None);
    diary.book.tick(s(1000));
    assert_eq!(diary.ask(s(1000), "shop", 1, "first").unwrap_err().detail, STILL_ENDS);

    diary.book.effects();
    diary.book.leftover_gone();
    assert_eq!(diary.book.effects(), [Effect::NotifyAll]);
    assert_eq!(diary.book.roll(s(1000), &renewal("shop", 1, Vec::new())).slots_free, 1);
    assert_eq!(diary.ask(s(1001), "shop", 1, "first").unwrap().lease.epoch, 8);
}

#[test]
fn the_other_slots_are_granted_meanwhile() {
    let mut diary = restarted(2, 1);
    diary.ready_for(s(0), "shop", "first");
    assert_eq!(diary.ask(s(1), "mail", 1, "second").unwrap_err().detail, STILL_ENDS);
    diary.book.leftover_gone();
    diary.ask(s(2), "mail", 1, "second").unwrap();
    let denial = diary.ask(s(3), "news", 1, "third").unwrap_err();
    assert_eq!((denial.detail.as_str(), denial.retry_after), ("all 2 slots of the node are held", s(10)));
}

#[test]
fn more_leftovers_than_slots_are_all_waited_for() {
    // cluster.toml gives the node fewer slots than it had.
    let mut diary = restarted(1, 3);
    for _ in 0..3 {
        assert_eq!(diary.ask(s(0), "shop", 1, "first").unwrap_err().detail, STILL_ENDS);
        diary.book.leftover_gone();
    }
    diary.ask(s(1), "shop", 1, "first").unwrap();
}

#[test]
fn an_operators_drain_and_the_daemons_own_end_go_before_it() {
    let mut diary = restarted(1, 1);
    diary.book.set_maintenance(true);
    assert_eq!(diary.ask(s(0), "shop", 1, "first").unwrap_err().reason, DenialReason::Maintenance);
    diary.book.end(s(1));
    assert_eq!(diary.ask(s(1), "shop", 1, "first").unwrap_err().reason, DenialReason::Stopping);
    // Its guard ends what is left without a daemon.
    assert!(diary.book.has_ended());
}
