//! A cluster.toml that was read again, put in force as far as that goes while requests run.

use cluster::config::Cluster;
use cluster::daemon::Asked;

use super::Manager;
use crate::holder;
use crate::reload::plan;

impl Manager {
    /// Goes by `read` from now on, as far as it can, and says so.
    pub(super) fn answer(&mut self, asked: Asked) {
        let (_, outcome) = plan(&self.cluster, &asked.cluster, &self.service.name);
        if !asked.is_rehearsal() {
            self.follow(&asked.cluster);
        }
        asked.done(&outcome, "load-manager");
    }

    /// Goes by `read` from now on, as far as it can.
    pub(super) fn follow(&mut self, read: &Cluster) {
        let service = &self.service.name;
        let (now, _) = plan(&self.cluster, read, service);
        if read.service(service).is_none() {
            tracing::warn!(
                service,
                "it is in cluster.toml no more and is decided for as before: stop its service-manager and its \
                 load-manager, or put it back"
            );
        }
        if let Some(own) = now.service(service) {
            self.service = own.clone();
        }
        self.cluster = now;
        let settings = holder::Settings::of(&self.cluster, &self.service, self.identity.incarnation);
        self.holder.reload(self.now(), settings);
    }
}
