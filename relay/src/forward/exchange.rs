//! The attempts of one request: pick, send, and either pass the answer on or judge whether to go again.

use std::cell::Cell;
use std::future::{self, Future};
use std::pin::{Pin, pin};
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;

use http::header::HeaderValue;
use http::{Method, Request, Response, StatusCode, Version};
use http_body::Body;
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use super::fault::{self, Fault};
use super::intake::Order;
use super::refuse;
use super::tried::Tried;
use crate::body::{Answer, Progress, Upload};
use crate::dispatch::{Failure, Head, Pick};
use crate::headers;
use crate::live::{Client, Phase, Ticket};
use crate::pool::Wire;
use crate::refusal::{self, Refusal};
use crate::replay::Replay;
use crate::retry::{Attempt, Ending, History, Verdict};
use crate::upstream::{InFlight, Upstream};
use crate::worker::PaidRepeat;

/// What a successful attempt brings: the head of an answer, and the connection its body comes on.
type Answered = (Response<Incoming>, Wire);

/// Where a request is that no connection has.
const BETWEEN_ATTEMPTS: &str = "the request is here between attempts";

/// It stays in one place while it runs, so that no part of it is copied from one wait to the next.
pub(super) struct Exchange {
    /// None once the request has its answer.
    ticket: Option<Ticket>,
    client: Rc<Client>,
    token: Option<HeaderValue>,
    upgrade: Option<OnUpgrade>,
    /// The client holds its body back until a part of it is asked for.
    awaits_word: bool,
    /// The request while it is not with a connection.
    request: Option<Request<Upload>>,
    is_safe: bool,
    replay: Replay,
    /// Whether `replay` holds the request.
    is_kept: bool,
    progress: Option<Rc<Cell<Progress>>>,
    tried: Tried,
    history: History,
    paid: Option<PaidRepeat>,
}

impl Exchange {
    pub(super) fn new(order: Order, ticket: Ticket) -> Exchange {
        let method = order.request.method();
        let client = Rc::clone(ticket.client());
        Exchange {
            is_safe: [Method::GET, Method::HEAD, Method::OPTIONS].contains(method),
            replay: client.spare.take().unwrap_or_default(),
            ticket: Some(ticket),
            client,
            token: order.token,
            upgrade: order.upgrade,
            awaits_word: order.awaits_word,
            request: Some(order.request),
            is_kept: false,
            progress: None,
            tried: Tried::default(),
            history: History::default(),
            paid: None,
        }
    }

    /// Attempts until there is an answer, or none is to be had. Called once.
    pub(super) async fn run(&mut self) -> Response<Answer> {
        if !self.awaits_word
            && let Err(fault) = self.take_start().await
        {
            return self.give_up(&fault.refusal);
        }
        loop {
            let upstream = match self.pick().await {
                Ok(guard) => {
                    let upstream = Arc::clone(guard.upstream());
                    self.client.hold(guard);
                    upstream
                }
                Err(refusal) => return self.give_up(&refusal),
            };
            match self.attempt(&upstream).await {
                Ok((response, wire)) => return self.pass_on(response, wire, &upstream),
                Err(fault) => {
                    if let Some(fault) = self.settle(fault, &upstream) {
                        return self.give_up_after(&fault);
                    }
                }
            }
        }
    }

    /// Takes as much of the body as has come and can be kept, without waiting for it.
    async fn take_start(&mut self) -> Result<(), Box<Fault>> {
        let body = self.body();
        if !body.is_end_stream() {
            body.peek().await.map_err(|_| Fault::of_client())?;
        }
        Ok(())
    }

    /// Asks the dispatcher, and waits where it says so.
    async fn pick(&mut self) -> Result<InFlight, Refusal> {
        let mut pick = self.ask();
        loop {
            match pick {
                Pick::Forward(guard) => return Ok(guard),
                Pick::Wait(mut later) => pick = self.wait(later.as_mut()).await?,
                Pick::Refuse(refusal) => return Err(refusal),
            }
        }
    }

