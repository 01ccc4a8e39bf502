//! The faults of one day, drawn from its seed. All of them are over when the calm begins.

use e2e::dice::Dice;

const SECOND: u64 = 1_000_000;

/// When the faults begin, and when the last one is over.
pub(crate) const FIRST: u64 = 15 * SECOND;
pub(crate) const CALM: u64 = 110 * SECOND;

/// The longest that a node takes from the announcement of its end to its next start.
const END_MAX: u64 = 30 * SECOND;

#[derive(Debug, Clone)]
pub(crate) enum Fault {
    /// Messages to these nodes, or from them, are lost.
    Cut {
        service: usize,
        nodes: Vec<usize>,
        there: bool,
        back: bool,
        until: u64,
    },
    /// A load-manager is stopped; with `twin`, another one is started meanwhile.
    PauseManager {
        service: usize,
        until: u64,
        twin: bool,
    },
    CrashManager {
        service: usize,
        until: u64,
    },
    /// A service-manager is killed: its list goes with it.
    CrashFront {
        service: usize,
        until: u64,
    },
    CrashNode {
        node: usize,
        until: u64,
    },
    /// A node's daemon is stopped; its services go on.
    PauseNode {
        node: usize,
        until: u64,
    },
    /// A node's daemon is told to end, and started again when it has.
    EndNode {
        node: usize,
    },
    /// An operator drains a node, or takes that back.
    Maintain {
        node: usize,
        drained: bool,
    },
    CrashService {
        node: usize,
    },
    Load {
        service: usize,
        in_flight: u64,
    },
}

/// Each with its time.
pub(crate) fn draw(dice: &mut Dice, services: usize, nodes: usize) -> Vec<(u64, Fault)> {
    let mut faults = Vec::new();
    for service in 0..services {
        for _ in 0..6 {
            let in_flight = if dice.permille(250) { 0 } else { dice.within(0..100) };
            faults.push((dice.within(SECOND..CALM), Fault::Load { service, in_flight }));
        }
        // What it is from the calm on.
        let in_flight = dice.within(0..120);
        faults.push((CALM, Fault::Load { service, in_flight }));
    }
    for _ in 0..dice.within(8..28) {
        let at = dice.within(FIRST..CALM - SECOND);
        let mut until = |most: u64| at + dice.within(SECOND / 2..most).min(CALM - at);
        let (short, long) = (until(12 * SECOND), until(45 * SECOND));
        let (service, node) = (dice.index(services), dice.index(nodes));
        let fault = match dice.index(16) {
            0..5 => cut(dice, service, nodes, long),
            5..7 => Fault::PauseManager { service, until: long, twin: dice.permille(300) },
            7 => Fault::CrashManager { service, until: short },
            8 => Fault::CrashManager { service, until: long },
            9 => Fault::CrashNode { node, until: short },
            10 => Fault::CrashService { node },
            11..13 => Fault::PauseNode { node, until: long },
            13 => Fault::CrashFront { service, until: short },
            14 => {
                faults.push((long, Fault::Maintain { node, drained: false }));
                Fault::Maintain { node, drained: true }
            }
            _ => {
                faults.push((at.min(CALM - END_MAX), Fault::EndNode { node }));
                continue;
            }
        };
        faults.push((at, fault));
    }
    faults
}

/// One node, a few, or all of them, in one direction or both.
fn cut(dice: &mut Dice, service: usize, nodes: usize, until: u64) -> Fault {
    let count = [1, 3, 10, nodes][dice.index(4)];
    let some = (0..count).map(|_| dice.index(nodes)).collect();
    let nodes = if count == nodes { (0..nodes).collect() } else { some };
    let (there, back) = [(true, true), (true, false), (false, true)][dice.index(3)];
    Fault::Cut { service, nodes, there, back, until }
}
