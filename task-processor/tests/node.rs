//! A whole node: real gRPC, real requests through it, a real service process.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "node/world.rs"]
mod world;

use std::fs;
use std::path::Path;
use std::time::Duration;

use proto::task_processor as pb;
use proto::task_processor::reserve_reply::Answer;
use proto::task_processor::{DenialReason, LeaseState, ReclaimReason};
use relay::access_log::{AccessLog, Format};
use task_processor::NodeFault;
use tonic::Code;
use world::{
    claim, cluster, direct_cluster, get_straight, lease, logging_world, service_at, soon, state_file, world,
    world_in,
};

fn denial(answer: Answer) -> pb::Denial {
    match answer {
        Answer::Denial(denial) => denial,
        Answer::Grant(grant) => panic!("{grant:?}"),
    }
}

fn is_running(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

#[tokio::test]
async fn only_requests_with_the_leases_token_reach_the_service() {
    let world = world(cluster()).await;
    let grant = world.ready().await;

    let reply = world.get("/page", Some(&grant.token)).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    // The service sees the request as it was sent, but for the token.
    assert!(reply.text.contains("get /page") && !reply.text.contains(&grant.token), "{reply:?}");

    for token in [None, Some("guess")] {
        let reply = world.get("/page", token).await;
        assert_eq!(reply.status, 403);
        assert!(reply.text.contains("x-accordion-reason: bad-token"), "{reply:?}");
        assert!(reply.text.contains("x-accordion-refused: bad-token"), "{reply:?}");
    }
    world.until("one request served", |status| status.leases[0].served == Some(1)).await;
}

#[tokio::test]
async fn a_relayed_request_leaves_a_line_also_after_a_reload() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("access.log");
    let log = AccessLog::to_file(Format::Json, &path).unwrap();
    let world = logging_world(cluster(), tempfile::tempdir().unwrap(), Some(log)).await;
    let grant = world.ready().await;

    world.get("/page", Some(&grant.token)).await;
    world.files.put(cluster()).await;
    world.get("/other", Some("guess")).await;

    let both = async {
        loop {
            let text = fs::read_to_string(&path).unwrap();
            if text.lines().count() == 2 {
                return text;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let text = soon(both).await;
    assert!(text.contains(r#""target":"/page""#) && text.contains(r#""ended":"completed""#), "{text}");
    assert!(text.contains(r#""target":"/other""#) && text.contains(r#""reason":"bad-token""#), "{text}");
    assert!(!text.contains(&grant.token), "{text}");
}

#[tokio::test]
async fn a_drain_answers_when_the_last_running_request_has_ended() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let file = world.directory.path().join("go-on");
    let request = world.running_request(&grant, &file).await;

    let mut client = world.client.clone();
    let reference = lease(&grant);
    let drain = tokio::spawn(async move { client.drain(reference).await });
    world.until("draining", |status| status.leases[0].state() == LeaseState::Draining).await;
    let refused = world.get("/page", Some(&grant.token)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text.contains("x-accordion-refused: draining"), "{refused:?}");
    assert!(!drain.is_finished() && !request.is_finished());

    fs::write(&file, "").unwrap();
    assert_eq!(soon(request).await.unwrap().status, 200);
    soon(drain).await.unwrap().unwrap();
    assert_eq!(world.status().await.leases[0].in_flight, Some(0));
}

#[tokio::test]
async fn a_lease_is_undrained_drained_stopped_and_released() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let mut client = world.client.clone();
    let pid = world.status().await.leases[0].pid;
    assert!(is_running(pid));

    soon(client.drain(lease(&grant))).await.unwrap();
    soon(client.undrain(lease(&grant))).await.unwrap();
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);

    soon(client.drain(lease(&grant))).await.unwrap();
    soon(client.stop(lease(&grant))).await.unwrap();
    assert!(!is_running(pid));
    assert_eq!(soon(client.undrain(lease(&grant))).await.unwrap_err().code(), Code::FailedPrecondition);

    soon(client.release(lease(&grant))).await.unwrap();
    soon(client.release(lease(&grant))).await.unwrap();
    let gone = world.get("/page", Some(&grant.token)).await;
    assert!(gone.status == 503 && gone.text.contains("x-accordion-refused: gone"), "{gone:?}");
    assert!(world.reserve("other").await.epoch > grant.epoch);
}

#[tokio::test]
async fn a_changed_command_is_told_at_once_and_taken_for_the_next_start() {
    let world = world(cluster()).await;
    let (grant, mut holder) = (world.ready().await, world.holder(1).await);
    let heard = holder.renew(1, &[lease(&grant)]).await;
    let first = heard.command_digest;
    assert_eq!((first.len(), heard.leases[0].command_digest.as_str()), (16, first.as_str()));
    let pid = world.status().await.leases[0].pid;

    let mut changed = cluster();
    // The same two words in one.
    changed.services[0].command = vec!["{accordion}".to_owned(), "{address}:{port}".to_owned()];
    assert_eq!(world.files.put(changed).await.faults, [""; 0]);
    let heard = holder.heard(|reply| reply.sequence == 0 && reply.command_digest != first).await;
    assert_eq!(heard.leases[0].command_digest, first, "what runs goes on as it was started");
    let words = |pid: u32| fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap().matches('\0').count();
    assert_eq!(words(pid), 3);

    let mut client = world.client.clone();
    soon(client.release(lease(&grant))).await.unwrap();
    let again = match world.ask("fe", 1, "another wish").await {
        Answer::Grant(grant) => grant,
        Answer::Denial(denial) => panic!("{denial:?}"),
    };
    let reserved = holder.renew(2, &[lease(&again)]).await;
    assert_eq!(reserved.leases[0].command_digest, "", "nothing runs yet");
    soon(client.start(lease(&again))).await.unwrap();
    let second = holder.renew(3, &[lease(&again)]).await;
    assert_eq!(second.leases[0].command_digest, heard.command_digest);
    assert_eq!(words(world.status().await.leases[0].pid), 2);
}

#[tokio::test]
async fn a_held_slot_is_denied_with_its_holders() {
    let world = world(cluster()).await;
    let grant = world.reserve("fe").await;
    assert_eq!(world.reserve("fe").await, grant);

    let denial = denial(world.ask("other", 1, "wish").await);
    assert_eq!(denial.reason(), DenialReason::NoSlot);
    assert_eq!((denial.holders[0].service.as_str(), denial.holders[0].front_end.as_str()), ("shop", "fe"));
    assert!(denial.retry_after_ms > 0);
}

#[tokio::test]
async fn a_service_that_is_due_more_gets_the_slot_when_the_notice_is_over() {
    let mut cluster = cluster();
    cluster.lease.reclaim_notice = Duration::from_millis(300);
    let world = world(cluster).await;
    let grant = world.ready().await;
    let file = world.directory.path().join("never");
    let request = world.running_request(&grant, &file).await;
    let (mut holder, mut other) = (world.holder(1).await, world.holder(1).await);
    holder.claim(1, &[lease(&grant)], claim("fe", 1, 1.0)).await;
    // There is one slot, and the heavier service is due it.
    let heard = other.claim(1, &[], claim("other", 0, 2.0)).await;
    assert_eq!((heard.slots, heard.slots_free, heard.claims.len()), (1, 0, 1));
    assert_eq!(pb::Claim { age_ms: 0, ..heard.claims[0].clone() }, claim("fe", 1, 1.0));

    let starved = ReclaimReason::Starved as i32;
    let told = denial(world.ask_reclaiming("other", starved).await.unwrap());
    assert!(told.reclaiming && told.reason() == DenialReason::NoSlot, "{told:?}");
    let told = holder.heard(|reply| reply.leases[0].reclaim.is_some()).await;
    let reclaim = told.leases[0].reclaim.clone().unwrap();
    assert_eq!((told.sequence, reclaim.for_service.as_str()), (0, "shop"));
    assert!(reclaim.notice_ms <= 300, "{reclaim:?}");
    assert_eq!(world.status().await.claims.len(), 2);

    // Its holder does nothing about it: what runs is cut, and that is counted.
    let gone = holder.heard(|reply| reply.leases[0].state() == LeaseState::Gone).await;
    assert!(gone.leases[0].detail.contains("the notice is over"), "{gone:?}");
    assert!(gone.leases[0].ended_by_node, "its service did nothing wrong");
    assert!(soon(request).await.unwrap().status >= 500);
    assert_eq!(other.heard(|reply| reply.slots_free == 1).await.requests_cut, 1);
    assert_eq!(holder.renew(2, &[]).await.slots_free, 0);
    assert_eq!(world.status().await.requests_cut, 1);
    let Answer::Grant(next) = world.ask_reclaiming("other", starved).await.unwrap() else { panic!("denied") };
    assert!(next.epoch > grant.epoch);
}

#[tokio::test]
async fn a_lease_that_is_marked_as_guaranteed_stays() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let (mut holder, mut other) = (world.holder(1).await, world.holder(1).await);
    let kept = pb::Claim { min: 1, ..claim("fe", 1, 1.0) };
    holder.claim_marked(1, &[lease(&grant)], kept).await;
    other.claim(1, &[], claim("other", 0, 2.0)).await;
    for reason in [ReclaimReason::Starved, ReclaimReason::UnderMin] {
        assert!(!denial(world.ask_reclaiming("other", reason as i32).await.unwrap()).reclaiming);
    }
    assert!(world.status().await.leases[0].guaranteed);

    // One that becomes so has its reclaim taken back, and the claimant hears of that without having asked.
    holder.claim(2, &[lease(&grant)], claim("fe", 1, 1.0)).await;
    assert!(denial(world.ask_reclaiming("other", ReclaimReason::Starved as i32).await.unwrap()).reclaiming);
    assert!(other.claim(2, &[], claim("other", 0, 2.0)).await.reclaiming);
    let kept = pb::Claim { min: 1, ..claim("fe", 1, 1.0) };
    holder.claim_marked(3, &[lease(&grant)], kept).await;
    assert_eq!(other.heard(|reply| !reply.reclaiming).await.sequence, 0);
}

#[tokio::test]
async fn nonsense_about_shares_is_refused() {
    let world = world(cluster()).await;
    for reason in [0, 9] {
        let fault = world.ask_reclaiming("fe", reason).await.unwrap_err();
        assert_eq!(fault.code(), Code::InvalidArgument, "{fault:?}");
    }
    assert!(world.status().await.leases.is_empty());
    let mut holder = world.holder(1).await;
    holder.send_claim("fe", claim("other", 1, 1.0)).await;
    assert!(holder.fault().await.message().contains("cannot claim for"));
    let mut holder = world.holder(1).await;
    holder.send_claim("fe", claim("fe", 1, 0.0)).await;
    assert_eq!(holder.fault().await.code(), Code::InvalidArgument);
    assert!(world.status().await.claims.is_empty());
}

#[tokio::test]
async fn an_expired_lease_serves_until_it_is_adopted() {
    let mut cluster = cluster();
    cluster.lease.ttl = Duration::from_millis(300);
    let world = world(cluster).await;
    let grant = world.ready().await;
    world.until("an orphan", |status| status.leases[0].state() == LeaseState::Orphan).await;
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);

    let request = pb::AdoptRequest { service: "shop".to_owned(), front_end: "fe".to_owned(), incarnation: 2 };
    let adopted = soon(world.client.clone().adopt(request)).await.unwrap().into_inner().leases.remove(0);
    assert_eq!((&adopted.lease_id, &adopted.token), (&grant.lease_id, &grant.token));
    assert_eq!((adopted.state(), &adopted.data_address), (LeaseState::Ready, &world.data.to_string()));
    assert!(adopted.epoch > grant.epoch);
    // The holder's earlier life has no say any more.
    let stale = soon(world.client.clone().stop(lease(&grant))).await.unwrap_err();
    assert_eq!(stale.code(), Code::FailedPrecondition);
    assert!(stale.message().contains("stale"), "{stale:?}");
}

#[tokio::test]
async fn a_lease_that_nobody_renews_frees_its_slot_by_itself() {
    let mut cluster = cluster();
    cluster.lease.ttl = Duration::from_millis(300);
    cluster.lease.orphan_grace = Duration::from_millis(100);
    let world = world(cluster).await;
    let grant = world.ready().await;
    let pid = world.status().await.leases[0].pid;
    world.until("no lease", |status| status.leases.is_empty()).await;
    assert!(!is_running(pid));
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 503);
}

#[tokio::test]
async fn renewals_keep_a_lease_and_carry_its_figures() {
    let mut cluster = cluster();
    cluster.lease.ttl = Duration::from_millis(600);
    let world = world(cluster).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    let began = tokio::time::Instant::now();
    let mut sequence = 0;
    // For three times its time to live, and until the machine was looked at.
    loop {
        sequence += 1;
        let reply = holder.renew(sequence, &[lease(&grant)]).await;
        assert_eq!(reply.leases[0].state(), LeaseState::Ready);
        assert!(reply.node_incarnation > 0 && reply.slots_free == 0);
        let is_measured = reply.leases[0].memory_bytes > 0 && reply.load.unwrap().memory_total_bytes > 0;
        if is_measured && began.elapsed() > Duration::from_millis(1800) {
            break;
        }
        assert!(began.elapsed() < world::DEADLINE, "{reply:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

#[tokio::test]
async fn a_service_that_ends_by_itself_is_told_at_once_with_its_last_words() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;

    assert!(world.get("/exit", Some(&grant.token)).await.status >= 500);
    let gone = holder.heard(|reply| reply.leases[0].state() == LeaseState::Gone).await;
    assert_eq!(gone.sequence, 0);
    assert!(gone.leases[0].detail.contains("out of luck"), "{gone:?}");
    let refused = world.get("/page", Some(&grant.token)).await;
    assert!(refused.text.contains("x-accordion-refused: gone"), "{refused:?}");
    assert_ne!(world.reserve("other").await.lease_id, grant.lease_id);
}

#[tokio::test]
async fn a_service_that_stops_answering_its_probe_is_refused_for_until_it_answers_again() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("hangs");
    let mut cluster = cluster();
    cluster.services[0].ready = Some(format!("/unless{}", file.display()));
    let world = world_in(cluster, directory).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;

    fs::write(&file, "").unwrap();
    let told = holder.heard(|reply| !reply.leases[0].detail.is_empty()).await;
    assert_eq!((told.sequence, told.leases[0].state()), (0, LeaseState::Ready));
    assert!(told.leases[0].detail.contains("does not answer its readiness probe"), "{told:?}");
    assert!(told.leases[0].probe_fails);
    let refused = world.get("/page", Some(&grant.token)).await;
    assert_eq!(refused.status, 503);
    assert!(refused.text.contains("x-accordion-refused: not-ready"), "{refused:?}");

    fs::remove_file(&file).unwrap();
    let told = holder.heard(|reply| reply.leases[0].detail.is_empty()).await;
    assert!(!told.leases[0].probe_fails);
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);
}

#[tokio::test]
async fn a_service_whose_requests_come_straight_listens_on_the_nodes_address_and_its_token_opens_nothing() {
    let world = world(direct_cluster()).await;
    let (grant, service) = world.ready_direct().await;
    assert!((20000..=29999).contains(&service.port()));
    assert_eq!(soon(get_straight(service, "/page".to_owned())).await.status, 200);
    let refused = world.get("/page", Some(&grant.token)).await;
    assert_eq!(refused.status, 403);
    assert!(refused.text.contains("x-accordion-reason: bad-token"), "{refused:?}");

    let mut holder = world.holder(1).await;
    let report = holder.renew(1, &[lease(&grant)]).await.leases.remove(0);
    assert_eq!((report.state(), report.in_flight), (LeaseState::Ready, None));
    let shown = world.status().await.leases.remove(0);
    assert_eq!((shown.in_flight, shown.served), (None, None));

    let request = pb::AdoptRequest { service: "shop".to_owned(), front_end: "fe".to_owned(), incarnation: 2 };
    let adopted = soon(world.client.clone().adopt(request)).await.unwrap().into_inner().leases.remove(0);
    assert_eq!((adopted.data_address.as_str(), service_at(adopted.service_port)), ("", service));
}

#[tokio::test]
async fn a_drain_does_not_wait_for_requests_that_come_straight() {
    let world = world(direct_cluster()).await;
    let (grant, service) = world.ready_direct().await;
    let file = world.directory.path().join("go-on");
    let request = tokio::spawn(get_straight(service, format!("/until{}", file.display())));
    soon(world.client.clone().drain(lease(&grant))).await.unwrap();
    // The service has heard nothing of it.
    fs::write(&file, "").unwrap();
    assert_eq!(soon(request).await.unwrap().status, 200);
    soon(world.client.clone().undrain(lease(&grant))).await.unwrap();
    soon(world.client.clone().drain(lease(&grant))).await.unwrap();
    soon(world.client.clone().stop(lease(&grant))).await.unwrap();
    soon(world.client.clone().release(lease(&grant))).await.unwrap();
    assert!(tokio::net::TcpStream::connect(service).await.is_err());
}

#[tokio::test]
async fn a_lease_that_nobody_renews_ends_a_service_that_is_still_sent_requests() {
    let mut cluster = direct_cluster();
    cluster.lease.ttl = Duration::from_millis(300);
    cluster.lease.orphan_grace = Duration::from_millis(100);
    let world = world(cluster).await;
    let (_, service) = world.ready_direct().await;
    let file = world.directory.path().join("never");
    let request = tokio::spawn(get_straight(service, format!("/until{}", file.display())));
    let pid = world.status().await.leases[0].pid;
    world.until("no lease", |status| status.leases.is_empty()).await;
    assert!(!is_running(pid));
    assert!(soon(request).await.is_err(), "it is cut with its service");
}

#[tokio::test]
async fn a_grant_whose_epoch_cannot_be_saved_holds_no_slot() {
    let world = world(cluster()).await;
    fs::remove_dir(world.directory.path()).unwrap();
    let request = pb::ReserveRequest {
        service: "shop".to_owned(),
        front_end: "fe".to_owned(),
        incarnation: 1,
        request_id: "wish".to_owned(),
        reclaim: None,
    };
    let fault = soon(world.client.clone().reserve(request)).await.unwrap_err();
    assert_eq!(fault.code(), Code::Internal);
    assert!(fault.message().contains("cannot save the epoch"), "{fault:?}");
    assert!(world.status().await.leases.is_empty());

    fs::create_dir(world.directory.path()).unwrap();
    world.reserve("other").await;
}

#[tokio::test]
async fn a_renewal_stream_speaks_for_one_holder_and_names_no_more_leases_than_slots() {
    let world = world(cluster()).await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[]).await;
    holder.send("other", &[]).await;
    let said = holder.fault().await;
    assert_eq!(said.code(), Code::InvalidArgument);
    assert!(
        said.message().contains("front end fe") && said.message().contains("front end other"),
        "{said:?}"
    );

    let mut holder = world.holder(1).await;
    let strange = pb::LeaseRef { lease_id: "strange".to_owned(), epoch: 1 };
    holder.send("fe", &vec![strange; 1001]).await;
    assert!(holder.fault().await.message().contains("at most 1000"));
}

