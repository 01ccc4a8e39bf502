//! Where the frames of a WebSocket end (RFC 6455, section 5.2), so that a farewell can be put between two.

/// The parting frame of a server that goes away: FIN and close, two bytes, status 1001 (RFC 6455, 7.4.1).
pub(super) const GOING_AWAY: &[u8] = &[0x88, 0x02, 0x03, 0xe9];

/// The longest head of a frame: two bytes, a length of eight, a mask of four.
const HEAD_MAX: usize = 14;

/// Follows one direction of a WebSocket.
#[derive(Default)]
pub(super) struct Frames {
    head: [u8; HEAD_MAX],
    head_bytes: usize,
    payload: u64,
}

impl Frames {
    /// Whether a frame has just ended, or none has begun.
    pub(super) fn is_between(&self) -> bool {
        self.head_bytes == 0 && self.payload == 0
    }

    /// Follows all of `bytes`.
    pub(super) fn follow(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            bytes = &bytes[self.frame(bytes)..];
        }
    }

    /// Follows `bytes` to the end of the frame that is under way; answers how many that are.
    pub(super) fn frame(&mut self, bytes: &[u8]) -> usize {
        let mut used = 0;
        loop {
            if self.payload > 0 {
                let step = self.payload.min((bytes.len() - used) as u64);
                self.payload -= step;
                used += step as usize;
                if self.payload == 0 {
                    self.head_bytes = 0;
                }
                return used;
            }
            let Some(&byte) = bytes.get(used) else { return used };
            self.head[self.head_bytes] = byte;
            self.head_bytes += 1;
            used += 1;
            if let Some(payload) = self.payload_of_head() {
                self.payload = payload;
                if payload == 0 {
                    self.head_bytes = 0;
                    return used;
                }
            }
        }
    }

    /// The length of the payload, once the head is whole.
    fn payload_of_head(&self) -> Option<u64> {
        let &second = self.head[..self.head_bytes].get(1)?;
        let mask = if second & 0x80 == 0 { 0 } else { 4 };
        let length_bytes = match second & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        if self.head_bytes < 2 + length_bytes + mask {
            return None;
        }
        let length = &self.head[2..2 + length_bytes];
        Some(match length_bytes {
            0 => u64::from(second & 0x7f),
            _ => length.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn frame(payload: usize, masked: bool) -> Vec<u8> {
        let mask_bit = if masked { 0x80 } else { 0 };
        let mut bytes = vec![0x82];
        match payload {
            0..126 => bytes.push(mask_bit | payload as u8),
            126..65536 => {
                bytes.push(mask_bit | 126);
                bytes.extend((payload as u16).to_be_bytes());
            }
            _ => {
                bytes.push(mask_bit | 127);
                bytes.extend((payload as u64).to_be_bytes());
            }
        }
        bytes.extend(vec![0x55; payload + if masked { 4 } else { 0 }]);
        bytes
    }

    proptest! {
        #[test]
        fn the_end_of_each_frame_is_found_however_the_bytes_come(
            payloads in prop::collection::vec((0usize..70_000, any::<bool>()), 1..5),
            cut in 1usize..5000,
        ) {
            let frames: Vec<_> = payloads.iter().map(|(payload, masked)| frame(*payload, *masked)).collect();
            let ends: Vec<usize> =
                frames.iter().scan(0, |sum, frame| { *sum += frame.len(); Some(*sum) }).collect();
            let bytes = frames.concat();
            let (mut follower, mut at, mut found) = (Frames::default(), 0, Vec::new());
            while at < bytes.len() {
                let part = &bytes[at..(at + cut).min(bytes.len())];
                at += follower.frame(part);
                if follower.is_between() {
                    found.push(at);
                }
            }
            prop_assert_eq!(found, ends);
        }
    }

    #[test]
    fn a_masked_frame_without_payload_ends_with_its_mask() {
        let mut frames = Frames::default();
        assert_eq!(frames.frame(&[0x89, 0x80, 1, 2]), 4);
        assert!(!frames.is_between());
        assert_eq!(frames.frame(&[3, 4, 0x82]), 2);
        assert!(frames.is_between());
    }
}
