//! A request kept so that it can be sent again after a connection has taken it.
//!
//! The head itself is moved upstream; this copy shares its bytes and uses the memory of the copy before,
//! so that it costs no allocation on a connection that has had a request.

use std::rc::Rc;

use bytes::Bytes;
use http::header::{HeaderName, HeaderValue};
use http::{Method, Request, Uri, Version};

use crate::body::Upload;
use crate::live::Client;

#[derive(Default)]
pub(crate) struct Replay {
    method: Method,
    uri: Uri,
    headers: Vec<(HeaderName, HeaderValue)>,
    body: Bytes,
}

impl Replay {
    /// Copies a request whose body is `body`.
    pub(crate) fn keep(&mut self, request: &Request<Upload>, body: Bytes) {
        self.method.clone_from(request.method());
        self.uri.clone_from(request.uri());
        self.headers.clear();
        self.headers.extend(request.headers().iter().map(|(name, value)| (name.clone(), value.clone())));
        self.body = body;
    }

    /// Lets go of the request and keeps the memory.
    pub(crate) fn clear(&mut self) {
        self.headers.clear();
        self.uri = Uri::default();
        self.body = Bytes::new();
    }

    /// The request as it was, and not a byte of it sent.
    pub(crate) fn rebuild(&self, client: &Rc<Client>) -> Request<Upload> {
        let mut request = Request::new(Upload::whole(self.body.clone(), Rc::clone(client)));
        *request.method_mut() = self.method.clone();
        *request.uri_mut() = self.uri.clone();
        *request.version_mut() = Version::HTTP_11;
        for (name, value) in &self.headers {
            request.headers_mut().append(name, value.clone());
        }
        request
    }
}
