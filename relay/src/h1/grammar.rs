//! Characters, as RFC 9110 sections 5.5 and 5.6.2 class them.

const TOKEN: [bool; 256] = table(b"!#$%&'*+-.^_`|~");
const REG_NAME: [bool; 256] = table(b"-._~!$&'()*+,;=");

/// Letters, digits and `others`.
const fn table(others: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        table[byte] = (byte as u8).is_ascii_alphanumeric();
        byte += 1;
    }
    let mut at = 0;
    while at < others.len() {
        table[others[at] as usize] = true;
        at += 1;
    }
    table
}

/// tchar.
pub(super) fn is_token(byte: u8) -> bool {
    TOKEN[usize::from(byte)]
}

/// unreserved and sub-delims of RFC 3986, section 3.2.2: a reg-name but for its `%` escapes.
pub(super) fn is_reg_name(byte: u8) -> bool {
    REG_NAME[usize::from(byte)]
}

/// SP and HTAB.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// What a field value is made of: no control character but the tab.
pub(super) fn is_text(byte: u8) -> bool {
    matches!(byte, b'\t' | b' '..=0x7e | 0x80..)
}

/// The members of a comma-separated list that are not empty (RFC 9110, section 5.6.1). Not for lists with
/// quoted strings.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}
