//! The demo service on the wire: its paths, its bound, and its end.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

#[path = "program/client.rs"]
mod client;
#[path = "program/running.rs"]
mod running;

use std::fs;
use std::net::{SocketAddr, TcpStream};

use rustix::process::Signal;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Message, WebSocket};

use client::Client;
use running::{PATIENCE, Running, until};

/// A request that is handled, and not answered before the one byte of its body is sent.
const HELD: &str = "POST /bytes/5 HTTP/1.1\r\nhost: demo\r\ncontent-length: 1\r\n\r\n";

const GET: &str = "GET / HTTP/1.1\r\nhost: demo\r\n\r\n";

struct Demo {
    program: Running,
    address: SocketAddr,
}

#[test]
fn bytes_answers_as_many_as_asked_and_the_connection_goes_on() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    for count in [0, 1, 1024, 300_000] {
        let first = client.ask("GET", &format!("/bytes/{count}"));
        assert_eq!((first.status, first.body.len()), (200, count));
        let second = client.ask("GET", &format!("/bytes/{count}?x=1"));
        assert!(first.body == second.body, "the content differs");
    }
}

#[test]
fn head_has_the_headers_of_get_and_no_body() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    let without_date = |head: &str| {
        let mut lines: Vec<_> =
            head.lines().filter(|line| !line.starts_with("date:")).map(str::to_owned).collect();
        lines.sort();
        lines
    };
    for target in ["/", "/bytes/70000", "/healthz", "/nowhere", "/bytes/x"] {
        let head = client.ask("HEAD", target);
        // The next answer on the connection would be garbled by a body.
        let get = client.ask("GET", target);
        assert_eq!(without_date(&head.head), without_date(&get.head), "{target}");
    }
    let head = client.ask("HEAD", "/bytes/10737418240");
    assert_eq!(head.header("content-length"), Some("10737418240"));
    let events = client.ask("HEAD", "/events");
    assert_eq!(events.header("content-type"), Some("text/event-stream"));
    assert_eq!(client.ask("GET", "/").status, 200);
}

#[test]
fn the_root_names_itself_and_takes_any_method_and_body() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    let names_itself = format!("process {} on {}", demo.program.pid(), demo.address);
    for method in ["GET", "POST", "DELETE", "PROPFIND"] {
        let answer = client.ask(method, "/");
        assert_eq!(answer.status, 200);
        assert!(answer.text().contains(&names_itself), "{}", answer.text());
    }
    client.send("PUT / HTTP/1.1\r\nhost: demo\r\ncontent-length: 9\r\n\r\nread only");
    assert_eq!(client.answer().status, 200);
    assert_eq!(client.ask("GET", "/").status, 200);
}

#[test]
fn echo_sends_a_body_back_while_it_still_comes() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    client.send(
        "POST /echo HTTP/1.1\r\nhost: demo\r\ncontent-type: text/x-half\r\ncontent-length: 8\r\n\r\nhalf",
    );
    let head = client.head();
    assert_eq!((head.status, head.header("content-type")), (200, Some("text/x-half")));
    assert_eq!(head.header("content-length"), Some("8"));
    assert_eq!(client.bytes(4), b"half");
    client.send("rest");
    assert_eq!(client.bytes(4), b"rest");
    assert_eq!(client.ask("POST", "/echo").body, b"");
}

#[test]
fn what_it_does_not_know_is_one_sentence() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    for (target, status, words) in [
        ("/nowhere", 404, "there is nothing at /nowhere"),
        ("/bytes/many", 400, "/bytes/many must be /bytes/N"),
        ("/bytes/10737418241", 400, "N from 0 to 10737418240"),
        ("/?work=10", 400, "work=10 is no duration"),
        ("/bytes/1?wait=soon", 400, "wait=soon is no duration"),
        ("/healthz?wait=2h", 400, "wait=2h is too long"),
    ] {
        let answer = client.ask("GET", target);
        assert_eq!(answer.status, status, "{target}");
        assert!(answer.text().contains(words), "{}", answer.text());
        assert_eq!(answer.text().lines().count(), 1);
    }
    let plain = client.ask("GET", "/ws");
    assert_eq!((plain.status, plain.header("upgrade")), (426, Some("websocket")));
}

