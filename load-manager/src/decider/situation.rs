//! A tick's inputs in one place, worked out once: what both rules look at.

use std::time::Duration;

use super::cpu::{Cpu, CpuSum};
use super::fleet::Fleet;
use super::load::Load;
use super::want::{Supply, Want};
use super::{Figures, Learned, Reason, Settings, standby};

#[derive(Debug, Clone)]
pub(super) struct Situation<'a> {
    pub(super) now: Duration,
    pub(super) settings: &'a Settings,
    pub(super) fleet: &'a Fleet,
    pub(super) load: &'a Load,
    /// All but the down window's figures.
    pub(super) figures: Figures,
    pub(super) local_ready: bool,
    /// The ready nodes.
    pub(super) ready: Supply,
    /// Those of them that serve: they answer and are not out. On the way up no other counts.
    pub(super) serving: Supply,
    /// The demand with each ready node that does not serve taken as full: the way down.
    pub(super) demand_down: f64,
    pub(super) cpu: CpuSum,
    /// How long until every window is full.
    pub(super) missing: Duration,
    /// Nodes wanted by load alone, before `min`, `max` and floors.
    pub(super) want_by_load: u32,
}

impl<'a> Situation<'a> {
    pub(super) fn new(
        now: Duration,
        settings: &'a Settings,
        fleet: &'a Fleet,
        load: &'a Load,
        cpu: &Cpu,
    ) -> Self {
        let (ready, serving, out, room) = supplies(settings, fleet);
        let cpu_sum = cpu.mean();
        let mut situation = Self {
            now,
            settings,
            fleet,
            load,
            figures: figures(settings, fleet, load),
            local_ready: load.is_local_ready(),
            ready,
            serving,
            demand_down: 0.0,
            cpu: cpu_sum,
            missing: load.missing().max(cpu.missing(&settings.scaling)),
            want_by_load: 0,
        };
        situation.figures.out = out;
        situation.figures.cpu = cpu_sum.known;
        situation.figures.capacity = situation.capacity();
        situation.demand_down = situation.demand() + room;
        situation.want_by_load = situation.want(situation.demand(), serving, cpu_sum.known);
        situation.figures.want = situation.within_bounds(situation.want_by_load);
        situation.figures.want_max = situation.figures.want;
        situation
    }

    /// The larger demand of the two windows.
    pub(super) fn demand(&self) -> f64 {
        self.figures.demand()
    }

    /// Nodes wanted when those that do not serve are taken as full.
    pub(super) fn want_down(&self) -> u32 {
        self.within_bounds(self.want(self.demand_down, self.ready, self.cpu.larger()))
    }

    /// Ready nodes that answer, those that are out among them.
    pub(super) fn answering(&self) -> u32 {
        self.serving.nodes.saturating_add(self.figures.out)
    }

    /// Nodes that answer or are on their way: what counts against `max`. A silent one may come back;
    /// until then it does not keep its replacement out. One that is out will be in again soon: were
    /// another started in its place above `max`, one of the two would be drained for that.
    pub(super) fn counted(&self) -> u32 {
        self.answering().saturating_add(self.fleet.ordered)
    }

    /// How many more are to serve or to stand by than do or are on their way to it.
    pub(super) fn lacking(&self, want: u32) -> u32 {
        let wanted = want.saturating_add(self.standby_wanted(want));
        let here = self.serving.nodes.saturating_add(self.fleet.ordered).saturating_add(self.standby());
        wanted.saturating_sub(here)
    }

    /// Nodes that stand by and could serve at once.
    pub(super) fn standby(&self) -> u32 {
        u32::try_from(standby::usable(self).count()).unwrap_or(u32::MAX)
    }

    /// How many more are to stand by beside what the load wants now.
    pub(super) fn standby_short(&self) -> u32 {
        self.standby_wanted(self.figures.want).saturating_sub(self.standby())
    }

    /// The nodes that begin to serve where `lack` more are to do so at once.
    pub(super) fn activated(&self, lack: u32) -> Vec<String> {
        let most = lack.min(self.most().saturating_sub(self.counted()));
        standby::usable(self).take(most as usize).map(|node| node.node.clone()).collect()
    }

    /// Whether more are to serve and some of them stand by.
    pub(super) fn can_activate(&self) -> bool {
        !self.activated(self.figures.want.saturating_sub(self.serving.nodes)).is_empty()
    }

    /// Nodes that are to stand by beside `want` that serve.
    fn standby_wanted(&self, want: u32) -> u32 {
        self.settings.standby.min(self.most().saturating_sub(want))
    }

    /// How many more may be held.
    pub(super) fn room(&self) -> u32 {
        let held = self.counted().saturating_add(self.fleet.standby_count());
        let to_most = self.most().saturating_sub(held);
        self.due().map_or(to_most, |due| to_most.min(due.saturating_sub(self.fleet.held())))
    }

