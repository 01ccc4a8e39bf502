//! The course of a run: everybody is started once, then measured in turn, round after round.

use std::time::Duration;

use anyhow::{Context, ensure};

use super::contestant::Contestant;
use super::elastic::{Elastic, Oracle, Profile};
use super::experiment::Experiment;
use super::goals::{self, Found};
use super::httperf::{Done, Order};
use super::phases::Logs;
use super::plan::{Cell, MIX_RATE, MIX_REQUESTS, Part, Plan};
use super::record::{Client, Measurement, Times};
use super::results::Bar;
use super::site::{Held, Site};
use crate::bench::client::{self, Job, Pace, aside};
use crate::bench::progress::Progress;
use crate::bench::rotated;
use crate::spread::Spread;

/// What is asked of the service that has 10 ms to do on a node of a quarter of a core.
pub(super) const WORK_URI: &str = "/bytes/1024?work=2500us";

/// What that takes, in seconds of a core.
const WORK_SECONDS: f64 = 0.0025;

/// The paper's highest rate with work.
const ELASTIC_TOP: f64 = 250.0;

/// So calm that no request meets another.
const PHASES_RATE: f64 = 50.0;
const PHASES_REQUESTS: f64 = 500.0;
const PHASES_REQUESTS_QUICK: f64 = 100.0;

/// Of experiment 1.
const SMALL_URI: &str = "/bytes/1024";

/// The mix of the first paper: a text message, 10 KB, a text message, 1 MB.
const MIX_URIS: [&str; 4] = ["/bytes/100", "/bytes/10240", "/bytes/100", "/bytes/1048576"];

/// The first rate at which a top one is looked for, and how much further each step goes.
const TOP_FIRST: u32 = 800;
const TOP_STEP: f64 = 1.25;
const TOP_MAX: u32 = 20_000;

/// So much of a rate must be answered for it to be served.
const SERVED_SHARE: f64 = 0.97;

/// So many times what a node can do by its share of a core, to see what it does.
const OVERLOAD: f64 = 1.5;

/// How long one looks at that.
const LOOK_SECONDS: u64 = 2;

/// How long the last answers of an overloaded proxy may take.
const GRACE: Duration = Duration::from_secs(15);

/// Measures the first three experiments, those of them that are asked for.
pub(super) async fn experiments(
    site: &mut Site,
    plan: &Plan,
    found: &mut Found,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    progress.show("starting", "everybody");
    let nodes = plan.nodes();
    site.use_nodes(nodes);
    let mut held: Vec<Held> = (0..=nodes).map(Held::least_in_flight).collect();
    held.extend([Held::direct(nodes), Held::fill_first(nodes)]);
    // First, for the peers that have one node get the same one.
    site.accordions(&held).await?;
    site.services().await?;
    site.threads(&[0, nodes]).await?;
    site.proxies(&[0, nodes]).await?;
    if plan.has(Part::Rate) {
        progress.show("looking for the highest rates", "nginx and HAProxy");
        found.top.local = better_top(site, plan, 0).await?;
        found.top.by_nodes = better_top(site, plan, nodes).await?;
        rounds(site, plan, &plan.rate(found.top), found, progress).await?;
    }
    if plan.has(Part::Size) {
        rounds(site, plan, &plan.size(), found, progress).await?;
    }
    if plan.has(Part::Work) {
        progress.show("looking for the capacity", "one node");
        found.capacity = capacity(site, plan).await?;
        rounds(site, plan, &plan.work(found.capacity), found, progress).await?;
    }
    site.end_all().await;
    Ok(())
}

/// Measures the mix of the first paper.
pub(super) async fn mix(
    site: &mut Site,
    plan: &Plan,
    found: &mut Found,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    progress.show("starting", "everybody, on more nodes");
    let counts = plan.mix_nodes();
    site.use_nodes(plan.nodes_max());
    let held: Vec<Held> = counts.iter().copied().map(Held::least_in_flight).collect();
    site.accordions(&held).await?;
    site.services().await?;
    site.proxies(counts).await?;
    rounds(site, plan, &plan.mix(), found, progress).await?;
    site.end_all().await;
    Ok(())
}

/// Sends a calm load by way of the local copy and by way of a node, with logs, and tells where its time went.
pub(super) async fn phases(
    site: &mut Site,
    plan: &Plan,
    progress: &mut Progress,
) -> anyhow::Result<Vec<Bar>> {
    progress.show("where the time goes", "a request alone");
    site.use_nodes(plan.nodes());
    let logged = site.logged().await?;
    let requests = if plan.is_quick { PHASES_REQUESTS_QUICK } else { PHASES_REQUESTS };
    let length = Duration::from_secs_f64(requests / PHASES_RATE);
    for contestant in [Contestant::Accordion(0), Contestant::Accordion(1)] {
        let (target, pace) = (site.target(contestant)?, Pace::even(PHASES_RATE, length));
        let job = Job { target, paths: vec![SMALL_URI.to_owned()], pace, is_kept: false, grace: GRACE };
        let timings = aside(move |halt| client::run(job, halt)).await?;
        ensure!(timings.failed == 0, "{} requests failed by way of {contestant}", timings.failed);
        site.ensure_all_run()?;
        progress.advance(length.as_secs_f64());
    }
    // The last lines are written when the daemons end.
    site.end_all().await;
    let mut bars = Vec::new();
    for (front, nodes) in logged.fronts.into_iter().zip([Vec::new(), logged.nodes]) {
        bars.extend(Logs { front, nodes, target: SMALL_URI.to_owned() }.bars()?);
    }
    Ok(bars)
}

