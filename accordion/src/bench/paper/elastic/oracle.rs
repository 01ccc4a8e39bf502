//! One who knows the load and needs no time to borrow: the fewest nodes that do. Pure.

/// What it knows of the rack and of the requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in crate::bench::paper) struct Oracle {
    /// What one request takes, in seconds of a core.
    pub(in crate::bench::paper) work: f64,
    /// What the front end's machine is worth, in cores.
    pub(in crate::bench::paper) front: f64,
    /// What each node is worth.
    pub(in crate::bench::paper) node: f64,
    /// Nodes that there are.
    pub(in crate::bench::paper) pool: u32,
}

/// Share of their CPU that nodes work at: `target`'s default.
const TARGET: f64 = 0.60;

/// Share of its machine's CPU up to which the local copy serves alone: `high`'s default.
const HIGH: f64 = 0.75;

/// What a load that is exactly at a share may be off by, from fractions that have no binary form.
const ROUNDING: f64 = 1e-9;

impl Oracle {
    /// Nodes at so many requests a second: none while the local copy can do it alone, then as many as keep
    /// their own load at the target or below, or all there are.
    pub(in crate::bench::paper) fn nodes(&self, rate: f64) -> u32 {
        let cores = rate * self.work;
        if cores <= self.front * HIGH + ROUNDING {
            return 0;
        }
        let nodes = (cores / (self.node * TARGET) - ROUNDING).ceil();
        (nodes as u32).clamp(1, self.pool)
    }

    /// The share of its CPU that what serves is asked for at so many requests a second; with no node that is the
    /// local copy.
    pub(super) fn load(&self, rate: f64, nodes: u32) -> f64 {
        let cores = if nodes == 0 { self.front } else { f64::from(nodes) * self.node };
        rate * self.work / cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ORACLE: Oracle = Oracle { work: 0.0025, front: 0.4, node: 0.25, pool: 4 };

    #[test]
    fn nothing_is_borrowed_while_the_local_copy_can_do_it() {
        // 120 a second are 0.3 of a core, three quarters of the front end's.
        assert_eq!([1.0, 60.0, 120.0].map(|rate| ORACLE.nodes(rate)), [0, 0, 0]);
    }

    #[test]
    fn then_as_few_as_stay_at_the_target_and_never_more_than_there_are() {
        // A node at the target does 60 a second.
        assert_eq!([121.0, 180.0, 181.0, 240.0, 241.0].map(|rate| ORACLE.nodes(rate)), [3, 3, 4, 4, 4]);
        assert_eq!(Oracle { pool: 9, ..ORACLE }.nodes(241.0), 5);
        // A front end that is no help has a node at the first request.
        assert_eq!(Oracle { front: 0.0, ..ORACLE }.nodes(1.0), 1);
    }

    #[test]
    fn load_is_that_of_the_nodes_or_else_of_the_local_copy() {
        assert!((ORACLE.load(80.0, 0) - 0.5).abs() < 1e-9);
        assert!((ORACLE.load(80.0, 2) - 0.4).abs() < 1e-9);
    }
}
