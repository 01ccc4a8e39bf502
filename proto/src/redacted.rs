//! The Debug of the messages that carry a token, without the token: what is only looked at ends up
//! in a log. `build.rs` leaves the derived one out.

use std::fmt::{Debug, Formatter, Result};

use crate::service_manager::Child;
use crate::task_processor::{Adopted, Grant};

/// Stands for a token.
const REDACTED: &str = "(..)";

impl Debug for Grant {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let Self { lease_id, epoch, ttl_ms, token: _ } = self;
        formatter
            .debug_struct("Grant")
            .field("lease_id", lease_id)
            .field("epoch", epoch)
            .field("ttl_ms", ttl_ms)
            .field("token", &REDACTED)
            .finish()
    }
}

impl Debug for Adopted {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let Self { lease_id, epoch, ttl_ms, token: _, state: _, data_address, service_port } = self;
        formatter
            .debug_struct("Adopted")
            .field("lease_id", lease_id)
            .field("epoch", epoch)
            .field("ttl_ms", ttl_ms)
            .field("token", &REDACTED)
            .field("state", &self.state())
            .field("data_address", data_address)
            .field("service_port", service_port)
            .finish()
    }
}

impl Debug for Child {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> Result {
        let Self { node, lease_id, address, token: _, speed, state: _, epoch } = self;
        formatter
            .debug_struct("Child")
            .field("node", node)
            .field("lease_id", lease_id)
            .field("address", address)
            .field("token", &REDACTED)
            .field("speed", speed)
            .field("state", &self.state())
            .field("epoch", epoch)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::service_manager::ChildList;
    use crate::task_processor::reserve_reply::Answer;
    use crate::task_processor::{AdoptReply, ReserveReply};

    #[test]
    fn no_debug_output_shows_a_token() {
        let (lease_id, token) = ("lease-1".to_owned(), "secret".to_owned());
        let grant = Grant { lease_id: lease_id.clone(), token: token.clone(), ..Grant::default() };
        let adopted = Adopted { lease_id: lease_id.clone(), token: token.clone(), ..Adopted::default() };
        let child = Child { lease_id, token, ..Child::default() };
        let shown = [
            format!("{:?}", ReserveReply { answer: Some(Answer::Grant(grant)) }),
            format!("{:?}", AdoptReply { leases: vec![adopted] }),
            format!("{:#?}", ChildList { generation: 1, children: vec![child] }),
        ];
        for text in shown {
            assert!(text.contains("lease-1") && !text.contains("secret"), "{text}");
        }
    }
}
