//! Copies of the service without Accordion, for the peers and for itself.

use super::probe::serves;
use super::{Layout, Site};
use crate::bench::paper::contestant::Contestant;

/// Requests that a copy handles at a time; a machine of the rack has far less than a core.
const PLACES: &str = "64";

/// The part of the command that the daemons complete and the others fill in.
pub(super) fn words(program: &str, address: &str, port: &str) -> Vec<String> {
    [program, "demo-service", "--address", address, "--port", port, "--workers", PLACES]
        .map(str::to_owned)
        .into()
}

impl Site {
    /// Starts one on the front end and on each node.
    pub(in super::super) async fn services(&mut self) -> anyhow::Result<()> {
        for node in 0..=self.layout.nodes {
            let listen = Layout::service(node);
            let words = words(&self.program(), &listen.ip().to_string(), &listen.port().to_string());
            self.start(&Layout::machine(node), 0, &words)?;
        }
        for node in 0..=self.layout.nodes {
            serves(Layout::service(node)).await?;
        }
        self.targets.insert(Contestant::Service, Layout::service(0));
        self.targets.insert(Contestant::Node, Layout::service(self.one));
        Ok(())
    }
}
