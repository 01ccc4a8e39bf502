//! The pool shared with other services: what this one says of itself to all nodes, which of its leases
//! nobody may take back, and when it has one of another's taken back for itself (design section 6).

use std::collections::VecDeque;
use std::time::Duration;

use cluster::config;
use cluster::share::Claim;

use super::claims::Claims;
use super::{Cause, Effect, Holder, NodeWord};
use crate::decider::Share;
use crate::node::{DrainStep, Link, Node, Stage};

/// A claim is forgotten when nothing was heard of it for so many times to live, as at a node.
const CLAIM_LASTS: u32 = 3;

/// What a holder knows of the others, and what it has told them.
#[derive(Debug, Clone, Default)]
pub(super) struct Sharing {
    claims: Claims,
    /// What was told last.
    told: Option<(Claim, Vec<String>)>,
    /// Whether a node has changed since, or a decision was made: only then there may be news to tell.
    pub(super) is_due: bool,
    /// Since when it has had fewer nodes than it is due.
    short_since: Option<Duration>,
    /// Since when it has held more than it is due while another is short.
    over_since: Option<Duration>,
    /// When nodes were asked to take one back, within the last period, ...
    asked: Recent,
    /// ... and when own ones were given back for another.
    given: Recent,
}

/// What was done within the last period: no more than a part of the pool is on its way at a time.
#[derive(Debug, Clone, Default)]
struct Recent(VecDeque<Duration>);

/// A wish for a slot of a node that has none free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReclaimWish {
    /// Why.
    pub reason: ReclaimReason,
    /// Slots of the pool as this front end sees it.
    pub slots: u32,
}

/// Why a slot is to be taken back from somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReclaimReason {
    /// Fewer nodes are held than are kept for the service.
    UnderMin,
    /// Fewer are held than it is due, for `starved_after`.
    Starved,
}

impl Holder {
    /// What a node passes on of the others.
    pub(super) fn heard_of_others(&mut self, word: &NodeWord) {
        for (claim, age) in &word.claims {
            self.sharing.claims.hear(claim.clone(), self.now.saturating_sub(*age));
        }
    }

    /// What a node says of the slot that it takes back for this service, where it was heard `after` that was
    /// begun. Answers whether nothing comes of it any more, so that another node may be asked.
    pub(super) fn heard_of_reclaim(&mut self, node: usize, after: bool) -> bool {
        let record = &mut self.nodes[node];
        let is_free = record.report.slots_free > 0;
        if record.stage == Stage::Free && record.report.reclaiming && !is_free {
            // An earlier life asked for it. How much of the notice is left is not known.
            let longest = self.settings.reclaim_notice + self.settings.ttl;
            record.awaits_until.get_or_insert(self.now + longest);
        }
        let is_awaited = record.awaits_slot(self.now) && !record.is_adopting;
        let is_taken_back = after && !record.report.reclaiming && !is_free;
        if !is_awaited || !is_free && !is_taken_back {
            return false;
        }
        (record.awaits_until, record.paused_until) = (None, self.now);
        // It is kept for a time to live only; but meanwhile another node may have come, or an operator.
        if is_free && record.can_be_asked(self.now) && self.is_short() {
            self.order_at(node);
        }
        is_taken_back
    }

    /// Says to all nodes what is held and wanted, where that has changed.
    pub(super) fn tell_claim(&mut self) {
        if !std::mem::take(&mut self.sharing.is_due) {
            return;
        }
        let Some(claim) = self.claim() else { return };
        self.mark_guaranteed();
        let marked = self.nodes.iter().filter(|node| node.is_guaranteed);
        let guaranteed = marked.filter_map(|node| Some(node.lease()?.id.clone())).collect();
        let told = (claim, guaranteed);
        if self.sharing.told.as_ref() != Some(&told) {
            self.sharing.told = Some(told.clone());
            self.effect(Effect::Claim { claim: told.0, guaranteed: told.1 });
        }
    }

    /// What this service says of itself; `None` before its first decision.
    pub fn claim(&self) -> Option<Claim> {
        self.last.as_ref()?;
        let want = self.decider.want_of_pool();
        let bounds = &self.settings.decider;
        Some(Claim {
            service: self.settings.service.clone(),
            front_end: self.settings.front_end.clone(),
            held: count(self.nodes.iter().filter(|node| is_held(node))),
            want: want.max(bounds.min).min(bounds.max),
            min: bounds.min,
            max: bounds.max,
            weight: self.settings.weight,
            priority: self.settings.priority,
            slots: self.slots(),
        })
    }

    /// Whether more is wanted than is held or on its way.
    pub(super) fn is_short(&self) -> bool {
        let coming = count(self.nodes.iter().filter(|node| comes(node, self.now)));
        self.claim().is_some_and(|own| own.held + coming < own.want)
    }

    /// Nodes of the pool that this service is due; `None` where nobody else has a claim to it.
    pub fn share(&self) -> Option<u32> {
        let standing = self.sharing.claims.standing(&self.claim()?, self.slots())?;
        Some(standing.share)
    }

    /// Up to `min` leases are guaranteed, those that joined first. One stays so while it is held.
    fn mark_guaranteed(&mut self) {
        let mut left = self.settings.decider.min;
        for node in &mut self.nodes {
            node.is_guaranteed &= is_held(node) && left > 0;
            left -= u32::from(node.is_guaranteed);
        }
        for &child in &self.children {
            let node = &mut self.nodes[child];
            if left > 0 && !node.is_guaranteed && is_held(node) {
                node.is_guaranteed = true;
                left -= 1;
            }
        }
    }

