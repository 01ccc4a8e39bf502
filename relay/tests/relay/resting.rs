//! Connections to a service that end while they rest, so late that the relay's runtime has not heard of it when
//! a request is to go out on one.

use std::fs;
use std::net::SocketAddr;
use std::sync::{Mutex, mpsc};

use relay::Pick;

use crate::peer::{Close, DEADLINE, Peer};
use crate::rig::{GET, OK, Origin, POST, Rig, Told, eventually, upstream};

/// The state of a socket in /proc/net/tcp whose other end has closed.
const CLOSE_WAIT: &str = "08";

/// What a request that is sent once only may meet.
#[derive(Debug, Clone, Copy)]
enum News {
    End(Close),
    /// The service speaks unasked.
    Words,
}

impl News {
    /// Gives the service's end back where it stays open.
    fn come_from(self, mut service: Peer) -> Option<Peer> {
        let ends = [service.tcp().peer_addr().unwrap(), service.tcp().local_addr().unwrap()];
        let open = match self {
            News::End(close) => {
                service.end(close);
                None
            }
            News::Words => {
                service.send("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
                Some(service)
            }
        };
        eventually("they are in the relay's socket", || self.is_at(ends));
        open
    }

    /// Whether the system has put it into the socket that has these addresses, its own and the other end's.
    fn is_at(self, ends: [SocketAddr; 2]) -> bool {
        let table = fs::read_to_string("/proc/net/tcp").unwrap();
        let ports = ends.map(|end| format!(":{:04X}", end.port()));
        let mut sockets = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
        let columns =
            sockets.find(|columns| columns[1..].iter().zip(&ports).all(|(at, port)| at.ends_with(port)));
        match (self, columns.as_deref()) {
            (News::End(Close::Reset), columns) => columns.is_none(),
            (News::End(Close::Fin), Some(columns)) => columns[3] == CLOSE_WAIT,
            (News::Words, Some(columns)) => !columns[4].ends_with(":00000000"),
            (News::End(Close::Fin) | News::Words, None) => false,
        }
    }
}

#[test]
fn a_request_that_has_one_chance_does_not_go_out_on_one() {
    let delete = "DELETE / HTTP/1.1\r\nHost: a\r\n\r\n";
    let with_body = "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
    for request in [POST, delete, with_body] {
        for news in [News::End(Close::Fin), News::End(Close::Reset), News::Words] {
            goes_out_elsewhere(request, news);
        }
    }
}

fn goes_out_elsewhere(request: &str, news: News) {
    let origin = Origin::start();
    let local = upstream("local", origin.address);
    let (picks, is_picked) = mpsc::channel();
    let (go_on, may_go_on) = mpsc::channel();
    let gates = Mutex::new((picks, may_go_on));
    let told = Told::new(move |_, _| {
        let (picks, may_go_on) = &*gates.lock().unwrap();
        picks.send(()).unwrap();
        may_go_on.recv_timeout(DEADLINE).unwrap();
        Pick::Forward(local.acquire())
    });
    let rig = Rig::start(told.clone());
    go_on.send(()).unwrap();
    let (mut client, mut service) = rig.asked(&origin, GET);
    is_picked.recv_timeout(DEADLINE).unwrap();
    service.send(OK);
    client.message();
    client.send(request);
    is_picked.recv_timeout(DEADLINE).unwrap();
    // The worker is held while it comes, and the request is what it turns to next.
    let _open = news.come_from(service);
    go_on.send(()).unwrap();
    let mut service = origin.accept();
    assert_eq!(service.message().start, request.lines().next().unwrap(), "{news:?}");
    service.send(OK);
    assert_eq!(client.message().status(), 200);
    assert_eq!(told.failures(), [], "the service had every right to it");
}
