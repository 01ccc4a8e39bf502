//! Who calls, and what each may do: a front end acts for its own service, the operator drains, and both may
//! look. Without certificates whoever reaches the port may do everything.

use std::net::SocketAddr;
use std::sync::Arc;

use cluster::tls::{Identity, Peer};
use tonic::{Extensions, Status};

use super::refusals::Refusals;

/// The other end of a connection.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) address: SocketAddr,
    /// By its certificate, where there are any.
    pub(super) peer: Option<Arc<Peer>>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act<'a> {
    /// To hold leases of this service, or to do something with one.
    Hold(&'a str),
    /// The same with a lease that there is not.
    HoldUnknown,
    /// To drain the node, or to end that.
    Operate,
    /// To see what it does.
    Look,
}

/// Lets pass who may.
#[derive(Debug, Clone)]
pub(super) struct Rights {
    /// Whether there are certificates.
    is_secured: bool,
    refusals: Arc<Refusals>,
}

impl Rights {
    pub(super) fn new(is_secured: bool, refusals: Arc<Refusals>) -> Self {
        Self { is_secured, refusals }
    }

    /// Whoever sent the request with these extensions wants to do that.
    ///
    /// # Errors
    /// It may not; that is logged and counted too.
    pub(super) fn check(&self, sent: &Extensions, act: Act<'_>) -> Result<(), Status> {
        self.check_caller(sent.get(), act)
    }

    /// The same for a caller that was kept.
    pub(super) fn check_caller(&self, caller: Option<&Caller>, act: Act<'_>) -> Result<(), Status> {
        if !self.is_secured {
            return Ok(());
        }
        let (address, peer) =
            caller.map_or((None, None), |caller| (Some(caller.address), caller.peer.as_deref()));
        if peer.is_some_and(|peer| act.is_for(peer)) {
            return Ok(());
        }
        let who = peer.map_or_else(|| "nobody".to_owned(), ToString::to_string);
        let whose = act.whose();
        self.refusals.call(address, &who, &whose);
        let text = format!("your certificate is for {who}, and this is for {whose}");
        Err(Status::permission_denied(text))
    }
}

impl Act<'_> {
    fn is_for(self, peer: &Peer) -> bool {
        match self {
            Self::Hold(service) => peer.is(&Identity::FrontEnd(service.to_owned())),
            Self::HoldUnknown => peer.is_front_end(),
            Self::Operate => peer.is(&Identity::Operator),
            Self::Look => peer.is_front_end() || peer.is(&Identity::Operator),
        }
    }

    /// Completes "this is for".
    fn whose(self) -> String {
        match self {
            Self::Hold(service) => Identity::FrontEnd(service.to_owned()).to_string(),
            Self::HoldUnknown => "a front end".to_owned(),
            Self::Operate => Identity::Operator.to_string(),
            Self::Look => "a front end or the operator".to_owned(),
        }
    }
}
