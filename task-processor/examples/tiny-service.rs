//! The service that this crate's tests run, and the guard over it: a few lines of HTTP/1.1.
//!
//! `tiny-service ADDRESS PORT` answers `/until/FILE` once the file exists, gives 503 on
//! `/unless/FILE` while the file exists, ends the program on `/exit`, gives 503 on `/never`, and
//! answers everything else with the head it was sent.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process;
use std::thread;
use std::time::Duration;

fn main() -> io::Result<()> {
    cluster::guard::enter_if_asked();
    let arguments: Vec<String> = env::args().skip(1).collect();
    for stream in TcpListener::bind(arguments.join(":"))?.incoming() {
        let stream = stream?;
        // A client that went away is no reason to end.
        thread::spawn(move || serve(stream));
    }
    Ok(())
}

fn serve(stream: TcpStream) -> io::Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    loop {
        let head = read_head(&mut reader)?;
        let Some(path) = head.split(' ').nth(1) else { return Ok(()) };
        let status = act(path);
        write!(&stream, "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{head}", head.len())?;
    }
}

fn read_head(reader: &mut impl BufRead) -> io::Result<String> {
    let mut head = String::new();
    while reader.read_line(&mut head)? > 2 {}
    Ok(head)
}

fn act(path: &str) -> &'static str {
    if path == "/exit" {
        eprintln!("out of luck");
        process::exit(3);
    }
    if let Some(file) = path.strip_prefix("/until") {
        while !Path::new(file).exists() {
            thread::sleep(Duration::from_millis(5));
        }
    }
    let is_unless = path.strip_prefix("/unless").is_some_and(|file| Path::new(file).exists());
    if path == "/never" || is_unless { "503 Service Unavailable" } else { "200 OK" }
}
