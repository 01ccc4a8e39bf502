//! Short names of what a cluster.toml means, to see at a glance whether two machines have the same one, and
//! of a service's command, to see whether a copy runs by it. Like `changes` they know no order of keys, no
//! comments and no defaults written out.

use std::fmt::{self, Write};
use std::str::FromStr;

use super::{Cluster, Service};

/// Names how a copy of a service is run: two of the same name are run alike. Shown and read as 16 digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CommandDigest(u64);

/// What is no digest of a command.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("a digest has 16 hexadecimal digits")]
pub struct NoDigest;

/// FNV-1a of 64 bits: nobody gains by a file that only looks the same, so that it need not be hard to make one.
struct Fnv(u64);

const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

impl Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(PRIME);
        }
        Ok(())
    }
}

impl Cluster {
    /// 16 digits, the same for files that mean the same to the same version of Accordion.
    pub fn digest(&self) -> String {
        let mut canonical = self.clone();
        // Their order means nothing.
        canonical.services.sort_by(|one, other| one.name.cmp(&other.name));
        let mut hash = Fnv(OFFSET);
        write!(hash, "{canonical:?}").expect("a hash takes every text");
        format!("{:016x}", hash.0)
    }
}

impl Service {
    /// Of what a running copy has of this service: its command, as whom it runs and within what limits, how it is
    /// asked whether it is ready, what it speaks and where it listens. What only the next start goes by (`ports`, times) makes no other copy of it.
    pub fn command_digest(&self) -> CommandDigest {
        let Self { command, user, limits, ready, upstream, path, .. } = self;
        let mut hash = Fnv(OFFSET);
        write!(hash, "{:?}", (command, user, limits, ready, upstream, path))
            .expect("a hash takes every text");
        CommandDigest(hash.0)
    }
}

impl fmt::Display for CommandDigest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016x}", self.0)
    }
}

impl FromStr for CommandDigest {
    type Err = NoDigest;

    fn from_str(text: &str) -> Result<Self, NoDigest> {
        let is_digest = text.len() == 16 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        u64::from_str_radix(text, 16).ok().filter(|_| is_digest).map(Self).ok_or(NoDigest)
    }
}

#[cfg(test)]
mod tests {
    use super::{CommandDigest, NoDigest};
    use crate::config::{changes, parse, sample};

    #[test]
    fn a_command_has_another_digest_when_its_copies_are_run_otherwise_and_only_then() {
        let digest = |lines: &str, command: &str| {
            let text = sample(1, lines).replace("[\"shopd\", \"{port}\"]", command);
            parse("x", &text).unwrap().services[0].command_digest()
        };
        let plain = digest("", "[\"shopd\", \"{port}\"]");
        assert_eq!(
            digest("queue_max = 7\nports = \"30000-30009\"\nmax = 1\n", "[\"shopd\", \"{port}\"]"),
            plain
        );
        for (lines, command) in [
            ("", "[\"shopd\", \"-v2\", \"{port}\"]"),
            ("", "[\"shopd {port}\"]"),
            ("ready = \"/healthz\"\n", "[\"shopd\", \"{port}\"]"),
            ("upstream = \"h2c\"\n", "[\"shopd\", \"{port}\"]"),
            ("user = \"shop\"\n", "[\"shopd\", \"{port}\"]"),
            ("limits.memory = \"64MiB\"\n", "[\"shopd\", \"{port}\"]"),
        ] {
            assert_ne!(digest(lines, command), plain, "{lines}{command}");
        }
        assert_eq!(plain.to_string().parse(), Ok(plain));
        for wrong in ["", "0", "+00000000000001f", "00000000000000012"] {
            assert_eq!(wrong.parse::<CommandDigest>(), Err(NoDigest), "{wrong}");
        }
    }

    #[test]
    fn files_that_mean_the_same_have_one_digest_and_others_have_not() {
        let text = sample(2, "");
        let digest = |text: &str| parse("x", text).unwrap().digest();
        let same = format!("# a comment\n{}", text.replace("capacity = 8", "capacity = 8\nmin = 0"));
        assert_ne!(same, text);
        assert_eq!(digest(&same), digest(&text));
        assert_eq!(changes(&parse("x", &same).unwrap(), &parse("x", &text).unwrap()), []);
        let other = text.replace("capacity = 8", "capacity = 9");
        assert_ne!(digest(&other), digest(&text));
        assert_eq!(digest(&text).len(), 16);
    }
}
