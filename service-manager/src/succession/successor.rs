//! The process that serves after this one: started here, given the sockets and the child_list, and either it
//! serves in its time or it is ended and this one goes on.
//!
//! Requests that this process still has at a node when the other one drains that node are not forgotten: a
//! drain ends when the node itself counts none, and the node counts those of both.

use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use arc_swap::ArcSwap;
use cluster::daemon::{Handover, Program};
use proto::Message;
use proto::service_manager::SetChildListRequest;
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::process::parent_process_death_signal;
use tokio::sync::{Mutex as Turn, MutexGuard, mpsc};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{
    ADMIN, ALL, ANSWER_TIMEOUT, CONTROL, END, FIXED, GO, LIST, LISTENERS, LISTENERS_PER_WORD, READY, SECURED,
    SERVING,
};
use crate::door::Door;
use crate::fence::Fence;
use crate::grpc;
use crate::succession::predecessor::Predecessor;

/// Beside the local copy's `start_timeout`.
const START_MARGIN: Duration = Duration::from_secs(15);

/// Processes that drain at a time; more upgrades within one `long_lived_timeout` are nobody's wish, and the oldest
/// of so many end without a goodbye.
const EARLIER_MAX: usize = 100;

/// Copies of what this process listens on. Kept only for a successor: they are dropped when it ends, so that it
/// leaves no port open.
pub(crate) struct Given {
    pub(crate) http: Vec<TcpListener>,
    pub(crate) https: Vec<TcpListener>,
    pub(crate) admin: Option<TcpListener>,
    pub(crate) control: OwnedFd,
    pub(crate) lock: OwnedFd,
    /// Whether those for clients are held by the daemon's starter as well.
    pub(crate) is_fixed: bool,
}

/// Starts a successor when it is asked for.
pub(crate) struct Upgrade {
    pub(crate) program: Program,
    /// None once the daemon ends.
    pub(crate) given: Mutex<Option<Given>>,
    pub(crate) door: Arc<Door>,
    pub(crate) setting: Arc<Turn<Fence>>,
    pub(crate) start_timeout: ArcSwap<Duration>,
    /// Who serves instead of this process.
    pub(crate) successors: mpsc::Sender<Successor>,
    pub(crate) one_at_a_time: Turn<()>,
    /// Nobody is started any more.
    pub(crate) end: CancellationToken,
}

/// A process that serves.
pub(crate) struct Successor {
    pub(crate) pid: u32,
    link: Handover,
}

impl Upgrade {
    /// Answers the successor's number once it serves.
    ///
    /// # Errors
    /// There is none, and this process goes on; in words for a person.
    pub(crate) async fn run(&self) -> Result<u32, String> {
        let Ok(_turn) = self.one_at_a_time.try_lock() else {
            return Err("an upgrade is under way already".to_owned());
        };
        if matches!(parent_process_death_signal(), Ok(Some(_))) {
            return Err("this service-manager lives and ends with `accordion up`; start that anew".to_owned());
        }
        let given = self.given.lock().expect("no holder panics").take();
        let Some(given) = given else { return Err("this service-manager is ending".to_owned()) };
        let tried = self.attempt(&given).await;
        if tried.is_err() && !self.end.is_cancelled() {
            // As it was: it goes on.
            self.given.lock().expect("no holder panics").replace(given);
        }
        tried
    }

