//! The link to the service-manager of this front end: its counts come in, the child_list goes out.

use std::path::PathBuf;
use std::time::Duration;

use proto::service_manager as wire;
use proto::service_manager::service_manager_client::ServiceManagerClient;
use tokio::sync::{mpsc, watch};
use tonic::Code;
use tonic::transport::{Channel, Endpoint};

use crate::calls::{timed, words};
use crate::event::Event;
use crate::holder::Heard;

/// From one failed connect to the next; the socket is on this machine.
const RETRY_EVERY: Duration = Duration::from_millis(200);

/// How long the service-manager may take for an answer; its workers answer between two requests.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// The link to the service-manager.
pub(crate) struct Front {
    /// Its socket.
    pub socket: PathBuf,
    /// The number of this load-manager's life, by which one that slept is told from its successor.
    pub incarnation: u64,
    /// The list it should have in force, and what else it is told with that.
    pub wanted: watch::Receiver<wire::SetChildListRequest>,
    /// Where to tell.
    pub events: mpsc::Sender<Event>,
}

type Client = ServiceManagerClient<Channel>;

impl Front {
    /// Keeps the link up until the manager is gone.
    pub(crate) async fn keep(mut self) {
        loop {
            let told = self.session().await;
            if self.events.send(told).await.is_err() {
                return;
            }
            tokio::time::sleep(RETRY_EVERY).await;
        }
    }

    /// One connection from its start to its end, and how it ended.
    async fn session(&mut self) -> Event {
        let down = |words: String| Event::Heard(Heard::FrontDown(words));
        let endpoint = match Endpoint::from_shared(format!("unix://{}", self.socket.display())) {
            Ok(endpoint) => endpoint.connect_timeout(ANSWER_TIMEOUT),
            Err(fault) => return down(format!("{}: {fault}", self.socket.display())),
        };
        let Ok(channel) = endpoint.connect().await else {
            return down(format!("no service-manager answers on {}", self.socket.display()));
        };
        let mut client = Client::new(channel);
        match self.follow(&mut client).await {
            Ok(event) => event,
            Err(status) => down(words(&status)),
        }
    }

    async fn follow(&mut self, client: &mut Client) -> Result<Event, tonic::Status> {
        // From here on a new list is a change; the manager says it again after `FrontUp` where it must.
        self.wanted.borrow_and_update();
        let question = wire::GetChildListRequest { incarnation: self.incarnation };
        let list = match client.get_child_list(timed(question, ANSWER_TIMEOUT)).await {
            Ok(list) => list.into_inner(),
            Err(status) if status.code() == Code::FailedPrecondition => {
                return Ok(Event::Heard(Heard::Fenced(words(&status))));
            }
            Err(status) => return Err(status),
        };
        let mut samples = client.watch_load(wire::WatchLoadRequest {}).await?.into_inner();
        if self.events.send(Event::FrontUp(list)).await.is_err() {
            return Ok(Event::Heard(Heard::FrontDown("the load-manager is going down".to_owned())));
        }
        loop {
            tokio::select! {
                sample = samples.message() => match sample? {
                    Some(sample) => {
                        if self.events.send(Event::Sample(sample)).await.is_err() {
                            break;
                        }
                    }
                    None => break,
                },
                changed = self.wanted.changed() => {
                    if changed.is_err() {
                        break;
                    }
                    let told = self.set_list(client).await?;
                    if self.events.send(told).await.is_err() {
                        break;
                    }
                }
            }
        }
        Ok(Event::Heard(Heard::FrontDown("its stream of load ended".to_owned())))
    }

    async fn set_list(&mut self, client: &mut Client) -> Result<Event, tonic::Status> {
        let list = self.wanted.borrow_and_update().clone();
        match client.set_child_list(timed(list, ANSWER_TIMEOUT)).await {
            Ok(applied) => Ok(Event::Heard(Heard::ListApplied(applied.into_inner().generation))),
            Err(status) if status.code() == Code::FailedPrecondition => {
                Ok(Event::Heard(Heard::Fenced(words(&status))))
            }
            Err(status) => Err(status),
        }
    }
}
