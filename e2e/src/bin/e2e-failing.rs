//! A service that fails when it is told to: `e2e-failing ADDRESS PORT DIRECTORY` answers 500 to everything
//! but `/healthz` while there is a file of its address's name in the directory, and 200 otherwise.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};

fn main() -> io::Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [address, port, directory] = arguments.as_slice() else {
        return Err(io::Error::other("ADDRESS PORT DIRECTORY"));
    };
    let switch = PathBuf::from(directory).join(address);
    for stream in TcpListener::bind(format!("{address}:{port}"))?.incoming() {
        let (stream, switch) = (stream?, switch.clone());
        // A client that went away is no reason to end.
        std::thread::spawn(move || serve(stream, &switch));
    }
    Ok(())
}

fn serve(stream: TcpStream, switch: &Path) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        // Heads without a body are all that comes.
        while !request.ends_with("\r\n\r\n") {
            if reader.read_line(&mut request)? == 0 {
                return Ok(());
            }
        }
        let is_good = request.starts_with("GET /healthz ") || !switch.exists();
        let status = if is_good { "200 OK" } else { "500 Told To" };
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        reader.get_mut().write_all(answer.as_bytes())?;
    }
}
