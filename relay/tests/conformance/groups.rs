//! One test a group of cases: plays all of them, several at a time, and fails once with a table of every
//! case that does not hold.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crate::case::Case;
use crate::cases;
use crate::origin::Origin;
use crate::play::play;
use crate::subject::Subject;
use crate::table::table;
use crate::verdict::{differences, got, wanted};

/// No wait of a case lasts longer; reaching it fails the case.
const DEADLINE: Duration = Duration::from_secs(10);

/// Cases wait for the network far more than they compute.
const AT_A_TIME: usize = 8;

/// The suite is meant to be broad; fewer means that a group was lost.
const CASES_MIN: usize = 150;

macro_rules! groups {
    ($($group:ident),* $(,)?) => {
        $(
            #[test]
            fn $group() {
                check(&cases::$group::cases());
            }
        )*

        #[test]
        fn every_group_is_checked_here() {
            let here = BTreeSet::from([$(stringify!($group)),*]);
            let all: BTreeSet<_> = cases::groups().iter().map(|(name, _)| *name).collect();
            assert_eq!(here, all);
        }
    };
}

groups!(
    start_line,
    target,
    host,
    fields,
    length,
    coding,
    chunks,
    trailers,
    broken_off,
    limits,
    expectation,
    forwarding,
    sequence,
    old_version,
    answer_head,
    answer_framing,
    truncation,
    surplus,
    interim,
);

#[test]
fn the_suite_is_broad_and_every_name_is_its_own() {
    let mut names = BTreeSet::new();
    for (_, cases) in cases::groups() {
        for case in cases {
            assert!(names.insert(case.name), "twice: {}", case.name);
            assert!(!case.rfc.is_empty(), "{} rests on nothing", case.name);
        }
    }
    assert!(names.len() >= CASES_MIN, "{} cases are left", names.len());
}

fn check(cases: &[Case]) {
    let failures = Mutex::new(Vec::new());
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME.min(cases.len()) {
            scope.spawn(|| {
                while let Some((index, case)) = take(&next, cases) {
                    if let Some(row) = failure(case) {
                        failures.lock().unwrap().push((index, row));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort_by_key(|(index, _)| *index);
    let rows: Vec<_> = failures.into_iter().map(|(_, row)| row).collect();
    let head = ["RFC", "case", "expected", "got", "differences"];
    assert!(rows.is_empty(), "{} of {} cases\n\n{}\n", rows.len(), cases.len(), table(head, &rows));
}

fn take<'a>(next: &AtomicUsize, cases: &'a [Case]) -> Option<(usize, &'a Case)> {
    let index = next.fetch_add(1, Ordering::Relaxed);
    Some((index, cases.get(index)?))
}

fn failure(case: &Case) -> Option<[String; 5]> {
    let origin = Origin::start(case.answers.clone());
    let subject = Subject::before(origin.address);
    let seen = play(case, &subject.door, &origin, DEADLINE);
    let found = differences(case, &seen);
    (!found.is_empty())
        .then(|| [case.rfc.into(), case.name.into(), wanted(case), got(&seen), found.join("; ")])
}
