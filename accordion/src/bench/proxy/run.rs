//! A whole run: starts the contestants, warms them up, and has each do the work of each row, round
//! after round, everybody in turn. The rows that start everybody anew are in `memory` and `slow`.

mod memory;
mod slow;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, ensure};

use super::config;
use super::cores::Cores;
use super::load::{Done, Generator, Order};
use super::meter::{Cpu, Reading};
use super::record::{Extra, Measurement};
use super::rows::{Contestant, Row, SIZES, SMALL};
use super::site::{Running, Site};
use super::slow_clients::{Manner, SlowClients, SlowOrder};
use crate::bench::client::{self, GRACE, Job, aside};
use crate::bench::progress::Progress;
use crate::bench::rotated;
use crate::spread::Spread;

/// Requests a second of the row that asks for latency at little load (the paper's way).
const CALM_RATE: f64 = 300.0;

/// The share of the better peer's top rate at which the other latency row is measured.
const BUSY_SHARE: f64 = 0.7;

/// How often each peer's top rate is looked at, a second each.
const TOP_LOOKS: usize = 3;

/// How much is measured.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    pub(super) rows: Vec<Row>,
    pub(super) rounds: usize,
    /// Of one measurement.
    pub(super) seconds: u64,
    /// Idle connections.
    pub(super) crowd: u64,
    pub(super) slow: SlowClients,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) measurements: Vec<Measurement>,
    /// Requests a second of the busy row; 0 where it was not asked for.
    pub(super) busy_rate: f64,
}

struct Run<'a> {
    site: &'a mut Site,
    plan: &'a Plan,
    cores: Cores,
    busy_rate: f64,
}

/// Where a latency row gets its requests.
#[derive(Clone, Copy)]
struct Pace {
    rate: f64,
    is_kept: bool,
}

/// Measures all of the plan.
///
/// # Errors
/// A contestant cannot be started, ends, or its load tool fails.
pub(super) async fn run(site: &mut Site, plan: &Plan, cores: Cores) -> anyhow::Result<Measured> {
    let mut run = Run { site, plan, cores, busy_rate: 0.0 };
    let mut progress = Progress::new(run.planned());
    for contestant in run.crew() {
        progress.show("starting", contestant.name());
        run.site.start(contestant, None).await?;
        run.wrk(contestant, 1).await?;
        progress.advance(2.0);
    }
    if plan.rows.contains(&Row::P99) {
        progress.show("looking for the top rate", "nginx and HAProxy");
        run.busy_rate = run.top_rate().await? * BUSY_SHARE;
    }
    let mut measurements = Vec::new();
    for round in 0..plan.rounds {
        let chapter = format!("round {} of {}", round + 1, plan.rounds);
        for row in &plan.rows {
            for contestant in rotated(&run.contestants(*row), round) {
                progress.show(&chapter, &format!("{}, {}", row.name(), contestant.name()));
                let measured = run.measure(round + 1, *row, contestant).await;
                measurements
                    .push(measured.with_context(|| format!("{}, {}", row.name(), contestant.name()))?);
                progress.advance(run.cost(*row));
            }
        }
    }
    Ok(Measured { measurements, busy_rate: run.busy_rate })
}

/// The commands of others that a plan gives its load with, against `target`.
pub(super) fn commands(plan: &Plan, target: SocketAddr, cores: Cores, directory: &Path) -> Vec<String> {
    let order = |row: &Row| order(*row, plan.seconds, target, cores);
    let mut commands: Vec<String> =
        plan.rows.iter().filter_map(order).map(|order| order.words().join(" ")).collect();
    if plan.rows.contains(&Row::Slow) {
        let slow = |manner| SlowOrder {
            clients: plan.slow,
            manner,
            target,
            cpu: cores.load,
            directory: directory.to_owned(),
        };
        commands.extend([Manner::Heads, Manner::Bodies].map(|manner| slow(manner).words().join(" ")));
    }
    // The row by way of a node asks for the same.
    let mut said = HashSet::new();
    commands.retain(|command| said.insert(command.clone()));
    commands
}

/// What is asked of a load tool; `None` for the rows that have a client of their own.
fn order(row: Row, seconds: u64, target: SocketAddr, cores: Cores) -> Option<Order> {
    let [_, ten, hundred, five_hundred] = SIZES;
    let (generator, bytes) = match row {
        Row::KeepAlive1k | Row::Node1k => (Generator::Wrk, SMALL),
        Row::KeepAlive10k => (Generator::Wrk, ten),
        Row::KeepAlive100k => (Generator::Wrk, hundred),
        Row::KeepAlive500k => (Generator::Wrk, five_hundred),
        Row::Close1k => (Generator::Ab, SMALL),
        Row::Close1kHttperf => (Generator::Httperf, SMALL),
        Row::P50 | Row::P99 | Row::Idle | Row::Slow => return None,
    };
    Some(Order { generator, target, bytes, seconds, cpu: cores.load })
}

