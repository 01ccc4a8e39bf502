//! How everybody stands in a world: what each service holds, and what it is due by what all of them say.

use cluster::share::{Claim, shares};
use load_manager::holder::ChildState;
use task_processor::lease::State;

use crate::front::Front;
use crate::manager::Manager;
use crate::node::Node;
use crate::world::World;

/// One service.
#[derive(Debug, Clone)]
pub(crate) struct Standing {
    pub(crate) claim: Claim,
    /// What it is due.
    pub(crate) share: u32,
    /// Children that its load-manager sends requests to.
    pub(crate) ready: u32,
}

/// Everybody, in the order of cluster.toml; `None` while somebody has not said anything of itself.
pub(crate) fn of_all(world: &World) -> Option<Vec<Standing>> {
    let managers: Vec<&Manager> =
        world.fronts.iter().map(|front| newest(world, front)).collect::<Option<_>>()?;
    let claims: Vec<Claim> =
        managers.iter().map(|manager| manager.claim().cloned()).collect::<Option<_>>()?;
    let dues = shares(&claims, world.cluster.slots());
    let standing = |((claim, due), manager): ((Claim, cluster::share::Due), &Manager)| {
        let children = manager.holder.list().children.iter();
        let ready = children.filter(|child| child.state == ChildState::Ready).count() as u32;
        Standing { claim, share: due.share, ready }
    };
    Some(claims.into_iter().zip(dues).zip(managers).map(standing).collect())
}

/// Whether no node does anything but serve, and for whom it is known to serve.
pub(crate) fn are_at_rest(world: &World) -> bool {
    let mut leases = world.nodes.iter().flat_map(|node| node.book.leases());
    leases.all(|lease| lease.state == State::Ready && lease.reclaim.is_none())
}

/// Whether the only free slots are at nodes that serve it already, and nobody has more than its share. Shares
/// are of slots, and a service takes no more than one of a node: where nodes have several, the last slot may
/// be of no use to whom it is due.
pub(crate) fn is_nothing_left_for(world: &World, standings: &[Standing], service: usize) -> bool {
    let name = &standings[service].claim.service;
    let free = || world.nodes.iter().filter(|node| node.book.leases().len() < node.limits.slots);
    let serves = |node: &Node| node.book.leases().iter().any(|lease| lease.holder.service == *name);
    let is_over = standings.iter().any(|standing| standing.claim.held > standing.share);
    !is_over && free().next().is_some() && free().all(serves)
}

/// Leases that nobody knows who should.
pub(crate) fn in_limbo(world: &World) -> Vec<String> {
    let mut limbo = Vec::new();
    for lease in world.nodes.iter().flat_map(|node| node.book.leases()) {
        let is_known = world.fronts.iter().any(|front| {
            newest(world, front).is_some_and(|manager| {
                manager.sender.holder == lease.holder
                    && manager
                        .holder
                        .leases()
                        .any(|(_, held)| held.id == lease.id.0 && held.epoch == lease.epoch)
            })
        });
        if !is_known {
            limbo.push(format!("{} of {} is in limbo: {}", lease.id.0, lease.holder, lease.state));
        }
    }
    limbo
}

/// The pool as the load-manager of a service sees it, and who holds what there, a line for each node; then
/// what everybody says.
pub(crate) fn view(world: &World, service: usize) -> Vec<String> {
    let Some(manager) = newest(world, &world.fronts[service]) else { return Vec::new() };
    let now = manager.local();
    let line = |(seen, node): (&load_manager::node::Node, &Node)| {
        let held = node.book.leases().iter().map(|lease| {
            let mark = if lease.guaranteed { ", guaranteed" } else { "" };
            format!("{} {}{mark}", lease.holder.service, lease.state)
        });
        let (state, free) = (seen.state_name(now), seen.report.slots_free);
        let pause = seen.paused_until.saturating_sub(now).as_secs();
        let held = held.collect::<Vec<_>>().join(", ");
        format!(
            "\n  {}: {state}, {free} free, paused for {pause} s ({}); holds {held}",
            seen.name, seen.detail
        )
    };
    let standings = of_all(world).unwrap_or_default();
    let claims = standings.iter().map(|standing| format!("\n  {standing:?}"));
    let last = manager.holder.last().map(|decision| format!("\n  {decision:?}"));
    manager.holder.nodes().iter().zip(&world.nodes).map(line).chain(claims).chain(last).collect()
}

fn newest<'a>(world: &'a World, front: &Front) -> Option<&'a Manager> {
    front.manager.map(|index| &world.managers[index])
}