#[tokio::test]
async fn a_service_that_cannot_start_is_named_and_its_slot_is_free() {
    let mut cluster = cluster();
    cluster.services[0].command = vec!["/no/such/shopd".to_owned()];
    let world = world(cluster).await;
    let grant = world.reserve("fe").await;
    for _ in 0..2 {
        let fault = soon(world.client.clone().start(lease(&grant))).await.unwrap_err();
        assert_eq!(fault.code(), Code::FailedPrecondition);
        assert!(fault.message().contains("/no/such/shopd"), "{fault:?}");
    }
    assert!(world.status().await.leases.is_empty());
}

#[tokio::test]
async fn a_release_ends_a_start_that_does_not_come_to_an_end() {
    let mut cluster = cluster();
    cluster.services[0].ready = Some("/never".to_owned());
    cluster.services[0].start_timeout = Duration::from_secs(600);
    let world = world(cluster).await;
    let grant = world.reserve("fe").await;
    let (mut client, reference) = (world.client.clone(), lease(&grant));
    let start = tokio::spawn(async move { client.start(reference).await });
    world.until("starting", |status| status.leases[0].state() == LeaseState::Starting).await;

    soon(world.client.clone().release(lease(&grant))).await.unwrap();
    assert_eq!(soon(start).await.unwrap().unwrap_err().code(), Code::FailedPrecondition);
    assert!(world.status().await.leases.is_empty());
}

