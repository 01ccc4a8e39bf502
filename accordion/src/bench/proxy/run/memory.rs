//! The row of idle connections: a crowd at a proxy that has never had one.

use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::time::{Instant, sleep};

use super::Run;
use crate::bench::client::aside;
use crate::bench::proxy::crowd;
use crate::bench::proxy::load::Done;
use crate::bench::proxy::meter::{self, Cpu, Reading};
use crate::bench::proxy::record::Extra;
use crate::bench::proxy::rows::Contestant;
use crate::bench::proxy::site::Running;

/// How long a proxy rests before its memory is read, for what it does once in a while.
const REST: Duration = Duration::from_secs(2);

/// What a fresh proxy and its crowd take, in seconds.
pub(super) const CROWD_SECONDS: f64 = 12.0;

impl Run<'_> {
    /// Memory of a crowd, in a process that has never had one.
    pub(super) async fn memory(&mut self, contestant: Contestant) -> anyhow::Result<(Done, Cpu, Extra)> {
        self.site.start(contestant, None).await?;
        let source = self.site.source();
        let measured = self.memory_of(self.site.last()?, source).await;
        self.site.end_last().await;
        measured
    }

    async fn memory_of(&self, fresh: &Running, source: Ipv4Addr) -> anyhow::Result<(Done, Cpu, Extra)> {
        let (target, count) = (fresh.target, self.plan.crowd);
        // So that what every proxy takes once is not the crowd's.
        self.burst(fresh).await?;
        sleep(REST).await;
        let before = meter::resident_kib(&fresh.pids)?;
        let cpu_before = Reading::of(&fresh.pids)?;
        let began = Instant::now();
        let crowd = aside(move |halt| crowd::open(target, source, count, halt)).await?;
        sleep(REST).await;
        let idle = meter::resident_kib(&fresh.pids)?;
        let cpu = Reading::of(&fresh.pids)?.since(&cpu_before);
        let seconds = began.elapsed().as_secs_f64();
        drop(crowd);
        let after_all = self.burst(fresh).await?;
        sleep(REST).await;
        let after = meter::resident_kib(&fresh.pids)?;
        let extra = Extra::Memory { connections: count, before, idle, after };
        Ok((Done { requests: count, failed: after_all.failed, seconds }, cpu, extra))
    }
}