#[test]
fn work_burns_cpu_time_and_wait_does_not() {
    let demo = Demo::start(2);
    let mut client = demo.connect();
    let before = demo.cpu_ticks();
    assert_eq!(client.ask("GET", "/bytes/1?wait=300ms").status, 200);
    let waited = demo.cpu_ticks();
    assert_eq!(client.ask("GET", "/?work=300ms&wait=1ms").status, 200);
    let worked = demo.cpu_ticks();
    // A tick is 10 ms; one is lost to rounding at either end.
    assert!(worked - waited >= 28, "work=300ms took {} ticks", worked - waited);
    assert!(waited - before < 15, "wait=300ms took {} ticks", waited - before);
}

#[test]
fn it_handles_as_many_requests_as_it_has_workers_and_the_others_in_their_order() {
    let demo = Demo::start(2);
    let mut held: Vec<_> = (0..2).map(|_| Client::sending(demo.address, HELD)).collect();
    demo.reaches("handling 2\nwaiting 0\nhandled 0");
    let mut waiting = Vec::new();
    for place in 1..=4 {
        waiting.push(Client::sending(demo.address, HELD));
        demo.reaches(&format!("handling 2\nwaiting {place}\nhandled 0"));
    }
    // Those that wait have sent all of theirs, so that only their turn keeps them.
    for client in &mut waiting {
        client.send("x");
    }
    demo.reaches("handling 2\nwaiting 4\nhandled 0");
    // One worker stays taken: the four pass through the other one after the other.
    held[0].send("x");
    assert_eq!(held[0].answer().body.len(), 5);
    for client in &mut waiting {
        assert_eq!(client.answer().status, 200);
    }
    demo.reaches("handling 1\nwaiting 0\nhandled 5");
}

#[test]
fn idle_connections_take_no_place() {
    let demo = Demo::start(1);
    let mut clients: Vec<_> = (0..5).map(|_| demo.connect()).collect();
    for _ in 0..2 {
        for client in &mut clients {
            assert_eq!(client.ask("GET", "/").status, 200);
        }
    }
}

#[test]
fn a_client_that_leaves_gives_up_its_turn_and_its_place() {
    let demo = Demo::start(1);
    let held = Client::sending(demo.address, HELD);
    demo.reaches("handling 1\nwaiting 0");
    let leaving = Client::sending(demo.address, GET);
    let mut staying = Client::sending(demo.address, "GET /bytes/3 HTTP/1.1\r\nhost: demo\r\n\r\n");
    demo.reaches("handling 1\nwaiting 2");
    drop(leaving);
    demo.reaches("handling 1\nwaiting 1\nhandled 0");
    drop(held);
    assert_eq!(staying.answer().body.len(), 3);
    demo.reaches("handling 0\nwaiting 0\nhandled 2");

    // One that burns or waits gives its place up as well, long before its time.
    for target in ["/?work=1h", "/?wait=1h"] {
        let leaving = Client::sending(demo.address, &format!("GET {target} HTTP/1.1\r\nhost: demo\r\n\r\n"));
        demo.reaches("handling 1\nwaiting 0");
        drop(leaving);
        demo.reaches("handling 0\nwaiting 0");
    }
}

#[test]
fn probes_events_and_websockets_need_no_place() {
    let demo = Demo::start(1);
    let _held = Client::sending(demo.address, HELD);
    demo.reaches("handling 1");
    assert_eq!(demo.connect().ask("GET", "/healthz").status, 200);
    Client::sending(demo.address, "GET /events HTTP/1.1\r\nhost: demo\r\n\r\n").until("data: 1");
    let mut socket = demo.websocket();
    socket.send(Message::text("hello")).unwrap();
    assert_eq!(socket.read().unwrap(), Message::text("hello"));
}

#[test]
fn events_count_and_end_politely_with_the_service() {
    let mut demo = Demo::start(1);
    let mut client = Client::sending(demo.address, "GET /events HTTP/1.1\r\nhost: demo\r\n\r\n");
    assert_eq!(client.head().header("content-type"), Some("text/event-stream"));
    client.until("id: 1\ndata: 1\n");
    client.until("id: 2\ndata: 2\n");
    demo.program.signal(Signal::TERM);
    assert!(client.rest().ends_with("0\r\n\r\n"), "the last chunk is missing");
    assert_eq!(demo.program.ended().code(), Some(0));
}

