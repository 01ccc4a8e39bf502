//! What a rollout looks at, and what can be said of it without knowing the rollout.

use cluster::config::CommandDigest;

/// What a rollout looks at.
#[derive(Debug, Clone)]
pub(in crate::holder) struct Scene<'a> {
    /// The command that is to run.
    pub(in crate::holder) command: CommandDigest,
    /// The nodes of the pool, in the order in which they are tried.
    pub(in crate::holder) nodes: Vec<Seen<'a>>,
    /// Whether one more may be held for a while.
    pub(in crate::holder) has_room: bool,
    /// Why nothing may be begun now; `None`: it may.
    pub(in crate::holder) pressure: Option<&'static str>,
}

/// One node.
#[derive(Debug, Clone, Copy)]
pub(in crate::holder) struct Seen<'a> {
    /// Which.
    pub(in crate::holder) node: usize,
    /// Its name.
    pub(in crate::holder) name: &'a str,
    /// Where it stands.
    pub(in crate::holder) stands: Stands,
    /// Of the command that runs there; `None`: not known.
    pub(in crate::holder) runs: Option<CommandDigest>,
    /// Of the one that it would start; `None`: not known.
    pub(in crate::holder) starts: Option<CommandDigest>,
    /// Long-lived requests there, and all: who has the fewest goes first.
    pub(in crate::holder) busy: (u32, u32),
}

/// Where a node stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::holder) enum Stands {
    /// It would be granted.
    Free,
    /// It is on its way in.
    Starting,
    /// It takes requests.
    Serving,
    /// It is ready and takes none.
    StandingBy,
    /// It is on its way out.
    Leaving {
        /// Whether that can be taken back.
        can_return: bool,
    },
    /// It is of no use now.
    Elsewhere,
}

impl Scene<'_> {
    /// The copy to be replaced first: those that stand by, then who has the fewest requests to end.
    pub(super) fn first_outdated(&self) -> Option<&Seen<'_>> {
        let order = |seen: &&Seen<'_>| (seen.stands != Stands::StandingBy, seen.busy);
        self.nodes.iter().filter(|seen| self.is_old(seen)).min_by_key(order)
    }

    pub(super) fn is_outdated(&self, node: usize) -> bool {
        self.nodes.iter().any(|seen| seen.node == node && self.is_old(seen))
    }

    /// Whether it is held, runs another command, and would start this one.
    fn is_old(&self, seen: &Seen<'_>) -> bool {
        let is_ready = matches!(seen.stands, Stands::Serving | Stands::StandingBy);
        is_ready && seen.runs.is_some_and(|runs| runs != self.command) && seen.starts == Some(self.command)
    }

    /// One that would start the new command.
    pub(super) fn free(&self) -> Option<&Seen<'_>> {
        self.nodes.iter().find(|seen| seen.stands == Stands::Free && seen.starts == Some(self.command))
    }

    pub(super) fn on_the_way(&self) -> Option<&Seen<'_>> {
        self.nodes.iter().find(|seen| matches!(seen.stands, Stands::Starting | Stands::Leaving { .. }))
    }

    fn seen(&self, node: usize) -> Option<&Seen<'_>> {
        self.nodes.iter().find(|seen| seen.node == node)
    }

    pub(super) fn stands(&self, node: usize) -> Stands {
        self.seen(node).map_or(Stands::Elsewhere, |seen| seen.stands)
    }

    pub(super) fn runs(&self, node: usize) -> Option<CommandDigest> {
        self.seen(node).and_then(|seen| seen.runs)
    }

    pub(super) fn name(&self, node: usize) -> &str {
        self.seen(node).map_or("a node that is gone", |seen| seen.name)
    }

    /// Copies that run the front end's command, and those that run another.
    pub(super) fn counts(&self) -> (u32, u32) {
        let running = || self.nodes.iter().filter_map(|seen| seen.runs);
        let new = running().filter(|runs| *runs == self.command).count();
        (new as u32, (running().count() - new) as u32)
    }

    pub(super) fn count(&self) -> String {
        let (new, old) = self.counts();
        format!("{new} of {} run the new command", new + old)
    }

    /// Those that run another command and would start another one again.
    pub(super) fn others(&self) -> String {
        let is_other = |seen: &&Seen<'_>| {
            seen.runs.is_some_and(|runs| runs != self.command) && seen.starts != Some(self.command)
        };
        let names: Vec<_> = self.nodes.iter().filter(is_other).map(|seen| seen.name).collect();
        match names.as_slice() {
            [] => "what is silent or on its way out".to_owned(),
            [name] => format!("{name}, whose cluster.toml has another command than the front end's"),
            names => {
                format!("{}, whose cluster.toml have another command than the front end's", names.join(", "))
            }
        }
    }
}
