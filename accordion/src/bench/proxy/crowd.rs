//! Many clients that each had one answer and then stay without a word.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use socket2::{Domain, Protocol, Socket, Type};

use super::rows::SMALL;
use crate::bench::client::{Answer, State, request};

/// How long one of them waits for its answer.
const LIMIT: Duration = Duration::from_secs(10);

/// Open files that a run wants: those of a crowd of 10,000 on both sides of a proxy, with room to spare.
const FILES: u64 = 65_536;

/// Open files of a process beside its crowd.
const OTHER_FILES: u64 = 2_000;

/// Lets this process, and those it will start, open as many files as a crowd needs, or as many as the
/// system allows. Answers how many clients the crowd may then have, at most `wanted`.
pub(super) fn make_room(wanted: u64) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let enough = |limit: Option<u64>| limit.is_none_or(|limit| limit >= FILES);
    if !enough(current) {
        // Only root may go beyond the maximum.
        let raised = Rlimit { current: Some(FILES), maximum: maximum.map(|maximum| maximum.max(FILES)) };
        if setrlimit(Resource::Nofile, raised).is_err() {
            // What is not allowed is seen below.
            let _ = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum });
        }
    }
    let files = getrlimit(Resource::Nofile).current.unwrap_or(FILES);
    wanted.min(files.saturating_sub(OTHER_FILES))
}

/// Opens `count` connections from the address `source`, one after the other, and reads one answer on
/// each. Ends early once `halt` is set.
///
/// # Errors
/// One of them has no good answer.
pub(super) fn open(
    target: SocketAddr,
    source: Ipv4Addr,
    count: u64,
    halt: &AtomicBool,
) -> io::Result<Vec<TcpStream>> {
    let request = request(target, &format!("/{SMALL}"), true);
    let mut crowd = Vec::with_capacity(count as usize);
    while (crowd.len() as u64) < count && !halt.load(Ordering::Relaxed) {
        let one = enter(target, source, &request).map_err(|error| {
            io::Error::new(error.kind(), format!("idle connection {} of {count}: {error}", crowd.len() + 1))
        })?;
        crowd.push(one);
    }
    Ok(crowd)
}

fn enter(target: SocketAddr, source: Ipv4Addr, request: &[u8]) -> io::Result<TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, Some(Protocol::TCP))?;
    socket.bind(&SocketAddr::from((source, 0)).into())?;
    socket.connect(&target.into())?;
    let mut stream = TcpStream::from(socket);
    stream.set_read_timeout(Some(LIMIT))?;
    stream.write_all(request)?;
    let (mut answer, mut buffer) = (Answer::default(), [0; 4096]);
    loop {
        let count = stream.read(&mut buffer)?;
        if count == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof));
        }
        match answer.take(&buffer[..count]) {
            State::Open => {}
            State::Good => return Ok(stream),
            State::Bad => return Err(io::Error::new(ErrorKind::InvalidData, "not a good answer")),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn each_of_a_crowd_has_its_answer_and_stays() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let serve = |stream: io::Result<TcpStream>| {
                let mut stream = stream.unwrap();
                assert!(stream.read(&mut [0; 4096]).unwrap() > 0);
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").unwrap();
                stream
            };
            listener.incoming().take(20).map(serve).collect::<Vec<_>>()
        });
        let source = Ipv4Addr::new(127, 0, 0, 9);
        let crowd = open(target, source, 20, &AtomicBool::new(false)).unwrap();
        assert_eq!(crowd.len(), 20);
        assert!(crowd.iter().all(|stream| stream.local_addr().unwrap().ip() == source));
        assert_eq!(server.join().unwrap().len(), 20);
    }
}
