//! The control port with certificates, and that of the requests: who may do what there, and what becomes of everybody
//! else.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "tls/data.rs"]
mod data;
#[path = "tls/secured.rs"]
mod secured;

use cluster::tls::{Identity, Validity};
use proto::task_processor as pb;
use proto::task_processor::reserve_reply::Answer;
use secured::{Secured, lease, soon};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

fn shop() -> Identity {
    Identity::FrontEnd("shop".into())
}

fn blog() -> Identity {
    Identity::FrontEnd("blog".into())
}

fn wish(service: &str) -> pb::ReserveRequest {
    pb::ReserveRequest {
        service: service.to_owned(),
        front_end: "10.0.0.1".to_owned(),
        incarnation: 1,
        request_id: "wish".to_owned(),
        reclaim: None,
    }
}

fn adoption(service: &str) -> pb::AdoptRequest {
    let (service, front_end) = (service.to_owned(), "10.0.0.1".to_owned());
    pb::AdoptRequest { service, front_end, incarnation: 1 }
}

fn renewal(service: &str) -> pb::RenewRequest {
    let (service, front_end) = (service.to_owned(), "10.0.0.1".to_owned());
    pb::RenewRequest { service, front_end, incarnation: 1, sequence: 1, ..pb::RenewRequest::default() }
}

/// Opens a renewal stream and says one thing; the answer, or what ends the stream.
async fn renew(client: &mut secured::Client, service: &str) -> Result<pb::RenewReply, Status> {
    let (messages, out) = mpsc::channel(1);
    messages.send(renewal(service)).await.unwrap();
    let mut replies = soon(client.renew(ReceiverStream::new(out))).await?.into_inner();
    soon(replies.message()).await.map(|reply| reply.expect("an answer or a fault"))
}

fn denied<T: std::fmt::Debug>(answer: Result<T, Status>) -> String {
    let status = answer.unwrap_err();
    assert_eq!(status.code(), Code::PermissionDenied, "{status:?}");
    status.message().to_owned()
}

#[tokio::test]
async fn a_front_end_acts_for_its_own_service_and_no_other() {
    let node = Secured::start().await;
    let mut own = node.client(&shop()).await;
    let Some(Answer::Grant(grant)) = soon(own.reserve(wish("shop"))).await.unwrap().into_inner().answer
    else {
        panic!("no grant")
    };
    assert_eq!(soon(own.adopt(adoption("shop"))).await.unwrap().into_inner().leases.len(), 1);
    assert_eq!(renew(&mut own, "shop").await.unwrap().sequence, 1);

    let mut other = node.client(&blog()).await;
    let words = "your certificate is for the front end of blog, and this is for the front end of shop";
    assert_eq!(denied(soon(other.reserve(wish("shop"))).await), words);
    assert_eq!(denied(soon(other.adopt(adoption("shop"))).await), words);
    assert_eq!(denied(renew(&mut other, "shop").await), words);
    assert_eq!(denied(soon(other.start(lease(&grant))).await), words);
    assert_eq!(denied(soon(other.drain(lease(&grant))).await), words);
    assert_eq!(denied(soon(other.undrain(lease(&grant))).await), words);
    assert_eq!(denied(soon(other.stop(lease(&grant))).await), words);
    assert_eq!(denied(soon(other.release(lease(&grant))).await), words);
    let maintenance = pb::SetMaintenanceRequest { maintenance: true, now: false };
    denied(soon(other.set_maintenance(maintenance)).await);

    // What it was refused did nothing, and is counted.
    let status = soon(own.status(pb::StatusRequest {})).await.unwrap().into_inner();
    assert_eq!((status.leases.len(), status.maintenance), (1, false));
    assert_eq!((status.connections_refused, status.calls_refused), (0, 9));
    assert!(status.certificate_expires_unix_s.is_some());
    soon(own.release(lease(&grant))).await.unwrap();
}

#[tokio::test]
async fn the_operator_drains_and_looks_and_holds_nothing() {
    let node = Secured::start().await;
    let mut operator = node.client(&Identity::Operator).await;
    for maintenance in [true, false] {
        let wanted = pb::SetMaintenanceRequest { maintenance, now: false };
        soon(operator.set_maintenance(wanted)).await.unwrap();
        let status = soon(operator.status(pb::StatusRequest {})).await.unwrap().into_inner();
        assert_eq!(status.maintenance, maintenance);
    }
    denied(soon(operator.reserve(wish("shop"))).await);
    denied(renew(&mut operator, "shop").await);
    let unknown = pb::LeaseRef { lease_id: "none".into(), epoch: 1 };
    denied(soon(operator.stop(unknown)).await);
}

