//! The link of a machine: its rate and its part of the way between two machines. Pure.

use std::fmt;
use std::time::Duration;

/// Bits a second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rate(u64);

/// What all links of a rack are like; by default as this machine makes them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Link {
    pub(crate) rate: Option<Rate>,
    /// From one machine to another and back.
    pub(crate) round_trip: Duration,
}

/// Devices that a packet leaves by on its way to another machine and back: its own, the switch's, and both again.
const HOPS: u32 = 4;

/// Packets that may wait at a device that delays them: far more than a window of TCP at 100 Mbit/s and 1 ms.
const WAITING_MAX: u32 = 1_000;

/// What a device without delay sends at once: a few full packets, so that a rate holds for small answers too.
const BURST: &str = "32kb";

/// How long a packet may wait there before it is dropped: more than a large answer takes at 100 Mbit/s.
const LATENCY: &str = "100ms";

impl Rate {
    /// From words like "100mbit" or "1gbit".
    pub(crate) fn parse(word: &str) -> Result<Self, String> {
        let wrong = || "must be a rate like \"100mbit\": a whole number and kbit, mbit or gbit".to_owned();
        let digits = word.find(|character: char| !character.is_ascii_digit()).ok_or_else(wrong)?;
        let (number, unit) = word.split_at(digits);
        let unit = match unit {
            "kbit" => 1_000,
            "mbit" => 1_000_000,
            "gbit" => 1_000_000_000,
            _ => return Err(wrong()),
        };
        let bits = number.parse().ok().and_then(|number: u64| number.checked_mul(unit));
        bits.filter(|bits| *bits > 0).map(Self).ok_or_else(wrong)
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.0;
        match [(1_000_000_000, "gbit"), (1_000_000, "mbit"), (1_000, "kbit")]
            .iter()
            .find(|(unit, _)| bits.is_multiple_of(*unit))
        {
            Some((unit, name)) => write!(formatter, "{}{name}", bits / unit),
            None => write!(formatter, "{bits}bit"),
        }
    }
}

impl Link {
    /// What `tc qdisc add dev DEVICE root` is told at each device; `None` where nothing is shaped. Not each kernel
    /// has netem, which only a delay needs.
    pub(super) fn words(self) -> Option<Vec<String>> {
        let rate = self.rate.map(|Rate(bits)| ["rate".to_owned(), format!("{bits}bit")]);
        let delay = format!("{}us", (self.round_trip / HOPS).as_micros());
        let words: Vec<String> = match (rate, self.round_trip.is_zero()) {
            (None, true) => return None,
            (Some(rate), true) => {
                let bounds = ["burst", BURST, "latency", LATENCY].map(str::to_owned);
                ["tbf".to_owned()].into_iter().chain(rate).chain(bounds).collect()
            }
            (rate, false) => {
                let delayed =
                    ["netem", "limit", &WAITING_MAX.to_string(), "delay", &delay].map(str::to_owned);
                delayed.into_iter().chain(rate.into_iter().flatten()).collect()
            }
        };
        Some(words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_a_number_with_its_unit() {
        assert_eq!(Rate::parse("100mbit").unwrap(), Rate(100_000_000));
        assert_eq!(Rate::parse("100mbit").unwrap().to_string(), "100mbit");
        assert_eq!(Rate::parse("2500kbit").unwrap().to_string(), "2500kbit");
        for bad in ["", "100", "mbit", "0mbit", "1.5gbit", "100 mbit", "100MB", "99999999999999999999gbit"] {
            assert!(Rate::parse(bad).unwrap_err().contains("100mbit"), "{bad:?}");
        }
    }

    #[test]
    fn each_device_has_its_part_of_the_way() {
        assert_eq!(Link::default().words(), None);
        let link = Link { rate: Some(Rate::parse("100mbit").unwrap()), round_trip: Duration::from_millis(1) };
        assert_eq!(link.words().unwrap().join(" "), "netem limit 1000 delay 250us rate 100000000bit");
        let link = Link { round_trip: Duration::ZERO, ..link };
        assert_eq!(link.words().unwrap().join(" "), "tbf rate 100000000bit burst 32kb latency 100ms");
        let link = Link { rate: None, round_trip: Duration::from_millis(1) };
        assert_eq!(link.words().unwrap().join(" "), "netem limit 1000 delay 250us");
    }
}