#[tokio::test]
async fn an_older_load_manager_is_fenced_and_its_stream_ends() {
    let world = world(cluster()).await;
    let mut old = world.holder(1).await;
    old.renew(1, &[]).await;
    let mut new = world.holder(2).await;
    assert!(!new.renew(1, &[]).await.fenced);

    assert!(old.heard(|reply| reply.sequence == 0).await.fenced);
    old.ended().await;
    let mut again = world.holder(1).await;
    assert!(again.renew(7, &[]).await.fenced);
    again.ended().await;
}

#[tokio::test]
async fn an_operators_drain_and_the_epoch_survive_a_restart() {
    let world = world(cluster()).await;
    let grant = world.reserve("fe").await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;
    let request = pb::SetMaintenanceRequest { maintenance: true, now: false };
    let reply = soon(world.client.clone().set_maintenance(request)).await.unwrap().into_inner();
    assert_eq!(reply.leases, 1);
    let told = holder.heard(|reply| reply.maintenance).await;
    assert!(told.leases[0].reclaim.is_some(), "{told:?}");

    world.shutdown.ask();
    soon(world.ended).await.unwrap().unwrap();
    let world = world_in(cluster(), world.directory).await;
    assert_eq!(denial(world.ask("fe", 1, "wish").await).reason(), DenialReason::Maintenance);
    let request = pb::SetMaintenanceRequest { maintenance: false, now: false };
    soon(world.client.clone().set_maintenance(request)).await.unwrap();
    assert!(world.reserve("fe").await.epoch > grant.epoch);
}

