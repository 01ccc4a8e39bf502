//! A load-manager's calls to the nodes: what each is answered leads to the next one, or to what the holder
//! hears.

use std::time::Duration;

use load_manager::holder::{AddFault, Heard};
use load_manager::node::{Lease, LeaseRef};
use task_processor::lease;

use super::{Alarm, Manager, SECOND};
use crate::wire::{self, Ask, Reply, ToNode};

const ANSWER_TIMEOUT: u64 = 2 * SECOND;
const SLACK: u64 = 5 * SECOND;

#[derive(Debug)]
pub(super) struct Call {
    pub(super) node: usize,
    pub(super) step: u32,
    pub(super) sent_at: Duration,
    pub(super) what: Stage,
}

#[derive(Debug)]
pub(super) enum Stage {
    Adopt,
    Reserve {
        request_id: String,
        reclaim: Option<lease::ReclaimWish>,
        is_repeat: bool,
    },
    Start(Lease),
    /// The start has failed, for this reason.
    GiveUp(LeaseRef, AddFault),
    Drain {
        lease: LeaseRef,
        parting: u64,
        result: Option<Result<(), String>>,
    },
    Undrain(LeaseRef),
    Stop(LeaseRef),
    Release(LeaseRef),
}

impl Manager {
    pub(super) fn add(&mut self, node: usize, request_id: String, reclaim: Option<lease::ReclaimWish>) {
        self.begin(node, Stage::Reserve { request_id, reclaim, is_repeat: false });
    }

    pub(super) fn begin(&mut self, node: usize, what: Stage) -> u64 {
        self.named += 1;
        self.ask(self.named, Call { node, step: 0, sent_at: Duration::ZERO, what });
        self.named
    }

    pub(super) fn ask(&mut self, number: u64, mut call: Call) {
        call.step += 1;
        call.sent_at = self.local();
        let reference = wire::reference;
        let (ask, limit) = match &call.what {
            Stage::Adopt => (Ask::Adopt, ANSWER_TIMEOUT),
            Stage::Reserve { request_id, reclaim, .. } => {
                (Ask::Reserve { request_id: request_id.clone(), reclaim: *reclaim }, ANSWER_TIMEOUT)
            }
            Stage::Start(lease) => (Ask::Start(reference(&lease.reference())), self.start_timeout + SLACK),
            Stage::GiveUp(lease, _) => (Ask::Release(reference(lease)), ANSWER_TIMEOUT + SLACK),
            Stage::Drain { lease, .. } => (Ask::Drain(reference(lease)), self.drain_limit),
            Stage::Undrain(lease) => (Ask::Undrain(reference(lease)), ANSWER_TIMEOUT),
            Stage::Stop(lease) => (Ask::Stop(reference(lease)), self.stop_timeout + SLACK),
            Stage::Release(lease) => (Ask::Release(reference(lease)), self.stop_timeout + SLACK),
        };
        let (node, step) = (call.node, call.step);
        self.calls.insert(number, call);
        self.say(node, ToNode::Call { call: number, step, ask });
        self.later(limit, Alarm::NoAnswer { call: number, step });
    }

    /// What a call was answered leads to the next one, or to what the holder hears.
    pub(super) fn answered(&mut self, number: u64, reply: Reply) {
        let Some(mut call) = self.calls.remove(&number) else { return };
        let node = call.node;
        let refused = |words: String, retry_after, reclaiming| Heard::Added {
            node,
            result: Err(AddFault::Refused { words, retry_after, reclaiming }),
        };
        let result = match &reply {
            Reply::Done(result) => result.clone(),
            Reply::Adopted(_) | Reply::Granted(_) | Reply::Denied { .. } | Reply::Broken => {
                Err("no answer in time".to_owned())
            }
        };
        match call.what {
            Stage::Adopt => {
                let result =
                    if let Reply::Adopted(leases) = reply { Ok(leases) } else { result.map(|()| vec![]) };
                self.tell(Heard::Adopted { node, result, asked_at: call.sent_at });
            }
            Stage::Reserve { request_id, reclaim, is_repeat } => match reply {
                Reply::Granted(mut lease) => {
                    lease.data_address.clone_from(&self.addresses[node]);
                    let bare = Lease { data_address: String::new(), ..lease.clone() };
                    self.tell(Heard::Reserved { node, lease: bare, sent_at: call.sent_at });
                    call.what = Stage::Start(lease);
                    self.ask(number, call);
                }
                Reply::Denied { words, retry_after, reclaiming } => {
                    self.tell(refused(words, retry_after, reclaiming));
                }
                Reply::Done(_) | Reply::Adopted(_) | Reply::Broken if is_repeat => {
                    self.tell(refused("no answer in time".to_owned(), Duration::ZERO, false));
                }
                Reply::Done(_) | Reply::Adopted(_) | Reply::Broken => {
                    call.what = Stage::Reserve { request_id, reclaim, is_repeat: true };
                    self.ask(number, call);
                }
            },
            Stage::Start(lease) => match result {
                Ok(()) => self.tell(Heard::Added { node, result: Ok(lease) }),
                Err(words) => {
                    let fault = match reply {
                        Reply::Broken => AddFault::Unanswered(words),
                        _ => AddFault::Failed(words),
                    };
                    call.what = Stage::GiveUp(lease.reference(), fault);
                    self.ask(number, call);
                }
            },
            Stage::GiveUp(_, fault) => self.tell(Heard::Added { node, result: Err(fault) }),
            Stage::Drain { lease, parting, .. } => {
                call.what = Stage::Drain { lease, parting, result: Some(result) };
                call.step += 1;
                self.calls.insert(number, call);
                self.later(parting, Alarm::Parted { call: number });
            }
            Stage::Undrain(lease) => self.tell(Heard::Undrained { node, lease_id: lease.id, result }),
            Stage::Stop(lease) => {
                call.what = Stage::Release(lease);
                self.ask(number, call);
            }
            Stage::Release(lease) => self.tell(Heard::Released { node, lease_id: lease.id, result }),
        }
    }

    pub(super) fn drained(&mut self, number: u64) {
        let Some(call) = self.calls.remove(&number) else { return };
        if let Stage::Drain { lease, result: Some(result), .. } = call.what {
            self.tell(Heard::NodeDrained { node: call.node, lease_id: lease.id, result });
        }
    }
}
