//! A part is never taken for the whole, and an end in order is said.

use std::time::Duration;

use relay::Settings;

use crate::client::End;
use crate::peer::DEADLINE;
use crate::rig::{CHUNKED, GET, OK, Origin, block_on, eventually};
use crate::site::Site;

#[test]
fn an_answer_that_breaks_off_ends_without_a_goodbye() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    for head in [CHUNKED, "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n"] {
        let mut client = site.client();
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service.send(head);
        client.head();
        drop(service);
        assert_eq!(client.rest().1, End::Cut);
    }
}

#[test]
fn an_upload_that_breaks_off_is_no_whole_request() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    for says_goodbye in [false, true] {
        let mut client = site.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
        let mut service = origin.accept();
        service.head();
        assert_eq!(service.chunk().unwrap(), b"hello");
        if says_goodbye {
            client.say_goodbye();
            assert!(client.head().starts_with("http/1.1 400 "));
        }
        drop(client);
        service.expect_end();
    }
}

#[test]
fn a_client_that_vanishes_while_it_waits_is_noticed() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut client = site.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    drop(client);
    service.expect_end();
    eventually("nobody is open", || site.relay.counters().connections_open == 0);
}

#[test]
fn a_connection_that_rests_too_long_is_ended_with_a_goodbye() {
    let origin = Origin::start();
    let settings = Settings { keep_alive_timeout: Duration::from_millis(100), ..Settings::default() };
    let site = Site::with(&origin, settings);
    let mut client = site.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    client.head();
    assert_eq!(client.rest(), (b"ok".to_vec(), End::Goodbye));
}

#[test]
fn a_drain_ends_those_that_rest_with_a_goodbye_and_cuts_none() {
    let origin = Origin::start();
    let site = Site::before(&origin);
    let mut client = site.client();
    client.send(GET);
    let mut service = origin.accept();
    service.message();
    service.send(OK);
    client.head();
    client.bytes(2);
    assert_eq!(block_on(site.relay.drain(DEADLINE)).cut, 0);
    assert_eq!(client.rest(), (vec![], End::Goodbye));
}
