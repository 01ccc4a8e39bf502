//! Plays a case: the client's steps in order, then the follow-up that shows what became of the connection.
//! Nothing is judged here.

use std::time::Duration;

use crate::case::{Case, FOLLOW_UP, Link, Step, Upstream};
use crate::origin::{Log, Origin, Request};
use crate::wire::{Door, End, Framing, Received, Wire};

/// Interim replies that are passed over; more of them is a flood that nobody has bounded.
const INTERIM_MAX: usize = 500;

/// What was seen on both sides.
pub(crate) struct Observed {
    /// Replies to the requests of the case; one of status 0 stands for none.
    pub(crate) replies: Vec<Received>,
    pub(crate) fate: Fate,
    /// What a step waited for and did not see.
    pub(crate) unseen: Option<&'static str>,
    /// Requests the origin saw, the follow-up apart.
    pub(crate) requests: Vec<Request>,
    /// Bytes the origin read before or without the follow-up.
    pub(crate) raw: Vec<u8>,
    /// The connection of the first request, or of the first byte.
    pub(crate) link_is_ended: bool,
    pub(crate) link_took_follow_up: bool,
}

/// What became of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The follow-up was answered.
    Kept,
    Closed,
    /// It ended in the middle of a reply.
    Cut,
    /// Neither answered nor closed in time.
    Hung,
    /// The follow-up met another reply than its own.
    Mixed(u16),
}

/// Plays it against the proxy at the door, which forwards to the origin. No wait lasts longer than the
/// deadline.
pub(crate) fn play(case: &Case, door: &Door, origin: &Origin, deadline: Duration) -> Observed {
    let mut player = Player { case, origin, deadline, replies: Vec::new(), unseen: None, finished: false };
    let fate = match Wire::open(door, deadline) {
        Ok(mut wire) => player.run(&mut wire),
        Err(_) => Fate::Hung,
    };
    player.settle();
    origin.look(|log| observed(player.replies, fate, player.unseen, log))
}

struct Player<'a> {
    case: &'a Case,
    origin: &'a Origin,
    deadline: Duration,
    replies: Vec<Received>,
    unseen: Option<&'static str>,
    finished: bool,
}

impl Player<'_> {
    fn run(&mut self, wire: &mut Wire) -> Fate {
        for step in &self.case.steps {
            match step {
                Step::Send(bytes) => wire.send(bytes),
                Step::Read => self.read(wire),
                Step::OriginSees(bytes) => self.wait_for(bytes),
                Step::OriginSays(bytes) => self.origin.say(bytes),
                Step::Finish => {
                    wire.finish();
                    self.finished = true;
                }
            }
        }
        while self.replies.len() < self.case.want.replies.len() {
            self.read(wire);
        }
        self.follow_up(wire)
    }

    fn read(&mut self, wire: &mut Wire) {
        let want = &self.case.want;
        let bodiless = want.replies.get(self.replies.len()).is_some_and(|reply| reply.bodiless);
        for _ in 0..INTERIM_MAX {
            let reply = wire.reply(bodiless);
            let is_interim = reply.as_ref().is_some_and(|reply| (100..200).contains(&reply.status));
            if !(is_interim && want.interim_passed_over) {
                self.replies.push(reply.unwrap_or_default());
                return;
            }
        }
        self.replies.push(Received::default());
    }

    fn wait_for(&mut self, bytes: &'static str) {
        let seen = |log: &Log| {
            log.links.iter().any(|link| link.raw.windows(bytes.len()).any(|at| at == bytes.as_bytes()))
        };
        if !self.origin.wait(self.deadline, seen) {
            self.unseen = Some(bytes);
        }
    }

    fn follow_up(&self, wire: &mut Wire) -> Fate {
        if let Some(broken) = self.replies.iter().find_map(|reply| reply.broken) {
            return if broken == End::Deadline { Fate::Hung } else { Fate::Cut };
        }
        if self.replies.iter().any(|reply| reply.framing == Framing::Garbage) {
            return Fate::Mixed(0);
        }
        if wire.end().is_none() && !self.finished {
            wire.send(FOLLOW_UP.as_bytes());
        }
        let reply = if wire.end().is_none() { wire.reply(false) } else { None };
        match reply {
            Some(reply) if reply.broken == Some(End::Deadline) => Fate::Hung,
            Some(reply) if reply.status == 200 && reply.body.ends_with(b"/follow-up") => Fate::Kept,
            Some(reply) => Fate::Mixed(reply.status),
            None if wire.end() == Some(End::Deadline) => Fate::Hung,
            None => Fate::Closed,
        }
    }

    /// The origin learns of an end after the client does; the cases that ask for one wait for it.
    fn settle(&self) {
        match self.case.want.upstream {
            Upstream::NotWhole => {
                self.origin.wait(self.deadline, |log| {
                    log.links
                        .iter()
                        .all(|link| link.is_ended || link.requests.iter().all(|request| request.is_whole))
                });
            }
            Upstream::Nothing | Upstream::Saw(_) => {}
        }
        if self.case.want.link == Link::Ended {
            self.origin.wait(self.deadline, |log| first_link(log).is_none_or(|at| log.links[at].is_ended));
        }
    }
}

fn first_link(log: &Log) -> Option<usize> {
    let asked = |link: &crate::origin::Link| link.requests.iter().any(|request| !request.is_follow_up());
    log.links.iter().position(asked)
}

fn observed(replies: Vec<Received>, fate: Fate, unseen: Option<&'static str>, log: &Log) -> Observed {
    let first = first_link(log).map(|at| &log.links[at]);
    let raw = log
        .links
        .iter()
        .filter(|link| !link.requests.iter().all(Request::is_follow_up) || link.requests.is_empty());
    Observed {
        replies,
        fate,
        unseen,
        requests: log.requests().into_iter().cloned().collect(),
        raw: raw.flat_map(|link| &link.raw).copied().collect(),
        link_is_ended: first.is_some_and(|link| link.is_ended),
        link_took_follow_up: first.is_some_and(|link| link.requests.iter().any(Request::is_follow_up)),
    }
}
