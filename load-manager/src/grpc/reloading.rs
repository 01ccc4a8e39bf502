//! Translates what is asked about cluster.toml; decides nothing.

use cluster::config;
use cluster::daemon::{Reloader, Report};
use proto::reload as wire;
use proto::reload::reload_server::Reload;
use tonic::{Request, Response, Status};

/// The calls that every daemon answers on its own machine.
pub(crate) struct Reloading(pub(crate) Reloader);

#[tonic::async_trait]
impl Reload for Reloading {
    async fn reload(&self, _: Request<wire::ReloadRequest>) -> Result<Response<wire::ReloadReply>, Status> {
        Ok(Response::new(reply(self.0.reload().await)))
    }

    async fn rehearse(
        &self,
        request: Request<wire::RehearseRequest>,
    ) -> Result<Response<wire::ReloadReply>, Status> {
        let wire::RehearseRequest { name, text } = request.into_inner();
        Ok(Response::new(reply(self.0.rehearse(&name, &text).await)))
    }
}

fn reply(report: Report) -> wire::ReloadReply {
    let Report { applied, needs_restart, faults } = report;
    wire::ReloadReply { applied, needs_restart, faults, digest: config::newest_digest() }
}