    /// Nobody is started while the guard is kept; none where somebody is being started, or nobody will be.
    pub(crate) fn pause(&self) -> Option<MutexGuard<'_, ()>> {
        self.one_at_a_time.try_lock().ok()
    }

    /// From now on this process listens here for its clients.
    pub(crate) fn moved(&self, http: Vec<TcpListener>) {
        self.give(|given| given.http = http);
    }

    /// And here, or nowhere, for metrics.
    pub(crate) fn moved_admin(&self, admin: Option<TcpListener>) {
        self.give(|given| given.admin = admin);
    }

    fn give(&self, change: impl FnOnce(&mut Given)) {
        if let Some(given) = &mut *self.given.lock().expect("no holder panics") {
            change(given);
        }
    }

    /// Starts nobody any more, and gives up whoever does not serve yet.
    pub(crate) fn end(&self) {
        self.end.cancel();
        self.given.lock().expect("no holder panics").take();
    }

    async fn attempt(&self, given: &Given) -> Result<u32, String> {
        let (link, mut child) = self.program.start_successor().map_err(|error| error.to_string())?;
        let pid = child.id().unwrap_or_default();
        tracing::info!(pid, "a successor was started");
        let handed_over = tokio::select! {
            handed_over = self.hand_over(&link, given) => handed_over,
            () = self.end.cancelled() => Err("this service-manager is ending".to_owned()),
        };
        if let Err(words) = handed_over {
            tracing::error!(pid, "the successor does not serve, this process goes on: {words}");
            let ended = child.try_wait().ok().flatten();
            let _ = child.kill().await;
            let how = ended.map_or_else(String::new, |status| format!(" ({status})"));
            return Err(format!("the new process does not serve: {words}{how}; the old one goes on"));
        }
        tracing::info!(pid, "the successor serves");
        let successor = Successor { pid, link };
        // Nobody hears it only at the very end.
        self.successors.send(successor).await.map_err(|_| "this service-manager is ending".to_owned())?;
        Ok(pid)
    }

    async fn hand_over(&self, link: &Handover, given: &Given) -> Result<(), String> {
        given.say(link).await.map_err(gone)?;
        let ready_within = **self.start_timeout.load() + START_MARGIN;
        expect(link, READY, ready_within).await?;
        // No list is put in force from here on, and none at all when the other one has it.
        let mut fence = self.setting.lock().await;
        let list = self.door.list();
        let children = list.children.iter().map(|child| grpc::child_message(&child.spec)).collect();
        let state = SetChildListRequest {
            generation: list.generation,
            children,
            incarnation: fence.newest(),
            commands: None,
            // Also a guess: the number that was written before a reload.
            learned_capacity: self.door.learned().unwrap_or_default(),
        };
        let file = in_memory(&state.encode_to_vec()).map_err(gone)?;
        link.say(LIST, &[file.as_fd()]).await.map_err(gone)?;
        expect(link, SERVING, ANSWER_TIMEOUT).await?;
        fence.give_up();
        Ok(())
    }
}

impl Given {
    async fn say(&self, link: &Handover) -> io::Result<()> {
        for (word, listeners) in [(LISTENERS, &self.http), (SECURED, &self.https)] {
            for some in listeners.chunks(LISTENERS_PER_WORD) {
                let files: Vec<_> = some.iter().map(AsFd::as_fd).collect();
                link.say(word, &files).await?;
            }
        }
        if let Some(admin) = &self.admin {
            link.say(ADMIN, &[admin.as_fd()]).await?;
        }
        if self.is_fixed {
            link.say(FIXED, &[]).await?;
        }
        link.say(CONTROL, &[self.control.as_fd(), self.lock.as_fd()]).await?;
        link.say(ALL, &[]).await
    }
}

impl Successor {
    /// Tells it that this process serves nobody new, and gives it word of those before this one.
    pub(crate) async fn go(&self, predecessor: Option<&Predecessor>) {
        let earlier = predecessor.into_iter().flat_map(Predecessor::all).take(EARLIER_MAX);
        let earlier: Vec<_> = earlier.map(AsFd::as_fd).collect();
        if let Err(error) = self.link.say(GO, &earlier).await {
            tracing::warn!("the successor is gone: {error}");
        }
    }

    /// Answers when it is to end, and this process with it; never when it is only gone.
    pub(crate) async fn ends(&self) {
        loop {
            match self.link.hear().await {
                Ok((END, _)) => return,
                Ok(_) => {}
                Err(_) => std::future::pending().await,
            }
        }
    }
}

fn gone(error: io::Error) -> String {
    use io::ErrorKind::{BrokenPipe, ConnectionReset, UnexpectedEof};
    match error.kind() {
        UnexpectedEof | BrokenPipe | ConnectionReset => "it has ended".to_owned(),
        _ => error.to_string(),
    }
}

async fn expect(link: &Handover, wanted: u8, within: Duration) -> Result<(), String> {
    match timeout(within, link.hear()).await {
        Ok(Ok((word, _))) if word == wanted => Ok(()),
        Ok(Ok(_)) => Err("it says something else".to_owned()),
        Ok(Err(error)) => Err(gone(error)),
        Err(_) => Err(format!("it was not ready within {} s", within.as_secs())),
    }
}

/// A file that is nowhere: a list may be longer than a message.
fn in_memory(bytes: &[u8]) -> io::Result<File> {
    let mut file = File::from(memfd_create("child_list", MemfdFlags::CLOEXEC)?);
    file.write_all(bytes)?;
    Ok(file)
}
