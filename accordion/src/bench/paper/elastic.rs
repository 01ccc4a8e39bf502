//! The elastic run: a load that climbs and falls again, and Accordion left to itself.
//!
//! `profile` says how the load changes, `watch` asks the front end each second what it holds, `marks` asks
//! it afterwards what it decided and why, `seconds` puts that and the answers on one clock, `oracle` says what
//! one who knows the load would hold, and `figures` what came of it. Here they are run; all but this and the
//! asking is pure.

mod figures;
mod marks;
mod oracle;
mod profile;
mod seconds;
mod watch;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime};

use cluster::config;
use cluster::daemon::DaemonArgs;

pub(super) use figures::Figures;
pub(super) use oracle::Oracle;
pub(super) use profile::Profile;

use super::record::Measurement;
use super::timeline::Timeline;
use crate::bench::client::{self, Aside, Job};
use crate::reach::Reach;
use watch::Watch;

/// How long the last requests may take: longer than one waits at a front end for a copy.
const ANSWER_LIMIT: Duration = Duration::from_secs(15);

/// What `[service.NAME]` says beside its front end, its address and its command.
///
/// A copy that burns CPU does one request at a time well: a second one only makes both slower. With a capacity
/// of 1 a request in flight is a busy copy, so that demand is CPU by another name, and the requests that wait do
/// so in the front end's one queue, for whichever copy is free first. That holds on a machine of any worth: the
/// `speed` of each node must be 1.0, for with less a node has no room for a whole request.
pub(super) const SERVICE_TOML: &str = "capacity = 1\n";

/// The keys of `[service.NAME.scaling]` for a climb and fall that long. What damps the way down is made for
/// loads of hours; here it is in proportion to the run, and at most what it is by default.
pub(super) fn scaling_toml(length: Duration) -> String {
    let keys = [
        ("slow_window", 20, 30),
        ("down_window", 20, 120),
        ("down_after_up", 10, 60),
        ("node_age_min", 10, 60),
        ("drain_period", 60, 10),
    ];
    let line = |(key, part, seconds): (&str, u32, u64)| {
        format!("{key} = \"{}ms\"\n", (length / part).min(Duration::from_secs(seconds)).as_millis())
    };
    keys.map(line).concat()
}

/// One run. The thread that runs it is on the clients' machine already, and so is its runtime.
#[derive(Debug, Clone)]
pub(super) struct Elastic {
    /// Where the front end listens.
    pub(super) target: SocketAddr,
    /// Its cluster.toml, of one service.
    pub(super) config: PathBuf,
    /// Of its daemons.
    pub(super) runtime_dir: PathBuf,
    pub(super) state_dir: PathBuf,
    /// What is asked for.
    pub(super) path: String,
    pub(super) profile: Profile,
    pub(super) oracle: Oracle,
}

impl Elastic {
    /// Sends the load, and answers with what came of it, also as measurements at these rates.
    ///
    /// # Errors
    /// The front end cannot be reached, or does not say what it holds.
    pub(super) async fn run(&self, rates: &[u32]) -> anyhow::Result<(Timeline, Vec<Measurement>)> {
        let reach = self.reach()?;
        let service = reach.cluster.chosen_service(None).map_err(anyhow::Error::msg)?.name.clone();
        let mut watch = Watch::new(&reach, &service).await?;
        let job = self.job();
        let (began, clock) = (Instant::now(), SystemTime::now());
        let load = Aside::start(move |halt| client::run(job, halt));
        while !load.is_ended() {
            let sample = watch.next(began).await?;
            // What comes after the fall only waits for the last node's way back.
            if sample.held == 0 && began.elapsed() >= self.profile.length {
                load.halt();
                break;
            }
        }
        let timings = load.end().await?;
        let marks = marks::since(&reach, &service, clock).await?;
        let seconds = seconds::of(timings.outcomes(), watch.samples(), &self.profile, &self.oracle);
        let measured = seconds::at_rates(timings.outcomes(), &self.profile, rates);
        Ok((Timeline { seconds, marks }, measured))
    }

    /// What came of it, in a few numbers.
    pub(super) fn figures(&self, timeline: &Timeline) -> Figures {
        Figures::of(timeline, &self.oracle)
    }

    fn reach(&self) -> anyhow::Result<Reach> {
        let args = DaemonArgs {
            config: Some(self.config.clone()),
            runtime_dir: Some(self.runtime_dir.clone()),
            state_dir: Some(self.state_dir.clone()),
            ..DaemonArgs::default()
        };
        let cluster = config::read(&self.config).map_err(|faults| anyhow::anyhow!("{faults}"))?;
        let directories = args.places(&cluster)?;
        Ok(Reach::of(cluster, directories))
    }

    fn job(&self) -> Job {
        Job {
            target: self.target,
            paths: vec![self.path.clone()],
            pace: self.profile.pace(),
            is_kept: false,
            grace: ANSWER_LIMIT,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_settings_are_good_ones_and_damp_in_proportion_to_the_run() {
        let scaling = |length| {
            let scaling = scaling_toml(Duration::from_secs(length));
            let text = format!(
                "[cluster]\nname = \"t\"\n[service.t]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:80\"\n\
                 command = [\"x\", \"{{port}}\"]\n{SERVICE_TOML}[service.t.scaling]\n{scaling}"
            );
            config::parse("t", &text).unwrap().services[0].scaling.clone()
        };
        let ten_minutes = scaling(600);
        assert_eq!((ten_minutes.down_window.as_secs(), ten_minutes.slow_window.as_secs()), (30, 30));
        assert_eq!((ten_minutes.node_age_min.as_secs(), ten_minutes.drain_period.as_secs()), (60, 10));
        assert_eq!(scaling(90).down_window.as_millis(), 4500);
        let day = scaling(86_400);
        assert_eq!((day.down_window.as_secs(), day.down_after_up.as_secs()), (120, 60));
    }
}
