//! What happens, told to the holder in its own words and its own time. Questions of people are
//! answered here.

use std::time::{Duration, Instant};

use super::Manager;
use crate::event::Event;
use crate::holder::Heard;
use crate::wire;

impl Manager {
    pub(super) fn hear(&mut self, event: Event) {
        let heard = match event {
            Event::Status(reply) => {
                // A person who went away needs no answer.
                reply.send(self.status()).ok();
                return;
            }
            Event::Why(past, reply) => {
                reply.send(self.journal.past(past)).ok();
                return;
            }
            Event::FrontUp(list) => Heard::FrontUp(wire::child_list(list)),
            Event::Sample(sample) => Heard::Sample(wire::front_sample(sample)),
            Event::LinkUp { node, .. }
            | Event::Renewed { node, .. }
            | Event::Heard(Heard::LinkRefused { node, .. } | Heard::LinkSilent { node, .. })
                // Said before it was closed.
                if !self.links.is_open(node) =>
            {
                return;
            }
            Event::Heard(heard) => heard,
            Event::LinkUp { node, client, adopted, asked } => {
                self.clients[node] = Some(client);
                let adopted = adopted.map(|leases| leases.into_iter().map(wire::adopted).collect());
                Heard::LinkUp { node, adopted, asked_at: self.at(asked) }
            }
            Event::Renewed { node, reply, sent } => {
                let sent_at = sent.map(|sent| self.at(sent));
                Heard::Renewed { node, word: wire::node_word(reply), sent_at }
            }
            Event::Reserved { node, lease, sent } => Heard::Reserved { node, lease, sent_at: self.at(sent) },
            Event::Adopted { node, result, asked } => {
                let result = result.map(|leases| leases.into_iter().map(wire::adopted).collect());
                Heard::Adopted { node, result, asked_at: self.at(asked) }
            }
        };
        self.holder.hear(self.now(), heard);
    }

    /// A moment in the holder's time.
    fn at(&self, moment: Instant) -> Duration {
        moment.saturating_duration_since(self.born)
    }
}