/// Has a load climb and fall, Accordion left to itself.
pub(super) async fn elastic(
    site: &mut Site,
    plan: &Plan,
    found: &mut Found,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    progress.show("elastic", "starting");
    site.use_nodes(plan.nodes());
    let (front, node) = site.cores();
    let left = site.left_to_itself(plan.climb).await?;
    let oracle = Oracle { work: WORK_SECONDS, front, node, pool: plan.nodes() };
    let profile = Profile { top: ELASTIC_TOP, length: plan.climb, tail: plan.climb / 4 };
    let run = Elastic {
        target: left.target,
        config: left.config,
        runtime_dir: left.runtime_dir,
        state_dir: left.state_dir,
        path: WORK_URI.to_owned(),
        profile,
        oracle,
    };
    progress.show("elastic", "the rate climbs to 250/s and falls again");
    let (timeline, measured) = run.run(plan.work_rates()).await?;
    site.ensure_all_run()?;
    progress.advance(plan.climb.as_secs_f64() * 1.25);
    let verdicts = goals::elastic(&run.figures(&timeline));
    found.measurements.extend(measured);
    found.elastic = Some((timeline, verdicts));
    site.end_all().await;
    Ok(())
}

async fn rounds(
    site: &mut Site,
    plan: &Plan,
    cells: &[Cell],
    found: &mut Found,
    progress: &mut Progress,
) -> anyhow::Result<()> {
    let Some(experiment) = cells.first().map(|cell| cell.experiment) else { return Ok(()) };
    let rounds = plan.rounds_of(experiment);
    for round in 0..rounds {
        let chapter = format!("{}, round {} of {rounds}", experiment.key(), round + 1);
        for cell in in_turn(cells, round) {
            progress.show(&chapter, &format!("{}, {} {}", cell.contestant, cell.x, experiment.axis()));
            let measured = measure(site, plan, cell, round + 1).await;
            let what = || format!("{}, {} {}", cell.contestant, cell.x, experiment.axis());
            found.measurements.push(measured.with_context(what)?);
            site.ensure_all_run().with_context(what)?;
            progress.advance(plan.cost(cell));
        }
    }
    Ok(())
}

/// Those at the same place of the axis one after the other, in each round another one first.
fn in_turn(cells: &[Cell], round: usize) -> Vec<Cell> {
    let places = cells.chunk_by(|one, other| (one.x, one.client) == (other.x, other.client));
    places.flat_map(|place| rotated(place, round)).collect()
}

async fn measure(site: &Site, plan: &Plan, cell: Cell, round: usize) -> anyhow::Result<Measurement> {
    let Cell { experiment, contestant, x, client } = cell;
    let (replies, failed, times) = match client {
        Client::Httperf => {
            let (uri, rate) = match experiment {
                Experiment::Rate | Experiment::Mix => (SMALL_URI.to_owned(), x),
                Experiment::Size => (format!("/bytes/{}", x * 1024), 1),
                Experiment::Work => (WORK_URI.to_owned(), x),
            };
            let Done { replies, failed, times, .. } =
                httperf(site, contestant, uri, rate, plan.seconds_of(experiment)).await?;
            (replies, failed, times)
        }
        Client::OpenLoop => open_loop(site, plan, cell).await?,
    };
    Ok(Measurement { experiment, round, contestant, x, client, replies, failed, times })
}

async fn httperf(
    site: &Site,
    contestant: Contestant,
    uri: String,
    rate: u32,
    seconds: u64,
) -> anyhow::Result<Done> {
    let order = Order { target: site.target(contestant)?, uri, rate, requests: u64::from(rate) * seconds };
    order.run(&site.as_client(&order.words())).await
}

