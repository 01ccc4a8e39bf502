//! Bodies that are not chunked.

use relay::h1::{Body, ChunkHead, Framing, LAST_CHUNK, Taken};

#[test]
fn no_body_takes_nothing() {
    for framing in [Framing::None, Framing::Length(0)] {
        let mut body = Body::new(framing, true);
        assert!(body.is_done());
        assert_eq!(body.take(&mut b"GET".to_owned()), Ok(Taken { taken: 0, kept: 0 }));
        assert_eq!(body.end(), Ok(()));
        assert_eq!(body.remaining(), None);
    }
}

#[test]
fn a_body_of_known_length_leaves_what_follows_it() {
    let mut body = Body::new(Framing::Length(5), true);
    assert_eq!(body.remaining(), Some(5));
    assert_eq!(body.take(&mut b"abc".to_owned()), Ok(Taken { taken: 3, kept: 3 }));
    assert_eq!(body.remaining(), Some(2));
    assert!(!body.is_done() && !body.needs_more());
    assert!(body.clone().end().is_err());
    assert_eq!(body.take(&mut []), Ok(Taken { taken: 0, kept: 0 }));
    assert_eq!(body.take(&mut b"deGET".to_owned()), Ok(Taken { taken: 2, kept: 2 }));
    assert!(body.is_done());
    assert_eq!(body.end(), Ok(()));
}

#[test]
fn bytes_that_went_by_count() {
    let mut body = Body::new(Framing::Length(1 << 40), false);
    body.advance((1 << 40) - 2);
    assert_eq!(body.remaining(), Some(2));
    body.advance(2);
    assert!(body.is_done());
}

#[test]
fn a_body_without_a_length_ends_with_the_connection() {
    let mut body = Body::new(Framing::Close, true);
    assert_eq!(body.take(&mut b"abc".to_owned()), Ok(Taken { taken: 3, kept: 3 }));
    assert!(!body.is_done());
    assert_eq!(body.remaining(), None);
    assert_eq!(body.end(), Ok(()));
    assert!(body.is_done());
}

#[test]
fn chunks_are_written_as_they_are_read() {
    for (bytes, line) in
        [(1, "1\r\n"), (15, "f\r\n"), (16, "10\r\n"), (16 * 1024, "4000\r\n"), (0xabcdef, "abcdef\r\n")]
    {
        assert_eq!(ChunkHead::new(bytes).as_bytes(), line.as_bytes());
    }
    assert_eq!(ChunkHead::new(usize::MAX).as_bytes(), b"ffffffffffffffff\r\n");
    let mut written = [ChunkHead::new(3).as_bytes(), b"abc\r\n", LAST_CHUNK].concat();
    let mut body = Body::new(Framing::Chunked, false);
    assert_eq!(body.take(&mut written), Ok(Taken { taken: 13, kept: 3 }));
    assert!(body.is_done());
    assert_eq!(&written[..3], b"abc");
}
