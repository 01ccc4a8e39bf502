//! How a holder keeps its leases, takes over those of its own earlier life, and hears about them.

use std::collections::HashSet;
use std::time::Duration;

use super::{Adopted, Book, grant_of};
use crate::lease::{Holder, Lease, LeaseId, Refusal, Renewal, Report, Roll, State, Why};

impl Book {
    /// Renews the leases that are named with their epoch by the incarnation that holds them, and notes what
    /// the holder says of itself. What it is to hear then, `roll` says.
    ///
    /// # Errors
    /// When a newer incarnation is known; nothing is renewed then.
    pub fn renew(&mut self, now: Duration, renewal: &Renewal) -> Result<(), Refusal> {
        self.hear(now, &renewal.holder, renewal.incarnation)?;
        for named in &renewal.leases {
            let holds = |lease: &Lease| {
                lease.epoch == named.epoch
                    && lease.holder == renewal.holder
                    && lease.incarnation == renewal.incarnation
            };
            if self.lease(&named.id).is_some_and(holds) {
                self.prolong(now, &named.id, Why::Renewed);
                self.mark(&named.id, renewal.guaranteed.contains(&named.id));
            }
        }
        if let Some(claim) = &renewal.claim {
            self.claims.hear(now, claim.clone());
        }
        self.review(now);
        Ok(())
    }

    /// What the holder would be answered now, without renewing anything.
    pub fn roll(&self, now: Duration, renewal: &Renewal) -> Roll {
        let fenced = self.fronts.newer_than(&renewal.holder, renewal.incarnation).is_some();
        let (leases, claims) = if fenced {
            (Vec::new(), Vec::new())
        } else {
            (self.reports(now, renewal), self.claims.but_of(Some(&renewal.holder), now))
        };
        Roll {
            fenced,
            leases,
            slots_free: self.slots_for(now, &renewal.holder),
            slots: self.limits.slots,
            reclaiming: !fenced && self.is_got_for(&renewal.holder),
            claims,
            maintenance: self.maintenance,
            stopping: self.is_stopping(),
        }
    }

    /// Hands every lease of the holder to this incarnation: its successor's, or its own orphans. Repeated, it
    /// answers the same.
    ///
    /// # Errors
    /// When a newer incarnation is known, or the service is not in cluster.toml.
    pub fn adopt(
        &mut self,
        now: Duration,
        holder: &Holder,
        incarnation: u64,
    ) -> Result<Vec<Adopted>, Refusal> {
        if !self.serves(&holder.service) {
            return Err(Refusal::UnknownService(holder.service.clone()));
        }
        self.hear(now, holder, incarnation)?;
        let own = self.leases.iter().filter(|lease| lease.holder == *holder);
        let ids: Vec<LeaseId> = own.map(|lease| lease.id.clone()).collect();
        for id in &ids {
            self.take_over(id, incarnation);
            self.prolong(now, id, Why::Adopted);
        }
        self.save_epoch();
        let adopted = self.leases.iter().filter(|lease| lease.holder == *holder);
        Ok(adopted.map(|lease| Adopted { grant: grant_of(lease), state: lease.state }).collect())
    }

    fn take_over(&mut self, id: &LeaseId, incarnation: u64) {
        let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) else { return };
        // An orphan's holder has let it go: what it called before that must not act on it now.
        if lease.incarnation < incarnation || matches!(lease.state, State::Orphan { .. }) {
            self.epoch += 1;
            lease.epoch = self.epoch;
            lease.incarnation = incarnation;
        }
    }

    fn prolong(&mut self, now: Duration, id: &LeaseId, why: Why) {
        let expires_at = now + self.limits.ttl;
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) {
            lease.expires_at = expires_at;
            if let Some(reclaim) = &mut lease.reclaim {
                reclaim.orphan_until = None;
            }
        }
        self.happen(id, why, State::renewed);
    }

    fn mark(&mut self, id: &LeaseId, guaranteed: bool) {
        if let Some(lease) = self.leases.iter_mut().find(|lease| lease.id == *id) {
            lease.guaranteed = guaranteed;
        }
    }

    fn reports(&self, now: Duration, renewal: &Renewal) -> Vec<Report> {
        let own = self.leases.iter().filter(|lease| lease.holder == renewal.holder);
        let mut reports: Vec<Report> = own.map(|lease| self.report(now, lease)).collect();
        let mut known: HashSet<LeaseId> = reports.iter().map(|report| report.id.clone()).collect();
        for named in &renewal.leases {
            if !known.insert(named.id.clone()) {
                continue;
            }
            let detail = match self.index(named) {
                Ok(_) => format!("lease {} belongs to somebody else", named.id),
                Err(refusal) => refusal.to_string(),
            };
            reports.push(Report {
                id: named.id.clone(),
                epoch: named.epoch,
                state: None,
                detail,
                probe_fails: false,
                ended_by_node: self.ended.find(&named.id).is_some_and(|ended| !ended.has_exited),
                reclaim: None,
            });
        }
        reports
    }

    fn report(&self, now: Duration, lease: &Lease) -> Report {
        Report {
            id: lease.id.clone(),
            epoch: lease.epoch,
            state: Some(lease.state),
            detail: lease.explanation().to_owned(),
            probe_fails: !lease.answering,
            ended_by_node: matches!(lease.state, State::Stopping { .. } | State::Stopped)
                && !lease.has_exited,
            reclaim: self.announced(now, lease),
        }
    }
}