async fn open_loop(site: &Site, plan: &Plan, cell: Cell) -> anyhow::Result<(u64, u64, Option<Times>)> {
    let owned = |paths: &[&str]| paths.iter().map(|path| (*path).to_owned()).collect();
    let seconds = Duration::from_secs(plan.seconds_of(cell.experiment));
    let (paths, rate, length) = match cell.experiment {
        Experiment::Mix => {
            let length = Duration::from_secs_f64(MIX_REQUESTS as f64 / f64::from(MIX_RATE));
            (owned(&MIX_URIS), MIX_RATE, length)
        }
        Experiment::Rate => (owned(&[SMALL_URI]), cell.x, seconds),
        Experiment::Size | Experiment::Work => (owned(&[WORK_URI]), cell.x, seconds),
    };
    // Even gaps of 4, 5 or 10 ms would be in step with the periods of the machines' quotas, or against it.
    let pace = Pace::loose(f64::from(rate), length);
    let job = Job { target: site.target(cell.contestant)?, paths, pace, is_kept: false, grace: GRACE };
    let timings = aside(move |halt| client::run(job, halt)).await?;
    let ms = |time: Duration| time.as_secs_f64() * 1e3;
    let times = (|| {
        Some(Times {
            mean: ms(timings.mean()?),
            p50: ms(timings.quantile(0.5)?),
            p99: Some(ms(timings.quantile(0.99)?)),
            max: ms(timings.max()?),
        })
    })();
    Ok((timings.requests(), timings.failed, times))
}

/// The highest rate that one of the peers before so many nodes serves without an error; 0 where none serves the first.
async fn better_top(site: &Site, plan: &Plan, nodes: u32) -> anyhow::Result<u32> {
    let (nginx, haproxy) = (Contestant::Nginx(nodes), Contestant::Haproxy(nodes));
    Ok(top(site, plan, nginx).await?.max(top(site, plan, haproxy).await?))
}

/// Up until it fails once, and down again until it does not fail in any of several looks: who is at the edge of what
/// he serves has his lucky moments.
async fn top(site: &Site, plan: &Plan, contestant: Contestant) -> anyhow::Result<u32> {
    let mut rates: Vec<u32> = top_rates().collect();
    let mut served = 0;
    while let Some(rate) = rates.get(served)
        && serves(site, plan, contestant, *rate).await?
    {
        served += 1;
    }
    rates.truncate(served);
    while let Some(rate) = rates.last() {
        if serves_each_time(site, plan, contestant, *rate).await? {
            return Ok(*rate);
        }
        rates.pop();
    }
    Ok(0)
}

/// The rates at which one looks, rising.
fn top_rates() -> impl Iterator<Item = u32> {
    let next = |rate: &u32| Some((f64::from(*rate) * TOP_STEP) as u32);
    std::iter::successors(Some(TOP_FIRST), next).take_while(|rate| *rate < TOP_MAX)
}

async fn serves_each_time(
    site: &Site,
    plan: &Plan,
    contestant: Contestant,
    rate: u32,
) -> anyhow::Result<bool> {
    for _ in 0..plan.looks() {
        if !serves(site, plan, contestant, rate).await? {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn serves(site: &Site, plan: &Plan, contestant: Contestant, rate: u32) -> anyhow::Result<bool> {
    let seconds = plan.seconds_of(Experiment::Rate);
    let done = httperf(site, contestant, SMALL_URI.to_owned(), rate, seconds).await?;
    Ok(done.failed == 0 && (done.replies as f64 / done.seconds) >= SERVED_SHARE * f64::from(rate))
}

/// What one node does in a second when more is asked of it: the middle of some looks.
async fn capacity(site: &Site, plan: &Plan) -> anyhow::Result<f64> {
    let (_, node) = site.cores();
    let rate = (OVERLOAD * node / WORK_SECONDS) as u32;
    let mut looks = Vec::new();
    for _ in 0..plan.looks() {
        let done = httperf(site, Contestant::Node, WORK_URI.to_owned(), rate, LOOK_SECONDS).await?;
        looks.push(done.replies as f64 / done.seconds);
    }
    let middle = Spread::of(looks).map(|spread| spread.median).filter(|capacity| *capacity >= 1.0);
    middle.context("a node serves no request with work")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_rates_are_looked_for_in_steps_of_a_quarter() {
        let rates: Vec<u32> = top_rates().collect();
        assert_eq!((rates[..3].to_vec(), rates.len()), (vec![800, 1000, 1250], 15));
        assert!(rates[14] < TOP_MAX);
    }

    #[test]
    fn in_each_round_another_one_is_first_at_each_place() {
        let cell =
            |x, contestant| Cell { experiment: Experiment::Rate, contestant, x, client: Client::Httperf };
        let all = [Contestant::Service, Contestant::Nginx(0), Contestant::Haproxy(0)];
        let cells: Vec<Cell> = [100, 200].iter().flat_map(|x| all.map(|one| cell(*x, one))).collect();
        let turned = in_turn(&cells, 1);
        let order: Vec<(u32, Contestant)> = turned.iter().map(|cell| (cell.x, cell.contestant)).collect();
        let [service, nginx, haproxy] = all;
        assert_eq!(order[..3], [(100, nginx), (100, haproxy), (100, service)]);
        assert_eq!(order[3..], [(200, nginx), (200, haproxy), (200, service)]);
        assert_eq!(in_turn(&cells, 3), cells);
    }
}
