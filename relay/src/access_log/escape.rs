//! What a client wrote, made safe for a line: nobody can end a line, leave its quotes, or write to the
//! terminal of whoever reads it. The output is plain ASCII.

const HEX: &[u8; 16] = b"0123456789abcdef";

/// Marks a field that was cut.
const CUT: &[u8] = b"...";

/// For the inside of quotes in the combined format, at most `max` bytes of it: quotes, backslashes,
/// control bytes and what is not ASCII become `\xNN`.
pub(super) fn quoted(out: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let kept = cut(bytes, max);
    if is_plain_all(kept) {
        out.extend_from_slice(kept);
    } else {
        kept.iter().for_each(|byte| or_hex(out, *byte, is_plain(*byte)));
    }
    mark(out, kept, bytes);
}

/// For a field that stands without quotes: a space is escaped too.
pub(super) fn bare(out: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let kept = cut(bytes, max);
    kept.iter().for_each(|byte| or_hex(out, *byte, is_plain(*byte) && *byte != b' '));
    mark(out, kept, bytes);
}

/// For the inside of a JSON string (RFC 8259 section 7), at most `max` bytes of it. What is no UTF-8 becomes
/// U+FFFD, once for each sequence that is not.
pub(super) fn json(out: &mut Vec<u8>, bytes: &[u8], max: usize) {
    let kept = cut(bytes, max);
    if is_plain_all(kept) {
        out.extend_from_slice(kept);
    } else {
        for chunk in kept.utf8_chunks() {
            chunk.valid().chars().for_each(|character| json_char(out, character));
            if !chunk.invalid().is_empty() {
                json_char(out, char::REPLACEMENT_CHARACTER);
            }
        }
    }
    mark(out, kept, bytes);
}

fn or_hex(out: &mut Vec<u8>, byte: u8, is_kept: bool) {
    if is_kept {
        out.push(byte);
    } else {
        out.extend_from_slice(&[b'\\', b'x', hex(byte >> 4), hex(byte & 15)]);
    }
}

fn json_char(out: &mut Vec<u8>, character: char) {
    match character {
        '"' | '\\' => out.extend_from_slice(&[b'\\', character as u8]),
        ' '..='~' => out.push(character as u8),
        _ => {
            for unit in character.encode_utf16(&mut [0; 2]) {
                let [high, low] = unit.to_be_bytes();
                let digits = [high >> 4, high & 15, low >> 4, low & 15].map(hex);
                out.extend_from_slice(b"\\u");
                out.extend_from_slice(&digits);
            }
        }
    }
}

fn hex(digit: u8) -> u8 {
    HEX[usize::from(digit & 15)]
}

/// The first `max` bytes, less where that would part a character.
fn cut(bytes: &[u8], max: usize) -> &[u8] {
    if bytes.len() <= max {
        return bytes;
    }
    // A character has at most three bytes after its first.
    let is_boundary = |end: &usize| bytes[*end] & 0b1100_0000 != 0b1000_0000;
    let end = (max.saturating_sub(3)..=max).rev().find(is_boundary).unwrap_or(max);
    &bytes[..end]
}

fn mark(out: &mut Vec<u8>, kept: &[u8], bytes: &[u8]) {
    if kept.len() < bytes.len() {
        out.extend_from_slice(CUT);
    }
}

/// Nearly every field is; without branches inside a chunk, so that it is looked at 16 bytes at a time.
fn is_plain_all(bytes: &[u8]) -> bool {
    bytes.chunks(64).all(|chunk| chunk.iter().fold(true, |plain, byte| plain & is_plain(*byte)))
}

fn is_plain(byte: u8) -> bool {
    (byte.wrapping_sub(b' ') <= b'~' - b' ') & (byte != b'"') & (byte != b'\\')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(escape: fn(&mut Vec<u8>, &[u8], usize), bytes: &[u8], max: usize) -> String {
        let mut out = Vec::new();
        escape(&mut out, bytes, max);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_could_end_a_line_or_its_quotes_is_hexadecimal() {
        let sent = b"a b\"c\\d\r\ne\x00\x1b[31m\x7f\xc3\xa9";
        assert_eq!(escaped(quoted, sent, 99), r"a b\x22c\x5cd\x0d\x0ae\x00\x1b[31m\x7f\xc3\xa9");
        assert_eq!(escaped(bare, b"a b", 99), r"a\x20b");
    }

    #[test]
    fn a_json_string_keeps_characters_and_replaces_what_is_none() {
        let sent = "a\"b\\c\r\n\u{7f}\u{85}é\u{202e}𝄞".as_bytes();
        assert_eq!(escaped(json, sent, 99), r#"a\"b\\c\u000d\u000a\u007f\u0085\u00e9\u202e\ud834\udd1e"#);
        assert_eq!(escaped(json, b"a\xff\xc3b", 99), r"a\ufffd\ufffdb");
    }

    #[test]
    fn a_long_field_is_cut_between_characters_and_says_so() {
        assert_eq!(escaped(quoted, b"abcd", 4), "abcd");
        assert_eq!(escaped(quoted, b"abcde", 4), "abcd...");
        assert_eq!(escaped(json, "abcé".as_bytes(), 4), "abc...");
        assert_eq!(escaped(json, b"\xa9\xa9\xa9\xa9\xa9\xa9", 4).matches("fffd").count(), 4);
        assert_eq!(escaped(quoted, b"ab", 0), "...");
    }

    proptest! {
        #[test]
        fn no_bytes_leave_their_place(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            for text in [escaped(quoted, &bytes, 150), escaped(bare, &bytes, 150)] {
                prop_assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"'));
            }
            let text = escaped(json, &bytes, 150);
            let back: String = serde_json::from_str(&format!("\"{text}\"")).unwrap();
            let kept = cut(&bytes, 150);
            let dots = if kept.len() < bytes.len() { "..." } else { "" };
            prop_assert_eq!(back, format!("{}{dots}", String::from_utf8_lossy(kept)));
            prop_assert!(text.bytes().all(|byte| matches!(byte, b' '..=b'~')));
            prop_assert!(text.len() <= 6 * kept.len() + CUT.len());
        }
    }
}
