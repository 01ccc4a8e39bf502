//! The PROXY protocol, versions 1 and 2: how a balancer in front that does not speak HTTP says whose
//! connection this is (haproxy.org, proxy-protocol.txt). Bytes in, an address out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Version 1 is one line of at most so many bytes, its end included.
const LINE_BYTES_MAX: usize = 107;

/// What version 2 begins with.
const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Signature, command, family and length.
const FIXED_BYTES: usize = 16;

/// Bytes of version 2 that may follow these: the largest address, and additions of a sensible length.
const REST_BYTES_MAX: usize = 2048;

/// What a header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Header {
    /// Whose connection it is; none where the sender speaks for itself or does not know.
    pub(crate) client: Option<IpAddr>,
    /// How long the header is.
    pub(crate) bytes: usize,
}

/// It is no header of the PROXY protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Malformed;

/// Reads the header at the start of `bytes`; none while it is not whole.
pub(crate) fn read(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    if bytes.is_empty() {
        return Ok(None);
    }
    if bytes[0] == SIGNATURE[0] { read_binary(bytes) } else { read_line(bytes) }
}

fn read_line(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let begin = b"PROXY ";
    let shared = begin.len().min(bytes.len());
    if bytes[..shared] != begin[..shared] {
        return Err(Malformed);
    }
    let Some(end) = bytes.windows(2).take(LINE_BYTES_MAX - 1).position(|pair| pair == b"\r\n") else {
        return if bytes.len() >= LINE_BYTES_MAX { Err(Malformed) } else { Ok(None) };
    };
    let line = str::from_utf8(&bytes[begin.len()..end]).map_err(|_| Malformed)?;
    let mut words = line.split(' ');
    let client = match words.next() {
        Some("UNKNOWN") => None,
        Some("TCP4") => Some(IpAddr::V4(address::<Ipv4Addr>(&mut words)?)),
        Some("TCP6") => Some(IpAddr::V6(address::<Ipv6Addr>(&mut words)?)),
        _ => return Err(Malformed),
    };
    Ok(Some(Header { client, bytes: end + 2 }))
}

/// Source, destination and their ports: all must be right, the first counts.
fn address<'w, A: std::str::FromStr>(words: &mut impl Iterator<Item = &'w str>) -> Result<A, Malformed> {
    let mut next = || words.next().ok_or(Malformed);
    let source = next()?.parse().map_err(|_| Malformed)?;
    next()?.parse::<A>().map_err(|_| Malformed)?;
    for _ in 0..2 {
        next()?.parse::<u16>().map_err(|_| Malformed)?;
    }
    if words.next().is_some() { Err(Malformed) } else { Ok(source) }
}

fn read_binary(bytes: &[u8]) -> Result<Option<Header>, Malformed> {
    let shared = SIGNATURE.len().min(bytes.len());
    if bytes[..shared] != SIGNATURE[..shared] {
        return Err(Malformed);
    }
    let Some(fixed) = bytes.get(..FIXED_BYTES) else { return Ok(None) };
    let rest_bytes = usize::from(u16::from_be_bytes([fixed[14], fixed[15]]));
    if fixed[12] >> 4 != 2 || rest_bytes > REST_BYTES_MAX {
        return Err(Malformed);
    }
    let Some(rest) = bytes.get(FIXED_BYTES..FIXED_BYTES + rest_bytes) else { return Ok(None) };
    let client = match (fixed[12] & 0x0f, fixed[13] >> 4) {
        // LOCAL: the sender's own, such as a health check. An unspecified family says nothing.
        (0, _) | (1, 0) => None,
        (1, 1) => Some(IpAddr::from(first::<4>(rest, 12)?)),
        (1, 2) => Some(IpAddr::from(first::<16>(rest, 36)?)),
        // A Unix socket has no address.
        (1, 3) => None,
        _ => return Err(Malformed),
    };
    Ok(Some(Header { client, bytes: FIXED_BYTES + rest_bytes }))
}

