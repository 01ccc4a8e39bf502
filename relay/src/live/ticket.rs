//! A request's stay on its connection, from its head to the end of its answer's body.

use std::rc::Rc;

use super::{Client, Phase, Signal};

/// Lives as long as the request; its end, of whatever kind, ends the in-flight count once.
pub(crate) struct Ticket {
    client: Rc<Client>,
}

impl Ticket {
    pub(crate) fn open(client: Rc<Client>) -> Ticket {
        client.enter(Phase::Asked);
        client.worker().metrics().asked();
        Ticket { client }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let client = &self.client;
        let worker = client.worker();
        client.enter_again(Phase::Idle);
        worker.metrics().ended();
        if worker.is_draining() {
            client.signal(Signal::Finish);
        }
        drop(client.release());
    }
}
