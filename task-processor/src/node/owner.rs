//! The one task that owns the leases: it takes commands and events one at a time, asks the book,
//! carries out what the book wants done, and only then answers.

mod effects;
mod speech;

use std::collections::{BTreeSet, HashMap};
use std::path::PathBuf;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::leftovers::Leftovers;
use super::lines::{LineId, Lines};
use super::runner::{Event, Running, What};
use super::waiting::{Waiting, reply};
use super::{
    Answer, Asked, Call, CallFault, Command, Done, Entrance, Line, Maintenance, Surroundings, Terms, ToDrain,
    journal,
};
use crate::NodeFault;
use crate::gate::Door;
use cluster::config::{CommandDigest, DataPath, UpstreamProtocol};
use cluster::daemon::Notify;
use relay::Protocol;

use crate::lease::{
    Adopted, Book, Denial, Grant, Holder, LeaseId, LeaseRef, Renewal, Token, Wish, drain_limits,
};
use crate::load::Meter;
use crate::saved::{Saved, StateFile};
use crate::secret::Secrets;

/// Events of the services' runners that may wait for the owner.
const EVENTS_MAX: usize = 64;

/// What the end may take beside the notice to the holders and the end of their services.
const END_MARGIN: Duration = Duration::from_secs(15);

/// The owner and everything it owns.
pub(super) struct Owner {
    terms: Terms,
    surroundings: Surroundings,
    book: Book,
    began: Instant,
    incarnation: u64,
    secrets: Secrets,
    state_file: StateFile,
    saved: Saved,
    services: HashMap<LeaseId, Service>,
    runners: JoinSet<()>,
    leftovers: Leftovers,
    events: (mpsc::Sender<Event>, mpsc::Receiver<Event>),
    waiting: Waiting,
    lines: Lines,
    /// Holders that are to hear something unasked, once what is being done is done.
    to_notify: BTreeSet<Holder>,
    /// Lines whose holder was superseded: they hear that and end.
    to_fence: Vec<LineId>,
    /// Requests that were cut, because the time for their end was over.
    requests_cut: u64,
    notify: Notify,
}

/// The service of one lease, from the order to start it until the lease is gone.
#[derive(Debug, Default)]
struct Service {
    stop: CancellationToken,
    running: Option<Running>,
    /// Of how it was started.
    command: Option<CommandDigest>,
    /// The way of its requests; none where they come straight to it.
    door: Option<Arc<Door>>,
    meter: Meter,
}

impl Service {
    /// Where its requests are taken while it runs.
    fn entrance(&self) -> Option<Entrance> {
        let straight = |running: Running| Entrance::Service(running.address.port());
        self.running.map(|running| self.door.as_ref().map_or(straight(running), |_| Entrance::Gate))
    }
}

impl Owner {
    /// Takes up what an earlier life of the node saved.
    pub(super) fn new(terms: Terms, surroundings: Surroundings) -> Result<Self, NodeFault> {
        let state_file = StateFile::new(terms.state_file.clone());
        let saved = state_file.read()?;
        let leftovers = Leftovers::find(&notes(&terms))?;
        let mut secrets = Secrets::open()?;
        let incarnation = secrets.incarnation()?;
        Ok(Self {
            book: Book::new(terms.limits.clone(), saved.epoch, saved.maintenance, leftovers.count()),
            terms,
            surroundings,
            began: Instant::now(),
            incarnation,
            secrets,
            state_file,
            saved,
            services: HashMap::new(),
            runners: JoinSet::new(),
            leftovers,
            events: mpsc::channel(EVENTS_MAX),
            waiting: Waiting::default(),
            lines: Lines::default(),
            to_notify: BTreeSet::new(),
            to_fence: Vec::new(),
            requests_cut: 0,
            notify: Notify::new(),
        })
    }

