//! Whose word about the client counts, and what the front end writes into what it passes on.

use crate::config::kind::network::Cidr;
use crate::config::kind::{Choice, Flag};
use crate::config::written::{Found, Table};
use crate::config::{Forwarding, Network};

const KEY: &str = "forwarding";

/// The field that a word of the list stands for.
type Field = fn(&mut Forwarding) -> &mut bool;

const FIELDS: [(&str, Field); 5] = [
    ("x-forwarded-for", |fields| &mut fields.x_forwarded_for),
    ("x-forwarded-host", |fields| &mut fields.x_forwarded_host),
    ("x-forwarded-proto", |fields| &mut fields.x_forwarded_proto),
    ("forwarded", |fields| &mut fields.forwarded),
    ("via", |fields| &mut fields.via),
];

pub(super) struct Written {
    pub(super) trusted_proxies: Vec<Network>,
    pub(super) proxy_protocol: bool,
    pub(super) forwarding: Forwarding,
    pub(super) served_by: bool,
}

pub(super) fn checked(table: &mut Table<'_>) -> Written {
    let trusted = table.elements("trusted_proxies", &Cidr).unwrap_or_default();
    Written {
        trusted_proxies: trusted.into_iter().map(|network| network.value).collect(),
        proxy_protocol: table.or("proxy_protocol", &Flag, false).value,
        forwarding: forwarding(table),
        served_by: table.or("served_by", &Flag, true).value,
    }
}

/// The fields in the list; all of them where there is none.
fn forwarding(table: &mut Table<'_>) -> Forwarding {
    let Some(listed) = table.elements(KEY, &Choice(&FIELDS)) else { return Forwarding::ALL };
    let mut forwarding = Forwarding::NONE;
    for Found { value: field, origin } in listed {
        let is_listed = field(&mut forwarding);
        table.check(!*is_listed, &[origin], || {
            format!("{} lists this field twice, must list it only once", table.name(KEY))
        });
        *is_listed = true;
    }
    forwarding
}
