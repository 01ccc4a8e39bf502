//! One case: what a client sends, what the service behind answers, and what must be seen on both sides.
//!
//! A case is data. How it is played is in `play`, how it is judged in `verdict`.

/// The request that shows whether a connection is still usable; the origin answers it in its default way.
pub(crate) const FOLLOW_UP: &str = "GET /follow-up HTTP/1.1\r\nHost: a.example\r\n\r\n";

pub(crate) struct Case {
    /// What holds, in words; unique in the suite.
    pub(crate) name: &'static str,
    /// The RFC and its section, or the reason where no RFC speaks.
    pub(crate) rfc: &'static str,
    pub(crate) direction: Direction,
    pub(crate) steps: Vec<Step>,
    /// The origin's answers, one a request; the last holds for all further ones. None: the default answer.
    pub(crate) answers: Vec<Answer>,
    pub(crate) want: Want,
}

/// Whose bytes are put to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Request,
    Response,
}

/// What the test does, in order, before it reads the replies that are left and sends the follow-up.
pub(crate) enum Step {
    /// The client sends these bytes in one write.
    Send(Vec<u8>),
    /// The client reads one reply.
    Read,
    /// Waits until the origin has read these bytes.
    OriginSees(&'static str),
    /// The origin's newest connection sends these bytes, asked or not.
    OriginSays(Vec<u8>),
    /// The client ends its sending side; there is no follow-up then.
    Finish,
}

/// What the origin does with a request.
#[derive(Clone, Default)]
pub(crate) struct Answer {
    /// Sent when the head is there.
    pub(crate) at_head: Vec<u8>,
    /// Sent when the body has ended too; none: the default answer.
    pub(crate) at_end: Option<Vec<u8>>,
    pub(crate) then: Then,
}

/// What becomes of the origin's connection after an answer.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Then {
    #[default]
    Keep,
    /// An orderly end: FIN.
    Close,
    /// RST.
    Reset,
    /// The answer was whole at the head; the body that comes is read and not answered again.
    Rest,
}

pub(crate) struct Want {
    pub(crate) replies: Vec<Reply>,
    /// Interim replies (1xx) that no `Reply` names are passed over.
    pub(crate) interim_passed_over: bool,
    pub(crate) ending: Ending,
    pub(crate) upstream: Upstream,
    pub(crate) link: Link,
}

/// One reply to the client.
#[derive(Default)]
pub(crate) struct Reply {
    /// Any of these; 0 stands for an end of the connection without a reply.
    pub(crate) statuses: Vec<u16>,
    /// The answer to a HEAD: it ends with its head.
    pub(crate) bodiless: bool,
    pub(crate) body: Option<Vec<u8>>,
    /// Found in the head or the trailers, in any case.
    pub(crate) has: Vec<&'static str>,
    /// Not found there.
    pub(crate) lacks: Vec<&'static str>,
}

/// What becomes of the client's connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// The follow-up is answered.
    Kept,
    /// It ends, and the last reply was whole.
    Closed,
    /// It ends in the middle of the last reply. A 502, which can still be sent while nothing else was, is as
    /// good.
    Cut,
    /// Kept or closed, but not cut and not left hanging.
    Any,
}

/// What the origin must have seen, the follow-up apart.
pub(crate) enum Upstream {
    /// Not a byte.
    Nothing,
    /// No request that is whole, and the connection of one that had begun was closed.
    NotWhole,
    Saw(Saw),
}

#[derive(Default)]
pub(crate) struct Saw {
    /// How many requests; none: at least one.
    pub(crate) requests: Option<usize>,
    /// Found in the heads and trailers of the requests, in any case.
    pub(crate) has: Vec<&'static str>,
    /// Not found there.
    pub(crate) lacks: Vec<&'static str>,
    /// The decoded body of the first.
    pub(crate) body: Option<Vec<u8>>,
}

