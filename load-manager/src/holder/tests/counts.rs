//! What the service-manager counts, as the decider is told of it.

use std::time::Duration;

use super::diary::*;
use crate::node::{FrontCount, Out, OutReason};

#[test]
fn a_child_that_its_front_end_put_out_is_told_to_the_decider_and_after_a_while_as_silent() {
    let mut day = Diary::with_children();
    let silent = day.holder.settings().decider.scaling.node_data_timeout;
    let mut told = |out| {
        day.counts(0, &[(0, FrontCount { out, ..FrontCount::default() })]);
        let node = day.holder.fleet().ready.remove(0);
        (node.is_out, node.data_age >= silent)
    };
    let out = |reason, millis| Some(Out { reason, lasted: Duration::from_millis(millis) });
    assert_eq!(told(None), (false, false));
    // A blip, which its probes end within a second, replaces nobody ...
    assert_eq!(told(out(OutReason::NoConnection, 500)), (true, false));
    // ... and one that cannot be reached for longer is as good as silent.
    assert_eq!(told(out(OutReason::NoConnection, 6_000)), (true, true));
    // It answers, if not well, however long it is out for that.
    assert_eq!(told(out(OutReason::Errors, 60_000)), (true, false));
    assert_eq!(told(None), (false, false));
}
