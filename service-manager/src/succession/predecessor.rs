//! The process that served before this one and started it: from it come the sockets and the child_list.

use std::fs::File;
use std::io::{Read, Seek};
use std::os::fd::OwnedFd;

use anyhow::{Context, bail};
use cluster::daemon::{Handover, Passed, Purpose};
use proto::Message;
use proto::service_manager::SetChildListRequest;
use tokio::time::timeout;

use super::{ADMIN, ALL, ANSWER_TIMEOUT, CONTROL, END, FIXED, GO, LIST, LISTENERS, READY, SECURED, SERVING};

/// The other process.
pub(crate) struct Predecessor {
    link: Handover,
    /// Those that still drained when it came to serve, or since.
    earlier: Vec<Handover>,
}

/// What it listened on.
pub(crate) struct Taken {
    /// For clients and for metrics.
    pub(crate) passed: Passed,
    /// The control socket and its lock.
    pub(crate) control: (OwnedFd, OwnedFd),
}

impl Predecessor {
    /// Of this process, where it was started by one.
    ///
    /// # Errors
    /// It went away, or said something else.
    pub(crate) async fn of_this_process() -> anyhow::Result<Option<(Self, Taken)>> {
        let Some(link) = Handover::taken()? else { return Ok(None) };
        let taken =
            timeout(ANSWER_TIMEOUT, take(&link)).await.context("the process before hands nothing over")??;
        Ok(Some((Self { link, earlier: Vec::new() }, taken)))
    }

    /// Answers when it is gone, or has given this process up; as long as it has nothing to say.
    pub(crate) async fn gone(&self) {
        while self.link.hear().await.is_ok() {}
    }

    /// Says that this process could serve; answers the child_list that it is to go on with. From here on the
    /// other one takes no new list.
    pub(crate) async fn list(&self) -> anyhow::Result<SetChildListRequest> {
        self.link.say(READY, &[]).await?;
        let (word, mut files) =
            timeout(ANSWER_TIMEOUT, self.link.hear()).await.context("no child_list came")??;
        let (LIST, Some(file)) = (word, files.pop()) else { bail!("{word} came for a child_list") };
        let mut bytes = Vec::new();
        let mut file = File::from(file);
        file.rewind()?;
        file.read_to_end(&mut bytes)?;
        Ok(SetChildListRequest::decode(bytes.as_slice())?)
    }

    /// Says that this process serves, and waits until the other one goes.
    pub(crate) async fn relieve(&mut self) {
        let told = self.link.say(SERVING, &[]).await;
        let heard = timeout(ANSWER_TIMEOUT, self.link.hear()).await;
        match (told, heard) {
            (Ok(()), Ok(Ok((GO, files)))) => {
                self.earlier = files.into_iter().filter_map(|file| Handover::passed_on(file).ok()).collect();
            }
            // Had it given this process up, it would have ended it.
            _ => tracing::warn!("the process before did not say that it goes"),
        }
    }

    /// It and all before it that have not ended, for the next one to end.
    pub(crate) fn all(&self) -> impl Iterator<Item = &Handover> {
        std::iter::once(&self.link).chain(&self.earlier).filter(|link| !link.is_gone())
    }

    /// This process ends, and with it what those before it still have.
    pub(crate) async fn end(&self) {
        for link in self.all() {
            // It has ended already when nobody hears it.
            let _ = timeout(ANSWER_TIMEOUT, link.say(END, &[])).await;
        }
    }
}

async fn take(link: &Handover) -> anyhow::Result<Taken> {
    let mut sockets = Vec::new();
    let (mut control, mut is_fixed) = (None, false);
    loop {
        let (word, files) = link.hear().await?;
        match word {
            LISTENERS => sockets.extend(files.into_iter().map(|file| (Purpose::Http, file))),
            SECURED => sockets.extend(files.into_iter().map(|file| (Purpose::Https, file))),
            ADMIN => sockets.extend(files.into_iter().map(|file| (Purpose::Admin, file))),
            CONTROL => {
                let mut files = files.into_iter();
                control = files.next().zip(files.next());
            }
            FIXED => is_fixed = true,
            ALL => break,
            other => bail!("{other} came for a socket"),
        }
    }
    let control = control.context("no control socket came")?;
    Ok(Taken { passed: Passed::handed(sockets, is_fixed)?, control })
}
