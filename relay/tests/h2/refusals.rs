//! Services that say that they did nothing with a request (RFC 9113, section 8.7): it goes to another whatever
//! its method, if its body is still whole.

use relay::{Failure, Settings};

use crate::raw::{INTERNAL_ERROR, NO_ERROR, REFUSED_STREAM, Raw};
use crate::rig::{Origin, POST, Rig, Told, eventually};
use crate::service::{Service, h2c};

/// A service whose frames the test writes, before one that serves.
struct Two {
    first: Origin,
    second: Service,
    told: std::sync::Arc<Told>,
    rig: Rig,
}

impl Two {
    fn start() -> Two {
        let (first, second) = (Origin::start(), Service::start());
        let told = Told::in_order(&[&h2c("first", first.address, None), &second.upstream()]);
        Two { rig: Rig::start(told.clone()), told, first, second }
    }

    /// Gives a POST to the first, and has it go to the second after `refuses`.
    fn goes_on(&self, refuses: impl Fn(&mut Raw, u32)) {
        let mut client = self.rig.client();
        client.send(POST.replacen(" / ", " /echo ", 1));
        let mut service = Raw::accept(&self.first);
        let stream = service.asked();
        refuses(&mut service, stream);
        assert_eq!(client.message().text(), "hello");
        assert_eq!(self.second.seen().len(), 1);
        assert_eq!(self.told.failures(), [], "nobody is to blame");
    }

    /// The same, and it goes nowhere.
    fn ends(&self, fails: impl Fn(Raw, u32)) {
        let mut client = self.rig.client();
        client.send(POST);
        let mut service = Raw::accept(&self.first);
        let stream = service.asked();
        fails(service, stream);
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (502, Some("upstream-closed")));
        assert_eq!(self.second.seen().len(), 0);
        assert_eq!(self.told.failures(), [("first".to_owned(), Failure::Closed)]);
    }
}

#[test]
fn by_a_reset_of_its_stream() {
    Two::start().goes_on(|service, stream| service.reset(stream, REFUSED_STREAM));
}

#[test]
fn by_a_last_stream_before_its() {
    for why in [NO_ERROR, INTERNAL_ERROR] {
        Two::start().goes_on(|service, stream| {
            assert_eq!(stream, 1);
            service.leave(0, why);
        });
    }
}

#[test]
fn not_by_another_reset() {
    Two::start().ends(|mut service, stream| service.reset(stream, INTERNAL_ERROR));
}

#[test]
fn not_by_the_end_of_a_connection_that_has_its_stream() {
    for why in [NO_ERROR, INTERNAL_ERROR] {
        Two::start().ends(|mut service, stream| service.leave(stream, why));
    }
}

#[test]
fn by_the_only_one_which_is_asked_anew_by_another_connection() {
    let origin = Origin::start();
    let local = h2c("local", origin.address, None);
    let rig = Rig::start(Told::new(move |_, _| relay::Pick::Forward(local.acquire())));
    let mut client = rig.client();
    client.send(POST);
    let mut service = Raw::accept(&origin);
    service.asked();
    service.leave(0, NO_ERROR);
    let mut service = Raw::accept(&origin);
    let stream = service.asked();
    service.answer(stream, true);
    assert_eq!(client.head().status(), 200);
    assert_eq!(rig.relay.counters().retries, 1);
}

#[test]
fn a_body_that_is_gone_goes_nowhere() {
    for front in [true, false] {
        let origin = Origin::start();
        let told = Told::in_order(&[&h2c("local", origin.address, None)]);
        let rig = Rig::with(told.clone(), Settings { front, ..Settings::default() });
        let mut client = rig.client();
        client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 50000\r\n\r\n");
        let mut service = Raw::accept(&origin);
        let stream = service.asked();
        client.send([b'x'; 30_000]);
        service.data_of(stream, 30_000);
        service.reset(stream, REFUSED_STREAM);
        let answer = client.message();
        assert_eq!((answer.status(), answer.header("x-accordion-reason")), (503, Some("no-upstream")));
        // A front end may have more of the body than its node.
        assert_eq!(answer.header("x-accordion-refused"), (!front).then_some("no-upstream"));
        assert_eq!(told.failures(), []);
        assert!(!origin.has_more_connections());
    }
}

#[test]
fn one_that_goes_on_refusing_is_not_asked_for_ever() {
    let origin = Origin::start();
    let local = h2c("local", origin.address, None);
    let asked = local.clone();
    let rig = Rig::start(Told::new(move |_, _| relay::Pick::Forward(asked.acquire())));
    let mut client = rig.client();
    client.send(POST);
    let mut service = Raw::accept(&origin);
    for _ in 0..8 {
        let stream = service.asked();
        service.reset(stream, REFUSED_STREAM);
    }
    assert_eq!(client.message().status(), 503);
    assert_eq!(rig.relay.counters().retries, 7);
    eventually("nothing is in flight", || local.in_flight() == 0);
}
