//! The child_list: who serves this front end now, in order, as one snapshot that is swapped whole.
//! What a message asks for is judged here, purely; what it does to connections is the door's.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::door::Terms;
use crate::pick::Rule;
use crate::pick::board::Board;
use crate::seat::Seat;

/// What the load-manager wants of a child.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ChildState {
    /// Takes requests.
    Ready,
    /// Takes a request only when nobody else can: its node does not answer.
    Jeopardy,
    /// Takes no new request; the running ones end.
    Draining,
    /// Takes no new request until its service answers its probe again; the running ones go on.
    NotReady,
}

/// One child as the load-manager describes it.
#[derive(Clone, PartialEq)]
pub(crate) struct ChildSpec {
    /// The node's name.
    pub node: String,
    /// The lease it serves under.
    pub lease_id: String,
    /// The lease's epoch, kept for a restarted load-manager.
    pub epoch: u64,
    /// Where its requests go: to the task-processor, which relays them, or straight to the service.
    pub address: SocketAddr,
    /// What the task-processor asks to see; never logged. `None`: the service itself is at `address`.
    pub token: Option<String>,
    /// Against the machine that `capacity` was measured on.
    pub speed: f64,
    /// What is wanted of it.
    pub state: ChildState,
}

/// A child and its seat.
#[derive(Clone)]
pub(crate) struct Child {
    /// As the load-manager described it.
    pub spec: ChildSpec,
    /// Where its requests are counted; the same from list to list while the lease is the same.
    pub seat: Arc<Seat>,
}

/// The list in force.
pub(crate) struct ChildList {
    /// Counts up with each change; 0: none was ever set.
    pub generation: u64,
    /// Everybody on it, in order.
    pub children: Vec<Child>,
    /// What cluster.toml says of who serves.
    pub terms: Terms,
    /// Those a pick looks at first: the READY ones, with the local copy before them when it always serves.
    pub first: Row,
    /// Those it looks at when neither these nor the local copy can: in jeopardy, or ejected.
    pub last: Row,
    /// Those of the last whose node answers: the ejected ones.
    pub ejected: Vec<Arc<Seat>>,
}

/// Seats of one rank, in order, and the board that a pick reads instead of looking at each.
pub(crate) struct Row {
    /// Who is in it.
    pub seats: Vec<Arc<Seat>>,
    /// Where each of them stands once the list is in force.
    pub board: Arc<Board>,
}

/// Why a list was refused.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refused {
    /// An older one than the one in force.
    #[error("generation {offered} is older than generation {in_force}, which is in force")]
    Older {
        /// What came.
        offered: u64,
        /// What is in force.
        in_force: u64,
    },
    /// The generation in force, but with other children.
    #[error("generation {0} is in force with another list; a change must carry a higher generation")]
    Changed(u64),
}

/// What setting a list means.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is a new one.
    Apply,
    /// It is the one in force, said again.
    Repeated,
}

impl ChildList {
    /// The list of a front end that has borrowed nothing.
    pub(crate) fn empty(local: &Arc<Seat>, terms: Terms) -> Self {
        Self::new(0, Vec::new(), local, terms)
    }

    /// A list of `children` to be picked from by `terms`; `local` is the local copy's seat, for where it
    /// serves beside children.
    pub(crate) fn new(generation: u64, children: Vec<Child>, local: &Arc<Seat>, terms: Terms) -> Self {
        let Terms { rule, always, .. } = terms;
        let always = always.then_some(local);
        let listed = children.iter().map(|child| (child.spec.state, &child.seat));
        let (mut first, mut last, mut ejected) = (Vec::new(), Vec::new(), Vec::new());
        for (state, seat) in always.map(|seat| (ChildState::Ready, seat)).into_iter().chain(listed) {
            match state {
                ChildState::Ready if !seat.is_ejected() => first.push(Arc::clone(seat)),
                ChildState::Ready => {
                    last.push(Arc::clone(seat));
                    ejected.push(Arc::clone(seat));
                }
                ChildState::Jeopardy => last.push(Arc::clone(seat)),
                ChildState::Draining | ChildState::NotReady => {}
            }
        }
        let (first, last) = (Row::new(first, rule), Row::new(last, rule));
        Self { generation, children, terms, first, last, ejected }
    }

    /// Shows its seats on its boards, and no more on those of the list before.
    pub(crate) fn place(&self, before: &Self) {
        for child in before.children.iter().chain(&self.children) {
            child.seat.place(None);
        }
        self.first.place();
        self.last.place();
    }

