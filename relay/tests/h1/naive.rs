//! A decoder of the chunked coding that has nothing in common with the one under test: it reads a whole body
//! again from its start, and believes everything.

/// The data of a body as far as it goes, and its trailer lines once it is whole.
pub(crate) fn decode(mut body: &[u8]) -> (Vec<u8>, Option<Vec<u8>>) {
    let mut data = Vec::new();
    loop {
        let Some(end) = find(body, b"\r\n") else { return (data, None) };
        let digits = str::from_utf8(&body[..end]).expect("ASCII");
        let size = usize::from_str_radix(digits, 16).expect("a size without an extension");
        body = &body[end + 2..];
        if size == 0 {
            return (data, trailers(body));
        }
        data.extend_from_slice(&body[..size.min(body.len())]);
        if body.len() < size + 2 {
            return (data, None);
        }
        assert_eq!(&body[size..size + 2], b"\r\n");
        body = &body[size + 2..];
    }
}

fn trailers(section: &[u8]) -> Option<Vec<u8>> {
    if section == b"\r\n" {
        return Some(Vec::new());
    }
    let end = find(section, b"\r\n\r\n")?;
    assert_eq!(end + 4, section.len(), "bytes after the end");
    Some(section[..end + 2].to_vec())
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}
