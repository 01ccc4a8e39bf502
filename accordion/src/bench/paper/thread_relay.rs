//! A relay with a thread for each connection, as the paper's service-manager was (figure 5): it connects to a
//! copy, passes on what the client says and then what the copy answers. Only the benchmark has a use for it.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

/// After an accept that failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(10);

/// Its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Where it listens
    #[arg(long, value_name = "ADDRESS")]
    listen: SocketAddr,

    /// The copies, taken in turn
    #[arg(long, value_name = "ADDRESS", value_delimiter = ',', required = true)]
    to: Vec<SocketAddr>,
}

/// Until it is killed; 1 when it cannot listen.
pub(in crate::bench) fn main(args: &Args) -> ExitCode {
    let listener = match TcpListener::bind(args.listen) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("accordion bench: cannot listen on {}: {error}", args.listen);
            return ExitCode::FAILURE;
        }
    };
    serve(&listener, &args.to);
    ExitCode::SUCCESS
}

fn serve(listener: &TcpListener, copies: &[SocketAddr]) {
    let accepted = listener.incoming().filter_map(|client| {
        if client.is_err() {
            // Without a descriptor the next one fails as well.
            thread::sleep(ACCEPT_PAUSE);
        }
        client.ok()
    });
    for (client, copy) in accepted.zip(copies.iter().copied().cycle()) {
        // A client for whom there is no thread is turned away.
        let _ = thread::Builder::new().spawn(move || relay(&client, copy));
    }
}

/// One connection, to its end. Both directions have a thread: a client may keep its connection open.
fn relay(client: &TcpStream, copy: SocketAddr) -> io::Result<()> {
    let copy = TcpStream::connect(copy)?;
    client.set_nodelay(true)?;
    copy.set_nodelay(true)?;
    thread::scope(|scope| {
        scope.spawn(|| pass(client, &copy));
        pass(&copy, client);
    });
    Ok(())
}

/// All that comes from the one goes to the other, its end too.
fn pass(mut from: &TcpStream, mut to: &TcpStream) {
    // A broken connection is an end.
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};

    use super::*;

    #[test]
    fn each_connection_reaches_a_copy_in_turn() {
        let copies: Vec<TcpListener> = (0..2).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
        let addresses: Vec<SocketAddr> = copies.iter().map(|copy| copy.local_addr().unwrap()).collect();
        for (name, copy) in [b'a', b'b'].into_iter().zip(copies) {
            thread::spawn(move || {
                for stream in copy.incoming() {
                    let mut stream = stream.unwrap();
                    let mut asked = [0; 3];
                    stream.read_exact(&mut asked).unwrap();
                    stream.write_all(&[name]).unwrap();
                }
            });
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let target = listener.local_addr().unwrap();
        thread::spawn(move || serve(&listener, &addresses));
        let answers: Vec<String> = (0..4)
            .map(|_| {
                let mut client = TcpStream::connect(target).unwrap();
                client.write_all(b"ask").unwrap();
                let mut answer = String::new();
                client.read_to_string(&mut answer).unwrap();
                answer
            })
            .collect();
        assert_eq!(answers, ["a", "b", "a", "b"]);
    }
}
