//! A service that answers each request with the head it was sent, so that a test sees what a service gets
//! to see: `e2e-mirror ADDRESS PORT FOLDER`. It is not ready while FOLDER has a file `ADDRESS`.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::thread;

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, port, folder] = &arguments[..] else {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "e2e-mirror ADDRESS PORT FOLDER"));
    };
    let unready = PathBuf::from(folder).join(address);
    for stream in TcpListener::bind(format!("{address}:{port}"))?.incoming() {
        let (stream, unready) = (stream?, unready.clone());
        // A client that went away is no reason to end.
        thread::spawn(move || serve(&stream, &unready));
    }
    Ok(())
}

fn serve(stream: &TcpStream, unready: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while reader.read_line(&mut head)? > 2 {}
        if head.is_empty() {
            return Ok(());
        }
        let is_unready = head.starts_with("GET /healthz ") && unready.exists();
        let status = if is_unready { "503 Service Unavailable" } else { "200 OK" };
        let mut stream = stream;
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{head}", head.len())?;
    }
}