/// The source address of an address block of `block_bytes`.
fn first<const N: usize>(rest: &[u8], block_bytes: usize) -> Result<[u8; N], Malformed> {
    let block = rest.get(..block_bytes).ok_or(Malformed)?;
    block.first_chunk::<N>().copied().ok_or(Malformed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn binary(command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut bytes = SIGNATURE.to_vec();
        bytes.extend([command, family]);
        bytes.extend((rest.len() as u16).to_be_bytes());
        bytes.extend(rest);
        bytes
    }

    fn said(bytes: &[u8]) -> Result<Option<Option<IpAddr>>, Malformed> {
        read(bytes).map(|header| header.map(|header| header.client))
    }

    #[test]
    fn the_line_names_the_client() {
        let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\nGET / HTTP/1.1\r\n";
        let header = read(line).unwrap().unwrap();
        assert_eq!(header.client, Some("192.0.2.1".parse().unwrap()));
        assert_eq!(&line[header.bytes..], b"GET / HTTP/1.1\r\n");
        assert_eq!(
            said(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n"),
            Ok(Some(Some("2001:db8::1".parse().unwrap())))
        );
        assert_eq!(said(b"PROXY UNKNOWN\r\n"), Ok(Some(None)));
        assert_eq!(said(b"PROXY UNKNOWN whatever 1 2\r\n"), Ok(Some(None)));
    }

    #[test]
    fn the_binary_form_names_the_client() {
        let v4 = [192, 0, 2, 1, 198, 51, 100, 1, 0, 1, 0, 2];
        assert_eq!(said(&binary(0x21, 0x11, &v4)), Ok(Some(Some("192.0.2.1".parse().unwrap()))));
        // Additions follow the addresses.
        let added = [&v4[..], &[3, 0, 1, 9]].concat();
        let header = read(&binary(0x21, 0x11, &added)).unwrap().unwrap();
        assert_eq!(header.bytes, FIXED_BYTES + 16);
        let mut v6 = [0; 36];
        v6[15] = 1;
        assert_eq!(said(&binary(0x21, 0x21, &v6)), Ok(Some(Some("::1".parse().unwrap()))));
        assert_eq!(said(&binary(0x20, 0, &[])), Ok(Some(None)));
        assert_eq!(said(&binary(0x21, 0x31, &[0; 216])), Ok(Some(None)));
    }

    #[test]
    fn anything_else_is_malformed() {
        for line in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443 9\r\n",
            b"PROXY TCP4 ::1 ::1 1 2\r\n",
            b"PROXY TCP4  192.0.2.1 198.51.100.1 1 2\r\n",
            b"PROXY TCP4 192.0.2.1 198.51.100.1 99999 2\r\n",
            b"PROXY UDP4 192.0.2.1 198.51.100.1 1 2\r\n",
            b"\r\n\r\n\0\r\nQUIX",
        ] {
            assert_eq!(read(line), Err(Malformed), "{}", String::from_utf8_lossy(line));
        }
        assert_eq!(read(&[b"PROXY ", &[b'x'; 101][..]].concat()), Err(Malformed));
        assert_eq!(read(&binary(0x11, 0x11, &[0; 12])), Err(Malformed));
        assert_eq!(read(&binary(0x21, 0x11, &[0; 11])), Err(Malformed));
        assert_eq!(read(&binary(0x22, 0x11, &[0; 12])), Err(Malformed));
    }

    proptest! {
        #[test]
        fn a_part_of_a_header_is_no_fault_and_no_header(cut in 0usize..100) {
            let line = b"PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n".to_vec();
            for whole in [line, binary(0x21, 0x11, &[1; 12])] {
                let cut = cut % whole.len();
                prop_assert_eq!(read(&whole[..cut]), Ok(None));
            }
        }

        #[test]
        fn no_input_is_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            if let Ok(Some(header)) = read(&bytes) {
                prop_assert!(header.bytes <= bytes.len());
            }
        }
    }
}