    /// Works until an announced end has come and the last lease is gone.
    ///
    /// # Errors
    /// When the task that ran a service failed: nobody would ever tell that its processes are gone, and
    /// its slot would stay taken. With the daemon's end every guard ends what it guards.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) -> Result<(), NodeFault> {
        let gate = Arc::clone(&self.surroundings.gate);
        while !self.book.has_ended() {
            let deadline = self.book.next_deadline().map(|deadline| self.began + deadline);
            tokio::select! {
                biased;
                // First, so that however much there is to do does not look like a hang.
                () = self.notify.due() => {
                    let line = self.status_line();
                    self.notify.alive(line);
                }
                Some(event) = self.events.1.recv() => self.happen(event),
                () = gate.idle() => {}
                Some(ended) = self.runners.join_next() => ended.map_err(NodeFault::Runner)?,
                Some(ended) = self.leftovers.next_gone() => {
                    ended.map_err(NodeFault::Runner)?;
                    self.book.leftover_gone();
                }
                command = commands.recv() => match command {
                    Some(command) => self.obey(command).await,
                    None => break,
                },
                () = until(deadline) => {}
            }
            self.book.tick(self.now());
            self.settle_or_log().await;
        }
        self.lines.end_all();
        Ok(())
    }

    /// What the end may take: the holders' drains, then the services', then the last answers.
    fn end_within(&self) -> Duration {
        let stop = self.terms.services.iter().map(|service| service.stop_timeout).max().unwrap_or_default();
        self.terms.limits.reclaim_notice.saturating_add(stop).saturating_add(END_MARGIN)
    }

    fn now(&self) -> Duration {
        self.began.elapsed()
    }

    /// Takes what a runner tells.
    fn happen(&mut self, Event { lease, what }: Event) {
        match what {
            What::Started(running) => self.started(&lease, running),
            What::StartFailed(reason) => self.book.start_failed(&lease, reason),
            What::Probed(answering) => self.book.probed(&lease, answering),
            What::Exited(reason) => {
                if let Some(door) = self.services.get(&lease).and_then(|service| service.door.as_ref()) {
                    door.shut_for_good();
                }
                self.book.process_exited(&lease, reason);
            }
            What::ProcessesGone => self.book.processes_gone(&lease),
        }
    }

    /// The door is made first, and shut: the book has it opened before anybody hears of the start. A
    /// service whose requests come straight has none: here its token opens nothing.
    fn started(&mut self, id: &LeaseId, running: Running) {
        let Some((lease, service)) = self.book.lease(id).zip(self.services.get_mut(id)) else { return };
        let relayed = relayed(&self.terms.services, &lease.holder.service);
        let open = |protocol| {
            let (token, service) = (lease.token.clone(), &lease.holder.service);
            self.surroundings.gate.open(id.clone(), service, token, running.address, protocol)
        };
        service.door = relayed.map(open);
        service.running = Some(running);
        // By which command it runs, nothing else tells its holder before the next renewal.
        self.to_notify.insert(lease.holder.clone());
        self.book.started(id);
        self.publish_roots();
    }

    async fn obey(&mut self, command: Command) {
        match command {
            Command::Reserve { asked, answer } => {
                let result = self.reserve(asked).await;
                reply(answer, result);
            }
            Command::Call { call, lease, answer } => self.call(call, lease, answer).await,
            Command::HolderOf { lease, answer } => {
                reply(answer, Ok(self.book.lease(&lease).map(|lease| lease.holder.clone())));
            }
            Command::Adopt { holder, incarnation, answer } => {
                let now = self.now();
                let adopted = self.book.adopt(now, &holder, incarnation);
                let settled = self.settle().await;
                if let Ok(leases) = &adopted {
                    journal::adopted(&holder, incarnation, leases.len());
                }
                let entrance = |id: &LeaseId| self.services.get(id).and_then(Service::entrance);
                let with_entrance = |adopted: Adopted| {
                    let entrance = entrance(&adopted.grant.lease.id);
                    (adopted, entrance)
                };
                let adopted = adopted.map(|leases| leases.into_iter().map(with_entrance).collect());
                reply(answer, settled.and_then(|()| Ok(adopted?)));
            }
            Command::Renew { renewal, sequence, line } => self.renew(renewal, sequence, line).await,
            Command::CloseLine(line) => {
                let holder = self.lines.close(line);
                self.stop_listening(holder);
            }
            Command::SetMaintenance { wanted, answer } => {
                let result = self.set_maintenance(wanted).await;
                reply(answer, result);
            }
            Command::SetBounds(bounds) => {
                self.terms.slots = u32::try_from(bounds.slots).unwrap_or(u32::MAX);
                self.book.set_bounds(bounds);
            }
            Command::SetServices(services) => self.set_services(services),
            Command::Overview(answer) => reply(answer, Ok(self.overview())),
            Command::Wired => {
                let line = self.status_line();
                self.notify.ready(line);
            }
            Command::End => {
                self.notify.stopping(self.end_within());
                let now = self.now();
                self.book.end(now);
            }
        }
    }

    /// Whoever renews here hears at once how its service would be started now.
    fn set_services(&mut self, services: Vec<cluster::config::Service>) {
        self.book.set_drain_limits(drain_limits(&services));
        // Those that are gone may have leases still.
        let gone = |old: &cluster::config::Service| services.iter().all(|new| new.name != old.name);
        self.terms.services.retain(gone);
        self.terms.services.extend(services);
        self.to_notify.extend(self.lines.holders().cloned());
    }

    async fn reserve(&mut self, asked: Asked) -> Result<Result<Grant, Denial>, CallFault> {
        let Asked { holder, incarnation, request_id, reclaim } = asked;
        let (id, token) = (LeaseId(self.secrets.lease_id()?), Token::new(self.secrets.token()?));
        let now = self.now();
        let wish = Wish { holder: holder.clone(), incarnation, request_id, id: id.clone(), token, reclaim };
        let answer = self.book.reserve(now, wish);
        if let Err(fault) = self.settle().await {
            self.book.withdraw(&id);
            self.settle_or_log().await;
            return Err(fault);
        }
        // A reclaim is told of once, and not each time that its claimant asks whether the slot is free.
        if let Err(denial) = &answer
            && !denial.reclaiming
        {
            journal::denied(&holder, denial);
        }
        Ok(answer)
    }

    async fn call(&mut self, call: Call, lease: LeaseRef, answer: Answer<Done>) {
        let now = self.now();
        let progress = call.act(&mut self.book, now, &lease);
        self.settle_or_log().await;
        match progress {
            Poll::Ready(Err(refusal)) => reply(answer, Err(refusal.into())),
            // What is done at once is answered like what is done later.
            Poll::Ready(Ok(())) | Poll::Pending => {
                self.waiting.keep(call, lease, answer);
                self.answer_waiting();
            }
        }
    }

    async fn renew(&mut self, renewal: Renewal, sequence: u64, line: Line) {
        let (now, id, holder) = (self.now(), line.id, renewal.holder.clone());
        if self.book.renew(now, &renewal).is_err() {
            self.refuse_fenced(&renewal, sequence, &line);
        } else if self.lines.hear(line, renewal) {
            self.book.set_listening(&holder, true);
        } else {
            tracing::warn!(
                service = holder.service,
                front_end = holder.front_end,
                "renewal stream refused: too many are open"
            );
        }
        self.settle_or_log().await;
        self.speak(id, sequence);
    }

    /// On disk first: a restart must not forget what an operator was told.
    async fn set_maintenance(&mut self, wanted: Maintenance) -> Result<ToDrain, CallFault> {
        let maintenance = wanted != Maintenance::Off;
        self.save(Saved { maintenance, ..self.saved }).await?;
        let leases = self.book.leases().len();
        if self.book.maintenance() != maintenance {
            journal::maintenance(maintenance, leases);
        }
        self.book.set_maintenance(maintenance);
        let now = self.now();
        if wanted == Maintenance::DrainedNow {
            self.book.drain_now(now);
        }
        Ok(ToDrain { leases, notice: self.book.cuts_after(now) })
    }

    /// The holder's stream has ended, unless it has another one by now.
    fn stop_listening(&mut self, holder: Option<Holder>) {
        if let Some(holder) = holder
            && !self.lines.holders().any(|other| *other == holder)
        {
            self.book.set_listening(&holder, false);
        }
    }

    fn answer_waiting(&mut self) {
        let services = &self.services;
        self.waiting.answer(&self.book, |id| services.get(id).map_or_else(Done::default, done));
    }
}

