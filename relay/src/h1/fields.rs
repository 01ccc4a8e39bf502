//! The fields of one head, where they lie in the caller's buffer, each with what it means to a relay.

use std::mem::MaybeUninit;

use super::kind::Kind;

/// How many field lines a head may have, whatever is configured. Browsers send about 20; the usual limit of
/// servers is 100 (Apache, hyper).
pub const FIELDS_MAX: usize = 160;

/// Room for the fields of one head, 4 KiB on the caller's stack, of which a new one writes 128 bytes.
pub struct Slots<'b> {
    pub(super) headers: [MaybeUninit<httparse::Header<'b>>; FIELDS_MAX],
    pub(super) kinds: [Kind; FIELDS_MAX],
}

/// The fields of one head in their order.
#[derive(Clone, Copy)]
pub struct Fields<'s, 'b> {
    pub(super) headers: &'s [httparse::Header<'b>],
    pub(super) kinds: &'s [Kind],
}

/// One field line. The value is without the white space around it; it may hold bytes above 0x7f, and no
/// control character but the tab (RFC 9110, section 5.5).
#[derive(Debug, Clone, Copy)]
pub struct Field<'b> {
    /// What it means to a relay.
    pub kind: Kind,
    /// As the sender wrote it: case is kept.
    pub name: &'b str,
    /// May be empty.
    pub value: &'b [u8],
}

impl<'b> Slots<'b> {
    /// Empty room.
    #[inline]
    pub fn new() -> Slots<'b> {
        Slots { headers: [const { MaybeUninit::uninit() }; FIELDS_MAX], kinds: [Kind::Other; FIELDS_MAX] }
    }
}

impl Default for Slots<'_> {
    fn default() -> Self {
        Slots::new()
    }
}

impl<'s, 'b> Fields<'s, 'b> {
    /// All of them, those that end here included: see [`Kind::passes`].
    pub fn iter(&self) -> impl Iterator<Item = Field<'b>> + use<'s, 'b> {
        self.headers.iter().zip(self.kinds).map(|(header, kind)| Field {
            kind: *kind,
            name: header.name,
            value: header.value,
        })
    }

    /// The value of the first field of this kind.
    pub fn get(&self, kind: Kind) -> Option<&'b [u8]> {
        let at = self.kinds.iter().position(|other| *other == kind)?;
        Some(self.headers[at].value)
    }

    /// How many there are, those that end here included.
    pub fn len(&self) -> usize {
        self.headers.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty()
    }
}

impl std::fmt::Debug for Fields<'_, '_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_list().entries(self.iter()).finish()
    }
}
