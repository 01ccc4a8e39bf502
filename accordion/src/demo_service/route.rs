//! Which answer a request gets. What `/`, `/bytes/N` and `/echo` do is done in a place, one for each
//! request until its answer is sent; `/healthz`, `/events` and `/ws` need none.

use std::convert::Infallible;
use std::fmt::Write;
use std::sync::Arc;

use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::Demo;
use super::body::{self, Answer};
use super::content::{BYTES_MAX, Content};
use super::events::Events;
use super::websocket;
use super::work::Work;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

/// What a path names.
#[derive(Debug, PartialEq, Eq)]
enum Route {
    Root,
    Bytes(u64),
    Echo,
    Health,
    Events,
    WebSocket,
}

/// A request that gets no more than a sentence.
#[derive(Debug, PartialEq, Eq)]
struct Fault {
    status: StatusCode,
    text: String,
}

/// Never fails: a fault is an answer too.
pub(super) async fn answer(
    demo: Arc<Demo>,
    request: Request<Incoming>,
) -> Result<Response<Answer>, Infallible> {
    let head_only = request.method() == Method::HEAD;
    let asked = Route::of(request.uri().path())
        .and_then(|route| Ok((route, Work::asked(request.uri().query()).map_err(Fault::bad)?)));
    let response = match asked {
        Ok((route @ (Route::Root | Route::Bytes(_) | Route::Echo), work)) => {
            handle(&demo, route, work, request).await
        }
        Ok((route, work)) => {
            work.done().await;
            attend(&demo, &route, request).await
        }
        Err(fault) => {
            read_and_drop(request.into_body()).await;
            fault.into()
        }
    };
    Ok(if head_only { without_body(response) } else { response })
}

/// Inside the bound.
async fn handle(demo: &Demo, route: Route, work: Work, request: Request<Incoming>) -> Response<Answer> {
    let kind = request.headers().get(CONTENT_TYPE).cloned();
    let (place, response) = match route {
        Route::Echo => {
            let place = demo.places.take().await;
            work.done().await;
            (place, with_type(body::echo(request.into_body()), kind))
        }
        route => {
            // The body is read while the request waits, which is also how its client is seen to leave.
            let (place, ()) = tokio::join!(demo.places.take(), read_and_drop(request.into_body()));
            work.done().await;
            let body = match route {
                Route::Bytes(bytes) => body::content(Content::new(bytes)),
                _ => body::text(about(demo)),
            };
            (place, with_type(body, Some(TEXT)))
        }
    };
    response.map(|body| body::held(body, place))
}

/// Outside the bound.
async fn attend(demo: &Demo, route: &Route, request: Request<Incoming>) -> Response<Answer> {
    match route {
        Route::WebSocket => websocket::answer(demo, request),
        Route::Events => {
            read_and_drop(request.into_body()).await;
            let events = body::events(Events::until(demo.shutdown.clone()));
            let mut response = with_type(events, Some(HeaderValue::from_static("text/event-stream")));
            response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
            response
        }
        _ => {
            read_and_drop(request.into_body()).await;
            with_type(body::text(health(demo)), Some(TEXT))
        }
    }
}

impl Route {
    fn of(path: &str) -> Result<Self, Fault> {
        match path {
            "/" => Ok(Self::Root),
            "/echo" => Ok(Self::Echo),
            "/healthz" => Ok(Self::Health),
            "/events" => Ok(Self::Events),
            "/ws" => Ok(Self::WebSocket),
            _ => match path.strip_prefix("/bytes/").map(str::parse) {
                Some(Ok(bytes)) if bytes <= BYTES_MAX => Ok(Self::Bytes(bytes)),
                Some(_) => Err(Fault::bad(format!("{path} must be /bytes/N with N from 0 to {BYTES_MAX}"))),
                None => Err(Fault {
                    status: StatusCode::NOT_FOUND,
                    text: format!("there is nothing at {path}: try /, /bytes/1024 or /bytes/1024?wait=50ms"),
                }),
            },
        }
    }
}

impl Fault {
    fn bad(text: String) -> Self {
        Self { status: StatusCode::BAD_REQUEST, text }
    }
}

impl From<Fault> for Response<Answer> {
    fn from(fault: Fault) -> Self {
        let mut response = with_type(body::text(fault.text + "\n"), Some(TEXT));
        *response.status_mut() = fault.status;
        response
    }
}

fn about(demo: &Demo) -> String {
    format!(
        "This is Accordion's demo service, process {} on {}.\n\
         /bytes/N answers N bytes, /echo what it is sent; ?work=10ms burns CPU first, ?wait=10ms sleeps.\n",
        std::process::id(),
        demo.address
    )
}

/// `ok` for a probe, and for people how busy it is.
fn health(demo: &Demo) -> String {
    let tally = demo.places.tally();
    let mut text = String::from("ok\n");
    for (name, count) in
        [("workers", tally.workers), ("handling", tally.handling), ("waiting", tally.waiting)]
    {
        let _ = writeln!(text, "{name} {count}");
    }
    let _ = writeln!(text, "handled {}", tally.handled);
    text
}

fn with_type(body: Answer, kind: Option<HeaderValue>) -> Response<Answer> {
    let mut response = Response::new(body);
    if let Some(kind) = kind {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}

/// The same headers, its length written out because the body that told it is gone.
fn without_body(response: Response<Answer>) -> Response<Answer> {
    let (mut parts, body) = response.into_parts();
    if let Some(bytes) = body.size_hint().exact() {
        parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes));
    }
    Response::from_parts(parts, body::empty())
}

async fn read_and_drop(mut body: Incoming) {
    // An error is a client that left; the connection ends by itself.
    while let Some(Ok(_)) = body.frame().await {}
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_one_of_ours_or_a_fault() {
        assert_eq!(Route::of("/").unwrap(), Route::Root);
        assert_eq!(Route::of("/bytes/0").unwrap(), Route::Bytes(0));
        assert_eq!(Route::of("/bytes/10737418240").unwrap(), Route::Bytes(10 << 30));
        for bad in ["/bytes/10737418241", "/bytes/", "/bytes/-1", "/bytes/1/2", "/bytes/99999999999999999999"]
        {
            assert_eq!(Route::of(bad).unwrap_err().status, StatusCode::BAD_REQUEST, "{bad}");
        }
        for unknown in ["/bytes", "/Echo", "/echo/", "//", "/favicon.ico"] {
            assert_eq!(Route::of(unknown).unwrap_err().status, StatusCode::NOT_FOUND, "{unknown}");
        }
    }
}
