//! What holds whatever is heard in whatever order: late, twice, or of leases long gone.

mod event;

use std::collections::HashSet;
use std::time::Duration;

use cluster::config::CommandDigest;
use proptest::collection::vec;
use proptest::prelude::*;

use self::event::{End, Event, event};
use super::diary::{direct, lease_word, s, settings, word};
use crate::decider::Sample;
use crate::holder::*;
use crate::node::{DrainStep, FrontCount, Lease, LeaseRef, Membership, Stage};

const NODES: usize = 3;

/// How many effects each node, each lease named and the decision may add to one input's.
const EFFECTS_EACH: usize = 8;

/// The holder under test, with what a watcher from outside remembers.
#[derive(Clone)]
struct World {
    holder: Holder,
    is_direct: bool,
    now: Duration,
    /// The orders under way, and the leases granted to them. An order is answered once and in its order.
    orders: [Option<Option<Lease>>; NODES],
    granted: [u64; NODES],
    /// Where what is held was asked for and not answered.
    adopting: [bool; NODES],
    reached: [bool; NODES],
    /// The nodes that cluster.toml has, and those that a link is open to.
    members: [bool; NODES],
    open: [bool; NODES],
    renewed: [Vec<LeaseRef>; NODES],
    list: ChildList,
    /// The first list since the service-manager came up that marks a node as draining.
    marked: [Option<u64>; NODES],
    /// The generations that every worker of it had, and that it counted by.
    applied: u64,
    counted: u64,
    /// Leases whose end was begun.
    ended: HashSet<String>,
    is_fenced: bool,
}

impl World {
    fn new(is_direct: bool) -> Self {
        let now = s(1000);
        Self {
            holder: Holder::new(in_a_hurry(is_direct, &[2, 0, 1]), now),
            is_direct,
            now,
            orders: Default::default(),
            granted: Default::default(),
            adopting: Default::default(),
            reached: Default::default(),
            members: [true; NODES],
            open: [true; NODES],
            renewed: Default::default(),
            list: ChildList::default(),
            marked: Default::default(),
            applied: 0,
            counted: 0,
            ended: HashSet::new(),
            is_fenced: false,
        }
    }

    /// One of the leases that this node may name: mostly the one held; else one granted, or one of
    /// three of an earlier life.
    fn pick(&self, node: usize, number: u8) -> Lease {
        let held = self.holder.nodes()[node].lease().filter(|_| !number.is_multiple_of(8));
        if let Some(held) = held {
            return Lease { data_address: lease(node, 0).data_address, ..held.clone() };
        }
        let number = u64::from(number) % (self.granted[node] + 3);
        lease(node, if number < self.granted[node] { number } else { 1000 + number - self.granted[node] })
    }

    fn handed_over(&self, node: usize, leases: Vec<(u8, LeaseState)>) -> Vec<Adopted> {
        // Now and then a node goes by another cluster.toml.
        let adopt = |(number, state): (u8, _)| {
            let is_direct = self.is_direct != number.is_multiple_of(16);
            let service_port = if is_direct { 20_001 } else { 0 };
            Adopted { lease: self.pick(node, number), service_port, state }
        };
        leases.into_iter().map(adopt).collect()
    }