    /// Waits for the dispatcher. What comes of the body meanwhile is taken, because the codec sees the
    /// client go away only while nothing unread is before that.
    async fn wait(
        &mut self,
        mut later: Pin<&mut (dyn Future<Output = Pick> + Send)>,
    ) -> Result<Pick, Refusal> {
        let takes_body = !self.awaits_word;
        let body = self.body();
        future::poll_fn(|cx| {
            if takes_body && body.take_available(cx).is_err() {
                return Poll::Ready(Err(refusal::BAD_BODY));
            }
            later.as_mut().poll(cx).map(Ok)
        })
        .await
    }

    fn body(&mut self) -> &mut Upload {
        self.request.as_mut().expect(BETWEEN_ATTEMPTS).body_mut()
    }

    fn ask(&self) -> Pick {
        let request = self.request.as_ref().expect(BETWEEN_ATTEMPTS);
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str());
        let method = request.method().as_str();
        let head =
            Head::of_request(method, target, request.headers(), self.token.as_ref(), self.client.peer());
        self.client.worker().dispatch().pick(&head, self.tried.ids())
    }

    /// Sends the request to `upstream` and waits for the head of its answer.
    async fn attempt(&mut self, upstream: &Arc<Upstream>) -> Result<Answered, Box<Fault>> {
        self.prepare(upstream).await?;
        if let Some(wire) = self.client.worker().pool().checkout(upstream) {
            match self.send(wire).await {
                // It was closed while it rested and nothing was written: that says nothing about the upstream.
                Err(mut fault) if fault.ending == Ending::NotWritten => {
                    if !self.take_back(&mut fault) {
                        return Err(fault);
                    }
                }
                sent => return sent,
            }
        }
        let wire = self.connect(upstream).await.map_err(Fault::not_connected)?;
        self.send(wire).await
    }

    /// On the heap, because it is seldom needed and would make every exchange larger.
    fn connect<'a>(
        &'a self,
        upstream: &'a Arc<Upstream>,
    ) -> Pin<Box<dyn Future<Output = Result<Wire, Option<Failure>>> + 'a>> {
        let worker = self.client.worker();
        Box::pin(worker.pool().connect(upstream, worker.settings().connect_timeout))
    }

    /// Keeps of the request what can be kept, and asks for a body that was held back until now.
    async fn prepare(&mut self, upstream: &Upstream) -> Result<(), Box<Fault>> {
        if std::mem::take(&mut self.awaits_word) {
            self.take_start().await?;
        }
        self.tried.add(upstream.id());
        let request = self.request.as_ref().expect(BETWEEN_ATTEMPTS);
        if !self.is_kept
            && let Some(body) = request.body().kept()
        {
            self.replay.keep(request, body);
            self.is_kept = true;
        }
        Ok(())
    }

    async fn send(&mut self, mut wire: Wire) -> Result<Answered, Box<Fault>> {
        let mut request = self.request.take().expect("the request is here until it is sent");
        // Whatever brought the request here, it carries the token of where it goes now.
        headers::set_token(request.headers_mut(), wire.upstream());
        if !request.body().is_end_stream() && request.body().size_hint().exact().is_none() {
            headers::set_chunked(request.headers_mut());
        }
        self.progress = request.body().progress();
        let client = &self.client;
        client.await_answer();
        let mut answer = pin!(wire.send(request));
        let sent = future::poll_fn(|cx| match answer.as_mut().poll(cx) {
            Poll::Ready(sent) => Poll::Ready(Some(sent)),
            Poll::Pending if client.phase() == Phase::TimedOut => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
        .await;
        match sent {
            Some(Ok(response)) => fault::inspect(response, wire, client, self.upgrade.is_some()),
            Some(Err(_)) if self.has_gone_so_far(Progress::Broken) => Err(Fault::of_client()),
            Some(Err(error)) => Err(Fault::of_connection(error, &wire)),
            None if self.has_gone_so_far(Progress::Stalled) => Err(Fault::of_stalled_client()),
            None => Err(Fault::new(Ending::TimedOut, Failure::FirstByteTimeout, refusal::FIRST_BYTE_TIMEOUT)),
        }
    }

    /// Passes an answer on: its head is moved, its body streams with everything that ends with it.
    fn pass_on(
        &mut self,
        mut response: Response<Incoming>,
        wire: Wire,
        upstream: &Upstream,
    ) -> Response<Answer> {
        let client = Rc::clone(&self.client);
        let settings = client.worker().settings();
        let (status, version) = (response.status(), response.version());
        let headers = response.headers_mut();
        if settings.front {
            headers::append_via(headers, version);
        }
        if settings.front && settings.served_by {
            headers::set_served_by(headers, upstream);
        }
        *response.version_mut() = Version::HTTP_11;
        self.keep_memory();
        client.with_guard(InFlight::mark_answered);
        let ticket = self.ticket.take().expect("a request has one answer");
        if status == StatusCode::SWITCHING_PROTOCOLS
            && let Some(downstream) = self.upgrade.take()
        {
            let on_upstream = hyper::upgrade::on(&mut response);
            crate::upgrade::Upgrade::leave(downstream, on_upstream, ticket, wire);
            return response.map(|_| Answer::Empty);
        }
        client.enter(Phase::Answering, client.worker().now());
        response.map(|incoming| Answer::stream(incoming, wire, ticket, self.progress.take()))
    }

    /// Tells of a failed attempt and readies the next; gives the fault back where there is none.
    fn settle(&mut self, mut fault: Box<Fault>, upstream: &Arc<Upstream>) -> Option<Box<Fault>> {
        let worker = Rc::clone(self.client.worker());
        if let Some(failure) = fault.failure {
            worker.dispatch().failed(upstream, failure);
        }
        drop(self.client.release());
        self.client.enter(Phase::Asked, worker.now());
        let can_be_sent_again = self.take_back(&mut fault);
        let attempt = Attempt {
            ending: fault.ending,
            at_front: worker.settings().front,
            is_safe: self.is_safe,
            can_be_sent_again,
            body_started: self.progress.is_some() && !self.has_gone_so_far(Progress::Untouched),
        };
        let may_repeat = match self.history.judge(attempt) {
            Verdict::GiveUp => false,
            Verdict::Free => true,
            Verdict::Paid => {
                self.paid = self.paid.take().or_else(|| worker.paid_repeat());
                self.paid.is_some()
            }
        };
        if may_repeat {
            worker.tally().retried();
            return None;
        }
        Some(fault)
    }

    /// Has the request here again if it can be had: given back, never given away, or kept.
    fn take_back(&mut self, fault: &mut Fault) -> bool {
        let given_back = fault.request.take().or_else(|| self.request.take());
        self.request = given_back.or_else(|| self.rebuild());
        self.request.is_some()
    }

    fn has_gone_so_far(&self, progress: Progress) -> bool {
        self.progress.as_ref().is_some_and(|body| body.get() == progress)
    }

    fn rebuild(&self) -> Option<Request<Upload>> {
        self.is_kept.then(|| self.replay.rebuild(&self.client))
    }

    /// Answers for a service that did not. A node says so when the service may have done its part, so that
    /// the front end does not take it for an answer.
    fn give_up_after(&mut self, fault: &Fault) -> Response<Answer> {
        let mut response = self.give_up(&fault.refusal);
        if fault.ending == Ending::NoAnswer && !self.client.worker().settings().front {
            headers::set_lost(response.headers_mut(), fault.refusal.reason);
        }
        response
    }

    fn give_up(&mut self, refusal: &Refusal) -> Response<Answer> {
        self.keep_memory();
        refuse(refusal, self.ticket.take().expect("a request has one answer"))
    }

    /// Gives the copy's memory back to the connection.
    fn keep_memory(&mut self) {
        let mut replay = std::mem::take(&mut self.replay);
        replay.clear();
        self.client.spare.set(Some(replay));
    }
}
