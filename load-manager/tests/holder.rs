//! The holder as another crate drives it: a day of one front end and two nodes that answer everything a
//! second later. No daemon, no clock and no network is there.

use std::collections::BTreeMap;
use std::time::Duration;

use cluster::config::sample;
use load_manager::decider::Sample;
use load_manager::holder::{
    ChildList, ChildState, Effect, FrontSample, Heard, Holder, LOOK_EVERY, LeaseState, LeaseWord, NodeWord,
    Settings,
};
use load_manager::node::{Lease, LeaseRef};

const SECOND: Duration = Duration::from_secs(1);

/// Everything around the holder.
struct World {
    holder: Holder,
    now: Duration,
    list: ChildList,
    /// What the holder will hear in a second.
    coming: Vec<Heard>,
    /// The leases that the nodes have granted and not yet freed, by node.
    granted: BTreeMap<usize, LeaseRef>,
    renewed: BTreeMap<usize, Vec<LeaseRef>>,
    requests: Vec<String>,
}

impl World {
    /// The front end and the nodes answer, and nothing is held.
    fn new() -> Self {
        let cluster =
            cluster::config::parse("cluster.toml", &sample(2, "")).expect("the configuration is sound");
        let now = Duration::from_secs(5000);
        let mut coming = vec![Heard::FrontUp(ChildList::default())];
        for node in 0..cluster.nodes.len() {
            coming.push(Heard::LinkUp { node, adopted: Some(Vec::new()), asked_at: now });
        }
        Self {
            holder: Holder::new(Settings::of(&cluster, &cluster.services[0], 1), now),
            now,
            list: ChildList::default(),
            coming,
            granted: BTreeMap::new(),
            renewed: BTreeMap::new(),
            requests: Vec::new(),
        }
    }

    /// So many seconds with so many requests in flight.
    fn pass(&mut self, seconds: u32, in_flight: f64) {
        for _ in 0..seconds {
            for _ in 0..4 {
                self.now += LOOK_EVERY;
                self.holder.look(self.now);
                self.carry_out();
            }
            for heard in std::mem::take(&mut self.coming) {
                self.hear(heard);
            }
            for node in 0..2 {
                let word = self.word(node);
                self.hear(Heard::Renewed { node, word, sent_at: Some(self.now) });
            }
            self.hear(Heard::Sample(self.sample(in_flight)));
            self.holder.tick(self.now);
            self.carry_out();
        }
    }

    fn hear(&mut self, heard: Heard) {
        self.holder.hear(self.now, heard);
        self.carry_out();
    }

    /// Requests of 100 ms each; nobody counts one to a child that drains.
    fn sample(&self, in_flight: f64) -> FrontSample {
        let load = Sample {
            interval: SECOND,
            in_flight_mean: in_flight,
            arrivals: (in_flight * 10.0) as u64,
            ended: 10,
            service_time_sum: SECOND,
            local_ready: true,
            ..Sample::default()
        };
        FrontSample { generation: self.list.generation, load, children: Vec::new() }
    }

    fn word(&self, node: usize) -> NodeWord {
        let report = |lease: &LeaseRef| LeaseWord {
            lease_id: lease.id.clone(),
            epoch: lease.epoch,
            state: LeaseState::Ready,
            in_flight: Some(0),
            cpu: 0.0,
            memory_bytes: 0,
            probe_fails: false,
            ended_by_node: false,
            reclaim: None,
            detail: String::new(),
            command: None,
        };
        let leases: Vec<_> = self.granted.get(&node).map(report).into_iter().collect();
        let slots_free = 1 - leases.len() as u32;
        NodeWord { incarnation: 1, slots_free, leases, ..NodeWord::default() }
    }

    fn carry_out(&mut self) {
        for effect in self.holder.effects() {
            match effect {
                Effect::Add { node, request_id } => self.add(node, request_id),
                Effect::Drain { node, lease, .. } => {
                    assert!(
                        self.list.children.iter().all(|child| {
                            child.lease.id != lease.id || child.state == ChildState::Draining
                        })
                    );
                    self.coming.push(Heard::NodeDrained { node, lease_id: lease.id, result: Ok(()) });
                }
                Effect::Undrain { node, lease } => {
                    self.coming.push(Heard::Undrained { node, lease_id: lease.id, result: Ok(()) });
                }
                Effect::StopWaiting { .. } => {}
                Effect::StopAndRelease { node, lease } => {
                    assert_eq!(self.granted.remove(&node), Some(lease.clone()));
                    self.coming.push(Heard::Released { node, lease_id: lease.id, result: Ok(()) });
                }
                Effect::Renew { node, leases } => {
                    self.renewed.insert(node, leases);
                }
                Effect::Publish(list) => {
                    assert!(list.generation > self.list.generation);
                    self.coming.push(Heard::ListApplied(list.generation));
                    self.list = list;
                }
                Effect::Adopt { .. } => panic!("nobody is silent"),
                Effect::Reclaim { .. } => panic!("nobody else is here"),
                Effect::OpenLink { .. } | Effect::CloseLink { .. } => panic!("the pool stays as it is"),
                Effect::Claim { .. } | Effect::Record(_) | Effect::Tell(_) => {}
                Effect::Fenced(words) => panic!("nobody else is here: {words}"),
            }
        }
    }

    /// The slot is granted and the service is ready a second later.
    fn add(&mut self, node: usize, request_id: String) {
        assert!(!self.requests.contains(&request_id), "each order has a name of its own");
        let id = format!("lease-{request_id}");
        let lease = Lease { id, epoch: 1, token: "t".into(), data_address: "127.0.0.11:7401".into() };
        assert!(self.granted.insert(node, lease.reference()).is_none(), "a slot is granted once");
        self.requests.push(request_id);
        self.coming.push(Heard::Reserved { node, lease: lease.clone(), sent_at: self.now });
        self.coming.push(Heard::Added { node, result: Ok(lease) });
    }

    fn children(&self) -> Vec<&str> {
        self.list.children.iter().map(|child| child.node.as_str()).collect()
    }
}

#[test]
fn a_node_comes_with_the_load_and_goes_with_it() {
    let mut world = World::new();
    // The local copy serves alone, ...
    world.pass(200, 3.0);
    assert!(world.children().is_empty() && world.requests.is_empty());
    // ... until it is High for two ticks: the two nodes that are wanted come a second after their order.
    world.pass(5, 7.0);
    assert_eq!(world.children(), ["c1", "c2"]);
    assert_eq!(world.holder.leases().map(|(node, _)| node).collect::<Vec<_>>(), [0, 1]);
    // It falls, and after the down window one node follows the other.
    world.pass(119, 1.0);
    assert_eq!(world.children(), ["c1", "c2"]);
    world.pass(200, 1.0);
    assert!(world.children().is_empty(), "{:?}", world.list);
    // Nothing is left, on neither side.
    assert!(world.granted.is_empty());
    assert!(world.renewed.values().all(Vec::is_empty));
    assert_eq!(world.holder.leases().count(), 0);
}

#[test]
fn the_same_day_is_the_same_every_time() {
    let day = || {
        let mut world = World::new();
        for load in [3.0, 9.0, 14.0, 2.0, 9.0] {
            world.pass(90, load);
        }
        (format!("{:?}", world.holder), world.list)
    };
    assert_eq!(day(), day());
}
