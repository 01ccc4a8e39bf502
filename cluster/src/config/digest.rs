//! A short name of what a cluster.toml means, to see at a glance whether two machines have the same one.
//! Like `changes` it knows no order of keys, no comments and no defaults written out.

use std::fmt::{self, Write};

use super::Cluster;

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

#[cfg(test)]
mod tests {
    use crate::config::{changes, parse, sample};

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
