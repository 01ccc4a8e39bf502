//! A copy of a service in a unit of systemd's: asked for at the starter's socket, and the guard in it given the
//! same pipes as one that is our child. What the starter makes of it is in `starter`.

use std::env;
use std::io::{self, ErrorKind, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::thread;
use std::time::Duration;

use rustix::process::geteuid;
use tokio::sync::oneshot;
use tokio::time::sleep;
use tracing::{error, warn};

use super::guarded::{KILL_ROUND, KILL_ROUND_MAX};
use crate::backoff::Backoff;
use crate::config::{ProcessLimits, Service};
use crate::starter::mark::Mark;
use crate::starter::wire::{Answer, Request, Start};
use crate::starter::{User, files};

/// Where the starter's socket is, if services are to be units of their own. The shipped units say so.
pub(crate) const STARTER_VARIABLE: &str = "ACCORDION_STARTER";

/// The starter gives a guard 10 s and systemd 4 s to end one.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// A sentence; longer is no answer.
const ANSWER_BYTES_MAX: u64 = 4096;

/// Looked for once, for the whole life of the process.
static STARTER: OnceLock<Option<PathBuf>> = OnceLock::new();

/// The unit of one copy.
#[derive(Debug)]
pub(super) struct Unit {
    starter: PathBuf,
    service: String,
    mark: Mark,
}

/// Where copies are asked for; `None`: they are started under guards of our own.
pub(super) fn starter() -> Option<&'static Path> {
    let found = || env::var_os(STARTER_VARIABLE).filter(|path| !path.is_empty()).map(PathBuf::from);
    STARTER.get_or_init(found).as_deref()
}

/// Copies are asked for there, whatever the environment says. For tests; the first call in a process wins.
pub fn use_starter(path: PathBuf) {
    let _ = STARTER.set(Some(path));
}

/// Says once, in a daemon's log, which keys of these services mean nothing here because no starter starts them.
pub fn tell_what_does_not_apply<'a>(services: impl IntoIterator<Item = &'a Service>) {
    if starter().is_some() {
        return;
    }
    let uid = geteuid().as_raw();
    let names = concerned(services, |name| User::of(name).is_ok_and(|user| user.uid == uid));
    if !names.is_empty() {
        warn!(
            services = names.join(" "),
            "user and limits of cluster.toml do not apply here: only systemd can start a service as another user and \
             with limits, by the units of the package; these services run as this daemon's own user, without limits"
        );
    }
}

/// Whether keys of this service mean nothing where we start it, because no starter does.
pub fn does_not_apply(service: &Service) -> bool {
    let uid = geteuid().as_raw();
    let is_us = |name: &str| User::of(name).is_ok_and(|user| user.uid == uid);
    starter().is_none() && !concerned([service], is_us).is_empty()
}

/// The services with limits, and those that are to run as somebody else than us.
fn concerned<'a>(
    services: impl IntoIterator<Item = &'a Service>,
    is_us: impl Fn(&str) -> bool,
) -> Vec<&'a str> {
    let is_concerned = |service: &&Service| {
        let is_other = service.user.as_deref().is_some_and(|user| !is_us(user));
        is_other || service.limits != ProcessLimits::default()
    };
    services.into_iter().filter(is_concerned).map(|service| service.name.as_str()).collect()
}

impl Unit {
    /// Has the copy started; answers with the process that is its guard.
    pub(super) async fn start(
        starter: &Path,
        start: Start,
        files: [OwnedFd; 3],
    ) -> Result<(Self, u32), String> {
        let unit = Self { starter: starter.to_owned(), service: start.service.clone(), mark: start.mark };
        match unit.ask(Request::Start(start), files.into()).await? {
            Answer::Started(pid) => Ok((unit, pid)),
            Answer::Fault(fault) => Err(fault),
            Answer::Ended => Err("the starter answered something else".to_owned()),
        }
    }

    /// What an earlier life of this daemon started.
    pub(super) fn of_earlier(starter: &Path, service: String, mark: Mark) -> Self {
        Self { starter: starter.to_owned(), service, mark }
    }

    /// Ends it at once, with all its processes. Without a bound: until then it is not gone.
    pub(super) async fn end(&self) {
        let mut rounds = Backoff::new(KILL_ROUND, KILL_ROUND_MAX);
        let mut is_told = false;
        loop {
            let request = Request::End { service: self.service.clone(), mark: self.mark };
            let fault = match self.ask(request, Vec::new()).await {
                Ok(Answer::Ended) => return,
                Ok(Answer::Fault(fault)) | Err(fault) => fault,
                Ok(Answer::Started(_)) => "the starter answered something else".to_owned(),
            };
            let pause = rounds.next();
            if pause == KILL_ROUND_MAX && !is_told {
                is_told = true;
                error!(service = self.service, "whether all of the service has ended is not known: {fault}");
            }
            sleep(pause).await;
        }
    }

    /// By a thread of its own, for which no end of a daemon waits.
    async fn ask(&self, request: Request, files: Vec<OwnedFd>) -> Result<Answer, String> {
        let starter = self.starter.clone();
        let (said, heard) = oneshot::channel();
        let asking = move || {
            let answer = ask(&starter, &request, files).map_err(|error| words(&starter, &error));
            // Nobody hears it where the start was given up.
            let _ = said.send(answer);
        };
        let thread = thread::Builder::new().name("starter".to_owned()).spawn(asking);
        thread.map_err(|error| format!("no thread to ask for it: {error}"))?;
        heard.await.map_err(|_| "the thread that asked for it failed".to_owned())?
    }
}

fn ask(starter: &Path, request: &Request, files: Vec<OwnedFd>) -> io::Result<Answer> {
    let stream = UnixStream::connect(starter)?;
    stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
    stream.set_write_timeout(Some(ANSWER_TIMEOUT))?;
    let borrowed: Vec<BorrowedFd<'_>> = files.iter().map(AsFd::as_fd).collect();
    files::send(&stream, &format!("{request}\n"), &borrowed)?;
    // The guard's ends are to be the guard's alone, so that its end is seen.
    drop(files);
    let mut answer = String::new();
    stream.take(ANSWER_BYTES_MAX).read_to_string(&mut answer)?;
    answer.parse().map_err(|_| io::Error::new(ErrorKind::InvalidData, format!("it answered {answer:?}")))
}

fn words(starter: &Path, error: &io::Error) -> String {
    let starter = starter.display();
    match error.kind() {
        ErrorKind::NotFound | ErrorKind::ConnectionRefused => {
            format!("nobody listens on {starter}: systemctl start accordion-starter.socket")
        }
        _ => format!("{starter} gave no answer: {error}; see journalctl -u 'accordion-starter@*'"),
    }
}

#[cfg(test)]
mod tests {
    use super::concerned;
    use crate::config;

    #[test]
    fn what_does_not_apply_is_another_user_and_a_limit() {
        let mut text = "[cluster]\nname = \"t\"\n".to_owned();
        let services = [
            ("plain", ""),
            ("ours", "user = \"us\""),
            ("others", "user = \"shop\""),
            ("small", "limits.tasks = 9"),
        ];
        for (number, (name, line)) in services.iter().enumerate() {
            text += &format!(
                "[service.{name}]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:808{number}\"\n\
                 command = [\"x\", \"{{port}}\"]\ncapacity = 8\n{line}\n"
            );
        }
        let cluster = config::parse("cluster.toml", &text).unwrap();
        assert_eq!(concerned(&cluster.services, |name| name == "us"), ["others", "small"]);
    }
}
