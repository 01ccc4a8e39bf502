//! What a child is sent and what is believed of its answers: a task-processor gets the token and may say
//! that its service saw nothing; a service itself gets none, and may not.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use cluster::config::sample;
use relay::{Relay, Settings};

use super::Door;
use crate::child_list::{ChildSpec, ChildState};

const DEADLINE: Duration = Duration::from_secs(20);

/// As a node refuses, and as no service should speak.
const REFUSAL: &str = "503 Service Unavailable\r\nX-Accordion-Refused: draining\r\nX-Accordion-Lost: yes";

/// What became of one request of a client's.
struct Asked {
    /// What the first child was sent, in lower case.
    sent: String,
    /// What the client was answered, in lower case.
    answer: String,
    /// Whether the first child is out from then on.
    is_out: bool,
}

/// Answers each connection once, with this status line and these fields; what it was sent goes to `heads`.
fn serve(answer: &'static str, heads: mpsc::Sender<String>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming() {
            let mut connection = connection.unwrap();
            let mut head = Vec::new();
            let mut byte = [0];
            while !head.ends_with(b"\r\n\r\n") && connection.read(&mut byte).unwrap_or(0) == 1 {
                head.push(byte[0]);
            }
            // Nobody listens once the test is over.
            let _ = heads.send(String::from_utf8(head).unwrap().to_ascii_lowercase());
            let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            let _ = connection.write_all(answer.as_bytes());
        }
    });
    address
}

fn child(node: &str, address: SocketAddr, token: Option<&str>) -> ChildSpec {
    ChildSpec {
        node: node.into(),
        lease_id: format!("lease-{node}"),
        epoch: 1,
        address,
        token: token.map(str::to_owned),
        speed: 1.0,
        state: ChildState::Ready,
    }
}

fn get(address: SocketAddr) -> String {
    let mut connection = TcpStream::connect(address).unwrap();
    connection.set_read_timeout(Some(DEADLINE)).unwrap();
    let request = "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nX-Accordion-Token: guess\r\n\r\n";
    connection.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    connection.read_to_string(&mut answer).unwrap();
    answer.to_ascii_lowercase()
}

/// A GET where the first of two children answers as a node does that refuses, and the second one well.
fn asked(token: Option<&str>) -> Asked {
    let text = sample(1, "slow_start = \"0s\"\n");
    let service = cluster::config::parse("cluster.toml", &text).unwrap().services.remove(0);
    let (door, _lost) = Door::new(&service);
    let (heads, sent) = mpsc::channel();
    let others = mpsc::channel().0;
    let (first, second) = (serve(REFUSAL, heads), serve("200 OK", others));
    door.set_list(1, vec![child("c1", first, token), child("c2", second, Some("other"))]).unwrap();
    let listener = cluster::daemon::listener((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = listener.local_addr().unwrap();
    let dispatch = Arc::clone(&door) as Arc<dyn relay::Dispatch>;
    let relay = Relay::start(vec![listener], 1, dispatch, Settings::default()).unwrap();
    let answer = get(address);
    let sent = sent.recv_timeout(DEADLINE).unwrap();
    let is_out = door.list().children[0].seat.out().is_some();
    drop(relay);
    Asked { sent, answer, is_out }
}

#[tokio::test]
async fn a_task_processor_gets_its_token_and_a_request_that_it_refuses_goes_elsewhere() {
    let Asked { sent, answer, is_out } = asked(Some("secret"));
    assert!(sent.contains("\r\nx-accordion-token: secret\r\n") && !sent.contains("guess"), "{sent}");
    assert!(answer.starts_with("http/1.1 200 "), "{answer}");
    assert!(is_out);
}

#[tokio::test]
async fn a_service_itself_gets_no_token_and_its_word_that_it_saw_nothing_is_not_believed() {
    let Asked { sent, answer, is_out } = asked(None);
    assert!(sent.starts_with("get / ") && !sent.contains("x-accordion"), "{sent}");
    assert!(answer.starts_with("http/1.1 503 "), "{answer}");
    assert!(answer.contains("\r\nx-accordion-served-by: c1\r\n"), "{answer}");
    assert!(!answer.contains("refused") && !answer.contains("lost"), "{answer}");
    assert!(!is_out);
}
