//! A request as it must be before it may go anywhere: checked, its target in origin form, its headers
//! ready for the next hop.

use std::rc::Rc;

use http::header::{HOST, HeaderMap, HeaderValue};
use http::uri::Uri;
use http::{Method, Request, Version};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;

use crate::body::Upload;
use crate::headers::{self, TOKEN};
use crate::live::Client;
use crate::refusal::{self, Refusal};

/// A request ready to be sent upstream.
pub(crate) struct Order {
    pub(crate) request: Request<Upload>,
    /// The client's own token, for the dispatcher to judge; it never passes on.
    pub(crate) token: Option<HeaderValue>,
    /// The client's side of an upgrade it asks for.
    pub(crate) upgrade: Option<OnUpgrade>,
    /// The client sends its body when it is told to go on.
    pub(crate) awaits_word: bool,
}

/// Checks and prepares a request.
pub(crate) fn take_in(client: &Rc<Client>, mut request: Request<Incoming>) -> Result<Order, Refusal> {
    if request.method() == Method::CONNECT {
        return Err(refusal::CONNECT_METHOD);
    }
    let version = request.version();
    use_origin_form(&mut request)?;
    check_host(request.headers_mut(), version)?;
    let hops = headers::remove_hop_by_hop(request.headers_mut());
    if hops.unknown_coding {
        return Err(refusal::BAD_CODING);
    }
    let asks_upgrade = hops.upgrade && version == Version::HTTP_11;
    if hops.upgrade && !asks_upgrade {
        headers::remove_upgrade(request.headers_mut());
    }
    let token = request.headers_mut().remove(TOKEN);
    if client.worker().settings().front {
        client.forwarding.write(request.headers_mut());
        headers::append_via(request.headers_mut(), version);
    }
    let upgrade = asks_upgrade.then(|| hyper::upgrade::on(&mut request));
    *request.version_mut() = Version::HTTP_11;
    let request = request.map(|incoming| Upload::new(incoming, Rc::clone(client)));
    Ok(Order { request, token, upgrade, awaits_word: hops.expect })
}

/// A target in absolute form becomes the path it names; its authority takes the place of `Host`
/// (RFC 9112, section 3.2.2).
fn use_origin_form(request: &mut Request<Incoming>) -> Result<(), Refusal> {
    let Some(authority) = request.uri().authority() else {
        let is_asterisk = request.uri().path() == "*";
        return if is_asterisk && request.method() != Method::OPTIONS {
            Err(refusal::BAD_TARGET)
        } else {
            Ok(())
        };
    };
    let path = match request.uri().path_and_query() {
        Some(path) if request.uri().scheme().is_some() => path.clone(),
        _ => return Err(refusal::BAD_TARGET),
    };
    let text = authority.as_str();
    let host = text.rsplit_once('@').map_or(text, |(_, host)| host);
    let host = HeaderValue::from_str(host).map_err(|_| refusal::BAD_TARGET)?;
    request.headers_mut().insert(HOST, host);
    *request.uri_mut() = Uri::from(path);
    Ok(())
}

/// HTTP/1.1 asks for exactly one Host. What goes upstream is HTTP/1.1, so a request without one, which
/// HTTP/1.0 allows, gets an empty one (RFC 9112, section 3.2).
fn check_host(headers: &mut HeaderMap, version: Version) -> Result<(), Refusal> {
    let mut hosts = headers.get_all(HOST).iter();
    match (hosts.next().is_some(), hosts.next().is_some()) {
        (true, false) => Ok(()),
        (false, _) if version == Version::HTTP_10 => {
            headers.insert(HOST, HeaderValue::from_static(""));
            Ok(())
        }
        _ => Err(refusal::BAD_HOST),
    }
}
