//! As much of an HTTP/1 answer as a load client needs: whether it is good, and where it ends.

/// Heads of the origin have about 250 bytes; a larger one than this is none of its.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// One answer, while it comes in.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    head: Vec<u8>,
    /// What is left of the body, once the head is whole.
    left: Option<u64>,
}

/// How far an answer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// More is to come.
    Open,
    /// It is whole, and was 200.
    Good,
    /// It is not one of the origin's answers.
    Bad,
}

impl Answer {
    /// Ready for the next answer on the same connection.
    pub(crate) fn clear(&mut self) {
        self.head.clear();
        self.left = None;
    }

    /// Takes what has come in.
    pub(crate) fn take(&mut self, bytes: &[u8]) -> State {
        let body = match &mut self.left {
            Some(left) => return count(left, bytes.len()),
            None if self.head.is_empty() => match split(bytes) {
                Some((head, body)) => {
                    self.left = length(head);
                    body
                }
                None => return self.keep(bytes),
            },
            None => {
                self.head.extend_from_slice(bytes);
                match split(&self.head) {
                    Some((head, body)) => {
                        self.left = length(head);
                        body
                    }
                    None => return self.keep(&[]),
                }
            }
        };
        self.left.as_mut().map_or(State::Bad, |left| count(left, body))
    }

    fn keep(&mut self, bytes: &[u8]) -> State {
        self.head.extend_from_slice(bytes);
        if self.head.len() > HEAD_BYTES_MAX { State::Bad } else { State::Open }
    }
}

/// Takes `got` bytes of the `left`; more than these are nobody's.
fn count(left: &mut u64, got: usize) -> State {
    match left.checked_sub(got as u64) {
        Some(0) => State::Good,
        Some(rest) => {
            *left = rest;
            State::Open
        }
        None => State::Bad,
    }
}

/// The head and the number of bytes behind it.
fn split(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")? + 4;
    Some((&bytes[..end], bytes.len() - end))
}

/// The length of the body; `None` when the answer is not 200 or does not say.
fn length(head: &[u8]) -> Option<u64> {
    let mut lines = head.split(|&byte| byte == b'\n');
    if !lines.next()?.starts_with(b"HTTP/1.1 200") {
        return None;
    }
    let name = b"content-length:";
    let line = lines.find(|line| line.len() > name.len() && line[..name.len()].eq_ignore_ascii_case(name))?;
    str::from_utf8(&line[name.len()..]).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &[u8] = b"HTTP/1.1 200 OK\r\nServer: x\r\nContent-Length: 5\r\n\r\nhello";

    impl Answer {
        fn in_pieces(pieces: &[&[u8]]) -> State {
            let mut answer = Self::default();
            pieces.iter().map(|piece| answer.take(piece)).last().unwrap()
        }
    }

    #[test]
    fn an_answer_is_whole_however_it_was_cut() {
        assert_eq!(Answer::in_pieces(&[WHOLE]), State::Good);
        for cut in 1..WHOLE.len() {
            let (one, two) = WHOLE.split_at(cut);
            assert_eq!(Answer::in_pieces(&[one]), State::Open, "{cut}");
            assert_eq!(Answer::in_pieces(&[one, two]), State::Good, "{cut}");
        }
        let bytes: Vec<&[u8]> = WHOLE.chunks(1).collect();
        assert_eq!(Answer::in_pieces(&bytes), State::Good);
    }

    #[test]
    fn the_next_answer_begins_anew() {
        let mut answer = Answer::default();
        for _ in 0..3 {
            assert_eq!(answer.take(WHOLE), State::Good);
            answer.clear();
        }
    }

    #[test]
    fn what_is_not_the_origins_is_bad() {
        for bad in [
            &b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"[..],
            b"HTTP/1.1 200 OK\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxx",
        ] {
            assert_eq!(Answer::in_pieces(&[bad]), State::Bad);
        }
        assert_eq!(Answer::in_pieces(&[&[b'x'; HEAD_BYTES_MAX + 1]]), State::Bad);
    }
}
