//! What a relay goes by is exchanged while requests run, and so is the address that it listens on.

use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use relay::Settings;
use relay::access_log::{AccessLog, Format};

use crate::peer::Peer;
use crate::rig::{GET, OK, Origin, POST, Rig, Told, block_on, eventually, upstream};

const ASK: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: echo\r\n\r\n";
const SWITCH: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";

#[test]
fn limits_and_fields_hold_from_the_next_request_on_the_same_connection() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut client, mut service) = rig.asked(&origin, GET);
    block_on(rig.relay.settle(&Settings {
        served_by: false,
        body_bytes_max: Some(4),
        ..Settings::default()
    }));
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), None);
    client.send(POST);
    assert_eq!(client.message().status(), 413);
    block_on(rig.relay.settle(&Settings::default()));
    let mut client = rig.client();
    client.send(POST);
    service.message();
    service.send(OK);
    assert_eq!(client.message().header("x-accordion-served-by"), Some("local"));
}

#[test]
fn a_shorter_time_holds_for_who_waits_already_and_a_longer_one_as_well() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let mut resting = rig.client();
    resting.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    resting.message();
    let keep_alive_timeout = Duration::from_millis(40);
    block_on(rig.relay.settle(&Settings { keep_alive_timeout, ..Settings::default() }));
    resting.expect_end();
}

#[test]
fn each_line_is_in_the_log_that_was_in_force_as_its_request_ended() {
    let origin = Origin::start();
    let upstream = upstream("local", origin.address);
    let files = ["before", "after"].map(|name| {
        std::env::temp_dir().join(format!("accordion-settled-{}-{name}.log", std::process::id()))
    });
    let logs = [(&files[0], Format::Combined), (&files[1], Format::Json)].map(|(file, format)| Settings {
        access_log: Some(AccessLog::to_file(format, file).unwrap()),
        ..Settings::default()
    });
    let rig = Rig::with(Told::in_order(&[&upstream]), logs[0].clone());
    let (mut client, mut service) = rig.asked(&origin, GET);
    service.send(OK);
    client.message();
    block_on(rig.relay.settle(&logs[1]));
    client.send(GET);
    service.message();
    service.send(OK);
    client.message();
    drop(rig);
    drop(logs);
    let lines = files.map(|file| {
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        text
    });
    assert_eq!(lines.each_ref().map(|text| text.lines().count()), [1, 1]);
    assert!(lines[0].contains("\"GET / HTTP/1.1\" 200") && lines[1].starts_with("{\"time\""), "{lines:?}");
}

#[test]
fn another_address_is_listened_on_and_who_came_to_the_old_one_is_asked_to_come_anew() {
    let origin = Origin::start();
    let (rig, _) = Rig::before(&origin);
    let (mut tunnel, mut far) = rig.asked(&origin, ASK);
    far.send(SWITCH);
    tunnel.head();
    let mut resting = rig.client();
    resting.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    resting.message();
    let mut running = rig.client();
    running.send(GET);
    service.message();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    block_on(rig.relay.listen(&[listener])).unwrap();
    assert!(TcpStream::connect(rig.address).is_err(), "nobody is let in at the old address");
    // One whose answer is under way, and one that rested and asks once more.
    service.send(OK);
    assert_eq!(running.message().header("connection"), Some("close"));
    running.expect_end();
    resting.send(GET);
    service.message();
    service.send(OK);
    assert_eq!(resting.message().header("connection"), Some("close"));
    resting.expect_end();
    tunnel.send("ping");
    assert_eq!(far.bytes(4), b"ping");
    let mut new = Peer::connect(address);
    for _ in 0..2 {
        new.send(GET);
        service.message();
        service.send(OK);
        assert_eq!(new.message().header("connection"), None);
    }
    // And a drain ends the new one too.
    thread::scope(|scope| {
        let drained = scope.spawn(|| block_on(rig.relay.drain(Duration::ZERO)));
        eventually("nobody is let in", || TcpStream::connect(address).is_err());
        assert_eq!(drained.join().unwrap().cut, 1);
    });
}
