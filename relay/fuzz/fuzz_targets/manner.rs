//! How an input is read: its first byte says it, the rest are the bytes of the connection.

use relay::h1::Limits;

/// An input taken apart.
pub struct Manner<'i> {
    /// What the codec reads.
    pub bytes: &'i [u8],
    /// The lengths of the pieces in which the bytes come in, over and over.
    pub pieces: Vec<usize>,
    /// Small ones, so that the fuzzer reaches them, or roomy ones.
    pub limits: Limits,
    /// The responses answer HEAD.
    pub to_head: bool,
}

/// Takes an input apart. The lowest four bits choose the pieces, the next one the limits, the next one HEAD.
pub fn manner(input: &[u8]) -> Option<Manner<'_>> {
    let (choice, bytes) = input.split_first()?;
    let pieces = match usize::from(choice & 0x0f) {
        0 => vec![1],
        // Lengths that shift against those of the message.
        step => vec![step, 2 * step + 1, 1, 5 * step],
    };
    let limits = if choice & 0x10 == 0 {
        Limits { head_bytes_max: 16 * 1024, fields_max: 100 }
    } else {
        Limits { head_bytes_max: 120, fields_max: 5 }
    };
    Some(Manner { bytes, pieces, limits, to_head: choice & 0x20 != 0 })
}