    /// Whether `generation` with `specs` may follow this list.
    pub(crate) fn judge(&self, generation: u64, specs: &[ChildSpec]) -> Result<Verdict, Refused> {
        if generation < self.generation {
            return Err(Refused::Older { offered: generation, in_force: self.generation });
        }
        if generation > self.generation {
            return Ok(Verdict::Apply);
        }
        let same = self.children.len() == specs.len()
            && self.children.iter().zip(specs).all(|(child, spec)| child.spec == *spec);
        if same { Ok(Verdict::Repeated) } else { Err(Refused::Changed(generation)) }
    }

    /// The child that serves under this lease at this address.
    pub(crate) fn find(&self, spec: &ChildSpec) -> Option<&Child> {
        self.children.iter().find(|child| {
            child.spec.lease_id == spec.lease_id
                && child.spec.address == spec.address
                && child.spec.token == spec.token
        })
    }
}

impl Row {
    fn new(seats: Vec<Arc<Seat>>, rule: Rule) -> Self {
        let board = Arc::new(Board::new(rule, seats.len()));
        Self { seats, board }
    }

    fn place(&self) {
        for (index, seat) in self.seats.iter().enumerate() {
            // A row of one is not picked from.
            seat.place((self.seats.len() > 1).then_some((&self.board, index)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use cluster::config::{Capacity, DispatchRule};

    use super::*;

    fn spec(node: &str, state: ChildState) -> ChildSpec {
        ChildSpec {
            node: node.into(),
            lease_id: format!("lease-{node}"),
            epoch: 1,
            address: "127.0.0.1:1".parse().unwrap(),
            token: Some("t".into()),
            speed: 1.0,
            state,
        }
    }

    fn terms(always: bool) -> Terms {
        Terms {
            rule: Rule { dispatch: DispatchRule::Fill, low: 0.35, high: 0.75 },
            always,
            capacity: Capacity::Requests(8),
            local_capacity: Capacity::Requests(8),
            queue_timeout: Duration::ZERO,
            slow_start: Duration::ZERO,
            ejection: None,
        }
    }

    fn list(generation: u64, specs: &[ChildSpec]) -> ChildList {
        let children = specs
            .iter()
            .map(|spec| Child { spec: spec.clone(), seat: Arc::new(Seat::new(&spec.node, 8.0)) })
            .collect();
        ChildList::new(generation, children, &Arc::new(Seat::new("local", 8.0)), terms(false))
    }

    #[test]
    fn an_older_generation_is_refused() {
        let refused = list(5, &[]).judge(4, &[]);
        assert_eq!(refused, Err(Refused::Older { offered: 4, in_force: 5 }));
    }

    #[test]
    fn the_same_generation_may_be_repeated_but_not_changed() {
        let specs = [spec("c1", ChildState::Ready)];
        assert_eq!(list(5, &specs).judge(5, &specs), Ok(Verdict::Repeated));
        assert_eq!(list(5, &specs).judge(5, &[]), Err(Refused::Changed(5)));
        let draining = [spec("c1", ChildState::Draining)];
        assert_eq!(list(5, &specs).judge(5, &draining), Err(Refused::Changed(5)));
        assert_eq!(list(5, &specs).judge(6, &draining), Ok(Verdict::Apply));
    }

    #[test]
    fn draining_children_and_those_not_ready_are_not_looked_at_and_those_in_jeopardy_last() {
        let specs = [
            spec("c0", ChildState::NotReady),
            spec("c1", ChildState::Draining),
            spec("c2", ChildState::Ready),
            spec("c3", ChildState::Jeopardy),
        ];
        let list = list(1, &specs);
        let names = |seats: &[Arc<Seat>]| seats.iter().map(|seat| seat.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            (names(&list.first.seats), names(&list.last.seats)),
            (vec!["c2".to_owned()], vec!["c3".to_owned()])
        );
    }

    #[test]
    fn an_ejected_child_ranks_like_one_in_jeopardy_and_the_always_local_copy_like_a_child() {
        let specs =
            [spec("c1", ChildState::Ready), spec("c2", ChildState::Jeopardy), spec("c3", ChildState::Ready)];
        let local = Arc::new(Seat::new("local", 8.0));
        let children = list(1, &specs).children;
        children[0].seat.set_ejected(true);
        let relisted = ChildList::new(1, children.clone(), &local, terms(true));
        let names = |row: &Row| row.seats.iter().map(|seat| seat.name().to_owned()).collect::<Vec<_>>();
        assert_eq!(
            (names(&relisted.first), names(&relisted.last)),
            (vec!["local".into(), "c3".into()], vec!["c1".into(), "c2".into()])
        );
        local.set_ejected(true);
        let relisted = ChildList::new(1, children, &local, terms(true));
        assert_eq!((names(&relisted.first).len(), names(&relisted.last)[0].as_str()), (1, "local"));
    }
}
