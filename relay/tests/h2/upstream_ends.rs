//! How connections and streams to a service that speaks HTTP/2 end, and what a request makes of it.

use std::time::Duration;

use relay::{Failure, Settings};

use crate::client::{Client, SHORT, get};
use crate::peer::Peer;
use crate::rig::{GET, Origin, POST, Rig, Told, eventually, refusing_address};
use crate::service::{Service, h2c};

/// A client whose request is with the service, and waits there.
fn waits(rig: &Rig, service: &Service) -> Peer {
    let mut client = rig.client();
    client.send("GET /wait HTTP/1.1\r\nHost: a\r\n\r\n");
    eventually("it is with the service", || service.waiting() == 1);
    client
}

#[test]
fn a_refused_connect_is_told_and_another_is_tried() {
    let service = Service::start();
    let (gone, there) = (h2c("gone", refusing_address(), None), service.upstream());
    let told = Told::in_order(&[&gone, &there]);
    let rig = Rig::start(told.clone());
    assert_eq!(rig.ask(POST).text(), "served /");
    assert_eq!(told.failures(), [("gone".to_owned(), Failure::Connect)]);
}

#[test]
fn no_answer_is_repeated_where_that_does_no_harm() {
    let service = Service::start();
    let (broken, there) = (h2c("broken", service.address, None), service.upstream());
    let told = Told::in_order(&[&broken, &there]);
    let rig = Rig::start(told.clone());
    // The stream is reset each time: a GET goes to both, a POST to one.
    for (request, seen) in [(GET, 2), (POST, 1)] {
        let answer = rig.ask(&request.replacen(" / ", " /reset ", 1));
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("upstream-closed")));
        assert_eq!(service.seen().len(), seen, "{request}");
    }
    assert_eq!(told.failures()[0], ("broken".to_owned(), Failure::Closed));
}

#[test]
fn a_service_of_http_1_is_no_service_of_http_2() {
    let origin = Origin::start();
    let told = Told::in_order(&[&h2c("local", origin.address, None)]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send(GET);
    let mut service = origin.accept();
    service.bytes(24);
    service.send("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(client.message().header("x-accordion-reason"), Some("no-upstream"));
    assert_eq!(told.failures(), [("local".to_owned(), Failure::Connect)]);
}

#[test]
fn an_answer_that_breaks_off_is_not_whole() {
    let service = Service::start();
    let told = Told::in_order(&[&service.upstream()]);
    let rig = Rig::start(told.clone());
    let mut client = rig.client();
    client.send("GET /break HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_eq!(client.head().header("transfer-encoding"), Some("chunked"));
    assert_eq!(client.chunk().unwrap(), b"half");
    service.state.go.add_permits(1);
    client.expect_end();
    let client = Client::connect(rig.address);
    let sent = client.send(get("/break"));
    let mut answer = client.head(sent).unwrap();
    assert_eq!(client.part(answer.body_mut()).unwrap().unwrap().into_data().unwrap(), "half");
    service.state.go.add_permits(1);
    assert!(client.part(answer.body_mut()).unwrap().is_err(), "what broke off must not look whole");
    let truncated = ("local".to_owned(), Failure::Truncated);
    eventually("both are told", || told.failures() == [truncated.clone(), truncated.clone()]);
}

#[test]
fn a_client_that_goes_away_cancels_its_stream() {
    let service = Service::start();
    let there = service.upstream();
    let rig = Rig::start(Told::in_order(&[&there]));
    drop(waits(&rig, &service));
    eventually("it is cancelled", || service.cancelled() == 1);
    eventually("it is counted down", || there.in_flight() == 0);
    assert_eq!((service.connections(), service.open()), (1, 1));
    assert_eq!(rig.ask(GET).text(), "served /");
    assert_eq!(service.connections(), 1);
}

#[test]
fn a_service_that_was_declared_dead_loses_its_streams_at_once() {
    let service = Service::start();
    let there = service.upstream();
    let rig = Rig::start(Told::in_order(&[&there]));
    let mut client = waits(&rig, &service);
    there.close();
    assert!(matches!(client.message().status(), 502 | 503));
    eventually("the connection ends", || service.open() == 0);
    // A later pick connects anew.
    assert_eq!(rig.ask(GET).text(), "served /");
    assert_eq!(service.connections(), 2);
}

#[test]
fn a_service_that_is_drained_keeps_its_streams_and_no_connection() {
    let service = Service::start();
    let there = service.upstream();
    let rig = Rig::start(Told::in_order(&[&there]));
    let mut client = waits(&rig, &service);
    there.close_idle();
    // It is not used for another.
    assert_eq!(rig.ask(GET).text(), "served /");
    assert_eq!(service.connections(), 2);
    service.state.go.add_permits(1);
    assert_eq!(client.message().text(), "waited");
    eventually("the first ends after its last stream", || service.open() == 1);
    there.close_idle();
    eventually("the other rests and ends at once", || service.open() == 0);
}

#[test]
fn a_connection_that_rests_is_closed_in_time() {
    let service = Service::start();
    let settings = Settings { upstream_idle_timeout: SHORT, ..Settings::default() };
    let rig = Rig::with(Told::in_order(&[&service.upstream()]), settings);
    assert_eq!(rig.ask(GET).text(), "served /");
    let mut client = waits(&rig, &service);
    std::thread::sleep(3 * SHORT);
    assert_eq!(service.open(), 1);
    service.state.go.add_permits(1);
    assert_eq!(client.message().text(), "waited");
    eventually("it is closed", || service.open() == 0);
}

#[test]
fn a_connection_that_takes_no_more_streams_is_left() {
    let service = Service::start();
    let rig = Rig::start(Told::in_order(&[&service.upstream()]));
    let mut client = waits(&rig, &service);
    service.leave();
    // Those that meet its words on their way are served by it too: none is lost.
    eventually("another connection is made", || {
        assert_eq!(rig.ask(POST).text(), "served /");
        service.connections() == 2
    });
    service.state.go.add_permits(1);
    assert_eq!(client.message().text(), "waited");
}

#[test]
fn a_drain_of_the_relay_lets_its_streams_finish() {
    let service = Service::start();
    let rig = Rig::start(Told::in_order(&[&service.upstream()]));
    let mut client = waits(&rig, &service);
    let drained = std::thread::scope(|scope| {
        let drain = scope.spawn(|| crate::rig::block_on(rig.relay.drain(Duration::from_secs(10))));
        eventually("it takes no connections", || std::net::TcpStream::connect(rig.address).is_err());
        service.state.go.add_permits(1);
        assert_eq!(client.message().text(), "waited");
        drain.join().unwrap()
    });
    assert_eq!(drained.cut, 0);
}