    /// Nodes that are the service's own while another one is short: its share, and never less than
    /// `min`. `None`: it may borrow what is free.
    pub(super) fn due(&self) -> Option<u32> {
        self.fleet.share.map(|share| share.nodes.max(self.settings.min))
    }

    /// Whether it is its share that keeps more from being ordered.
    pub(super) fn at_share(&self) -> Option<Reason> {
        let (share, held) = (self.due()?, self.fleet.held());
        let at_most = self.counted().saturating_add(self.fleet.standby_count()) >= self.most();
        (held >= share && !at_most).then_some(Reason::AtShare { held, share })
    }

    /// Why `more` are not ordered where there is no room.
    pub(super) fn no_room(&self, more: u32) -> Reason {
        let Settings { max, pool, .. } = *self.settings;
        match self.at_share() {
            Some(reason) => reason,
            None if max <= pool => Reason::AtMax { more, max },
            None => self.nothing_left(),
        }
    }

    /// Why none is ordered where no node can be tried.
    pub(super) fn nothing_left(&self) -> Reason {
        Reason::NothingLeft { held: self.fleet.held(), pool: self.settings.pool }
    }

    /// Ready nodes that do not answer.
    pub(super) fn stale(&self) -> u32 {
        self.ready.nodes.saturating_sub(self.answering())
    }

    /// Why nodes that would do are not enough on the way down: some are taken as full.
    pub(super) fn taken_as_full(&self) -> Reason {
        match self.stale() {
            0 => Reason::LowOut { out: self.figures.out },
            stale => Reason::LowStale { stale },
        }
    }

    /// The most that may be held. Nodes on their way out take no request and do not count.
    pub(super) fn most(&self) -> u32 {
        self.settings.max.min(self.settings.pool)
    }

    /// The fewest that are held whatever the load.
    pub(super) fn floor(&self) -> u32 {
        self.settings.min.max(self.fleet.floor).min(self.most())
    }

    /// Why no fewer than the floor are held although they would do.
    pub(super) fn kept_by_floor(&self) -> Reason {
        let (min, kept) = (self.settings.min, self.floor());
        if self.fleet.floor > min { Reason::LowFloor { kept } } else { Reason::LowMin { min } }
    }

    /// What the local copy adds to children's capacity.
    pub(super) fn local_beside_children(&self) -> f64 {
        match self.settings.local {
            cluster::config::Local::Always if self.local_ready => self.settings.k_local,
            cluster::config::Local::Always | cluster::config::Local::Auto => 0.0,
        }
    }

    /// What the copies that serve handle well. No child: the local copy alone. A node that does not
    /// answer or is out gets requests only when no other can, so it counts for nothing here.
    fn capacity(&self) -> f64 {
        if self.serving.nodes > 0 {
            self.serving.capacity + self.local_beside_children()
        } else if self.local_ready {
            self.settings.k_local
        } else {
            0.0
        }
    }

    fn want(&self, demand: f64, supply: Supply, cpu: f64) -> u32 {
        let (settings, local_ready) = (self.settings, self.local_ready);
        Want { settings, demand, supply, has_children: self.fleet.to_serve() > 0, local_ready, cpu }.nodes()
    }

    fn within_bounds(&self, want: u32) -> u32 {
        want.max(self.floor()).min(self.most())
    }
}

/// All ready nodes, those that serve, how many of the others are only out, and how much the others are
/// below full.
fn supplies(settings: &Settings, fleet: &Fleet) -> (Supply, Supply, u32, f64) {
    let (mut ready, mut serving, mut out, mut room) = (Supply::default(), Supply::default(), 0, 0.0);
    for node in &fleet.ready {
        ready.add(node.k());
        let is_stale = node.is_stale(settings.scaling.node_data_timeout);
        if is_stale || node.is_out {
            out += u32::from(!is_stale);
            room += (node.k() - f64::from(node.in_flight)).max(0.0);
        } else {
            serving.add(node.k());
        }
    }
    (ready, serving, out, room)
}

fn figures(settings: &Settings, fleet: &Fleet, load: &Load) -> Figures {
    let (fast, slow) = (load.fast(), load.slow());
    let service_seconds = load.service_seconds();
    Figures {
        demand_fast: load.demand(&fast, service_seconds, &settings.scaling),
        demand_slow: load.demand(&slow, service_seconds, &settings.scaling),
        in_flight_fast: fast.in_flight,
        in_flight_slow: slow.in_flight,
        arrivals_per_s: fast.arrivals_per_s,
        service_time_ms: service_seconds.unwrap_or(0.0) * 1e3,
        queued: load.queued(),
        copy_capacity: if settings.learned == Learned::Nothing { 0.0 } else { settings.capacity },
        ready: fleet.ready_count(),
        ordered: fleet.ordered,
        draining: u32::try_from(fleet.draining.len()).unwrap_or(u32::MAX),
        ..Figures::default()
    }
}
