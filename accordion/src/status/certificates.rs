//! What there is to say of certificates: those that end soon, and callers that were refused.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use cluster::tls::{Identity, WARN_BEFORE, date, days_left};

use super::ServiceView;
use super::pool::NodeView;
use crate::reach::Nodes;

/// One line for each; empty when all is well.
pub(super) fn of(views: &[ServiceView], pool: &[NodeView], own: &Nodes, now: SystemTime) -> String {
    let mut text = String::new();
    let own = own.tls().map(|tls| (tls.identity().clone(), tls.expires()));
    let told = views.iter().filter_map(|view| {
        let reply = view.load_manager.as_ref().ok()?;
        let identity = Identity::FrontEnd(view.service.clone());
        // What it shows is what counts, and not what is in the file by now.
        Some((identity, at(reply.certificate_expires_unix_s?)))
    });
    let nodes = pool.iter().filter_map(|node| {
        let identity = Identity::Node(node.node.clone());
        Some((identity, at(node.certificate_expires_unix_s()?)))
    });
    let mut ends: Vec<_> = own.into_iter().chain(told).chain(nodes).collect();
    ends.dedup();
    for (identity, expires) in ends.into_iter().filter(|(_, expires)| *expires < now + WARN_BEFORE) {
        let (ends, arguments) = (end(expires, now), identity.arguments());
        // Writing into a String cannot fail.
        let _ = writeln!(text, "certificate of {identity} {ends}: accordion ca issue {arguments}");
    }
    for view in views {
        let Ok(reply) = &view.service_manager else { continue };
        let expires = reply.certificate_expires_unix_s.map(at).filter(|expires| *expires < now + WARN_BEFORE);
        if let Some(expires) = expires {
            let (service, ends) = (&view.service, end(expires, now));
            let _ = writeln!(
                text,
                "a certificate that clients of {service} are shown {ends}: renew it, then SIGHUP; the log of the \
                 service-manager tells which"
            );
        }
    }
    for node in pool {
        let (connections, calls) = node.refused();
        if connections + calls > 0 {
            let _ = writeln!(
                text,
                "node {} has refused {connections} connections and {calls} calls for their certificates; its log \
                 tells whose",
                node.node
            );
        }
    }
    text
}

/// Completes "the certificate".
fn end(expires: SystemTime, now: SystemTime) -> String {
    let when = date(expires);
    match days_left(expires, now) {
        ..0 => format!("has expired on {when}"),
        0 => format!("expires within a day ({when})"),
        1 => format!("expires in 1 day ({when})"),
        days => format!("expires in {days} days ({when})"),
    }
}

fn at(unix_s: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(unix_s)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_told_in_days() {
        let day = 24 * 3600;
        let told = |expires| end(at(expires), at(100 * day));
        assert_eq!(told(112 * day), "expires in 12 days (1970-04-23)");
        assert_eq!(told(101 * day), "expires in 1 day (1970-04-12)");
        assert_eq!(told(100 * day + 1), "expires within a day (1970-04-11)");
        assert_eq!(told(100 * day - 1), "has expired on 1970-04-10");
    }
}
