//! The link to one node: one renewal stream, leases or not (design section 6). A broken stream is
//! tried again at once, so that a daemon that is gone is told from one that is slow: its machine
//! refuses the new connection. One whose certificate does not hold, or that does not have ours, is
//! there and silent.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cluster::backoff::Backoff;
use cluster::tls::{DialFault, Tls};
use hyper_util::rt::TokioIo;
use proto::task_processor as wire;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;
use tonic::transport::{Channel, Endpoint};
use tower::service_fn;

use crate::calls::{Identity, NodeClient, adoption, timed, words};
use crate::event::Event;
use crate::holder::Heard;
use crate::sent::{Sent, WAITING_MAX};

/// How long a connection to a node may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// From one failed connect to the next: soon at first, since a restarted daemon is back within a
/// second; seldom later, since a machine may be away for long.
const RETRY_FIRST: Duration = Duration::from_millis(250);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// A link on which nothing has come for 6 s is cut; an HTTP/2 ping asks before that. The answers to renewals
/// come more often where `renew` has its default, so that no ping is sent on a link that is well.
const PING_EVERY: Duration = Duration::from_millis(3500);
const PING_TIMEOUT: Duration = Duration::from_millis(2500);

/// Renewals come a little earlier or later each time, so that 500 streams do not beat together, ...
const JITTER: f64 = 0.2;

/// ... and yet at so many common moments within `renew`, so that the process wakes for several of them at
/// once: with a wake-up for each, waking is most of what 500 links cost.
const BEATS: u32 = 30;

/// Answers are small: a lease or two and a few figures.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// What the service says of itself with each renewal.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    /// What it holds and wants.
    pub claim: wire::Claim,
    /// The ids of its leases, at whatever node, that are not to be reclaimed.
    pub guaranteed: Vec<String>,
}

/// One link.
pub(crate) struct Link {
    /// The index of the node in the pool.
    pub node: usize,
    /// Its name, which its certificate must carry.
    pub name: String,
    /// Where its control calls go.
    pub address: SocketAddr,
    /// What it is shown, where there are certificates.
    pub tls: Option<Tls>,
    /// Who asks.
    pub identity: Identity,
    /// How often to renew.
    pub renew: Duration,
    /// What the moments of renewal are counted from, the same for all links.
    pub born: Instant,
    /// What to renew.
    pub leases: watch::Receiver<Vec<wire::LeaseRef>>,
    /// What to say of the service with it.
    pub claim: watch::Receiver<Option<Said>>,
    /// Where to tell.
    pub events: mpsc::Sender<Event>,
    /// Whether the node was asked once what it holds for this front end.
    pub adopted: bool,
}

impl Said {
    /// Those of `leases` that are not to be reclaimed.
    fn guaranteed_of(&self, leases: &[wire::LeaseRef]) -> Vec<String> {
        let is_named = |id: &&String| leases.iter().any(|lease| lease.lease_id == **id);
        self.guaranteed.iter().filter(is_named).cloned().collect()
    }
}

impl Link {
    /// Keeps the link up until the manager is gone.
    pub(crate) async fn keep(mut self) {
        let mut pause = Backoff::new(RETRY_FIRST, RETRY_MAX);
        loop {
            let began = Instant::now();
            let told = match self.session(&mut pause).await {
                Ok(()) => {
                    // A stream that ends as soon as it begins must not be a busy loop.
                    tokio::time::sleep(RETRY_FIRST.saturating_sub(began.elapsed())).await;
                    continue;
                }
                Err(told) => told,
            };
            if self.events.send(told).await.is_err() {
                return;
            }
            tokio::time::sleep(pause.next()).await;
        }
    }

    /// One connection from its start to its end. `Ok`: it was up and broke, try again at once.
    async fn session(&mut self, pause: &mut Backoff) -> Result<(), Event> {
        let mut client = self.connect().await?;
        let asked = Instant::now();
        // Whatever the node still holds for this front end, from before a restart or a long silence.
        let ask = !self.adopted || self.leases.borrow().is_empty();
        let adopted = if ask { Some(self.adopt(&mut client).await?) } else { None };
        self.adopted = true;
        let up = Event::LinkUp { node: self.node, client: client.clone(), adopted, asked };
        if self.events.send(up).await.is_err() {
            return Err(self.silent("the load-manager is going down".to_owned()));
        }
        pause.reset();
        self.renew_until_broken(client).await
    }

