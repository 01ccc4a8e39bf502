//! From a service's answers, through the relay, to who is out.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::thread;

use cluster::config::sample;
use relay::{Relay, Settings};

use super::*;
use crate::child_list::ChildSpec;

const DEADLINE: Duration = Duration::from_secs(20);

/// Short windows, so that the test is: what is judged in them does not depend on their length.
const SHORT: Duration = Duration::from_millis(200);

/// A service that answers each connection once, with this status line.
fn service(status: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let _ = connection.read(&mut [0; 4096]);
            let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    address
}

fn status_of(relay: SocketAddr) -> String {
    let mut connection = TcpStream::connect(relay).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    connection.write_all(b"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().to_owned()
}

fn child(node: &str, address: SocketAddr) -> ChildSpec {
    ChildSpec {
        node: node.into(),
        lease_id: format!("lease-{node}"),
        epoch: 1,
        address,
        token: Some("secret".into()),
        speed: 1.0,
        state: ChildState::Ready,
    }
}

fn door() -> Arc<Door> {
    let text = sample(1, "dispatch = \"round-robin\"\neject_time = \"1s\"\n");
    Door::new(&cluster::config::parse("cluster.toml", &text).unwrap().services[0]).0
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_child_that_answers_with_5xx_gets_no_more_requests_until_its_time_is_over() {
    let door = door();
    let (good, bad) = (service("200 OK"), service("500 Oh"));
    door.set_list(1, vec![child("c1", bad), child("c2", good), child("c3", good)]).unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let dispatch = Arc::clone(&door) as Arc<dyn relay::Dispatch>;
    let relay = Relay::start(vec![listener], 1, dispatch, Settings::default()).unwrap();
    let limits = door.ejection().unwrap();
    let watched = Arc::clone(&door);
    let watching = tokio::spawn(async move { Watch::new(limits).run(&watched, SHORT).await });
    let asked = Arc::clone(&door);
    tokio::task::spawn_blocking(move || {
        let is_ejected = || asked.list().last.seats.iter().any(|seat| seat.name() == "c1");
        let end = std::time::Instant::now() + DEADLINE;
        let mut statuses = Vec::new();
        while !is_ejected() {
            assert!(std::time::Instant::now() < end, "it was never put out");
            statuses.push(status_of(address));
        }
        assert!(statuses.iter().any(|status| status == "500"), "it had its turns before");
        while is_ejected() {
            assert!(std::time::Instant::now() < end, "it never came back");
            let status = status_of(address);
            assert!(status == "200" || !is_ejected(), "a child that is out was asked");
        }
    })
    .await
    .unwrap();
    watching.abort();
    drop(relay);
}
