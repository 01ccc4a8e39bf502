//! What a pick costs, and the release that follows it, with one child and with a thousand. Run with
//! `cargo test --release -p service-manager --lib -- --ignored --nocapture what_a_pick_costs`.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cluster::config::sample;
use relay::InFlight;

use super::{Attempt, Door, Look};
use crate::child_list::{ChildSpec, ChildState};

/// K of each child, and the loads at which all are Low, Medium, High, or full.
const CAPACITY: u32 = 64;
const STATES: [(&str, u32); 4] = [("Low", 0), ("Medium", 32), ("High", 56), ("full", CAPACITY)];

/// How long each case is measured at least.
const MEASURE: Duration = Duration::from_millis(100);

/// A door with this many children, each with this many requests in flight.
fn door(children: usize, load: u32) -> (Arc<Door>, Vec<InFlight>) {
    let text = sample(1, "slow_start = \"0s\"\n");
    let text = text.replace("capacity = 8", &format!("capacity = {CAPACITY}"));
    let (door, _) = Door::new(&cluster::config::parse("cluster.toml", &text).unwrap().services[0]);
    let child = |index| ChildSpec {
        node: format!("c{index}"),
        lease_id: format!("lease-{index}"),
        epoch: 1,
        address: "127.0.0.1:2".parse().unwrap(),
        token: Some("secret".into()),
        speed: 1.0,
        state: ChildState::Ready,
    };
    door.set_list(1, (0..children).map(child).collect()).unwrap();
    let list = door.list();
    let fill = |_| list.first.seats.iter().map(|seat| seat.try_acquire().unwrap()).collect::<Vec<_>>();
    let places = (0..load).flat_map(fill).collect();
    (door, places)
}

/// Nanoseconds of one turn.
fn nanos(mut turn: impl FnMut()) -> f64 {
    let (begin, mut turns) = (Instant::now(), 0_u32);
    while begin.elapsed() < MEASURE {
        for _ in 0..100 {
            turn();
        }
        turns += 100;
    }
    begin.elapsed().as_nanos() as f64 / f64::from(turns)
}

#[test]
#[ignore = "it measures"]
fn what_a_pick_costs() {
    eprintln!("ns a pick and its release; by the boards, and by a look at each seat");
    for (state, load) in STATES {
        for children in [1, 10, 100, 1000] {
            let (door, _places) = door(children, load);
            let by = |look| nanos(|| drop(black_box(door.take(&[], look, Attempt::First))));
            let (quick, whole) = (by(Look::Quick), by(Look::Whole));
            eprintln!("{state:>7} {children:>5} {quick:>9.0} {whole:>9.0}");
        }
    }
}