#[tokio::test]
async fn a_nodes_certificate_may_do_nothing() {
    let node = Secured::start().await;
    let mut client = node.client(&Identity::Node("n2".into())).await;
    let words = "your certificate is for node n2, and this is for a front end or the operator";
    assert_eq!(denied(soon(client.status(pb::StatusRequest {})).await), words);
    denied(soon(client.reserve(wish("shop"))).await);
    denied(renew(&mut client, "shop").await);
    denied(soon(client.set_maintenance(pb::SetMaintenanceRequest { maintenance: true, now: true })).await);
    let said = secured::said();
    assert!(said.contains("call refused: it is for the operator"), "{said}");
    assert!(said.contains("node n2") && said.contains("peer=\"127.0.0.1:"), "{said}");
}

#[tokio::test]
async fn a_front_end_of_another_ca_is_refused_counted_and_logged_with_its_names() {
    let (node, other) = (Secured::start().await, Secured::start().await);
    other.authority.issue(&shop(), Validity::days(1)).unwrap();
    let fault = node.dial_with(&other.believing(&node, &shop())).await.unwrap_err().to_string();
    assert!(fault.ends_with("our certificate is of another CA than its own"), "{fault}");
    let status = node.until(|status| status.connections_refused == 1).await;
    assert_eq!(status.calls_refused, 0);
    let said = secured::said();
    assert!(
        said.contains("control connection refused: its certificate is of another CA than ours"),
        "{said}"
    );
    assert!(said.contains("shop.front-end.test.accordion.internal"), "{said}");
}

#[tokio::test]
async fn callers_that_are_slow_or_talk_nonsense_hold_nobody_up() {
    let node = Secured::start().await;
    // As many as may shake hands at a time, and more, none of which ever does.
    let mut slow = Vec::new();
    for _ in 0..300 {
        slow.push(soon(TcpStream::connect(node.address)).await.unwrap());
    }
    let mut garbage = soon(TcpStream::connect(node.address)).await.unwrap();
    garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").await.unwrap();
    let mut operator = node.client(&Identity::Operator).await;
    soon(operator.status(pb::StatusRequest {})).await.unwrap();
    // What they get is the end of the connection.
    let mut nothing = Vec::new();
    soon(garbage.read_to_end(&mut nothing)).await.ok();
    soon(slow[0].read_to_end(&mut nothing)).await.ok();
    soon(slow[299].read_to_end(&mut nothing)).await.ok();
    node.until(|status| status.connections_refused == 301).await;
}

#[tokio::test]
async fn a_stream_lives_on_while_the_nodes_certificate_is_exchanged() {
    let node = Secured::start().await;
    let mut client = node.client(&shop()).await;
    let (messages, out) = mpsc::channel(1);
    messages.send(renewal("shop")).await.unwrap();
    let mut replies = soon(client.renew(ReceiverStream::new(out))).await.unwrap().into_inner();
    soon(replies.message()).await.unwrap().unwrap();

    let before = node.until(|_| true).await.certificate_expires_unix_s;
    node.exchange(Validity::days(700));
    let after = node.until(|status| status.certificate_expires_unix_s != before).await;
    assert!(after.certificate_expires_unix_s > before);
    messages.send(pb::RenewRequest { sequence: 2, ..renewal("shop") }).await.unwrap();
    while soon(replies.message()).await.unwrap().expect("the stream is open").sequence != 2 {}
    // And who comes now is shown the new one.
    let dialled = node.dial_with(&node.tls(&shop())).await.unwrap();
    let shown = cluster::tls::peer_expires(&dialled).unwrap();
    let shown = shown.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    assert_eq!(Some(shown), after.certificate_expires_unix_s);
}

#[tokio::test]
async fn without_certificates_no_other_machine_reaches_it_unless_that_is_written() {
    let fault = soon(secured::run_open(false)).await.unwrap_err().to_string();
    assert!(fault.starts_with("control calls on 0.0.0.0:"), "{fault}");
    soon(secured::run_open(true)).await.unwrap();
}
