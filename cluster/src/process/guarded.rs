//! The daemon's side of a guard: its pipes, what it reports, and what it is ordered.
//!
//! One task owns the guard's process and its pipes, for as long as the guard lives; the handle
//! tells it what to do. It ends by itself, within bounds, once the handle is dropped.

use std::net::SocketAddr;
use std::time::Duration;

use rustix::process::Pid;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::net::unix::pipe::{Receiver, Sender};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, info, warn};

use super::holder::Holder;
use super::note::Note;
use super::started::Started;
use super::words::Words;
use super::{Spec, StartFault};
use crate::guard::wire::{Order, Report};
use crate::starter::mark::Mark;

/// A guard that has not ended everything this long after the grace is itself killed. It needs 4 s
/// for a whole end without an order.
pub(super) const GUARD_PATIENCE: Duration = Duration::from_secs(5);

/// How often what a lost guard left behind is killed, at first and later on: what has not ended by
/// then cannot, for the time being.
pub(super) const KILL_ROUND: Duration = Duration::from_millis(20);
pub(super) const KILL_ROUND_MAX: Duration = Duration::from_secs(1);

/// How much of a service's output is read at a time, and how many such pieces a pipe holds, 64 KiB
/// by default, with room to spare.
const PIECE_BYTES: usize = 8 * 1024;
const PIPE_PIECES: usize = 16;

/// How far a service is in its life.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Life {
    /// The guard has not said anything yet.
    Starting,
    /// The main process runs.
    Running { pid: u32 },
    /// The main process ended, or is being ended; others of the service may be left.
    Ended(End),
    /// No process of the service is left.
    Gone(End),
}

/// How a service came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum End {
    /// It never ran: the system's error number.
    NotRun(i32),
    /// Nobody told it to.
    ByItself { how: String, words: String },
    /// It was told to.
    Ordered,
    /// Its guard was killed, and it with it.
    GuardLost,
}

/// What the task is to do. It only goes up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wish {
    Run,
    /// End everything with this grace.
    End(Duration),
}

/// A service under its guard. Dropped, it is ended as though the daemon were dead.
#[derive(Debug)]
pub(super) struct Guarded {
    pid: u32,
    wish: watch::Sender<Wish>,
    life: watch::Receiver<Life>,
    exited: watch::Receiver<Option<String>>,
}

/// What the task owns.
struct Keeper {
    service: String,
    holder: Holder,
    orders: Option<Sender>,
    reports: Lines<BufReader<Receiver>>,
    output: Option<Receiver>,
    words: Words,
    wish: watch::Receiver<Wish>,
    life: watch::Sender<Life>,
    exited: watch::Sender<Option<String>>,
    main: Option<Pid>,
    /// What every process of the service has in its environment.
    mark: Mark,
    /// For the daemon's next life, where it is noted.
    note: Option<Note>,
    /// The guard said so; it ends next.
    is_all_gone: bool,
    /// When the guard is killed for not having ended everything.
    patience_until: Option<Instant>,
}

impl Guarded {
    /// Starts the service at that address under a guard: as a unit of its own where there is a starter, and
    /// else below us. The note is erased once nothing of the service is left.
    pub(super) async fn start(
        spec: &Spec,
        address: SocketAddr,
        note: Option<Note>,
    ) -> Result<Self, StartFault> {
        let mark = note.as_ref().map_or_else(Mark::new, Note::mark);
        match Started::new(spec, address, mark, note.as_ref()).await {
            Ok(started) => Ok(Self::keep(&spec.service, started, mark, note)),
            Err(fault) => {
                note.into_iter().for_each(Note::erase);
                Err(fault)
            }
        }
    }

    fn keep(service: &str, started: Started, mark: Mark, note: Option<Note>) -> Self {
        let Started { holder, pid, pipes } = started;
        let (wish_in, wish) = watch::channel(Wish::Run);
        let (life, life_out) = watch::channel(Life::Starting);
        let (exited, exited_out) = watch::channel(None);
        let keeper = Keeper {
            service: service.to_owned(),
            holder,
            orders: Some(pipes.orders),
            reports: BufReader::new(pipes.reports).lines(),
            output: Some(pipes.output),
            words: Words::new(service),
            wish,
            life,
            exited,
            main: None,
            mark,
            note,
            is_all_gone: false,
            patience_until: None,
        };
        tokio::spawn(keeper.keep());
        Self { pid, wish: wish_in, life: life_out, exited: exited_out }
    }

    /// The guard's own process.
    pub(super) fn pid(&self) -> u32 {
        self.pid
    }

    pub(super) fn life(&self) -> watch::Receiver<Life> {
        self.life.clone()
    }

    pub(super) fn exited(&self) -> watch::Receiver<Option<String>> {
        self.exited.clone()
    }

    /// Ends every process of the service, with this grace. Answers when none is left. The first wish
    /// counts.
    pub(super) async fn end(&self, grace: Duration) {
        self.wish.send_if_modified(|wish| {
            let is_first = *wish == Wish::Run;
            if is_first {
                *wish = Wish::End(grace);
            }
            is_first
        });
        // An error says that the task is gone, which it is only after the guard, or with the runtime.
        let _ = self.life.clone().wait_for(|life| matches!(life, Life::Gone(_))).await;
    }
}

