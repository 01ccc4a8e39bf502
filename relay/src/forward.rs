//! One request: taken in, picked for, attempted, answered.

mod exchange;
mod fault;
mod intake;
mod tried;

use std::convert::Infallible;
use std::rc::Rc;

use http::{Request, Response, StatusCode};
use hyper::body::Incoming;

use crate::body::Answer;
use crate::headers;
use crate::live::{Client, Ticket};
use crate::refusal::Refusal;

use exchange::Exchange;

/// Answers one request of a client. Dropped when the client goes away, and everything it holds with it.
pub(crate) async fn answer(
    client: Rc<Client>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let ticket = Ticket::open(Rc::clone(&client));
    let mut response = match intake::take_in(&client, request) {
        Ok(order) => Exchange::new(order, ticket).run().await,
        Err(refusal) => refuse(&refusal, ticket),
    };
    if client.worker().is_draining() && response.status() != StatusCode::SWITCHING_PROTOCOLS {
        headers::set_close(response.headers_mut());
    }
    Ok(response)
}

/// An answer of the relay's own.
fn refuse(refusal: &Refusal, ticket: Ticket) -> Response<Answer> {
    let response = refusal.response();
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        ticket.client().worker().tally().refused();
    }
    response.map(|text| Answer::Text { text: Some(text), _ticket: ticket })
}