impl Run<'_> {
    /// Who takes part in that row with this Accordion.
    fn contestants(&self, row: Row) -> Vec<Contestant> {
        let has_log = config::logged(self.site.directory()).is_some();
        let mut all = row.contestants();
        all.retain(|contestant| has_log || *contestant != Contestant::AccordionLogged);
        all
    }

    /// Everybody who runs throughout, in the order of their start: the first one brings the origin.
    fn crew(&self) -> Vec<Contestant> {
        let mut all = vec![Contestant::Accordion];
        for row in self.plan.rows.iter().filter(|row| !row.is_by_itself()) {
            let more =
                self.contestants(*row).into_iter().filter(|one| !all.contains(one)).collect::<Vec<_>>();
            all.extend(more);
        }
        all
    }

    /// How long it all will take, in seconds.
    fn planned(&self) -> f64 {
        let row = |row: &Row| self.cost(*row) * self.contestants(*row).len() as f64;
        let round: f64 = self.plan.rows.iter().map(row).sum();
        round * self.plan.rounds as f64 + 2.0 * self.crew().len() as f64
    }

    fn cost(&self, row: Row) -> f64 {
        match row {
            Row::Idle => memory::CROWD_SECONDS,
            Row::Slow => self.slow_seconds(),
            _ => self.plan.seconds as f64 + 0.2,
        }
    }

    async fn measure(
        &mut self,
        round: usize,
        row: Row,
        contestant: Contestant,
    ) -> anyhow::Result<Measurement> {
        let calm = Pace { rate: CALM_RATE, is_kept: false };
        let busy = Pace { rate: self.busy_rate, is_kept: true };
        let (done, cpu, extra) = match row {
            Row::P50 => self.latency(contestant, calm).await?,
            Row::P99 => self.latency(contestant, busy).await?,
            Row::Idle => self.memory(contestant).await?,
            Row::Slow => self.slow(contestant).await?,
            _ => self.tool(row, contestant).await?,
        };
        let Done { requests, failed, seconds } = done;
        Ok(Measurement { round, row, contestant, requests, failed, cpu, seconds, extra })
    }

    /// CPU time under the load of a tool.
    async fn tool(&self, row: Row, contestant: Contestant) -> anyhow::Result<(Done, Cpu, Extra)> {
        let running = self.site.running(contestant)?;
        let order = order(row, self.plan.seconds, running.target, self.cores).context("no tool does that")?;
        let by_node = self.site.served_by_node(contestant).await?;
        let before = Reading::of(&running.pids)?;
        let done = order.run().await?;
        let cpu = Reading::of(&running.pids)?.since(&before);
        if let Some(before) = by_node {
            let after = self.site.served_by_node(contestant).await?.context("the node is gone")?;
            ensure!(
                after - before >= done.requests,
                "the node served {} of {} requests",
                after - before,
                done.requests
            );
        }
        Ok((done, cpu, Extra::None))
    }

    /// Latency at a rate.
    async fn latency(&self, contestant: Contestant, pace: Pace) -> anyhow::Result<(Done, Cpu, Extra)> {
        let running = self.site.running(contestant)?;
        let job = Job {
            target: running.target,
            paths: vec![format!("/{SMALL}")],
            pace: client::Pace::random(pace.rate, Duration::from_secs(self.plan.seconds)),
            is_kept: pace.is_kept,
            grace: GRACE,
        };
        let before = Reading::of(&running.pids)?;
        let timings = aside(move |halt| client::run(job, halt)).await?;
        let cpu = Reading::of(&running.pids)?.since(&before);
        let at = |share| timings.quantile(share).context("no request was answered");
        let extra = Extra::Latency { rate: pace.rate, p50: at(0.5)?, p99: at(0.99)? };
        let done = Done { requests: timings.requests(), failed: timings.failed, seconds: timings.seconds };
        Ok((done, cpu, extra))
    }

    async fn burst(&self, running: &Running) -> anyhow::Result<Done> {
        Order {
            generator: Generator::Wrk,
            target: running.target,
            bytes: SMALL,
            seconds: 1,
            cpu: self.cores.load,
        }
        .run()
        .await
    }

    async fn wrk(&self, contestant: Contestant, seconds: u64) -> anyhow::Result<Done> {
        let target = self.site.running(contestant)?.target;
        Order { generator: Generator::Wrk, target, bytes: SMALL, seconds, cpu: self.cores.load }.run().await
    }

    /// What the better peer can carry, in requests a second.
    async fn top_rate(&self) -> anyhow::Result<f64> {
        let mut looks = [Vec::new(), Vec::new()];
        for _ in 0..TOP_LOOKS {
            for (peer, rates) in [Contestant::Nginx, Contestant::Haproxy].into_iter().zip(&mut looks) {
                let done = self.wrk(peer, 1).await?;
                rates.push(done.requests as f64 / done.seconds);
            }
        }
        let medians = looks.into_iter().filter_map(Spread::of).map(|spread| spread.median);
        Ok(medians.fold(0.0, f64::max))
    }
}
