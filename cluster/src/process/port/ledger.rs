//! Which ports the copies of services have, and which they had lately: the order in which ports are
//! tried. Pure: it binds nothing and reads no clock.

use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::{Duration, Instant};

/// How long a port rests after its copy has ended before it is as good as any other: as long as Linux
/// keeps an ended connection (TIME_WAIT), after which no packet of it is on its way any more.
const REST: Duration = Duration::from_secs(60);

/// The ports of one process.
#[derive(Debug)]
pub(super) struct Ledger {
    /// Where the next search begins, counted from the start of whichever range.
    cursor: u32,
    taken: HashSet<SocketAddr>,
    /// When the copy that had it ended. No more than ended within `REST`: others are forgotten.
    resting: HashMap<SocketAddr, Instant>,
}

impl Ledger {
    /// Nothing is taken; the first search begins there.
    pub(super) fn beginning_at(cursor: u32) -> Self {
        Self { cursor, taken: HashSet::new(), resting: HashMap::new() }
    }

    /// What has rested by now is as good as any other.
    pub(super) fn forget_rested(&mut self, now: Instant) {
        self.resting.retain(|_, ended| now.saturating_duration_since(*ended) < REST);
    }

    /// The sockets of the range that no copy has: round the range from where the last search ended, so
    /// that each is taken as seldom as can be; then those that rest, the longest rested first.
    pub(super) fn candidates(
        &self,
        address: IpAddr,
        ports: &RangeInclusive<u16>,
    ) -> impl Iterator<Item = SocketAddr> {
        let begin = self.cursor % count(ports);
        let round = (0..count(ports)).map(move |n| SocketAddr::new(address, nth(ports, begin + n)));
        let fresh = round.filter(|socket| !self.taken.contains(socket) && !self.resting.contains_key(socket));
        let of_range = |socket: &SocketAddr| socket.ip() == address && ports.contains(&socket.port());
        let mut resting: Vec<(Instant, SocketAddr)> = self
            .resting
            .iter()
            .filter(|(socket, _)| of_range(socket) && !self.taken.contains(socket))
            .map(|(socket, ended)| (*ended, *socket))
            .collect();
        resting.sort();
        fresh.chain(resting.into_iter().map(|(_, socket)| socket))
    }

    /// A copy gets that port of the range.
    pub(super) fn take(&mut self, socket: SocketAddr, ports: &RangeInclusive<u16>) {
        self.cursor = u32::from(socket.port().saturating_sub(*ports.start())) + 1;
        self.resting.remove(&socket);
        self.taken.insert(socket);
    }

    /// A copy has that port already; the search goes on from where it was.
    pub(super) fn hold(&mut self, socket: SocketAddr) {
        self.taken.insert(socket);
    }

    /// The copy that had it has ended.
    pub(super) fn give_back(&mut self, socket: SocketAddr, now: Instant) {
        self.taken.remove(&socket);
        self.resting.insert(socket, now);
    }
}

fn count(ports: &RangeInclusive<u16>) -> u32 {
    u32::from(*ports.end()) - u32::from(*ports.start()) + 1
}

/// The n-th port of the range, counted round and round.
fn nth(ports: &RangeInclusive<u16>, n: u32) -> u16 {
    let offset = u16::try_from(n % count(ports)).expect("an offset within a range of u16 is a u16");
    ports.start() + offset
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    const ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const PORTS: RangeInclusive<u16> = 100..=102;

    fn socket(port: u16) -> SocketAddr {
        SocketAddr::new(ADDRESS, port)
    }

    fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn candidates(ledger: &mut Ledger, ports: &RangeInclusive<u16>, now: Instant) -> Vec<u16> {
        ledger.forget_rested(now);
        ledger.candidates(ADDRESS, ports).map(|socket| socket.port()).collect()
    }

    #[test]
    fn counting_goes_round_the_range() {
        assert_eq!([5, 6, 7, 8].map(|n| nth(&PORTS, n)), [102, 100, 101, 102]);
        assert_eq!(nth(&(0..=u16::MAX), u32::MAX), u16::MAX);
        let whole = 0..=u16::MAX;
        assert_eq!(
            candidates(&mut Ledger::beginning_at(u32::MAX), &whole, Instant::now())[..2],
            [u16::MAX, 0]
        );
    }

    #[test]
    fn a_port_is_the_last_choice_for_a_minute_after_its_copy_ended() {
        let began = Instant::now();
        let mut ledger = Ledger::beginning_at(0);
        let tried = |ledger: &mut Ledger, after| candidates(ledger, &PORTS, began + s(after));
        assert_eq!(tried(&mut ledger, 0), [100, 101, 102]);
        // A copy that lived long ends just as the search comes round to its port.
        for port in [100, 101, 102] {
            ledger.take(socket(port), &PORTS);
        }
        ledger.give_back(socket(101), began + s(500));
        ledger.give_back(socket(100), began + s(501));
        assert_eq!(tried(&mut ledger, 510), [101, 100]);
        ledger.give_back(socket(102), began + s(520));
        assert_eq!(tried(&mut ledger, 559), [101, 100, 102]);
        // 101 has rested, and so has 100 a second later; the search goes round again.
        assert_eq!(tried(&mut ledger, 560), [101, 100, 102]);
        assert_eq!(tried(&mut ledger, 561), [100, 101, 102]);
    }

    #[test]
    fn the_same_port_of_another_address_is_another_one() {
        let mut ledger = Ledger::beginning_at(0);
        ledger.take(socket(100), &PORTS);
        let other = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
        let there: Vec<u16> = ledger.candidates(other, &PORTS).map(|socket| socket.port()).collect();
        assert_eq!((there, ledger.candidates(ADDRESS, &PORTS).count()), (vec![101, 102, 100], 2));
    }

    /// Copies that come and go; each start takes the first candidate.
    fn life() -> impl Strategy<Value = Vec<(bool, u8, u64)>> {
        prop::collection::vec((any::<bool>(), any::<u8>(), 0..40_u64), 1..200)
    }

    proptest! {
        #[test]
        fn a_port_that_rests_is_only_taken_where_none_is_fresh_and_then_the_longest_rested(
            life in life(),
            count in 1_u16..12,
            cursor in any::<u32>(),
        ) {
            let ports = 100..=(99 + count);
            let (mut ledger, mut now) = (Ledger::beginning_at(cursor), Instant::now());
            let mut running: Vec<u16> = Vec::new();
            let mut ended: HashMap<u16, Instant> = HashMap::new();
            for (starts, which, seconds) in life {
                now += s(seconds);
                if !starts && !running.is_empty() {
                    let port = running.swap_remove(usize::from(which) % running.len());
                    ledger.give_back(socket(port), now);
                    ended.insert(port, now);
                    continue;
                }
                let free: Vec<u16> = ports.clone().filter(|port| !running.contains(port)).collect();
                let Some(port) = candidates(&mut ledger, &ports, now).first().copied() else {
                    prop_assert!(free.is_empty(), "every port that is free is a candidate");
                    continue;
                };
                let rested = |port: &u16| ended.get(port).map_or(REST, |ended| now - *ended).min(REST);
                let longest = free.iter().map(rested).max();
                prop_assert!(free.contains(&port) && Some(rested(&port)) == longest, "{port} of {free:?}");
                ledger.take(socket(port), &ports);
                running.push(port);
            }
        }
    }
}
