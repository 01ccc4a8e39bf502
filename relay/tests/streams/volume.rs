//! Bodies of any size pass whole through a front end and a node, and need no memory to speak of, also while the
//! far side reads nothing.

use std::io::{BufReader, BufWriter, Write};
use std::net::TcpStream;
use std::thread;
use std::time::Duration;

use socket2::{Domain, Socket, Type};

use crate::pattern::Pattern;
use crate::peer::{Close, DEADLINE, Peer};
use crate::rig::{CHUNKED, GET, OK, Origin, Rig};
use crate::subject::Subject;

/// What a body of any size may cost in memory.
const GROWTH_KIB_MAX: u64 = 32 * 1024;

const GIBIBYTE: u64 = 1 << 30;

const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

fn stays_small(subject: &Subject) {
    let grown = subject.grown_kib();
    assert!(grown < GROWTH_KIB_MAX, "{grown} KiB more than before");
}

#[test]
fn a_gibibyte_goes_up_and_another_comes_down() {
    let origin = Origin::start();
    let subject = Subject::start(&origin);
    let mut client = Peer::connect(subject.address);
    let mut up = client.try_clone();
    let sending = thread::spawn(move || {
        write!(up, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {GIBIBYTE}\r\n\r\n")?;
        Pattern::new().write(&mut up, GIBIBYTE)
    });
    let mut service = origin.accept();
    service.head();
    let mut pattern = Pattern::new();
    pattern.check(&service.take_buffered());
    pattern.read(&mut service.tcp(), GIBIBYTE - pattern.passed);
    sending.join().unwrap().unwrap();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");

    client.send(GET);
    service.message();
    let sending = thread::spawn(move || {
        service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {GIBIBYTE}\r\n\r\n"));
        Pattern::new().write(&mut service.tcp(), GIBIBYTE).unwrap();
        service
    });
    client.head();
    let mut pattern = Pattern::new();
    pattern.check(&client.take_buffered());
    pattern.read(&mut client.tcp(), GIBIBYTE - pattern.passed);
    let mut service = sending.join().unwrap();
    // And it ends where it should.
    client.send(GET);
    service.message();
    service.send(OK);
    assert_eq!(client.message().text(), "ok");
    stays_small(&subject);
}

#[test]
fn a_quarter_of_it_goes_both_ways_at_once_in_chunks() {
    const BYTES: u64 = GIBIBYTE / 4;
    let origin = Origin::start();
    let subject = Subject::start(&origin);
    let mut client = Peer::connect(subject.address);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    let mut service = origin.accept();
    service.head();
    service.send(CHUNKED);
    client.head();
    let (mut client_tcp, mut service_tcp) = (client.tcp(), service.tcp());
    thread::scope(|scope| {
        let up = scope.spawn(|| send_chunks(&mut client_tcp, BYTES, LAST_CHUNK));
        let down = scope.spawn(|| send_chunks(&mut service_tcp, BYTES, b""));
        let [heard_up, heard_down] = [service.tcp(), client.tcp()].map(|tcp| {
            scope.spawn(move || {
                let mut pattern = Pattern::new();
                pattern.read_chunks(&mut BufReader::with_capacity(64 * 1024, tcp));
                pattern.passed
            })
        });
        up.join().unwrap().unwrap();
        down.join().unwrap().unwrap();
        assert_eq!(heard_up.join().unwrap(), BYTES);
        // With its end the exchange would be over, whatever is still on the way up.
        let mut tcp = service.tcp();
        tcp.write_all(LAST_CHUNK).unwrap();
        assert_eq!(heard_down.join().unwrap(), BYTES);
    });
    // The answer began before the request was read, so that no other may follow.
    assert_eq!(client.expect_end(), Close::Fin);
    stays_small(&subject);
}

fn send_chunks(tcp: &mut &TcpStream, bytes: u64, end: &[u8]) -> std::io::Result<()> {
    let mut to = BufWriter::with_capacity(64 * 1024, tcp);
    Pattern::new().write_chunks(&mut to, bytes)?;
    to.write_all(end)?;
    to.flush()
}

#[test]
fn what_nobody_reads_stays_with_whoever_sends_it() {
    /// Much more than the sockets on the way hold, which is the system's memory.
    const BYTES: u64 = 96 << 20;
    let origin = Origin::start();
    let subject = Subject::start(&origin);
    // One pair for each direction.
    let mut pairs = Vec::new();
    for up in [true, false] {
        let mut client = Peer::connect(subject.address);
        let length = if up { BYTES } else { 0 };
        client.send(format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n"));
        let mut service = origin.accept();
        service.head();
        if !up {
            service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {BYTES}\r\n\r\n"));
            client.head();
        }
        pairs.push(if up { (client, service) } else { (service, client) });
    }
    thread::scope(|scope| {
        let written = pairs.iter().map(|(sender, _)| scope.spawn(|| until_full(sender.tcp(), BYTES)));
        let written = written.collect::<Vec<_>>().into_iter().map(|filling| filling.join().unwrap());
        let written = written.collect::<Vec<_>>();
        assert!(written.iter().all(|written| *written < BYTES), "all of it was taken, though nobody reads");
        stays_small(&subject);
        for ((sender, reader), pattern) in pairs.iter().zip(written) {
            scope.spawn(move || resume(pattern, sender.tcp(), BYTES));
            let mut read = Pattern::new();
            read.read(&mut reader.tcp(), BYTES);
        }
    });
    stays_small(&subject);
}

/// Writes all of it, or until nothing more goes in for a while; answers how far it came.
fn until_full(mut tcp: &TcpStream, bytes: u64) -> u64 {
    tcp.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut pattern = Pattern::new();
    let mut written = 0;
    while written < bytes {
        let mut part = pattern.next((bytes - written).min(64 * 1024));
        while !part.is_empty() {
            let Ok(count) = tcp.write(part) else { return written };
            written += count as u64;
            part = &part[count..];
        }
    }
    written
}

/// Writes what is left.
fn resume(written: u64, mut tcp: &TcpStream, bytes: u64) {
    tcp.set_write_timeout(Some(DEADLINE)).unwrap();
    let mut pattern = Pattern::new();
    while pattern.passed < written {
        pattern.next(written - pattern.passed);
    }
    pattern.write(&mut tcp, bytes - written).unwrap();
}

#[test]
fn the_end_of_a_body_waits_for_a_client_that_reads_late() {
    // Whatever the client's socket and the relay's own hold, some of these lengths leave their end in the relay
    // and nothing with the service; the last is more than all sockets on the way hold.
    const STEP: u64 = 384 << 10;
    let lengths = (1..=16).map(|steps| steps * STEP).chain([96 << 20]).collect::<Vec<_>>();
    let origin = Origin::start();
    let rig = Rig::front(&origin);
    let pairs = lengths.iter().map(|length| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket.set_recv_buffer_size(32 << 10).unwrap();
        socket.connect(&rig.address.into()).unwrap();
        let mut client = Peer::of(socket.into());
        client.send(GET);
        let mut service = origin.accept();
        service.message();
        service.send(format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"));
        client.head();
        (client, service)
    });
    let pairs = pairs.collect::<Vec<_>>();
    let written = thread::scope(|scope| {
        let filling = pairs
            .iter()
            .zip(&lengths)
            .map(|((_, service), length)| scope.spawn(move || until_full(service.tcp(), *length)));
        let filling = filling.collect::<Vec<_>>();
        filling.into_iter().map(|filling| filling.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(written.last() < lengths.last(), "all were taken at once");
    thread::scope(|scope| {
        for (((client, service), length), written) in pairs.iter().zip(&lengths).zip(written) {
            scope.spawn(move || resume(written, service.tcp(), *length));
            scope.spawn(move || Pattern::new().read(&mut client.tcp(), *length));
        }
    });
    rig.comes_to_rest();
}
