//! The row of slow clients: requests at a calm rate, while slowhttptest has its clients at the same proxy.

use std::time::Duration;

use tokio::time::Instant;

use super::Run;
use crate::bench::client::{self, GRACE, Job, Pace, aside};
use crate::bench::proxy::load::Done;
use crate::bench::proxy::meter::{Cpu, Reading};
use crate::bench::proxy::record::{Beside, Extra};
use crate::bench::proxy::rows::{Contestant, SMALL};
use crate::bench::proxy::site::Running;
use crate::bench::proxy::slow_clients::{Manner, SlowOrder};

/// Requests a second of those who are not slow, a connection each: a newcomer has to get in.
const RATE: f64 = 100.0;

/// What a fresh proxy takes beyond both kinds of slow clients, in seconds.
const START_SECONDS: f64 = 4.0;

impl Run<'_> {
    /// How long one contestant takes, in seconds.
    pub(super) fn slow_seconds(&self) -> f64 {
        2.0 * self.plan.slow.seconds as f64 + START_SECONDS
    }

    /// Latency beside slow heads, then beside slow bodies, of a proxy that gives both the same time.
    pub(super) async fn slow(&mut self, contestant: Contestant) -> anyhow::Result<(Done, Cpu, Extra)> {
        let timeout = Duration::from_secs(self.plan.slow.timeout);
        self.site.start(contestant, Some(timeout)).await?;
        let measured = self.slow_of(self.site.last()?).await;
        self.site.end_last().await;
        measured
    }

    async fn slow_of(&self, fresh: &Running) -> anyhow::Result<(Done, Cpu, Extra)> {
        self.burst(fresh).await?;
        let (began, before) = (Instant::now(), Reading::of(&fresh.pids)?);
        let heads = self.beside(fresh, Manner::Heads).await?;
        let bodies = self.beside(fresh, Manner::Bodies).await?;
        let cpu = Reading::of(&fresh.pids)?.since(&before);
        let done = Done {
            requests: heads.answered + bodies.answered,
            failed: heads.failed + bodies.failed,
            seconds: began.elapsed().as_secs_f64(),
        };
        Ok((done, cpu, Extra::Slow { rate: RATE, heads, bodies }))
    }

    async fn beside(&self, fresh: &Running, manner: Manner) -> anyhow::Result<Beside> {
        let (clients, target) = (self.plan.slow, fresh.target);
        let directory = self.site.directory().to_owned();
        let order = SlowOrder { clients, manner, target, cpu: self.cores.load, directory };
        let pace = Pace::random(RATE, Duration::from_secs(clients.seconds));
        let paths = vec![format!("/{SMALL}")];
        let job = Job { target, paths, pace, is_kept: false, grace: GRACE };
        let (closed, timings) = tokio::try_join!(order.run(), aside(move |halt| client::run(job, halt)))?;
        Ok(Beside {
            answered: timings.requests(),
            failed: timings.failed,
            p99: timings.quantile(0.99),
            clients: clients.count,
            closed,
        })
    }
}