    /// Has slots taken back from others, where this service is due more than it holds and no node is free.
    pub(super) fn ask_back(&mut self) {
        let Some(own) = self.claim() else { return };
        let sharing = &self.settings.sharing;
        let slots = self.slots();
        let standing = self.sharing.claims.standing(&own, slots);
        let coming = count(self.nodes.iter().filter(|node| comes(node, self.now)));
        let missing = standing.map_or(0, |standing| standing.share).saturating_sub(own.held + coming);
        if missing == 0 {
            self.sharing.short_since = None;
            return;
        }
        let short_for = self.now.saturating_sub(*self.sharing.short_since.get_or_insert(self.now));
        let is_under_min = own.held + coming < own.min.min(own.want);
        let is_starved = short_for >= sharing.starved_after;
        // What is free is ordered like any other node.
        let can_wait = !is_under_min && !is_starved;
        if can_wait || self.nodes.iter().any(|node| node.reached && node.can_be_asked(self.now)) {
            return;
        }
        let now_at_most = self.sharing.asked.left(self.now, sharing, slots).min(missing);
        let (nodes, now) = (&self.nodes, self.now);
        let askable = |index: &usize| nodes[*index].reached && nodes[*index].can_be_asked_back(now);
        let mut asked: Vec<usize> = self.settings.order.iter().copied().filter(askable).collect();
        // The first ones may have nothing to spare, and would be asked for ever.
        asked.sort_by_key(|&index| nodes[index].asked_back);
        asked.truncate(now_at_most as usize);
        if asked.is_empty() {
            return;
        }
        let (reason, cause, why) = if is_under_min {
            (ReclaimReason::UnderMin, Cause::UnderMin, format!("{} of min {} are held", own.held, own.min))
        } else {
            let why = format!(
                "{} of a share of {} are held for {} s",
                own.held,
                own.held + coming + missing,
                short_for.as_secs()
            );
            (ReclaimReason::Starved, Cause::Starved, why)
        };
        self.sharing.asked.note(now, asked.len());
        for &node in &asked {
            self.nodes[node].asked_back = Some(now);
        }
        if self.settings.sharing.observe_only {
            return self.note(cause, &asked, &format!("{why}; one would be reclaimed (observe_only)"));
        }
        self.note(cause, &asked, &format!("{why}, and no node is free"));
        for node in asked {
            let request_id = self.next_request(node);
            self.effect(Effect::Reclaim { node, request_id, wish: ReclaimWish { reason, slots } });
        }
    }

    /// What this service is due while another one is short.
    pub(super) fn due_share(&mut self) -> Option<Share> {
        self.sharing.claims.forget_before(self.now.saturating_sub(self.settings.ttl * CLAIM_LASTS));
        let own = self.claim()?;
        let (sharing, slots) = (&self.settings.sharing, self.slots());
        let standing = self.sharing.claims.standing(&own, slots);
        let Some(standing) = standing.filter(|standing| standing.is_another_short) else {
            self.sharing.over_since = None;
            return None;
        };
        let give_back_max = if own.held > standing.share {
            let since = *self.sharing.over_since.get_or_insert(self.now);
            let is_due = self.now.saturating_sub(since) >= sharing.give_back_after;
            if is_due { self.sharing.given.left(self.now, sharing, slots) } else { 0 }
        } else {
            self.sharing.over_since = None;
            0
        };
        Some(Share { nodes: standing.share, give_back_max, observe_only: sharing.observe_only })
    }

    /// So many nodes go to whoever is due them.
    pub(super) fn gave_back(&mut self, nodes: usize) {
        self.sharing.given.note(self.now, nodes);
    }

    /// Slots of the nodes that are up and may be borrowed.
    fn slots(&self) -> u32 {
        let pool = self.nodes.iter().zip(&self.settings.nodes);
        pool.filter(|(node, _)| is_there(node)).map(|(_, place)| place.slots).fold(0, u32::saturating_add)
    }
}

impl Recent {
    /// How many more may be on their way now.
    fn left(&mut self, now: Duration, sharing: &config::Sharing, slots: u32) -> u32 {
        let since = now.saturating_sub(sharing.period);
        self.0.retain(|at| *at > since);
        let most = (f64::from(slots) * sharing.period_share).max(1.0) as u32;
        most.saturating_sub(count(self.0.iter()))
    }

    fn note(&mut self, now: Duration, nodes: usize) {
        self.0.extend(std::iter::repeat_n(now, nodes));
    }
}

/// Whether a lease of it is held that is not on its way out.
fn is_held(node: &Node) -> bool {
    match node.stage {
        Stage::Starting(Some(_)) | Stage::Ready(_) | Stage::Jeopardy(_) => true,
        // Of one that is started again there, the lease to come.
        Stage::Draining(..) => node.restarts,
        Stage::Free | Stage::Starting(None) => false,
    }
}

/// Whether it was asked, comes back from a drain, or takes a slot back for this service, and still can.
fn comes(node: &Node, now: Duration) -> bool {
    let can_give = is_there(node) && node.awaits_slot(now);
    match node.stage {
        Stage::Starting(None) | Stage::Draining(_, DrainStep::Returning) => true,
        Stage::Free => node.is_adopting || can_give,
        Stage::Starting(Some(_)) | Stage::Ready(_) | Stage::Jeopardy(_) | Stage::Draining(..) => {
            node.is_adopting
        }
    }
}

/// Whether it answers and may be borrowed.
fn is_there(node: &Node) -> bool {
    matches!(node.link, Link::Up { .. })
        && node.is_member()
        && !node.report.maintenance
        && !node.report.stopping
}

fn count<T>(items: impl Iterator<Item = T>) -> u32 {
    u32::try_from(items.count()).unwrap_or(u32::MAX)
}