impl Keeper {
    /// Serves the guard until it ends, then makes sure that the service has ended as well.
    async fn keep(mut self) {
        let mut bytes = vec![0; PIECE_BYTES];
        let mut is_wish_open = true;
        loop {
            let patience_until = self.patience_until;
            tokio::select! {
                line = self.reports.next_line() => match line {
                    Ok(Some(line)) => self.take_report(&line),
                    Ok(None) | Err(_) => break,
                },
                count = read(&mut self.output, &mut bytes), if self.output.is_some() => self.take_output(&bytes[..count]),
                changed = self.wish.changed(), if is_wish_open => {
                    is_wish_open = changed.is_ok();
                    self.take_wish(changed.is_ok()).await;
                }
                () = sleep_until(patience_until.unwrap_or_else(Instant::now)), if patience_until.is_some() => {
                    error!(service = self.service, "the guard did not end the service in time and is killed");
                    break;
                }
            }
        }
        self.finish().await;
    }

    fn take_report(&mut self, line: &str) {
        match line.parse() {
            Ok(Report::Pid(pid)) => {
                self.main = i32::try_from(pid).ok().and_then(Pid::from_raw);
                debug!(service = self.service, pid, "service started");
                self.life.send_replace(Life::Running { pid });
            }
            Ok(Report::NotRun(number)) => self.ended(End::NotRun(number)),
            Ok(Report::Exited(status)) => self.main_ended(format!("exited with status {status}")),
            Ok(Report::Signal(signal)) => self.main_ended(format!("was killed by signal {signal}")),
            Ok(Report::Gone) => self.is_all_gone = true,
            Err(garbled) => warn!(service = self.service, line, %garbled, "the guard said something else"),
        }
    }

    /// What the service wrote; nothing more will come after an empty piece.
    fn take_output(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            self.output = None;
        }
        self.words.take(bytes);
    }

    /// A wish, or the end of whoever could wish.
    async fn take_wish(&mut self, is_wish: bool) {
        let wish = *self.wish.borrow_and_update();
        let grace = match wish {
            Wish::Run if is_wish => return,
            Wish::Run => None,
            Wish::End(grace) => is_wish.then_some(grace),
        };
        self.be_patient(grace.unwrap_or_default());
        if matches!(*self.life.borrow(), Life::Starting | Life::Running { .. }) {
            self.ended(End::Ordered);
        }
        match (grace, &mut self.orders) {
            (Some(grace), Some(orders)) => {
                // A guard that is gone needs no order, and its end is seen on the reports.
                let _ = orders.write_all(format!("{}\n", Order::Stop(grace)).as_bytes()).await;
            }
            (Some(_) | None, _) => self.orders = None,
        }
    }

    /// The main process ended; unless it was told to, this is news.
    fn main_ended(&mut self, how: String) {
        // What it wrote before its end is in the pipe by now, whichever of the two is seen first.
        self.drain_output();
        if matches!(*self.life.borrow(), Life::Ended(_) | Life::Gone(_)) {
            info!(service = self.service, how, "service ended");
            return;
        }
        self.words.finish();
        self.ended(End::ByItself { how, words: self.words.last() });
    }

    /// From here on the guard has this long and `GUARD_PATIENCE` to end everything, if not less.
    fn be_patient(&mut self, grace: Duration) {
        let until = Instant::now() + grace + GUARD_PATIENCE;
        self.patience_until = Some(self.patience_until.map_or(until, |set| set.min(until)));
    }

    fn ended(&mut self, end: End) {
        if let End::ByItself { how, words } = &end {
            warn!(service = self.service, how, "service ended by itself");
            let news = if words.is_empty() { how.clone() } else { format!("{how}: {words}") };
            self.exited.send_replace(Some(news));
            self.be_patient(Duration::ZERO);
        }
        self.life.send_replace(Life::Ended(end));
    }

    fn end_so_far(&self) -> End {
        match &*self.life.borrow() {
            Life::Ended(end) | Life::Gone(end) => end.clone(),
            Life::Starting | Life::Running { .. } => End::GuardLost,
        }
    }

    /// Reads what is in the pipe and does not wait for more. It asks the pipe and not the runtime,
    /// which may not have heard of it yet.
    fn drain_output(&mut self) {
        let mut bytes = [0; PIECE_BYTES];
        for _ in 0..PIPE_PIECES {
            let Some(output) = &self.output else { return };
            match rustix::io::read(output, &mut bytes) {
                Ok(count) => self.take_output(&bytes[..count]),
                Err(_) => return,
            }
        }
    }

    /// The guard is gone, or is to go. If it did not say that all is over, nobody but us is left to
    /// end the service.
    async fn finish(mut self) {
        self.drain_output();
        self.words.finish();
        if !self.is_all_gone || !self.holder.sees_guard_end().await {
            self.holder.end(&self.service, &self.mark.to_string(), self.main).await;
        }
        self.note.take().into_iter().for_each(Note::erase);
        let end = self.end_so_far();
        if end == End::GuardLost {
            error!(service = self.service, "the guard of the service was killed, so the service was as well");
            self.exited.send_replace(Some("was killed with its guard process".to_owned()));
        }
        self.life.send_replace(Life::Gone(end));
    }
}

/// Reads a piece; an error is the end, as an empty piece is.
async fn read(output: &mut Option<Receiver>, bytes: &mut [u8]) -> usize {
    match output {
        Some(output) => output.read(bytes).await.unwrap_or(0),
        None => 0,
    }
}
