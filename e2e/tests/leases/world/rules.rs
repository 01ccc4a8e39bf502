//! What holds at every moment of every world, beyond what a node can tell alone: I3 and I5 of `leases`.

use load_manager::holder::{ChildList, ChildState};
use task_processor::lease::LeaseId;

use super::{SECOND, World, times};
use crate::manager::Manager;

/// A load-manager that was woken gives the nodes 2 s to answer, and has looked at the time within this, ...
const LOOKS: u64 = 5 * SECOND / 2;
/// ... one that was started has heard the nodes of the list it was started with, or given them up ...
const HEARS: u64 = 9 * SECOND;
/// ... and the service-manager has its list within this.
const APPLIES: u64 = SECOND / 2;

impl World {
    /// No process lives on for longer after the last contact than all its times allow, by the slowest clock,
    /// and a little for its messages.
    pub(super) fn is_in_time(&self) {
        let lease = &self.cluster.lease;
        let longest = self.cluster.services.iter().map(|service| times(service).drain + times(service).stop);
        let held = (lease.ttl + lease.orphan_grace).as_micros() as u64;
        let bound = (held + longest.max().unwrap_or(0)) / 9 * 10 + 2 * SECOND;
        for node in &self.nodes {
            node.ends_what_nobody_holds(self.now, bound);
        }
    }

    /// A holder that is awake has given up what its node lets go for want of a renewal, and its
    /// service-manager sends nothing there any more.
    pub(super) fn holder_let_go_first(&self, lease: &LeaseId, service: &str) {
        for (index, manager) in self.managers.iter().enumerate() {
            if manager.sender.holder.service != service || !self.is_awake(manager, 0) {
                continue;
            }
            let list = manager.holder.list();
            assert!(
                !serves(list, lease),
                "I5: {} is let go by its node and still on the list of {service}",
                lease.0
            );
            let front = &self.fronts[manager.service];
            let is_told = front.manager == Some(index) && self.is_awake(manager, APPLIES);
            assert!(
                !is_told || !serves(&front.list, lease),
                "I5: {} is let go by its node and the front end of {service} still sends requests there",
                lease.0
            );
        }
    }

    fn is_awake(&self, manager: &Manager, so_long: u64) -> bool {
        let since = (manager.woken + LOOKS).max(manager.born + HEARS) + so_long;
        manager.is_up && manager.paused_until <= self.now && self.now > since
    }
}

/// Whether requests are sent there by that list.
fn serves(list: &ChildList, lease: &LeaseId) -> bool {
    list.children.iter().any(|child| {
        child.lease.id == lease.0 && matches!(child.state, ChildState::Ready | ChildState::Jeopardy)
    })
}
