//! `accordion demo-service`: the paper's HTTP-WebServer, a service to try a cluster with.
//!
//! It answers as many bytes as it is asked for, burns CPU or waits when asked to, and handles only
//! so many requests at a time, so that one copy has a capacity that is known. Here is its start and
//! its end; what it answers is in `route`, its bound in `places`.

mod body;
mod burn;
mod content;
mod events;
mod places;
mod route;
mod websocket;
mod work;

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use cluster::daemon::{self, Shutdown};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::TaskTracker;

use places::Places;

/// How long a connection may be idle or take for a request's head. Longer than any proxy in front
/// keeps an idle connection, so that it is the proxy that closes and never races a request.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);

/// Before the next accept when the system is out of files or memory.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What `accordion demo-service` is told on its command line.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT")]
    port: u16,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    address: IpAddr,

    /// Requests handled at a time; further ones wait, first in first out [default: number of cores]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
}

/// How the service ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ended {
    /// Everything that ran was answered.
    Drained,
    /// A second signal cut what still ran.
    Cut,
}

/// What all connections share.
struct Demo {
    address: SocketAddr,
    places: Arc<Places>,
    shutdown: Shutdown,
    tasks: TaskTracker,
}

/// Serves until SIGTERM or SIGINT: 0 when everything that ran was answered, 1 on a fault or when a
/// second signal cut it.
pub(crate) fn main(args: &Args) -> ExitCode {
    daemon::raise_file_limit();
    let workers = args.workers.map_or_else(cores, usize::from);
    // A burning request occupies a thread; each place may have one, and as many are outside the bound.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .thread_name("demo-service")
        .max_blocking_threads(workers * 2)
        .build();
    let ended = runtime.and_then(|runtime| {
        let ended = runtime.block_on(start(SocketAddr::new(args.address, args.port), workers));
        runtime.shutdown_background();
        ended
    });
    match ended {
        Ok(Ended::Drained) => ExitCode::SUCCESS,
        Ok(Ended::Cut) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("demo-service: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn start(address: SocketAddr, workers: usize) -> io::Result<Ended> {
    let shutdown = Shutdown::on_signals()?;
    let listener = TcpListener::from_std(daemon::listener(address)?)?;
    let address = listener.local_addr()?;
    eprintln!("demo-service: listening on http://{address}, {workers} requests at a time");
    Ok(run(listener, address, workers, shutdown).await)
}

/// Accepts until the shutdown is asked for, then waits for what runs.
async fn run(listener: TcpListener, address: SocketAddr, workers: usize, shutdown: Shutdown) -> Ended {
    let demo = Arc::new(Demo {
        address,
        places: Places::new(workers),
        shutdown: shutdown.clone(),
        tasks: TaskTracker::new(),
    });
    tokio::select! {
        () = accept(&listener, &demo) => {}
        () = shutdown.asked() => {}
    }
    drop(listener);
    demo.tasks.close();
    tokio::select! {
        () = demo.tasks.wait() => Ended::Drained,
        () = shutdown.forced() => Ended::Cut,
    }
}

async fn accept(listener: &TcpListener, demo: &Arc<Demo>) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                demo.tasks.spawn(serve(stream, demo.clone()));
            }
            // The client is gone already, or we are out of files: neither ends the service.
            Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
        }
    }
}

/// One connection, until it ends or until what runs on it is answered after the shutdown was asked for.
async fn serve(stream: TcpStream, demo: Arc<Demo>) {
    // A refusal only costs latency.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| route::answer(demo.clone(), request));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    // An error here is a client that went away or spoke no HTTP; hyper answered what can be answered.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = demo.shutdown.asked() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}
