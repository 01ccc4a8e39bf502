//! What the links go through in one run, drawn from its seed: pure, so that the same seed is the same
//! course of faults. All are over at its end.

use std::fmt;
use std::time::Duration;

use e2e::link::{Manner, Ways};

use super::stage::{NODES, SERVICES};
use e2e::dice::Dice;

/// When the last fault is over.
pub(crate) const END: Duration = Duration::from_secs(13);

/// Every run has a fault from here on, and none begins later than the other.
const FIRST: u64 = 500;
const LAST: u64 = 10_000;

/// A silent node's lease is given up after 1.6 s, and looked at four times a second.
const NOTICED: Duration = Duration::from_secs(2);

/// Faults of one run.
#[derive(Debug)]
pub(crate) struct Schedule(Vec<Fault>);

/// What some links go through for a while.
#[derive(Debug)]
struct Fault {
    from: Duration,
    until: Duration,
    fronts: Vec<usize>,
    nodes: Vec<usize>,
    kind: Kind,
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    /// Both ways, or one.
    Ways(Ways),
    /// All connections, when it begins.
    Reset,
}

impl Schedule {
    pub(crate) fn draw(dice: &mut Dice) -> Self {
        let mut faults: Vec<_> = (0..dice.within(4..9)).map(|_| Fault::draw(dice)).collect();
        faults[0].from = Duration::from_millis(FIRST);
        faults.sort_by_key(|fault| fault.from);
        Self(faults)
    }

    /// What the link is like so long after the faults began.
    pub(crate) fn ways(&self, now: Duration, front: usize, node: usize) -> Ways {
        let here = self.0.iter().filter(|fault| fault.concerns(front, node));
        here.filter(|fault| fault.from <= now && now < fault.until).fold(Ways::default(), |ways, fault| {
            match fault.kind {
                Kind::Ways(these) => Ways {
                    to_node: worse(ways.to_node, these.to_node),
                    to_front: worse(ways.to_front, these.to_front),
                },
                Kind::Reset => ways,
            }
        })
    }

    /// How often its connections were to be reset by then.
    pub(crate) fn resets(&self, now: Duration, front: usize, node: usize) -> usize {
        let here = self.0.iter().filter(|fault| fault.concerns(front, node) && fault.from <= now);
        here.filter(|fault| matches!(fault.kind, Kind::Reset)).count()
    }

    /// How many faults may have had a part in what became of a request, by when it was sent and ended: those
    /// that began meanwhile, or so shortly before that nobody had taken notice of them.
    pub(crate) fn hits(&self, front: usize, sent: Duration, ended: Duration) -> usize {
        let here = self.0.iter().filter(|fault| fault.fronts.contains(&front) && fault.from <= ended);
        here.filter(|fault| fault.last_effect() >= sent).count()
    }
}

/// A way that is held by one fault is held whatever another one does to it.
fn worse(one: Manner, other: Manner) -> Manner {
    match (one, other) {
        (Manner::Hold, _) | (_, Manner::Hold) => Manner::Hold,
        (Manner::Pass, other) => other,
        (one, Manner::Pass | Manner::Delay { .. }) => one,
    }
}

impl Fault {
    fn draw(dice: &mut Dice) -> Self {
        let from = Duration::from_millis(dice.within(FIRST..LAST));
        // Blinks, silences from which a lease recovers or just does not, and such as no lease survives.
        let longest = [(300, 1_500), (1_000, 4_000), (4_000, 12_500)][dice.index(3)];
        let until = (from + Duration::from_millis(dice.within(longest.0..longest.1))).min(END);
        let fronts = if dice.permille(300) { (0..SERVICES).collect() } else { vec![dice.index(SERVICES)] };
        let nodes = if dice.permille(300) { (0..NODES).collect() } else { vec![dice.index(NODES)] };
        let kind = match dice.index(10) {
            0..6 => Kind::Ways(one_or_both(Manner::Hold, dice)),
            6..9 => Kind::Ways(one_or_both(delay(dice), dice)),
            _ => Kind::Reset,
        };
        Self { from, until, fronts, nodes, kind }
    }

    /// A silence is noticed and a lease given up soon; a delay can do so to its end.
    fn last_effect(&self) -> Duration {
        let is_delay = |manner| matches!(manner, Manner::Delay { .. });
        match self.kind {
            Kind::Ways(Ways { to_node, to_front }) if is_delay(to_node) || is_delay(to_front) => self.until,
            Kind::Ways(_) | Kind::Reset => self.until.min(self.from + NOTICED),
        }
    }

    fn concerns(&self, front: usize, node: usize) -> bool {
        self.fronts.contains(&front) && self.nodes.contains(&node)
    }
}

fn one_or_both(manner: Manner, dice: &mut Dice) -> Ways {
    let (to_node, to_front) =
        [(manner, manner), (manner, manner), (manner, Manner::Pass), (Manner::Pass, manner)][dice.index(4)];
    Ways { to_node, to_front }
}

/// The most is more than the time between two renewals, and at times near a whole ttl.
fn delay(dice: &mut Dice) -> Manner {
    let least = dice.within(5..300);
    let most = least + dice.within(10..1_200);
    Manner::Delay { least: Duration::from_millis(least), most: Duration::from_millis(most) }
}

impl fmt::Display for Schedule {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Fault { from, until, fronts, nodes, kind } in &self.0 {
            let fronts: Vec<_> = fronts.iter().map(|&front| ["a", "b"][front]).collect();
            let nodes: Vec<_> = nodes.iter().map(|node| format!("c{}", node + 1)).collect();
            let links = format!("{} - {}", fronts.join(" "), nodes.join(" "));
            match kind {
                Kind::Ways(ways) => {
                    writeln!(formatter, "{from:>8.1?} to {until:>5.1?}  {links:16} {ways:?}")?
                }
                Kind::Reset => writeln!(formatter, "{from:>8.1?}            {links:16} reset")?,
            }
        }
        Ok(())
    }
}