    /// What the event is to the holder; `None` where it cannot happen now.
    fn heard(&mut self, event: Event) -> Option<Heard> {
        let newest = self.list.generation;
        let generation = |behind| newest.saturating_sub(behind);
        let result = |ok: bool| if ok { Ok(()) } else { Err("no answer".to_owned()) };
        Some(match event {
            Event::FrontUp { generation, children } => {
                (self.marked, self.applied) = (Default::default(), generation);
                let child = |(node, number, state)| Child {
                    node: name(node),
                    lease: self.pick(node, number),
                    speed: 1.0,
                    state,
                };
                Heard::FrontUp(ChildList { generation, children: children.into_iter().map(child).collect() })
            }
            Event::FrontDown => Heard::FrontDown("gone".into()),
            Event::Sample { behind, in_flight, queued, counts } => {
                let count = |(node, number, in_flight)| ChildCount {
                    lease_id: self.pick(node, number).id,
                    count: FrontCount { in_flight, ..FrontCount::default() },
                };
                let load = Sample {
                    interval: s(1),
                    in_flight_mean: in_flight,
                    queued,
                    local_ready: true,
                    ..Sample::default()
                };
                let children = counts.into_iter().map(count).collect();
                self.counted = generation(behind);
                Heard::Sample(FrontSample { generation: self.counted, load, children })
            }
            Event::ListApplied { behind } => {
                self.applied = generation(behind);
                Heard::ListApplied(self.applied)
            }
            Event::LinkUp { node, adopted } => {
                self.reached[node] = self.open[node];
                let adopted = adopted.map(|leases| self.handed_over(node, leases));
                Heard::LinkUp { node, adopted, asked_at: self.now }
            }
            Event::Adopted { node, leases } => {
                if !std::mem::take(&mut self.adopting[node]) {
                    return None;
                }
                let leases = leases.map(|leases| self.handed_over(node, leases));
                Heard::Adopted { node, result: leases.ok_or("no answer".to_owned()), asked_at: self.now }
            }
            Event::Renewed { node, incarnation, leases, age } => {
                let said = |(number, state, reclaimed): (u8, _, bool)| LeaseWord {
                    probe_fails: number.is_multiple_of(5),
                    ended_by_node: number.is_multiple_of(3),
                    reclaim: reclaimed.then(|| Reclaim { notice: s(30), reason: "wanted".into() }),
                    lease_id: self.pick(node, number).id,
                    state,
                    // Now one command, now another, now none that is told.
                    command: [None, Some(command(0)), Some(command(1))][usize::from(number) % 3],
                    ..lease_word(0, state)
                };
                let leases = leases.into_iter().map(said).collect();
                let sent_at = age.map(|age| self.now.saturating_sub(Duration::from_millis(age)));
                let starts =
                    [None, Some(command(1)), Some(self.command())][self.now.as_millis() as usize % 3];
                Heard::Renewed {
                    node,
                    word: NodeWord { incarnation, command: starts, ..word(leases) },
                    sent_at,
                }
            }
            Event::LinkRefused { node } => Heard::LinkRefused { node, words: "nothing listens".into() },
            Event::LinkSilent { node } => Heard::LinkSilent { node, words: "no answer".into() },
            Event::Granted { node } => {
                let order @ None = self.orders[node].as_mut()? else { return None };
                let lease = lease(node, self.granted[node]);
                *order = Some(lease.clone());
                self.granted[node] += 1;
                Heard::Reserved { node, lease, sent_at: self.now }
            }
            Event::Added { node, end } => {
                let result = match (end, self.orders[node].take()?) {
                    (End::Started, Some(lease)) => Ok(lease),
                    (End::Failed, Some(_)) => Err(AddFault::Failed("exits at once".into())),
                    (_, order) => {
                        let refused =
                            AddFault::Refused { words: "taken".into(), retry_after: s(1), reclaiming: false };
                        // A granted order ends in a lease or in a failed start.
                        Err(order.map_or(refused, |_| AddFault::Failed("no answer in time".into())))
                    }
                };
                Heard::Added { node, result }
            }
            Event::NodeDrained { node, lease, ok } => {
                Heard::NodeDrained { node, lease_id: self.pick(node, lease).id, result: result(ok) }
            }
            Event::Undrained { node, lease, ok } => {
                Heard::Undrained { node, lease_id: self.pick(node, lease).id, result: result(ok) }
            }
            Event::Released { node, lease, ok } => {
                Heard::Released { node, lease_id: self.pick(node, lease).id, result: result(ok) }
            }
            Event::Fenced => Heard::Fenced("a test says so".into()),
            Event::Tick | Event::Look | Event::Pass { .. } | Event::Reload { .. } => return None,
        })
    }

