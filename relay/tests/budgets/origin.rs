//! The service behind the relay: answers every request with the same body. One thread for all of its
//! connections, because there may be a thousand.

use std::io;
use std::net::SocketAddr;
use std::thread;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use crate::rows::BODY_BYTES;

/// Runs until it is dropped.
pub(crate) struct Origin {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Origin {
    pub(crate) fn start() -> Origin {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::spawn(move || {
            Builder::new_current_thread().enable_io().build().unwrap().block_on(async {
                tokio::select! {
                    () = accept(TcpListener::from_std(listener).unwrap()) => (),
                    _ = stopped => (),
                }
            });
        });
        Origin { address, stop: Some(stop), thread: Some(thread) }
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        drop(self.stop.take());
        // A panic on its thread has been printed, and the client has noticed.
        let _ = self.thread.take().unwrap().join();
    }
}

async fn accept(listener: TcpListener) {
    let answer = format!(
        "HTTP/1.1 200 OK\r\nServer: origin\r\nContent-Type: application/octet-stream\r\n\
         Content-Length: {BODY_BYTES}\r\n\r\n{}",
        "x".repeat(BODY_BYTES)
    );
    loop {
        let (tcp, _) = listener.accept().await.expect("there are descriptors left");
        let answer = answer.clone();
        tokio::spawn(async move {
            // The relay has closed it, which is its right.
            let _ = serve(tcp, answer.as_bytes()).await;
        });
    }
}

async fn serve(mut tcp: TcpStream, answer: &[u8]) -> io::Result<()> {
    tcp.set_nodelay(true)?;
    let mut request = Vec::with_capacity(4096);
    while tcp.read_buf(&mut request).await? > 0 {
        if is_whole(&request) {
            request.clear();
            tcp.write_all(answer).await?;
        }
    }
    Ok(())
}

/// Whether its head and the body that the head announces are here.
fn is_whole(request: &[u8]) -> bool {
    const END: &str = "\r\n\r\n";
    let text = str::from_utf8(request).unwrap();
    let Some(head_end) = text.find(END) else { return false };
    let head = text[..head_end].to_ascii_lowercase();
    let length = head.split_once("content-length: ").map_or("0", |(_, rest)| rest.lines().next().unwrap());
    request.len() >= head_end + END.len() + length.parse::<usize>().unwrap()
}