/// What is to be said of a service when a call about its lease is done.
fn done(service: &Service) -> Done {
    let start_time = service.running.map_or(Duration::ZERO, |running| running.start_time);
    Done { start_time, entrance: service.entrance() }
}

/// What the service speaks where the node relays its requests, by this node's own file; `None` where
/// they come straight to it.
fn relayed(services: &[cluster::config::Service], name: &str) -> Option<Protocol> {
    let service = services.iter().find(|service| service.name == name)?;
    match (service.path, service.upstream) {
        (DataPath::Direct, _) => None,
        (DataPath::Relayed, UpstreamProtocol::H2c) => Some(Protocol::H2c),
        (DataPath::Relayed, UpstreamProtocol::Http1) => Some(Protocol::Http1),
    }
}

/// Where it is noted which services run: beside the saved epoch, for like that it must outlive the daemon.
pub(super) fn notes(terms: &Terms) -> PathBuf {
    terms.state_file.with_extension("running")
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests {
    use tokio::sync::watch;

    use super::*;
    use crate::gate::Gate;
    use crate::lease::Limits;

    #[tokio::test]
    async fn a_runner_that_fails_ends_the_owner_with_a_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let cluster = cluster::config::parse("cluster.toml", &cluster::config::sample(1, "")).unwrap();
        let terms = Terms {
            name: "n1".to_owned(),
            machine: [127, 0, 0, 1].into(),
            slots: 1,
            limits: Limits::of(&cluster, 1),
            services: Vec::new(),
            state_file: directory.path().join("state"),
        };
        let (roots, _) = watch::channel(Vec::new());
        let (_, figures) = watch::channel(crate::load::Figures::default());
        let surroundings = Surroundings { gate: Arc::new(Gate::default()), roots, figures };
        let mut owner = Owner::new(terms, surroundings).unwrap();
        owner.runners.spawn(async { panic!("out of luck") });
        let (_commands, receiver) = mpsc::channel(1);
        let ended = tokio::time::timeout(Duration::from_secs(20), owner.run(receiver)).await.unwrap();
        let said = ended.unwrap_err().to_string();
        assert!(said.starts_with("the task that ran a service failed: "), "{said}");
    }
}