    /// Lets it happen, and looks at what the holder makes of it.
    fn apply(&mut self, event: Event) {
        let most = EFFECTS_EACH * (NODES + event.named() + 1);
        match event {
            Event::Tick => self.holder.tick(self.now),
            Event::Look => self.holder.look(self.now),
            Event::Reload { members } if !self.is_fenced => {
                self.members = std::array::from_fn(|node| members.contains(&node));
                let all = in_a_hurry(self.is_direct, &members);
                let nodes = members.iter().map(|&node| all.nodes[node].clone()).collect();
                let order = (0..members.len()).collect();
                let command = command(members.len() % 2);
                self.holder.reload(self.now, Settings { nodes, order, command, ..all });
            }
            Event::Pass { millis } => self.now += Duration::from_millis(millis),
            event => {
                if let Some(heard) = self.heard(event) {
                    self.holder.hear(self.now, heard);
                }
            }
        }
        let effects = self.holder.effects();
        assert!(effects.len() <= most, "{} of {most}: {effects:?}", effects.len());
        assert!(!self.is_fenced || effects.is_empty(), "one that was fenced does nothing: {effects:?}");
        for effect in effects {
            self.watch(effect);
        }
        self.look_at_the_holder();
    }

    fn watch(&mut self, effect: Effect) {
        match effect {
            Effect::Add { node, .. } | Effect::Reclaim { node, .. } => {
                self.asked(node);
                assert!(self.members[node], "nobody is ordered whom cluster.toml has no more");
                assert!(self.orders[node].replace(None).is_none(), "one order at a node at a time");
                assert!(!self.adopting[node], "what is held is known before more is asked for");
            }
            Effect::Adopt { node } => {
                self.asked(node);
                assert!(!std::mem::replace(&mut self.adopting[node], true), "it is asked once");
            }
            Effect::Drain { node, .. } => {
                self.asked(node);
                let mark = self.marked[node].expect("it was marked");
                assert!(self.applied >= mark && self.counted >= mark, "nobody is sent there any more");
            }
            Effect::Undrain { node, .. } => self.asked(node),
            Effect::StopAndRelease { node, lease } => {
                self.asked(node);
                self.ended.insert(lease.id);
            }
            Effect::OpenLink { node } => {
                assert!(self.members[node] && !self.open[node], "a link is opened to who joins");
                self.open[node] = true;
            }
            Effect::CloseLink { node } => {
                assert!(!self.members[node] && self.open[node], "a link is closed to who leaves");
                assert!(self.orders[node].is_none() && self.holder.nodes()[node].lease().is_none());
                (self.open[node], self.reached[node]) = (false, false);
                self.renewed[node].clear();
            }
            Effect::Renew { node, leases } => {
                assert!(self.open[node], "who has left is told nothing");
                assert!(self.renewed[node] != leases, "said once");
                self.renewed[node] = leases;
            }
            Effect::Publish(list) => self.published(list),
            Effect::Fenced(_) => self.is_fenced = true,
            Effect::Claim { claim, guaranteed } => {
                assert!(guaranteed.len() <= claim.min as usize, "no more than min are kept from others");
            }
            Effect::StopWaiting { .. } | Effect::Record(_) | Effect::Tell(_) => {}
        }
    }

    fn asked(&self, node: usize) {
        assert!(self.reached[node], "nothing is asked of a node whose link was never up");
    }

    fn published(&mut self, list: ChildList) {
        assert!(list.generation > self.list.generation, "the generation goes up");
        let mut nodes: Vec<_> = list.children.iter().map(|child| child.node.as_str()).collect();
        nodes.sort_unstable();
        nodes.dedup();
        assert_eq!(nodes.len(), list.children.len(), "a node is a child once");
        for child in &list.children {
            assert!(!self.ended.contains(&child.lease.id), "{} is being ended", child.lease.id);
        }
        for (node, mark) in self.marked.iter_mut().enumerate() {
            let child = list.children.iter().find(|child| child.node == name(node));
            let drains = child.is_some_and(|child| child.state == ChildState::Draining);
            *mark = drains.then(|| mark.unwrap_or(list.generation));
        }
        self.list = list;
    }

