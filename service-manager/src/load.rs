//! The load that the load-manager decides by: a sample each tick, one at once when a request enters
//! an empty queue, and more while requests wait. Means are made of looks at the counts, so that no
//! request pays for them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use proto::service_manager::{Load, LoadSample, Out, OutReason};
use relay::Totals;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, MissedTickBehavior};

use crate::child_list::ChildList;
use crate::door::Door;
use crate::seat::{self, Seat};

/// How often the counts are looked at: 50 looks make a mean over a second, and cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Samples come this often while requests wait.
const URGENT_EVERY: Duration = Duration::from_millis(100);

/// Samples that may wait for the load-manager before it counts as gone.
pub(crate) const SAMPLES_MAX: usize = 16;

/// Who gets the samples: the newest one wins.
pub(crate) type Listener = mpsc::Sender<LoadSample>;

/// Looks at the counts and sends the samples.
pub(crate) struct Sampler {
    door: Arc<Door>,
    every: watch::Receiver<Duration>,
    seats: HashMap<String, Looks>,
    since: Instant,
    arrivals: u64,
    refused: u64,
}

/// What was seen of one seat since the last sample.
#[derive(Default)]
struct Looks {
    upstream: u64,
    sum: f64,
    totals: Totals,
}

impl Sampler {
    /// A sampler of what goes through `door`, a sample each `every`, as it is then.
    pub(crate) fn new(door: Arc<Door>, every: watch::Receiver<Duration>) -> Self {
        let (arrivals, refused) = door.arrivals_and_refused();
        Self { door, every, seats: HashMap::new(), since: Instant::now(), arrivals, refused }
    }

    /// Runs until no listener can come any more. The task ends when `listeners` is closed.
    pub(crate) async fn run(mut self, mut listeners: mpsc::Receiver<Listener>) {
        let mut listener: Option<Listener> = None;
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let mut looks = 0_u32;
        let mut urgent = false;
        loop {
            let door = Arc::clone(&self.door);
            tokio::select! {
                _ = look.tick() => {
                    self.look();
                    looks += 1;
                }
                () = door.request_queued() => urgent = true,
                new = listeners.recv() => match new {
                    Some(new) => listener = Some(new),
                    None => return,
                },
            }
            // While requests wait, the decider sees how it goes on, not only that it began.
            let due = if urgent || self.door.queued() > 0 { URGENT_EVERY } else { *self.every.borrow() };
            if looks == 0 || self.since.elapsed() < due {
                continue;
            }
            urgent = false;
            let sample = self.sample(looks);
            looks = 0;
            if listener.as_ref().is_some_and(|listener| listener.try_send(sample).is_err()) {
                // Gone, or too slow to be of use: it may ask again.
                listener = None;
            }
        }
    }

    fn look(&mut self) {
        let list = self.door.list();
        let children = list.children.iter().map(|child| (child.spec.lease_id.as_str(), &child.seat));
        for (key, seat) in std::iter::once(("", self.door.local())).chain(children) {
            let Some(upstream) = seat.upstream() else { continue };
            if !self.seats.contains_key(key) {
                self.seats.insert(key.to_owned(), Looks::default());
            }
            let looks = self.seats.get_mut(key).expect("it was put in above");
            looks.sum += upstream.load();
        }
    }

    fn sample(&mut self, looks: u32) -> LoadSample {
        // Before any count: what is counted from here on holds no pick by an older list.
        let generation = self.door.settled();
        let list = self.door.list();
        let interval = self.since.elapsed();
        self.since = Instant::now();
        let mut sample = LoadSample {
            interval_ms: interval.as_millis() as u64,
            generation,
            queued: self.door.queued() as u32,
            learned_capacity: self.door.learned().unwrap_or_default(),
            has_learned: self.door.has_learned(),
            queue_excused: self.door.excuses_queue(),
            local_ready: self.door.local().is_serving() && !self.door.local().is_ejected(),
            ..LoadSample::default()
        };
        let local = Arc::clone(self.door.local());
        sample.local = Some(self.load("", "", &local, looks, &mut sample));
        for child in &list.children {
            let load = self.load(&child.spec.node, &child.spec.lease_id, &child.seat, looks, &mut sample);
            sample.children.push(load);
        }
        let (arrivals, refused) = self.door.arrivals_and_refused();
        sample.arrivals = arrivals - std::mem::replace(&mut self.arrivals, arrivals);
        sample.refused = refused - std::mem::replace(&mut self.refused, refused);
        self.forget(&list);
        sample
    }

    /// What one seat adds to the sample.
    fn load(&mut self, node: &str, lease_id: &str, seat: &Seat, looks: u32, sample: &mut LoadSample) -> Load {
        let upstream = seat.upstream();
        let seen = self.seats.entry(lease_id.to_owned()).or_default();
        let mean = std::mem::take(&mut seen.sum) / f64::from(looks.max(1));
        if let Some(upstream) = &upstream {
            if seen.upstream != upstream.id() {
                (seen.upstream, seen.totals) = (upstream.id(), Totals::default());
            }
            let totals = upstream.totals();
            sample.ended += totals.ended - seen.totals.ended;
            sample.service_time_sum_us +=
                (totals.service_time_sum - seen.totals.service_time_sum).as_micros() as u64;
            seen.totals = totals;
        }
        sample.in_flight_mean += mean;
        Load {
            node: node.to_owned(),
            lease_id: lease_id.to_owned(),
            in_flight_mean: mean,
            in_flight: upstream.as_ref().map_or(0, |upstream| upstream.in_flight()),
            long_lived: upstream.as_ref().map_or(0, |upstream| upstream.long_lived()),
            out: seat.out().map(out),
        }
    }

    fn forget(&mut self, list: &ChildList) {
        self.seats
            .retain(|key, _| key.is_empty() || list.children.iter().any(|child| child.spec.lease_id == *key));
    }
}

fn out(out: seat::Out) -> Out {
    let reason = match out.reason {
        seat::OutReason::NoConnection => OutReason::NoConnection,
        seat::OutReason::Errors => OutReason::OutReason5xx,
    };
    Out { reason: reason.into(), lasted_ms: out.lasted.as_millis() as u64 }
}

#[cfg(test)]
mod tests;
