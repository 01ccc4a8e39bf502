//! The faults of one day, drawn from its seed. All of them are over when the calm begins.

use crate::dice::Dice;

const SECOND: u64 = 1_000_000;

/// When the faults begin, and when the last one is over.
pub(crate) const FIRST: u64 = 15 * SECOND;
pub(crate) const CALM: u64 = 110 * SECOND;

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
    Pause {
        service: usize,
        until: u64,
        twin: bool,
    },
    CrashManager {
        service: usize,
        until: u64,
    },
    CrashNode {
        node: usize,
        until: u64,
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
    for _ in 0..dice.within(6..24) {
        let at = dice.within(FIRST..CALM - SECOND);
        let mut until = |most: u64| at + dice.within(SECOND / 2..most).min(CALM - at);
        let (short, long) = (until(12 * SECOND), until(45 * SECOND));
        let (service, node) = (dice.index(services), dice.index(nodes));
        faults.push((
            at,
            match dice.index(10) {
                0..4 => {
                    let count = [1, 3, 10, nodes][dice.index(4)];
                    let some = (0..count).map(|_| dice.index(nodes)).collect();
                    let chosen = if count == nodes { (0..nodes).collect() } else { some };
                    let (there, back) = [(true, true), (true, false), (false, true)][dice.index(3)];
                    Fault::Cut { service, nodes: chosen, there, back, until: long }
                }
                4..6 => Fault::Pause { service, until: long, twin: dice.permille(300) },
                6 => Fault::CrashManager { service, until: short },
                7 => Fault::CrashManager { service, until: long },
                8 => Fault::CrashNode { node, until: short },
                _ => Fault::CrashService { node },
            },
        ));
    }
    faults
}
