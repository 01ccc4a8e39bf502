//! The page that Prometheus reads: the front end's own families, then the relay's, then a row for each
//! upstream.

use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arc_swap::ArcSwapOption;
use cluster::daemon::Reloader;
use cluster::tls::{self, ServerCertificates, Tls};
use proto::service_manager::Commands;
use relay::access_log::AccessLog;
use relay::metrics::{Kind, Scrape, Text, UpstreamRow, UpstreamState};

use super::{Front, QueueRow};
use crate::child_list::ChildState;
use crate::door::Door;
use crate::local::LocalCopy;
use crate::seat::Seat;

/// What the page is made of.
pub(crate) struct Page {
    pub(crate) service: String,
    pub(crate) door: Arc<Door>,
    pub(crate) scrape: Scrape,
    pub(crate) reloader: Reloader,
    pub(crate) access_log: Arc<ArcSwapOption<AccessLog>>,
    pub(crate) local: Arc<LocalCopy>,
    /// How the nodes' copies are run, as the load-manager told it last.
    pub(crate) commands: Arc<ArcSwapOption<Commands>>,
    pub(crate) certificates: tls::Files,
}

impl Page {
    /// The whole text, as things are now.
    pub(crate) fn text(&self, is_draining: bool) -> String {
        let list = self.door.list();
        let children = list.children.iter().map(|child| (&child.seat, child.spec.state));
        let copies: Vec<_> =
            std::iter::once((self.door.local(), ChildState::Ready)).chain(children).collect();
        let mut text = Text::new();
        let front = Front {
            service: &self.service,
            is_draining,
            generation: list.generation,
            queue: QueueRow { length: self.door.queued(), max: self.door.queue_max() },
            level: self.door.level(),
            learned_capacity: self.door.learned(),
            node_handshakes: self.door.calls().map(|calls| calls.counts().read()),
            clients_certificate: self.certificates.clients.as_ref().map(ServerCertificates::expires),
            machine_certificate: self.certificates.machines.as_ref().map(Tls::expires),
            log_lines_dropped: self.access_log.load().as_ref().map_or(0, |log| log.dropped()),
        };
        front.write(&mut text);
        self.reloader_rows(&mut text);
        let commands = self.commands.load();
        rollout_rows(commands.as_deref().copied(), !self.local.view().rollout.is_empty(), &mut text);
        let rows: Vec<_> = copies.iter().filter_map(|(seat, state)| row(seat, *state)).collect();
        self.scrape.write(&rows, &mut text);
        text.finish()
    }

    /// By the names that Prometheus's own daemons use.
    fn reloader_rows(&self, text: &mut Text) {
        let last = self.reloader.last();
        let taken_at = last.taken_at.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64();
        let rows = [
            (
                "accordion_config_last_reload_successful",
                "1 when the newest cluster.toml that was read was taken.",
                f64::from(last.faults.is_empty()),
            ),
            (
                "accordion_config_last_reload_success_timestamp_seconds",
                "When a cluster.toml was taken last.",
                taken_at,
            ),
        ];
        for (name, help, value) in rows {
            text.family(name, help, Kind::Gauge).sample(&[], value);
        }
    }
}

/// How far a changed command is: the local copy by what is known here, the nodes' as the load-manager tells it.
fn rollout_rows(commands: Option<Commands>, is_local_old: bool, text: &mut Text) {
    let Commands { new, old, stopped } = commands.unwrap_or_default();
    let rows = [
        (
            "accordion_rollout_local_copy_outdated",
            "1 while the local copy runs another command than the file.",
            f64::from(is_local_old),
        ),
        (
            "accordion_rollout_stopped",
            "1 when the rollout of a changed command over the nodes has stopped.",
            f64::from(stopped),
        ),
    ];
    for (name, help, value) in rows {
        text.family(name, help, Kind::Gauge).sample(&[], value);
    }
    let help = "Copies on nodes by the command that they run: that of the front end's file, or another.";
    text.family("accordion_rollout_copies", help, Kind::Gauge)
        .sample(&[("command", "new")], f64::from(new))
        .sample(&[("command", "old")], f64::from(old));
}

/// None while nobody sits there.
fn row(seat: &Seat, wanted: ChildState) -> Option<UpstreamRow<'_>> {
    let upstream = seat.upstream()?;
    let state = match wanted {
        ChildState::Draining => UpstreamState::Draining,
        ChildState::Ready | ChildState::Jeopardy if seat.is_serving() && !seat.is_ejected() => {
            UpstreamState::Up
        }
        ChildState::Ready | ChildState::Jeopardy | ChildState::NotReady => UpstreamState::Out,
    };
    Some(UpstreamRow {
        name: seat.name(),
        state,
        in_flight: upstream.in_flight(),
        long_lived: upstream.long_lived(),
        load: upstream.load(),
        capacity: seat.capacity(),
        requests: upstream.totals().by_class,
        ejections: seat.ejections(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_far_a_changed_command_is_can_be_watched() {
        let told = |commands, is_local_old| {
            let mut text = Text::new();
            rollout_rows(commands, is_local_old, &mut text);
            let text = text.finish();
            let rows = text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned);
            rows.collect::<Vec<_>>()
        };
        let expected = [
            "accordion_rollout_local_copy_outdated 1",
            "accordion_rollout_stopped 1",
            "accordion_rollout_copies{command=\"new\"} 2",
            "accordion_rollout_copies{command=\"old\"} 3",
        ];
        assert_eq!(told(Some(Commands { new: 2, old: 3, stopped: true }), true), expected);
        assert!(told(None, false).iter().all(|row| row.ends_with(" 0")));
    }
}
