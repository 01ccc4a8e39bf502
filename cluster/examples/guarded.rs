//! What the tests of this crate start: a daemon as small as can be, and a service as small as can
//! be. As every daemon's program it is also the guard of what it starts.
//!
//! `guarded daemon COMMAND...` keeps a service running until it is told to end, `guarded noted
//! DIRECTORY COMMAND...` notes there that it does, `guarded serve ADDRESS PORT [STATUS]` answers every
//! request with that status, `guarded listeners ADDRESS` says what it listens on, `guarded pass ADDRESS`
//! says where two listeners are and passes them on to one that does so, `guarded replace ADDRESS` passes
//! a listener on after another file took its number, and says how that went, `guarded notify` tells whoever
//! is at NOTIFY_SOCKET everything that a daemon may.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use cluster::daemon::{self, Notify, Shutdown};
use cluster::guard;
use cluster::process::{Instance, Spec};

type Fallible = Result<(), Box<dyn std::error::Error>>;

fn main() -> Fallible {
    guard::enter_if_asked();
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["daemon", ..] => run_daemon(None, arguments[1..].to_vec()),
        ["noted", directory, ..] => run_daemon(Some(directory.into()), arguments[2..].to_vec()),
        ["serve", address, port] => serve(address, port, "200"),
        ["serve", address, port, status] => serve(address, port, status),
        ["listeners", address] => say_listeners(address.parse()?),
        ["pass", address] => pass(address.parse()?),
        ["replace", address] => replace(address.parse()?),
        ["notify"] => notify(),
        _ => Err("see the head of guarded.rs".into()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn run_daemon(notes: Option<PathBuf>, command: Vec<String>) -> Fallible {
    let shutdown = Shutdown::on_signals()?;
    let instance = Instance::start(Spec {
        service: "shop".to_owned(),
        command,
        address: [127, 0, 0, 1].into(),
        ports: 20000..=29999,
        ready: Some("/".to_owned()),
        start_timeout: Duration::from_secs(10),
        stop_timeout: Duration::from_secs(2),
        notes,
    })
    .await?;
    say(&instance.guard_pid().to_string())?;
    shutdown.asked().await;
    instance.stop().await;
    Ok(())
}

fn serve(address: &str, port: &str, status: &str) -> Fallible {
    for stream in TcpListener::bind(format!("{address}:{port}"))?.incoming() {
        // A client that went away is no reason to end.
        let _ = answer(stream?, status);
    }
    Ok(())
}

fn answer(mut stream: TcpStream, status: &str) -> io::Result<()> {
    let read = stream.read(&mut [0; 4096])?;
    if read > 0 {
        write!(stream, "HTTP/1.1 {status} Whatever\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")?;
    }
    Ok(())
}

fn say_listeners(address: SocketAddr) -> Fallible {
    for listener in daemon::listeners(address, 1)? {
        let flags = rustix::io::fcntl_getfd(&listener)?;
        say(&format!("{} {flags:?}", listener.local_addr()?))?;
    }
    Ok(())
}

fn pass(address: SocketAddr) -> Fallible {
    let listeners = [TcpListener::bind(address)?, TcpListener::bind(address)?];
    for listener in &listeners {
        say(&listener.local_addr()?.to_string())?;
    }
    let first = listeners[0].local_addr()?.to_string();
    let status =
        daemon::with_listeners(&env::current_exe()?, &listeners)?.args(["listeners", &first]).status()?;
    if status.success() { Ok(()) } else { Err(status.to_string().into()) }
}

fn replace(address: SocketAddr) -> Fallible {
    // Nothing else runs here, so this is number 3, where the passed listener is to be.
    let before = File::open("/dev/null")?;
    let listener = TcpListener::bind(address)?;
    let mut command = daemon::with_listeners(&env::current_exe()?, &[listener])?;
    drop(before);
    match command.arg("listeners").arg(address.to_string()).spawn() {
        Ok(mut child) => say(&child.wait()?.to_string())?,
        Err(error) => say(&error.to_string())?,
    }
    Ok(())
}

#[tokio::main(flavor = "current_thread")]
async fn notify() -> Fallible {
    let mut notify = Notify::new();
    notify.ready("one".to_owned());
    notify.due().await;
    notify.alive("one".to_owned());
    notify.due().await;
    notify.alive("two".to_owned());
    notify.reloading();
    notify.reloaded();
    notify.stopping(Duration::from_secs(25));
    Ok(())
}

fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}