    async fn connect(&self) -> Result<NodeClient, Event> {
        let endpoint = Endpoint::from_shared(format!("http://{}", self.address))
            .map_err(|fault| self.silent(format!("{} is no address: {fault}", self.address)))?
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .http2_keep_alive_interval(PING_EVERY)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true);
        match self.channel(&endpoint).await {
            Ok(channel) => Ok(NodeClient::new(channel).max_decoding_message_size(ANSWER_BYTES_MAX)),
            Err(fault) if is_refused(&fault) => Err(Event::Heard(Heard::LinkRefused {
                node: self.node,
                words: format!("nothing listens on {}; is the task-processor running there?", self.address),
            })),
            Err(fault) => Err(self.silent(match cause::<DialFault>(&fault) {
                Some(handshake @ DialFault::Handshake { .. }) => handshake.to_string(),
                _ => format!("no connection to {}; is the machine up?", self.address),
            })),
        }
    }

    async fn channel(&self, endpoint: &Endpoint) -> Result<Channel, tonic::transport::Error> {
        let Some(tls) = &self.tls else { return endpoint.connect().await };
        let (tls, name, address) = (tls.clone(), self.name.clone(), self.address);
        let dial = move |_| {
            let (tls, name) = (tls.clone(), name.clone());
            async move { tls.dial(&name, address).await.map(TokioIo::new) }
        };
        endpoint.connect_with_connector(service_fn(dial)).await
    }

    async fn adopt(&self, client: &mut NodeClient) -> Result<Vec<wire::Adopted>, Event> {
        match client.adopt(timed(adoption(&self.identity), CONNECT_TIMEOUT)).await {
            Ok(reply) => Ok(reply.into_inner().leases),
            Err(status) if status.code() == Code::FailedPrecondition => {
                Err(Event::Heard(Heard::Fenced(words(&status))))
            }
            Err(status) => Err(self.silent(words(&status))),
        }
    }

    async fn renew_until_broken(&mut self, mut client: NodeClient) -> Result<(), Event> {
        let (renewals, outgoing) = mpsc::channel(WAITING_MAX);
        let mut sent = Sent::default();
        let mut sequence = 0;
        self.send(&renewals, &mut sequence, &mut sent);
        let opened = tokio::time::timeout(CONNECT_TIMEOUT, client.renew(ReceiverStream::new(outgoing))).await;
        let Ok(Ok(reply)) = opened else {
            return Err(self.silent("it does not answer renewals".to_owned()));
        };
        let mut answers = reply.into_inner();
        let due = tokio::time::sleep_until(self.next_renewal().into());
        tokio::pin!(due);
        loop {
            tokio::select! {
                () = &mut due => {
                    self.send(&renewals, &mut sequence, &mut sent);
                    due.as_mut().reset(self.next_renewal().into());
                }
                changed = self.leases.changed() => {
                    if changed.is_err() {
                        return Err(self.silent("the load-manager is going down".to_owned()));
                    }
                    self.send(&renewals, &mut sequence, &mut sent);
                }
                answer = answers.message() => {
                    // Broken or closed: whether the daemon is gone is for a new connection to say.
                    let Ok(Some(reply)) = answer else { return Ok(()) };
                    let sent = sent.take(reply.sequence);
                    if self.events.send(Event::Renewed { node: self.node, reply, sent }).await.is_err() {
                        return Err(self.silent("the load-manager is going down".to_owned()));
                    }
                }
            }
        }
    }

    fn send(
        &mut self,
        renewals: &mpsc::Sender<wire::RenewRequest>,
        sequence: &mut u64,
        sent: &mut Sent<Instant>,
    ) {
        *sequence += 1;
        let leases = self.leases.borrow_and_update().clone();
        let (claim, guaranteed) = match &*self.claim.borrow() {
            Some(said) => (Some(said.claim.clone()), said.guaranteed_of(&leases)),
            None => (None, Vec::new()),
        };
        let request = wire::RenewRequest {
            service: self.identity.service.clone(),
            front_end: self.identity.front_end.clone(),
            incarnation: self.identity.incarnation,
            sequence: *sequence,
            leases,
            claim,
            guaranteed,
        };
        // A node that does not read is a silent node: its silence is noticed without this one.
        if renewals.try_send(request).is_ok() {
            sent.push(*sequence, Instant::now());
        }
    }

    fn next_renewal(&self) -> Instant {
        let pause = self.renew.mul_f64(1.0 - JITTER * fastrand::f64());
        self.born + last_beat(self.born.elapsed() + pause, self.renew / BEATS)
    }

    fn silent(&self, words: String) -> Event {
        Event::Heard(Heard::LinkSilent { node: self.node, words })
    }
}

/// The last beat until then: what is due there is never late.
fn last_beat(due: Duration, beat: Duration) -> Duration {
    let past = due.as_nanos().checked_rem(beat.as_nanos()).unwrap_or(0);
    due.saturating_sub(Duration::from_nanos(u64::try_from(past).unwrap_or(0)))
}

/// Whether the machine itself said that nobody listens there.
fn is_refused(fault: &tonic::transport::Error) -> bool {
    cause::<std::io::Error>(fault).is_some_and(|io| io.kind() == std::io::ErrorKind::ConnectionRefused)
}

/// The first fault of that type among all that led to this one.
fn cause<T: std::error::Error + 'static>(fault: &tonic::transport::Error) -> Option<&T> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(fault);
    while let Some(error) = cause {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        cause = error.source();
    }
    None
}

#[cfg(test)]
mod secured_tests;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn renewals_due_at_about_the_same_time_share_a_moment_and_none_is_late() {
        let ms = Duration::from_millis;
        for (due, moment) in [(5399, 5300), (5300, 5300), (5301, 5300), (5400, 5400), (99, 0)] {
            assert_eq!(last_beat(ms(due), ms(100)), ms(moment));
        }
        assert_eq!(last_beat(ms(5), Duration::ZERO), ms(5));
    }
}