#[tokio::test]
async fn an_asked_end_waits_for_the_holder_to_drain() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;

    world.shutdown.ask();
    let told = holder.heard(|reply| reply.stopping).await;
    let reclaim = told.leases[0].reclaim.clone().unwrap();
    assert!(reclaim.notice_ms > 20_000, "{reclaim:?}");
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);
    assert_eq!(denial(world.ask("other", 1, "wish").await).reason(), DenialReason::Stopping);

    let mut client = world.client.clone();
    soon(client.drain(lease(&grant))).await.unwrap();
    soon(client.stop(lease(&grant))).await.unwrap();
    assert!(!world.ended.is_finished());
    soon(client.release(lease(&grant))).await.unwrap();
    holder.ended().await;
    soon(world.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn an_asked_end_drains_by_itself_where_no_holder_listens() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let pid = world.status().await.leases[0].pid;
    let file = world.directory.path().join("go-on");
    let request = world.running_request(&grant, &file).await;

    world.shutdown.ask();
    world.until("draining", |status| status.leases[0].state() == LeaseState::Draining).await;
    assert!(!world.ended.is_finished());
    fs::write(&file, "").unwrap();
    assert_eq!(soon(request).await.unwrap().status, 200);
    soon(world.ended).await.unwrap().unwrap();
    assert!(!is_running(pid));
}

