//! A lease as its holder has it.

use std::fmt;

/// What this front end holds of a node. Its token shows in no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Lease {
    /// The node's name for it.
    pub id: String,
    /// Newest known; calls with an older one are refused.
    pub epoch: u64,
    /// What each request must carry; never logged. Empty: they go straight to the service, which must
    /// not see it.
    pub token: String,
    /// Where requests go, "address:port"; empty until the service runs.
    pub data_address: String,
}

/// A lease as a call or a renewal names it: an older epoch than the node's own is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRef {
    /// The node's name for it.
    pub id: String,
    /// Newest known.
    pub epoch: u64,
}

impl Lease {
    /// How calls and renewals name it.
    pub fn reference(&self) -> LeaseRef {
        LeaseRef { id: self.id.clone(), epoch: self.epoch }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, epoch, token: _, data_address } = self;
        formatter
            .debug_struct("Lease")
            .field("id", id)
            .field("epoch", epoch)
            .field("token", &"(..)")
            .field("data_address", data_address)
            .finish()
    }
}
