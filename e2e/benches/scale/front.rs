//! A service-manager that proxies nothing: it puts each child_list in force at once, and counts what a load
//! of so many requests would be on the children of it.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use proto::service_manager as pb;
use proto::service_manager::service_manager_server::{ServiceManager, ServiceManagerServer};
use tokio::net::UnixListener;
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::transport::Server;
use tonic::{Request, Response, Status};

/// How long a request takes; so many of them end in a second as are in flight in this.
const SERVICE_TIME: Duration = Duration::from_millis(200);

/// As a service-manager has it: a sample a tick, and ten a second while requests wait, of which it keeps
/// no more than `queue_max`.
const SAMPLE_EVERY: Duration = Duration::from_secs(1);
const QUEUED_EVERY: Duration = Duration::from_millis(100);
const QUEUE_MAX: u32 = 1000;

/// The front door's stand-in; a clone is the same one.
#[derive(Clone)]
pub(crate) struct Front {
    state: Arc<State>,
}

struct State {
    /// What one child takes at a time.
    capacity: u32,
    /// Requests that are there.
    load: AtomicU32,
    list: watch::Sender<pb::ChildList>,
    /// Lists that were put in force.
    lists: AtomicU64,
}

impl Front {
    /// Listens on that socket. Its task ends with the runtime.
    pub(crate) fn listen(socket: &Path, capacity: u32) -> Self {
        let list = watch::Sender::new(pb::ChildList::default());
        let state = State { capacity, load: AtomicU32::new(0), list, lists: AtomicU64::new(0) };
        let front = Self { state: Arc::new(state) };
        let incoming = UnixListenerStream::new(UnixListener::bind(socket).expect("the directory is ours"));
        let server = Server::builder().add_service(ServiceManagerServer::new(front.clone()));
        tokio::spawn(server.serve_with_incoming(incoming));
        front
    }

    /// So many requests are there from now on.
    pub(crate) fn load(&self, requests: u32) {
        self.state.load.store(requests, Ordering::Relaxed);
    }

    /// Lists that were put in force so far.
    pub(crate) fn lists(&self) -> u64 {
        self.state.lists.load(Ordering::Relaxed)
    }

    /// Waits until so many children take requests.
    pub(crate) async fn wait_for_children(&self, count: usize, limit: Duration) {
        let mut lists = self.state.list.subscribe();
        let all = lists.wait_for(|list| ready(list).count() == count);
        let all = tokio::time::timeout(limit, all).await;
        assert!(all.is_ok(), "waited {limit:?} in vain for {count} children");
    }
}

impl State {
    /// What is counted in an interval that ends now; `beat` makes each a little different.
    fn sample(&self, interval: Duration, beat: u64) -> pb::LoadSample {
        let list = self.list.borrow();
        let children = u32::try_from(ready(&list).count()).unwrap_or(u32::MAX);
        let load = self.load.load(Ordering::Relaxed);
        let in_flight = load.min(children.max(1).saturating_mul(self.capacity));
        let each = in_flight / children.max(1);
        let ended = f64::from(in_flight) * interval.as_secs_f64() / SERVICE_TIME.as_secs_f64();
        let child = |(index, child): (usize, &pb::Child)| {
            let noise = (beat * 31 + index as u64 * 17) % 9;
            let count = each.saturating_add(noise as u32).saturating_sub(4);
            let is_ready = child.state() == pb::ChildState::Ready;
            pb::Load {
                node: child.node.clone(),
                lease_id: child.lease_id.clone(),
                in_flight_mean: if is_ready { f64::from(each) + noise as f64 * 0.1 } else { 0.0 },
                in_flight: if is_ready { count } else { 0 },
                ..Default::default()
            }
        };
        pb::LoadSample {
            interval_ms: interval.as_millis() as u64,
            generation: list.generation,
            in_flight_mean: f64::from(in_flight) * (1.0 + (beat % 5) as f64 * 0.001),
            arrivals: ended as u64,
            ended: ended as u64,
            service_time_sum_us: ended as u64 * SERVICE_TIME.as_micros() as u64,
            queued: (load - in_flight).min(QUEUE_MAX),
            local: Some(pb::Load::default()),
            local_ready: true,
            children: list.children.iter().enumerate().map(child).collect(),
            ..Default::default()
        }
    }
}

fn ready(list: &pb::ChildList) -> impl Iterator<Item = &pb::Child> {
    list.children.iter().filter(|child| child.state() == pb::ChildState::Ready)
}

#[tonic::async_trait]
impl ServiceManager for Front {
    type WatchLoadStream = ReceiverStream<Result<pb::LoadSample, Status>>;

    async fn set_child_list(
        &self,
        request: Request<pb::SetChildListRequest>,
    ) -> Result<Response<pb::ChildListApplied>, Status> {
        let pb::SetChildListRequest { generation, children, .. } = request.into_inner();
        self.state.list.send_replace(pb::ChildList { generation, children });
        self.state.lists.fetch_add(1, Ordering::Relaxed);
        Ok(Response::new(pb::ChildListApplied { generation }))
    }

    async fn get_child_list(
        &self,
        _: Request<pb::GetChildListRequest>,
    ) -> Result<Response<pb::ChildList>, Status> {
        Ok(Response::new(self.state.list.borrow().clone()))
    }

    async fn watch_load(
        &self,
        _: Request<pb::WatchLoadRequest>,
    ) -> Result<Response<Self::WatchLoadStream>, Status> {
        let (told, samples) = mpsc::channel(4);
        let state = Arc::clone(&self.state);
        tokio::spawn(async move {
            let mut interval = SAMPLE_EVERY;
            for beat in 0.. {
                tokio::time::sleep(interval).await;
                let sample = state.sample(interval, beat);
                interval = if sample.queued > 0 { QUEUED_EVERY } else { SAMPLE_EVERY };
                if told.send(Ok(sample)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(samples)))
    }

    async fn upgrade(&self, _: Request<pb::UpgradeRequest>) -> Result<Response<pb::UpgradeReply>, Status> {
        Err(Status::unimplemented("nobody asks it here"))
    }

    async fn status(&self, _: Request<pb::StatusRequest>) -> Result<Response<pb::StatusReply>, Status> {
        Err(Status::unimplemented("nobody asks it here"))
    }
}
