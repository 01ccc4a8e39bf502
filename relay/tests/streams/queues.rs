//! What the system holds of a TCP connection between its two ends, as it says itself (proc_net_tcp(5)): so a
//! test sees how far a relay has read and written that stands still.

use std::fs;
use std::net::TcpStream;
use std::time::Duration;

/// How long nothing may move for a connection to stand still; longer than an acknowledgement is put off.
const STILL: Duration = Duration::from_millis(60);

/// Bytes that the far end of `tcp` was sent and has not read.
pub(crate) fn unread_by_peer(tcp: &TcpStream) -> usize {
    let (own, peer) = ports(tcp);
    at(own, peer).0 + at(peer, own).1
}

/// Bytes that `tcp` was sent and has not read.
pub(crate) fn unread(tcp: &TcpStream) -> usize {
    let (own, peer) = ports(tcp);
    at(peer, own).0 + at(own, peer).1
}

/// What it is once it does not change any more.
pub(crate) fn settled(mut look: impl FnMut() -> [usize; 2]) -> [usize; 2] {
    let mut before = look();
    loop {
        std::thread::sleep(STILL);
        let now = look();
        if now == before {
            return now;
        }
        before = now;
    }
}

fn ports(tcp: &TcpStream) -> (u16, u16) {
    (tcp.local_addr().unwrap().port(), tcp.peer_addr().unwrap().port())
}

/// What the end at the first port has sent and not seen acknowledged, and what it has received and not read.
fn at(own: u16, peer: u16) -> (usize, usize) {
    let table = fs::read_to_string("/proc/self/net/tcp").unwrap();
    let ends = [format!(":{own:04X}"), format!(":{peer:04X}")];
    let mut rows = table.lines().map(|line| line.split_whitespace().collect::<Vec<_>>());
    let row = rows.find(|row| row[1].ends_with(&ends[0]) && row[2].ends_with(&ends[1]));
    let (sent, received) = row.expect("the connection is there")[4].split_once(':').unwrap();
    let bytes = |hex| usize::from_str_radix(hex, 16).unwrap();
    (bytes(sent), bytes(received))
}
