//! A service that says who it is: `e2e-named ADDRESS PORT NAME WAIT_MS` answers each request with NAME, all
//! but `/healthz` after the wait, any number of them at a time.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let usage = || io::Error::new(io::ErrorKind::InvalidInput, "e2e-named ADDRESS PORT NAME WAIT_MS");
    let [address, port, name, wait] = &arguments[..] else { return Err(usage()) };
    let wait = Duration::from_millis(wait.parse().map_err(|_| usage())?);
    for stream in TcpListener::bind(format!("{address}:{port}"))?.incoming() {
        let (stream, name) = (stream?, name.clone());
        // A client that went away is no reason to end.
        thread::spawn(move || serve(&stream, &name, wait));
    }
    Ok(())
}

fn serve(mut stream: &TcpStream, name: &str, wait: Duration) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        // Heads without a body are all that comes.
        let mut head = String::new();
        while reader.read_line(&mut head)? > 2 {}
        if head.is_empty() {
            return Ok(());
        }
        if !head.starts_with("GET /healthz ") {
            thread::sleep(wait);
        }
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{name}", name.len())?;
    }
}
