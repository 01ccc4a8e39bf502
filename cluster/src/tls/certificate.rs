//! What a certificate says of itself, read from its DER: until when it is good, which the library that judges
//! it does not tell, and the names in it.

use std::time::SystemTime;

use rustls::pki_types::CertificateDer;
use webpki::EndEntityCert;

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// Until when it is good (RFC 5280, 4.1.2.5); `None`: it is no certificate.
pub fn not_after(certificate: &CertificateDer<'_>) -> Option<SystemTime> {
    let whole = inside(certificate, SEQUENCE)?.0;
    let mut rest = inside(whole, SEQUENCE)?.0;
    if rest.first() == Some(&VERSION) {
        rest = element(rest)?.2;
    }
    // Serial number, signature algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let validity = inside(rest, SEQUENCE)?.0;
    let (tag, text, _) = element(element(validity)?.2)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

/// The DNS names in it, for people.
pub(super) fn names(certificate: &CertificateDer<'_>) -> Vec<String> {
    let read = EndEntityCert::try_from(certificate);
    read.map(|read| read.valid_dns_names().map(str::to_owned).collect()).unwrap_or_default()
}

/// What the element with that tag holds, and what comes after it.
fn inside(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    element(bytes).filter(|(found, ..)| *found == tag).map(|(_, content, rest)| (content, rest))
}

/// Tag, content and what comes after it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&tag, rest) = bytes.split_first()?;
    let (&first, rest) = rest.split_first()?;
    let (length, rest) = if first < 0x80 {
        (usize::from(first), rest)
    } else {
        // More than four bytes of length is no certificate that anybody sends.
        let count = usize::from(first & 0x7f);
        let (digits, rest) = rest.split_at_checked(count).filter(|_| count <= 4)?;
        (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, or with four digits of the year.
fn time(tag: u8, text: &str) -> Option<SystemTime> {
    let text = match tag {
        UTC_TIME if text.get(..2)? >= "50" => format!("19{text}"),
        UTC_TIME => format!("20{text}"),
        GENERALIZED_TIME => text.to_owned(),
        _ => return None,
    };
    let part = |range| text.get(range);
    let (date, clock) = (
        [part(0..4)?, part(4..6)?, part(6..8)?].join("-"),
        [part(8..10)?, part(10..12)?, part(12..14)?].join(":"),
    );
    humantime::parse_rfc3339(&format!("{date}T{clock}Z")).ok()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::tls::{Authority, Identity, Validity};
    use rustls::pki_types::pem::PemObject;

    #[test]
    fn the_end_of_a_certificate_is_read_in_both_ways_of_writing_it() {
        let authority = Authority::new("demo", Validity::days(1)).unwrap();
        for year in [2030_u64, 2049, 2051] {
            let until = UNIX_EPOCH + Duration::from_secs((year - 1970) * 31_557_600);
            let validity = Validity { from: UNIX_EPOCH + Duration::from_secs(1), until };
            let issued = authority.issue(&Identity::Operator, validity).unwrap();
            let der = CertificateDer::from_pem_slice(issued.certificate.as_bytes()).unwrap();
            assert_eq!(not_after(&der), Some(until));
            assert_eq!(names(&der), ["operator.demo.accordion.internal"]);
        }
    }

    #[test]
    fn what_is_no_certificate_has_no_end() {
        let authority = Authority::new("demo", Validity::days(1)).unwrap();
        let whole = CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap();
        for length in 0..120 {
            assert_eq!(not_after(&whole[..length].into()), None);
        }
        assert_eq!(not_after(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff].as_slice().into()), None);
    }
}
