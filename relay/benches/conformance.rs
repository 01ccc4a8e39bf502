//! The conformance cases played against the relay, nginx and HAProxy, and a table of where one of them does
//! otherwise.
//! It measures nothing but agreement. The cases are those of `tests/conformance`.

#![allow(clippy::print_stdout, reason = "the table is what it is run for")]

#[path = "../tests/conformance"]
mod conformance {
    pub(crate) mod case;
    pub(crate) mod cases;
    pub(crate) mod origin;
    pub(crate) mod peers;
    pub(crate) mod play;
    pub(crate) mod subject;
    pub(crate) mod table;
    pub(crate) mod verdict;
    pub(crate) mod wire;
}

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use conformance::{case, cases, origin, peers, play, subject, table, verdict, wire};

use case::Case;
use origin::Origin;
use peers::{Kind, Peer};
use subject::Subject;
use wire::Door;

/// A peer that neither answers nor closes costs this much a case.
const DEADLINE: Duration = Duration::from_secs(2);

/// Cases wait for the network far more than they compute.
const AT_A_TIME: usize = 8;

/// What one proxy did with one case.
struct Outcome {
    conforms: bool,
    text: String,
}

fn main() {
    // `cargo test --all-targets` runs benches too, without this word.
    if !std::env::args().any(|word| word == "--bench") {
        return;
    }
    let cases: Vec<Case> = cases::groups().into_iter().flat_map(|(_, cases)| cases).collect();
    let mut columns = vec![("relay", relay(&cases))];
    for kind in [Kind::Nginx, Kind::Haproxy] {
        let Some(program) = kind.program() else {
            println!("{} is not installed: apt-get install {}", kind.name(), kind.package());
            continue;
        };
        let origins = origins(&cases);
        let addresses: Vec<_> = origins.iter().map(|origin| origin.address).collect();
        match Peer::start(kind, &program, &addresses) {
            Ok(peer) => columns.push((
                kind.name(),
                all(&cases, |index| outcome(&cases[index], &peer.door(index), &origins[index])),
            )),
            Err(error) => println!("{}: {error}", kind.name()),
        }
    }
    print(&cases, &columns);
}

fn relay(cases: &[Case]) -> Vec<Outcome> {
    let origins = origins(cases);
    all(cases, |index| {
        let subject = Subject::before(origins[index].address);
        outcome(&cases[index], &subject.door, &origins[index])
    })
}

fn origins(cases: &[Case]) -> Vec<Origin> {
    cases.iter().map(|case| Origin::start(case.answers.clone())).collect()
}

fn outcome(case: &Case, door: &Door, origin: &Origin) -> Outcome {
    let seen = play::play(case, door, origin, DEADLINE);
    let found = verdict::differences(case, &seen);
    let text = match found.first() {
        None => "as expected".to_owned(),
        Some(first) => format!("{} ({first})", verdict::got(&seen)),
    };
    Outcome { conforms: found.is_empty(), text: text.chars().take(70).collect() }
}

/// Several at a time, in the order of the cases.
fn all(cases: &[Case], play: impl Fn(usize) -> Outcome + Sync) -> Vec<Outcome> {
    let next = AtomicUsize::new(0);
    let outcomes = Mutex::new(Vec::with_capacity(cases.len()));
    thread::scope(|scope| {
        for _ in 0..AT_A_TIME {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    if index >= cases.len() {
                        break;
                    }
                    let outcome = play(index);
                    outcomes.lock().expect("no player panics").push((index, outcome));
                }
            });
        }
    });
    let mut outcomes = outcomes.into_inner().expect("no player panics");
    outcomes.sort_by_key(|(index, _)| *index);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}

fn print(cases: &[Case], columns: &[(&str, Vec<Outcome>)]) {
    let text = |column: usize, index: usize| match columns.get(column) {
        Some((_, outcomes)) => outcomes[index].text.clone(),
        None => "-".to_owned(),
    };
    let differing = |index: &usize| columns.iter().any(|(_, outcomes)| !outcomes[*index].conforms);
    let rows: Vec<_> = (0..cases.len())
        .filter(differing)
        .map(|index| {
            let case = &cases[index];
            let want = verdict::wanted(case);
            [case.rfc.into(), case.name.into(), want, text(0, index), text(1, index), text(2, index)]
        })
        .collect();
    let name = |column: usize| columns.get(column).map_or("-", |(name, _)| name);
    println!("{}\n", table::table(["RFC", "case", "expected", name(0), name(1), name(2)], &rows));
    for (name, outcomes) in columns {
        let conforming = outcomes.iter().filter(|outcome| outcome.conforms).count();
        println!("{name}: {conforming} of {} cases as expected", cases.len());
    }
}
