//! The service-manager's words.

use std::time::Duration;

use proto::service_manager as pb;

use crate::decider::{ChildLoad, Sample};
use crate::holder::{Child, ChildCount, ChildList, ChildState, FrontSample};
use crate::node::{FrontCount, Lease, Out, OutReason};

/// The list that a service-manager has in force.
pub(crate) fn child_list(list: pb::ChildList) -> ChildList {
    ChildList { generation: list.generation, children: list.children.into_iter().map(child).collect() }
}

fn child(child: pb::Child) -> Child {
    let state = match child.state() {
        // What no version has said yet took requests all the same.
        pb::ChildState::Ready | pb::ChildState::Unspecified => ChildState::Ready,
        pb::ChildState::Jeopardy => ChildState::Jeopardy,
        pb::ChildState::Draining => ChildState::Draining,
        pb::ChildState::NotReady => ChildState::NotReady,
    };
    let lease =
        Lease { id: child.lease_id, epoch: child.epoch, token: child.token, data_address: child.address };
    Child { node: child.node, lease, speed: child.speed, state }
}

/// The list that it is to put in force.
pub(crate) fn published(list: ChildList) -> pb::ChildList {
    pb::ChildList {
        generation: list.generation,
        children: list.children.into_iter().map(published_child).collect(),
    }
}

fn published_child(child: Child) -> pb::Child {
    let Child { node, lease: Lease { id, epoch, token, data_address }, speed, state } = child;
    let state = match state {
        ChildState::Ready => pb::ChildState::Ready,
        ChildState::Jeopardy => pb::ChildState::Jeopardy,
        ChildState::Draining => pb::ChildState::Draining,
        ChildState::NotReady => pb::ChildState::NotReady,
    };
    pb::Child { node, lease_id: id, address: data_address, token, speed, state: state.into(), epoch }
}

/// Its counts.
pub(crate) fn front_sample(sample: pb::LoadSample) -> FrontSample {
    let local = sample.local.unwrap_or_default();
    let load = Sample {
        interval: Duration::from_millis(sample.interval_ms),
        in_flight_mean: sample.in_flight_mean,
        arrivals: sample.arrivals,
        ended: sample.ended,
        service_time_sum: Duration::from_micros(sample.service_time_sum_us),
        // What waits because the service-manager tries something calls for nothing.
        queued: if sample.queue_excused { 0 } else { sample.queued },
        refused: sample.refused,
        local_ready: sample.local_ready,
        // What is no number a decider knows to leave out.
        learned_capacity: (sample.learned_capacity != 0.0).then_some(sample.learned_capacity),
        has_learned: sample.has_learned,
        local_in_flight_mean: local.in_flight_mean,
        children: sample.children.iter().map(child_load).collect(),
    };
    let children = sample.children.into_iter().map(child_count).collect();
    FrontSample { generation: sample.generation, load, children }
}

fn child_load(load: &pb::Load) -> ChildLoad {
    ChildLoad {
        node: load.node.clone(),
        in_flight_mean: load.in_flight_mean,
        in_flight: load.in_flight,
        long_lived: load.long_lived,
    }
}

fn child_count(load: pb::Load) -> ChildCount {
    let pb::Load { lease_id, in_flight, long_lived, .. } = load;
    ChildCount { lease_id, count: FrontCount { in_flight, long_lived, out: load.out.as_ref().map(out) } }
}

fn out(out: &pb::Out) -> Out {
    let reason = match out.reason() {
        pb::OutReason::NoConnection => OutReason::NoConnection,
        // What a newer service-manager may call it: out is out.
        pb::OutReason::OutReason5xx | pb::OutReason::Unspecified => OutReason::Errors,
    };
    Out { reason, lasted: Duration::from_millis(out.lasted_ms) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_comes_back_as_it_went() {
        let child = |node: &str, state| Child {
            node: node.to_owned(),
            lease: Lease {
                id: format!("lease-{node}"),
                epoch: 3,
                token: "secret".into(),
                data_address: "127.0.0.11:7401".into(),
            },
            speed: 1.5,
            state,
        };
        let children = vec![
            child("c1", ChildState::Ready),
            child("c2", ChildState::Jeopardy),
            child("c3", ChildState::Draining),
            child("c4", ChildState::NotReady),
        ];
        let list = ChildList { generation: 7, children };
        assert_eq!(child_list(published(list.clone())), list);
    }

    #[test]
    fn each_child_has_its_counts_by_its_lease_and_its_load_by_its_name() {
        let load = pb::Load {
            node: "c1".into(),
            lease_id: "lease".into(),
            in_flight_mean: 1.5,
            in_flight: 3,
            long_lived: 2,
            out: Some(pb::Out { reason: pb::OutReason::NoConnection.into(), lasted_ms: 500 }),
        };
        let local = Some(pb::Load { in_flight_mean: 0.5, ..Default::default() });
        let sample = pb::LoadSample {
            interval_ms: 1000,
            generation: 7,
            service_time_sum_us: 2_000_000,
            local,
            children: vec![load],
            ..Default::default()
        };
        let FrontSample { generation, load, children } = front_sample(sample);
        assert_eq!(generation, 7);
        assert_eq!((load.interval, load.service_time_sum), (Duration::from_secs(1), Duration::from_secs(2)));
        assert_eq!(load.local_in_flight_mean, 0.5);
        let expected = ChildLoad { node: "c1".into(), in_flight_mean: 1.5, in_flight: 3, long_lived: 2 };
        assert_eq!(load.children, [expected]);
        let out = Some(Out { reason: OutReason::NoConnection, lasted: Duration::from_millis(500) });
        let count = FrontCount { in_flight: 3, long_lived: 2, out };
        assert_eq!(children, [ChildCount { lease_id: "lease".into(), count }]);
    }

    #[test]
    fn what_waits_because_of_a_probe_calls_for_no_node() {
        let queued = |queue_excused| {
            front_sample(pb::LoadSample { queued: 6, queue_excused, ..Default::default() }).load.queued
        };
        assert_eq!((queued(false), queued(true)), (6, 0));
    }

    #[test]
    fn out_is_out_for_whatever_reason() {
        let reason = |reason| out(&pb::Out { reason, lasted_ms: 1 }).reason;
        assert_eq!(reason(pb::OutReason::NoConnection.into()), OutReason::NoConnection);
        for errors in [pb::OutReason::OutReason5xx.into(), 0, 99] {
            assert_eq!(reason(errors), OutReason::Errors);
        }
    }
}