    /// Of the front end.
    fn command(&self) -> CommandDigest {
        self.holder.settings().command
    }

    /// What the world was told is what is held.
    fn look_at_the_holder(&self) {
        let restarting = self.holder.nodes().iter().filter(|node| node.restarts);
        assert!(restarting.clone().count() <= 1, "one is started again at a time");
        for node in restarting {
            assert!(node.is_member() && matches!(node.stage, Stage::Draining(..)), "{}", node.name);
        }
        if self.list.generation > 0 {
            assert_eq!(*self.holder.list(), self.list);
        }
        for (index, node) in self.holder.nodes().iter().enumerate() {
            assert_eq!(node.is_member(), self.members[index], "{}", node.name);
            assert_eq!(node.membership != Membership::Left, self.open[index], "{}", node.name);
            assert!(node.is_member() || !matches!(node.stage, Stage::Ready(_) | Stage::Jeopardy(_)));
            let held: Vec<_> = node.lease().map(Lease::reference).into_iter().collect();
            assert_eq!(self.renewed[index], held, "what is held is renewed, and nothing else");
            let listed = self.list.children.iter().find(|child| child.node == node.name);
            let state = match node.stage {
                Stage::Ready(_) | Stage::Jeopardy(_) if node.report.probe_fails => Some(ChildState::NotReady),
                Stage::Ready(_) => Some(ChildState::Ready),
                Stage::Jeopardy(_) => Some(ChildState::Jeopardy),
                Stage::Draining(_, DrainStep::AtFront) => Some(ChildState::Draining),
                Stage::Free | Stage::Starting(_) | Stage::Draining(..) => None,
            };
            if self.list.generation > 0 {
                assert_eq!(listed.map(|child| child.state), state, "{}", node.name);
                let lease = listed.map(|child| &child.lease);
                assert!(lease.is_none() || lease == node.lease(), "a child has the lease of its node");
            }
        }
    }
}

/// The settings of a holder in a hurry, so that much happens in few steps.
fn in_a_hurry(is_direct: bool, order: &[usize]) -> Settings {
    let mut settings = if is_direct { direct(NODES) } else { settings(NODES) };
    settings.order = order.to_vec();
    settings.command = command(0);
    let scaling = &mut settings.decider.scaling;
    (scaling.fast_window, scaling.slow_window, scaling.down_window) = (s(1), s(1), s(1));
    (scaling.down_after_up, scaling.node_age_min, scaling.drain_period) = (s(0), s(0), s(1));
    scaling.data_timeout = s(60);
    settings
}

/// One of two commands.
fn command(number: usize) -> CommandDigest {
    format!("{number:016x}").parse().unwrap()
}

fn lease(node: usize, number: u64) -> Lease {
    Lease {
        id: format!("c{node}-{number}"),
        epoch: 1,
        token: "secret".into(),
        data_address: format!("127.0.0.1{}:7401", node + 1),
    }
}

fn name(node: usize) -> String {
    format!("c{}", node + 1)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1024) })]

    #[test]
    fn lists_only_go_on_their_children_have_leases_and_what_ends_has_ended(
        is_direct in any::<bool>(),
        events in vec(event(), 1..250),
    ) {
        let mut world = World::new(is_direct);
        for event in events {
            world.apply(event);
        }
    }

    #[test]
    fn a_clone_goes_on_from_the_same_state(events in vec(event(), 1..60), more in vec(event(), 1..20)) {
        let mut world = World::new(false);
        for event in events {
            world.apply(event);
        }
        let mut other = world.clone();
        for event in more {
            world.apply(event.clone());
            other.apply(event);
            prop_assert_eq!(format!("{:?}", world.holder), format!("{:?}", other.holder));
        }
    }
}