#[test]
fn a_websocket_echoes_answers_pings_and_closes() {
    let demo = Demo::start(1);
    let mut socket = demo.websocket();
    for message in
        [Message::text("grüß"), Message::binary(vec![0, 255, 7]), Message::binary(vec![1; 200_000])]
    {
        socket.send(message.clone()).unwrap();
        assert!(socket.read().unwrap() == message);
    }
    socket.send(Message::Ping("are you there".into())).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Pong("are you there".into()));
    socket.close(None).unwrap();
    assert_eq!(socket.read().unwrap(), Message::Close(None));
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
}

#[test]
fn a_websocket_is_told_that_the_service_goes_away() {
    let mut demo = Demo::start(1);
    let mut socket = demo.websocket();
    socket.send(Message::text("hello")).unwrap();
    socket.read().unwrap();
    demo.program.signal(Signal::TERM);
    let Message::Close(Some(frame)) = socket.read().unwrap() else { panic!("no close frame") };
    assert_eq!(frame.code, CloseCode::Away);
    assert!(matches!(socket.read(), Err(tungstenite::Error::ConnectionClosed)));
    assert_eq!(demo.program.ended().code(), Some(0));
}

#[test]
fn sigterm_refuses_new_connections_and_finishes_what_runs_and_waits() {
    let mut demo = Demo::start(1);
    let mut idle = demo.connect();
    assert_eq!(idle.ask("GET", "/").status, 200);
    let mut held = Client::sending(demo.address, HELD);
    demo.reaches("handling 1\nwaiting 0");
    let mut waiting = Client::sending(demo.address, GET);
    demo.reaches("handling 1\nwaiting 1");
    demo.program.signal(Signal::TERM);
    until("connections are refused", || TcpStream::connect(demo.address).err());
    assert_eq!(idle.rest(), "");
    held.send("x");
    let answer = held.answer();
    assert_eq!((answer.body.len(), answer.header("connection")), (5, Some("close")));
    assert_eq!(waiting.answer().status, 200);
    assert_eq!(demo.program.ended().code(), Some(0));
}

#[test]
fn a_second_sigterm_ends_it_at_once() {
    let mut demo = Demo::start(1);
    let _burning = Client::sending(demo.address, "GET /?work=1h HTTP/1.1\r\nhost: demo\r\n\r\n");
    demo.reaches("handling 1\nwaiting 0");
    demo.program.signal(Signal::TERM);
    until("connections are refused", || TcpStream::connect(demo.address).err());
    demo.program.signal(Signal::TERM);
    assert_eq!(demo.program.ended().code(), Some(1));
}

#[test]
fn an_address_in_use_is_one_sentence() {
    let demo = Demo::start(1);
    let mut second = Running::start(&["demo-service", "--port", &demo.address.port().to_string()]);
    assert_eq!(second.ended().code(), Some(1));
    let said = second.rest();
    assert_eq!(said.len(), 1);
    assert!(said[0].starts_with(&format!("demo-service: cannot listen on {}: ", demo.address)), "{said:?}");
}

impl Demo {
    fn start(workers: usize) -> Self {
        let program = Running::start(&["demo-service", "--port", "0", "--workers", &workers.to_string()]);
        let line = program.line_with("listening on http://");
        let address = line.split_once("http://").unwrap().1.split(',').next().unwrap().parse().unwrap();
        Self { program, address }
    }

    fn connect(&self) -> Client {
        Client::connect(self.address)
    }

    fn websocket(&self) -> WebSocket<TcpStream> {
        let stream = TcpStream::connect(self.address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        tungstenite::client(format!("ws://{}/ws", self.address), stream).unwrap().0
    }

    /// Waits until `/healthz` counts this.
    fn reaches(&self, counts: &str) {
        let mut client = self.connect();
        let mut last = String::new();
        until(&format!("{counts:?}"), || {
            last = client.ask("GET", "/healthz").text().to_owned();
            last.contains(counts).then_some(())
        });
    }

    /// CPU time of the whole process so far, user and system.
    fn cpu_ticks(&self) -> u64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.program.pid())).unwrap();
        let fields: Vec<_> = stat.rsplit_once(") ").unwrap().1.split(' ').collect();
        fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
    }
}
