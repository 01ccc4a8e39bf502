//! The network between the load-managers and the nodes: what is cut, what is lost, and when the rest
//! arrives. What goes on a stream keeps its order; calls do not.

use std::collections::BTreeMap;

use e2e::dice::Dice;

#[derive(Debug, Clone, Copy, Default)]
struct Cut {
    there_until: u64,
    back_until: u64,
}

/// The way of one message.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    pub(crate) service: usize,
    pub(crate) manager: usize,
    pub(crate) node: usize,
    /// To the node, and not from it.
    pub(crate) there: bool,
    pub(crate) is_call: bool,
}

#[derive(Debug)]
pub(crate) struct Network {
    /// From here on nothing is lost without a cut.
    calm: u64,
    /// By service and node.
    cuts: Vec<Vec<Cut>>,
    /// When the last message of each stream arrives.
    streams: BTreeMap<(usize, usize, bool), u64>,
}

impl Network {
    pub(crate) fn new(services: usize, nodes: usize, calm: u64) -> Self {
        Self { calm, cuts: vec![vec![Cut::default(); nodes]; services], streams: BTreeMap::new() }
    }

    pub(crate) fn cut(&mut self, service: usize, node: usize, there: bool, back: bool, until: u64) {
        let cut = &mut self.cuts[service][node];
        if there {
            cut.there_until = cut.there_until.max(until);
        }
        if back {
            cut.back_until = cut.back_until.max(until);
        }
    }

    /// When a message sent now arrives: once, never, or twice.
    pub(crate) fn arrivals(&mut self, now: u64, way: Way, dice: &mut Dice) -> Vec<u64> {
        let copies = if dice.permille(20) { 2 } else { 1 };
        (0..copies).filter_map(|_| self.arrival(now, way, dice)).collect()
    }

    fn arrival(&mut self, now: u64, way: Way, dice: &mut Dice) -> Option<u64> {
        let cut = self.cuts[way.service][way.node];
        let until = if way.there { cut.there_until } else { cut.back_until };
        if until > now || now < self.calm && dice.permille(10) {
            return None;
        }
        let is_slow = dice.permille(20);
        let delay = if is_slow { dice.within(20_000..900_000) } else { dice.within(500..20_000) };
        let mut at = now + delay;
        if !way.is_call {
            let last = self.streams.entry((way.manager, way.node, way.there)).or_default();
            at = at.max(*last);
            *last = at;
        }
        Some(at)
    }
}