#[tokio::test]
async fn a_forced_end_comes_at_once() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;
    world.shutdown.ask();
    holder.heard(|reply| reply.stopping).await;
    world.shutdown.force();
    soon(world.ended).await.unwrap().unwrap();
}

#[tokio::test]
async fn a_saved_epoch_that_cannot_be_understood_is_not_taken_for_none() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(state_file(directory.path()), "epoch = seven\n").unwrap();
    let listeners = task_processor::Listeners {
        control: cluster::daemon::listener(([127, 0, 0, 1], 0).into()).unwrap(),
        data: cluster::daemon::listeners(([127, 0, 0, 1], 0).into(), 1).unwrap(),
    };
    let cluster = cluster();
    let node = cluster.nodes[0].clone();
    let config = task_processor::Config {
        cluster,
        node,
        state_file: state_file(directory.path()),
        tls: None,
        access_log: None,
    };
    let (_files, reload) = cluster::daemon::Reload::manual();
    let shutdown = cluster::daemon::Shutdown::manual();
    let ended = soon(task_processor::run(config, listeners, reload, shutdown)).await;
    assert!(matches!(ended, Err(NodeFault::State(_))), "{ended:?}");
}

#[tokio::test]
async fn a_file_without_the_node_ends_nothing_and_one_with_more_slots_is_followed() {
    let world = world(cluster()).await;
    let grant = world.ready().await;
    let with_slots = |slots| {
        let mut cluster = cluster();
        cluster.nodes[0].slots = slots;
        cluster
    };
    let mut without = with_slots(2);
    without.nodes.clear();
    let answered = async |is_so: fn(&Answer) -> bool| {
        let asking = async {
            while !is_so(&world.ask("other", 1, "wish").await) {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        soon(asking).await;
    };
    // Its slot is held, so that nothing is granted meanwhile.
    assert_eq!(world.files.put(without).await.faults, [""; 0]);
    answered(|answer| matches!(answer, Answer::Denial(denial) if denial.detail.contains("cluster.toml")))
        .await;
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);
    world.files.put(with_slots(2)).await;
    answered(|answer| matches!(answer, Answer::Grant(_))).await;
    assert_eq!(world.status().await.slots, 2);
}

#[tokio::test]
async fn the_holder_of_a_service_that_is_gone_from_the_file_is_asked_to_drain_and_served_until_it_does() {
    let mut two_slots = cluster();
    two_slots.nodes[0].slots = 2;
    let world = world(two_slots.clone()).await;
    let grant = world.ready().await;
    let mut holder = world.holder(1).await;
    holder.renew(1, &[lease(&grant)]).await;
    let mut renamed = two_slots.clone();
    renamed.services[0].name = "mall".to_owned();
    let report = world.files.put(renamed).await;
    assert_eq!(report.applied, ["service shop is gone", "service mall is new"]);
    let told = holder.heard(|reply| reply.leases[0].reclaim.is_some()).await;
    let reclaim = told.leases[0].reclaim.clone().unwrap();
    assert_eq!((told.sequence, told.slots_free, reclaim.for_service.as_str()), (0, 0, ""));
    assert_eq!(reclaim.reason, "its service is not in the node's cluster.toml any more");
    assert!(matches!(world.ask("other", 1, "wish").await, Answer::Denial(_)));
    assert_eq!(world.get("/page", Some(&grant.token)).await.status, 200);
    let report = world.files.put(two_slots).await;
    assert_eq!(report.applied, ["service mall is gone", "service shop is new"]);
    assert_eq!(holder.heard(|reply| reply.leases[0].reclaim.is_none()).await.slots_free, 1);
    assert!(matches!(world.ask("other", 1, "wish").await, Answer::Grant(_)));
}

#[test]
fn an_unknown_node_is_a_fault_of_the_configuration() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("cluster.toml");
    fs::write(&file, "[cluster]\nname = \"t\"\n[[node]]\nname = \"n1\"\naddress = \"127.0.0.1\"\n\
        [service.a]\nfront_end = \"127.0.0.1\"\nlisten = \"127.0.0.1:8080\"\ncommand = [\"x\", \"{port}\"]\ncapacity = 8\n")
    .unwrap();
    let output = std::process::Command::new(Path::new(env!("CARGO_BIN_EXE_task-processor")))
        .args(["--node", "n9", "--config"])
        .arg(&file)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(78), "{said}");
    assert!(said.contains("n9") && said.contains("n1"), "{said}");
}