/// What becomes of the connection between proxy and origin that carried the first request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// The case does not say.
    Any,
    /// The proxy ends it, and nothing more is sent on it.
    Ended,
    /// It is still there when the follow-up has been answered.
    Open,
}

impl Case {
    /// A request that is answered with one of the statuses and ends the client's connection, and of which
    /// the origin sees nothing.
    pub(crate) fn refused(
        name: &'static str,
        rfc: &'static str,
        bytes: impl Into<Vec<u8>>,
        statuses: &[u16],
    ) -> Case {
        Case {
            name,
            rfc,
            direction: Direction::Request,
            steps: vec![Step::Send(bytes.into())],
            answers: Vec::new(),
            want: Want {
                replies: vec![Reply { statuses: statuses.to_vec(), ..Reply::default() }],
                interim_passed_over: false,
                ending: Ending::Closed,
                upstream: Upstream::Nothing,
                link: Link::Any,
            },
        }
    }

    /// A malformed request: refused with a 400.
    pub(crate) fn bad(name: &'static str, rfc: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
        Case::refused(name, rfc, bytes, &[400])
    }

    /// A request whose head is proper and whose body is not: refused too, but its head may have been
    /// forwarded already. Then the origin must not be able to take it for whole.
    pub(crate) fn broken_off(name: &'static str, rfc: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
        let mut case = Case::refused(name, rfc, bytes, &[400]);
        case.want.upstream = Upstream::NotWhole;
        case
    }

    /// A request that is forwarded once and answered with a 200 on a connection that stays.
    pub(crate) fn served(name: &'static str, rfc: &'static str, bytes: impl Into<Vec<u8>>) -> Case {
        let mut case = Case::refused(name, rfc, bytes, &[200]);
        case.want.ending = Ending::Kept;
        case.want.upstream = Upstream::Saw(Saw { requests: Some(1), ..Saw::default() });
        case
    }

    /// A plain GET whose answer is these bytes; it passes, and both connections stay.
    pub(crate) fn passed(name: &'static str, rfc: &'static str, answer: impl Into<Vec<u8>>) -> Case {
        let mut case = Case::served(name, rfc, "GET / HTTP/1.1\r\nHost: a.example\r\n\r\n");
        case.direction = Direction::Response;
        case.want.link = Link::Open;
        case.answers(&[Answer { at_end: Some(answer.into()), ..Answer::default() }])
    }

    /// A plain GET whose answer is these bytes: the client reads a 502 and the origin's connection ends.
    pub(crate) fn rejected(name: &'static str, rfc: &'static str, answer: impl Into<Vec<u8>>) -> Case {
        let mut case = Case::passed(name, rfc, answer).status(&[502]).ending(Ending::Any).link(Link::Ended);
        case.saw().requests = None;
        case
    }

    /// A plain GET whose answer ends too early: so must the client's connection, unless nothing was sent yet.
    pub(crate) fn truncated(name: &'static str, rfc: &'static str, answer: impl Into<Vec<u8>>) -> Case {
        let case = Case::passed(name, rfc, answer).then(Then::Close).link(Link::Ended);
        case.status(&[200, 502]).ending(Ending::Cut)
    }

    /// Instead of the plain GET, or further bytes in one write of their own.
    pub(crate) fn steps(mut self, steps: Vec<Step>) -> Case {
        self.steps = steps;
        self
    }

    /// Other request bytes, in one write.
    pub(crate) fn request(self, bytes: impl Into<Vec<u8>>) -> Case {
        self.steps(vec![Step::Send(bytes.into())])
    }

    pub(crate) fn answers(mut self, answers: &[Answer]) -> Case {
        self.answers = answers.to_vec();
        self
    }

    pub(crate) fn then(mut self, then: Then) -> Case {
        for answer in &mut self.answers {
            answer.then = then;
        }
        self
    }

