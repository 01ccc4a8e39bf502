//! A rack that is made, for whoever starts things on it by themselves.

use std::path::PathBuf;

use anyhow::Context;

use super::Network;
use super::inside::{Place, enter_network};
use super::left::{self, Claim};
use super::plan::Plan;

/// The machines of a plan, until it is dropped: then nothing may run on them any more.
#[derive(Debug)]
pub(crate) struct Rack {
    plan: Plan,
    /// Before the claim, so that nobody has the name before the machines are gone.
    network: Option<Network>,
    _claim: Claim,
}

impl Rack {
    /// Makes them, in place of what a killed rack of that name left.
    ///
    /// # Errors
    /// A rack of that name is up, or this machine cannot carry it.
    pub(crate) fn make(plan: Plan) -> anyhow::Result<Self> {
        let claim = Claim::take(&plan.name)?;
        left::sweep(&plan.name).context("what an earlier rack left cannot be taken away")?;
        let network = Network::make(&plan)?;
        Ok(Self { plan, network: Some(network), _claim: claim })
    }

    /// Which machines it has.
    pub(crate) const fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where its files are; they go when whatever it leaves is taken away.
    pub(crate) fn files(&self) -> PathBuf {
        left::files(&self.plan.name)
    }

    /// Moves this thread into the clients' network, so that what it asks is asked by a client.
    ///
    /// # Errors
    /// The system refuses.
    pub(crate) fn enter_as_client(&self) -> anyhow::Result<()> {
        let client = Place::of(&self.plan.name, &self.plan.client().name);
        enter_network(&client).context("the clients' network cannot be entered")
    }
}

impl Drop for Rack {
    fn drop(&mut self) {
        drop(self.network.take());
    }
}
