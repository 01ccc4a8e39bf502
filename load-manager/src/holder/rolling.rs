//! The rollout of a changed command carried out: what `rollout` looks at, and its steps in the holder's own
//! verbs. The decider is told of none of them as its own: no pause of its begins or ends with one.

use cluster::level::Level;

use super::rollout::{RolloutView, Scene, Seen, Stands, Step, Turn};
use super::{Cause, Holder, News};
use crate::decider::Fleet;
use crate::node::{Node, Stage};

impl Holder {
    /// One step, where one is due.
    pub(super) fn roll(&mut self) {
        if self.rollout.rests() && !self.has_outdated() {
            return;
        }
        let fleet = Fleet { share: self.due_share(), ..self.whole_fleet() };
        let mut rollout = std::mem::take(&mut self.rollout);
        let scene = Scene { has_room: self.decider.has_room(&fleet), ..self.scene() };
        let turn = rollout.next(&scene, |name| self.decider.spares(&fleet, name));
        self.rollout = rollout;
        let Turn { step, said } = turn;
        if let Some((nodes, sentence)) = said {
            self.say_of_rollout(&nodes, &sentence);
        }
        if let Some(step) = step {
            self.take_step(step);
        }
    }

    /// Copies that run the front end's command, and those that run another, as far as is known.
    pub fn copies_by_command(&self) -> (u32, u32) {
        let command = self.settings.command;
        let running = || self.nodes.iter().filter_map(|node| node.report.runs);
        let new = running().filter(|runs| *runs == command).count();
        (new as u32, (running().count() - new) as u32)
    }

    /// How far it is; `None`: every copy runs the command of the front end, as far as is known.
    pub fn rollout(&self) -> Option<RolloutView> {
        if self.rollout.rests() && !self.has_outdated() {
            return None;
        }
        self.rollout.view(&self.scene())
    }

    /// The new command did not get ready there. Answers whether that ends the rollout: no other node is to try
    /// it then.
    pub(super) fn stop_rollout(&mut self, node: usize, words: &str) -> bool {
        let mut rollout = std::mem::take(&mut self.rollout);
        let said = rollout.failed(&self.scene(), node, words);
        self.rollout = rollout;
        if let Some(sentence) = &said {
            self.say_of_rollout(&[node], sentence);
        }
        said.is_some()
    }

    fn say_of_rollout(&mut self, nodes: &[usize], sentence: &str) {
        self.tell(News::Rollout { words: sentence.to_owned() });
        self.note(Cause::Rollout, nodes, sentence);
    }

    fn take_step(&mut self, step: Step) {
        let name = |holder: &Self, node: usize| holder.nodes[node].name.clone();
        match step {
            Step::Add { by: node } | Step::StartAgain { node } => self.order_at(node),
            Step::Remove { old: node } => {
                let name = name(self, node);
                self.decider.let_go(&name);
                self.begin_drain(&name, "it runs an older command");
            }
            Step::Restart { node } => {
                let name = name(self, node);
                self.decider.let_go(&name);
                self.begin_drain(&name, "it runs an older command and is started again");
                self.nodes[node].restarts = matches!(self.nodes[node].stage, Stage::Draining(..));
            }
            Step::TakeBack { node } => {
                let name = name(self, node);
                self.take_back(&name);
            }
            Step::GiveUp { .. } => self.replace(),
        }
    }

    fn has_outdated(&self) -> bool {
        let command = self.settings.command;
        self.nodes.iter().any(|node| node.report.runs.is_some_and(|runs| runs != command))
    }

    /// Without what only the decider knows.
    fn scene(&self) -> Scene<'_> {
        let last = self.last.as_ref();
        let pressure = match last {
            _ if !self.has_data(self.now) => Some("the service-manager's counts do not arrive"),
            None => Some("nothing is decided yet"),
            Some(last) if last.figures.queued > 0 => Some("requests wait"),
            Some(last) if last.level == Level::High => Some("the load is High"),
            Some(_) => None,
        };
        let leaving = (0..self.nodes.len()).filter(|&node| !self.nodes[node].is_member());
        let nodes = self.settings.order.iter().copied().chain(leaving).map(|node| self.seen(node)).collect();
        Scene { command: self.settings.command, nodes, has_room: false, pressure }
    }

    fn seen(&self, index: usize) -> Seen<'_> {
        let node = &self.nodes[index];
        Seen {
            node: index,
            name: &node.name,
            stands: self.stands(node),
            runs: node.report.runs,
            starts: node.report.starts,
            busy: (node.front.long_lived, node.front.in_flight),
        }
    }

    fn stands(&self, node: &Node) -> Stands {
        match node.stage {
            _ if !node.is_member() => Stands::Elsewhere,
            Stage::Free if node.reached && node.can_be_asked(self.now) => Stands::Free,
            Stage::Free | Stage::Jeopardy(_) => Stands::Elsewhere,
            Stage::Starting(_) => Stands::Starting,
            Stage::Ready(_) if node.stands_by => Stands::StandingBy,
            Stage::Ready(_) => Stands::Serving,
            Stage::Draining(..) => {
                Stands::Leaving { can_return: node.can_return(self.now, self.settings.patience) }
            }
        }
    }
}