    /// The statuses of the last reply.
    pub(crate) fn status(mut self, statuses: &[u16]) -> Case {
        self.last_reply().statuses = statuses.to_vec();
        self
    }

    /// One status a reply.
    pub(crate) fn replies(mut self, statuses: &[u16]) -> Case {
        self.want.replies =
            statuses.iter().map(|status| Reply { statuses: vec![*status], ..Reply::default() }).collect();
        self
    }

    pub(crate) fn bodiless(mut self) -> Case {
        self.last_reply().bodiless = true;
        self
    }

    pub(crate) fn reads(mut self, body: impl Into<Vec<u8>>) -> Case {
        self.last_reply().body = Some(body.into());
        self
    }

    pub(crate) fn reply_has(mut self, text: &'static str) -> Case {
        self.last_reply().has.push(text);
        self
    }

    pub(crate) fn first_reply_has(mut self, text: &'static str) -> Case {
        self.want.replies[0].has.push(text);
        self
    }

    pub(crate) fn reply_lacks(mut self, text: &'static str) -> Case {
        self.last_reply().lacks.push(text);
        self
    }

    pub(crate) fn interim_passed_over(mut self) -> Case {
        self.want.interim_passed_over = true;
        self
    }

    pub(crate) fn ending(mut self, ending: Ending) -> Case {
        self.want.ending = ending;
        self
    }

    pub(crate) fn link(mut self, link: Link) -> Case {
        self.want.link = link;
        self
    }

    pub(crate) fn upstream(mut self, upstream: Upstream) -> Case {
        self.want.upstream = upstream;
        self
    }

    pub(crate) fn requests(mut self, count: usize) -> Case {
        self.saw().requests = Some(count);
        self
    }

    pub(crate) fn sees(mut self, text: &'static str) -> Case {
        self.saw().has.push(text);
        self
    }

    pub(crate) fn sees_no(mut self, text: &'static str) -> Case {
        self.saw().lacks.push(text);
        self
    }

    pub(crate) fn sees_body(mut self, body: impl Into<Vec<u8>>) -> Case {
        self.saw().body = Some(body.into());
        self
    }

    fn last_reply(&mut self) -> &mut Reply {
        self.want.replies.last_mut().expect("a case wants a reply")
    }

    fn saw(&mut self) -> &mut Saw {
        if !matches!(self.want.upstream, Upstream::Saw(_)) {
            self.want.upstream = Upstream::Saw(Saw::default());
        }
        match &mut self.want.upstream {
            Upstream::Saw(saw) => saw,
            Upstream::Nothing | Upstream::NotWhole => unreachable!("it was set above"),
        }
    }
}

/// A GET with these further field lines, each with its line end.
pub(crate) fn get(lines: impl AsRef<[u8]>) -> Vec<u8> {
    [b"GET / HTTP/1.1\r\nHost: a.example\r\n".as_slice(), lines.as_ref(), b"\r\n"].concat()
}

/// A POST with these further field lines, each with its line end, and this body.
pub(crate) fn post(lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    let start = b"POST / HTTP/1.1\r\nHost: a.example\r\n".as_slice();
    [start, lines.as_ref(), b"\r\n", body.as_ref()].concat()
}

/// A POST in the chunked coding with this body, which the caller frames.
pub(crate) fn chunked(body: impl AsRef<[u8]>) -> Vec<u8> {
    post("Transfer-Encoding: chunked\r\n", body)
}

/// A 200 with these further field lines, each with its line end, and this body.
pub(crate) fn ok(lines: impl AsRef<[u8]>, body: impl AsRef<[u8]>) -> Vec<u8> {
    [b"HTTP/1.1 200 OK\r\n".as_slice(), lines.as_ref(), b"\r\n", body.as_ref()].concat()
}

/// An answer that is sent when the request has ended.
pub(crate) fn answer(bytes: impl Into<Vec<u8>>) -> Answer {
    Answer { at_end: Some(bytes.into()), ..Answer::default() }
}
