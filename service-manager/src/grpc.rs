//! Translates the wire's words into the door's and back; decides nothing.

mod reloading;

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use arc_swap::ArcSwap;
use arc_swap::ArcSwapOption;
use cluster::config;
use cluster::daemon::Reloader;
use cluster::level::Level;
use cluster::tls::ServerCertificates;
use proto::service_manager as wire;
use proto::service_manager::service_manager_server::ServiceManager;
use relay::Relay;
use tokio::sync::{Mutex, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::task::TaskTracker;
use tonic::{Request, Response, Status};

pub(crate) use reloading::Reloading;

use crate::child_list::{Child, ChildSpec, ChildState, Refused};
use crate::door::{Door, PARTING_TIME};
use crate::fence::Fence;
use crate::load::{Listener, SAMPLES_MAX};
use crate::local::LocalCopy;
use crate::seat::Seat;
use crate::succession::successor::Upgrade;

/// The service-manager's control calls.
pub(crate) struct Control {
    /// The service's name.
    pub service: String,
    /// Where clients reach it.
    pub listen: Arc<ArcSwap<String>>,
    /// Where they speak TLS.
    pub tls_listen: Option<SocketAddr>,
    /// What they are shown there.
    pub certificates: Option<ServerCertificates>,
    /// Who serves.
    pub door: Arc<Door>,
    /// The workers.
    pub relay: Arc<Relay>,
    /// The local copy.
    pub local: Arc<LocalCopy>,
    /// How the nodes' copies are run, as the load-manager told it last.
    pub(crate) commands: Arc<ArcSwapOption<wire::Commands>>,
    /// Where a stream of load is asked for.
    pub listeners: mpsc::Sender<Listener>,
    /// What came of its file.
    pub reloader: Reloader,
    /// When the daemon started.
    pub born: Instant,
    /// One list at a time is put in force.
    pub(crate) setting: Arc<Mutex<Fence>>,
    /// Children that have left and whose tunnels are given time to say goodbye.
    pub(crate) partings: TaskTracker,
    /// Starts a successor.
    pub(crate) upgrade: Arc<Upgrade>,
}

#[tonic::async_trait]
impl ServiceManager for Control {
    type WatchLoadStream = tokio_stream::adapters::Map<
        ReceiverStream<wire::LoadSample>,
        fn(wire::LoadSample) -> Result<wire::LoadSample, Status>,
    >;

    async fn set_child_list(
        &self,
        request: Request<wire::SetChildListRequest>,
    ) -> Result<Response<wire::ChildListApplied>, Status> {
        let wire::SetChildListRequest { generation, children, incarnation, commands, learned_capacity } =
            request.into_inner();
        let specs = children.into_iter().map(spec).collect::<Result<Vec<_>, _>>()?;
        distinct(&specs)?;
        // A caller that goes away half-way must not leave connections of those who left open.
        let put = put_in_force(
            Arc::clone(&self.setting),
            Arc::clone(&self.door),
            Arc::clone(&self.relay),
            self.partings.clone(),
            incarnation,
            generation,
            specs,
        );
        let refused = tokio::spawn(put).await.map_err(|fault| Status::internal(fault.to_string()))?;
        refused?;
        self.commands.store(commands.map(Arc::new));
        self.door.suggest(learned_capacity);
        Ok(Response::new(wire::ChildListApplied { generation }))
    }

    async fn get_child_list(
        &self,
        request: Request<wire::GetChildListRequest>,
    ) -> Result<Response<wire::ChildList>, Status> {
        // Not while a list is put in force: what is answered is what the asker goes on from.
        pass(&mut *self.setting.lock().await, request.into_inner().incarnation)?;
        let list = self.door.list();
        let children = list.children.iter().map(|child| child_message(&child.spec)).collect();
        Ok(Response::new(wire::ChildList { generation: list.generation, children }))
    }

    async fn watch_load(
        &self,
        _request: Request<wire::WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        let (listener, samples) = mpsc::channel(SAMPLES_MAX);
        let gone = |_| Status::unavailable("the service-manager is going down");
        self.listeners.send(listener).await.map_err(gone)?;
        let ok: fn(wire::LoadSample) -> Result<wire::LoadSample, Status> = Ok;
        Ok(Response::new(tokio_stream::StreamExt::map(ReceiverStream::new(samples), ok)))
    }

    async fn upgrade(
        &self,
        _request: Request<wire::UpgradeRequest>,
    ) -> Result<Response<wire::UpgradeReply>, Status> {
        let upgrade = Arc::clone(&self.upgrade);
        // It goes on to one end or the other, whether or not somebody waits for the answer.
        let tried = tokio::spawn(async move { upgrade.run().await });
        let pid = tried.await.map_err(|fault| Status::internal(fault.to_string()))?;
        let pid = pid.map_err(Status::failed_precondition)?;
        Ok(Response::new(wire::UpgradeReply { pid, predecessor: std::process::id() }))
    }

    async fn status(
        &self,
        _request: Request<wire::StatusRequest>,
    ) -> Result<Response<wire::StatusReply>, Status> {
        let list = self.door.list();
        let counters = self.relay.counters();
        Ok(Response::new(wire::StatusReply {
            service: self.service.clone(),
            listen: self.listen.load().as_ref().clone(),
            generation: list.generation,
            local: Some(self.local_status()),
            children: list.children.iter().map(|child| self.child_status(child)).collect(),
            queued: self.door.queued() as u32,
            requests: counters.requests,
            refused: counters.refused,
            retries: counters.retries,
            uptime_ms: self.born.elapsed().as_millis() as u64,
            connections: counters.connections_open as u32,
            tls_listen: self.tls_listen.map(|address| address.to_string()).unwrap_or_default(),
            certificate_expires_unix_s: self.certificates.as_ref().map(|shown| unix_s(shown.expires())),
            config_digest: config::newest_digest(),
            config_words: self.reloader.last().words(),
            learned_capacity: self.door.learned().unwrap_or_default(),
            has_learned: self.door.has_learned(),
        }))
    }
}

/// Before 1970 there were none.
fn unix_s(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Lets a load-manager through that is the newest, and is not to ask the successor of this process.
fn pass(fence: &mut Fence, incarnation: u64) -> Result<(), Status> {
    if fence.is_given_up() {
        return Err(Status::unavailable("another process has taken over; ask again"));
    }
    fence.pass(incarnation).map_err(|fenced| Status::failed_precondition(fenced.to_string()))
}

/// Sets the list, waits until every worker picks by it, and closes what it leaves behind.
async fn put_in_force(
    setting: Arc<Mutex<Fence>>,
    door: Arc<Door>,
    relay: Arc<Relay>,
    partings: TaskTracker,
    incarnation: u64,
    generation: u64,
    specs: Vec<ChildSpec>,
) -> Result<(), Status> {
    let mut one_at_a_time = setting.lock().await;
    pass(&mut one_at_a_time, incarnation)?;
    let refuse = |refused: Refused| Status::failed_precondition(refused.to_string());
    let left = door.set_list(generation, specs).map_err(refuse)?;
    relay.barrier().await;
    door.settle(generation);
    if let Some(left) = left {
        let list = door.list();
        let parting = left.close(&list);
        if !parting.is_empty() {
            partings.spawn(async move {
                tokio::time::sleep(PARTING_TIME).await;
                parting.iter().for_each(|upstream| upstream.close());
            });
        }
        tracing::info!(generation, children = %names(&list.children), "child_list");
    }
    Ok(())
}

/// Each lease is counted by its id: none may be there twice or be empty.
fn distinct(specs: &[ChildSpec]) -> Result<(), Status> {
    let mut known = HashSet::new();
    match specs.iter().find(|spec| spec.lease_id.is_empty() || !known.insert(&spec.lease_id)) {
        None => Ok(()),
        Some(spec) => Err(Status::invalid_argument(format!(
            "child {:?}: lease_id {:?} must be set and be there only once",
            spec.node, spec.lease_id
        ))),
    }
}

impl Control {
    fn local_status(&self) -> wire::LocalStatus {
        let (view, seat) = (self.local.view(), self.door.local());
        let upstream = seat.upstream();
        let (out_reason, out_ms) = out_words(seat);
        wire::LocalStatus {
            state: if out_reason.is_empty() { view.state } else { "out" }.to_owned(),
            detail: view.detail,
            address: view.address.map(|address| address.to_string()).unwrap_or_default(),
            in_flight: upstream.as_ref().map_or(0, |upstream| upstream.in_flight()),
            capacity: seat.capacity() as u32,
            level: self.level(seat).to_string(),
            served: seat.served(),
            pid: view.pid,
            out_reason,
            out_ms,
            rollout: view.rollout,
        }
    }

    fn child_status(&self, child: &Child) -> wire::ChildStatus {
        let upstream = child.seat.upstream();
        let (out_reason, out_ms) = out_words(&child.seat);
        wire::ChildStatus {
            node: child.spec.node.clone(),
            address: child.spec.address.to_string(),
            state: state_name(child.spec.state).to_owned(),
            out: !out_reason.is_empty(),
            in_flight: upstream.as_ref().map_or(0, |upstream| upstream.in_flight()),
            long_lived: upstream.as_ref().map_or(0, |upstream| upstream.long_lived()),
            capacity: child.seat.capacity() as u32,
            level: self.level(&child.seat).to_string(),
            served: upstream.as_ref().map_or(0, |upstream| upstream.totals().served),
            out_reason,
            out_ms,
        }
    }

    fn level(&self, seat: &Seat) -> Level {
        let load = seat.upstream().map_or(0.0, |upstream| upstream.load());
        Level::of(load, seat.capacity(), self.door.rule().low, self.door.rule().high)
    }
}

/// Why who sits there is out, and for how many milliseconds; no word: it is in.
fn out_words(seat: &Seat) -> (String, u64) {
    seat.out()
        .map_or_else(Default::default, |out| (out.reason.name().to_owned(), out.lasted.as_millis() as u64))
}

fn state_name(state: ChildState) -> &'static str {
    match state {
        ChildState::Ready => "ready",
        ChildState::Jeopardy => "jeopardy",
        ChildState::Draining => "draining",
        ChildState::NotReady => "not ready",
    }
}

fn names(children: &[Child]) -> String {
    let name = |child: &Child| match child.spec.state {
        ChildState::Ready => child.spec.node.clone(),
        ChildState::Jeopardy => format!("{}(jeopardy)", child.spec.node),
        ChildState::Draining => format!("{}(draining)", child.spec.node),
        ChildState::NotReady => format!("{}(not ready)", child.spec.node),
    };
    format!("[{}]", children.iter().map(name).collect::<Vec<_>>().join(" "))
}

/// A child as the list has it.
pub(crate) fn spec(child: wire::Child) -> Result<ChildSpec, Status> {
    let bad = |what: String| Status::invalid_argument(format!("child {:?}: {what}", child.node));
    let address = child
        .address
        .parse()
        .map_err(|_| bad(format!("address {:?} must be ADDRESS:PORT", child.address)))?;
    if !(child.speed.is_finite() && child.speed > 0.0) {
        return Err(bad(format!("speed {} must be above 0", child.speed)));
    }
    let state = match child.state() {
        wire::ChildState::Ready => ChildState::Ready,
        wire::ChildState::Jeopardy => ChildState::Jeopardy,
        wire::ChildState::Draining => ChildState::Draining,
        wire::ChildState::NotReady => ChildState::NotReady,
        wire::ChildState::Unspecified => return Err(bad("state must be set".to_owned())),
    };
    let wire::Child { node, lease_id, token, speed, epoch, .. } = child;
    let token = Some(token).filter(|token| !token.is_empty());
    Ok(ChildSpec { node, lease_id, epoch, address, token, speed, state })
}

/// A child as the wire has it.
pub(crate) fn child_message(spec: &ChildSpec) -> wire::Child {
    wire::Child {
        node: spec.node.clone(),
        lease_id: spec.lease_id.clone(),
        address: spec.address.to_string(),
        token: spec.token.clone().unwrap_or_default(),
        speed: spec.speed,
        state: state_message(spec.state).into(),
        epoch: spec.epoch,
    }
}

fn state_message(state: ChildState) -> wire::ChildState {
    match state {
        ChildState::Ready => wire::ChildState::Ready,
        ChildState::Jeopardy => wire::ChildState::Jeopardy,
        ChildState::Draining => wire::ChildState::Draining,
        ChildState::NotReady => wire::ChildState::NotReady,
    }
}

#[cfg(test)]
mod tests;
