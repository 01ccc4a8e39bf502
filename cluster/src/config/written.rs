//! A table as a person wrote it: each key is taken once, with the kind of value it must have.
//!
//! Taking reports what is wrong with the value and goes on, so that one walk over the file finds
//! every fault. A key that nobody took is unknown. What values mean together is judged in `checked`.

use std::fmt::Display;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::kind::Kind;
use super::report::Report;
use super::typo::nearest;

/// One table of the file and what was taken from it so far.
pub(super) struct Table<'a> {
    /// What its keys are called in a fault: `noun.key`.
    noun: &'static str,
    header: usize,
    entries: &'a DeTable<'a>,
    known: Vec<&'static str>,
    missing: Vec<(&'static str, String)>,
    report: &'a Report<'a>,
}

/// A value for use, and where it comes from.
#[derive(Debug, Clone)]
pub(super) struct Found<T> {
    pub(super) value: T,
    pub(super) origin: Origin,
}

/// Where a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// The file, at that byte.
    Written(usize),
    /// Nothing was written.
    Default,
    /// Something unusable was written, and reported; the default only stands in for it.
    Faulty,
}

impl<'a> Table<'a> {
    /// The table that is the whole file.
    pub(super) fn root(entries: &'a DeTable<'a>, report: &'a Report<'a>) -> Self {
        Self::new("", 0, entries, report)
    }

    fn new(noun: &'static str, header: usize, entries: &'a DeTable<'a>, report: &'a Report<'a>) -> Self {
        Self { noun, header, entries, known: Vec::new(), missing: Vec::new(), report }
    }

    pub(super) fn report(&self) -> &'a Report<'a> {
        self.report
    }

    /// `noun.key`.
    pub(super) fn name(&self, key: &str) -> String {
        if self.noun.is_empty() { key.to_owned() } else { format!("{}.{key}", self.noun) }
    }

    /// What stands at the key, unjudged.
    pub(super) fn value(&mut self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.known.push(key);
        self.entries.get(key)
    }

    /// The same once more.
    pub(super) fn value_again(&self, key: &'static str) -> Option<&'a Spanned<DeValue<'a>>> {
        self.entries.get(key)
    }

    /// The key's value; `None` and a fault when it is missing or of another kind.
    pub(super) fn required<K: Kind>(&mut self, key: &'static str, kind: &K) -> Option<Found<K::Value>> {
        let Some(written) = self.value(key) else {
            self.must_have(key, format!("{}{}", kind.expected(), kind.example()));
            return None;
        };
        self.found(key, kind, written)
    }

    /// The key's value, or the default.
    pub(super) fn or<K: Kind>(&mut self, key: &'static str, kind: &K, default: K::Value) -> Found<K::Value> {
        let Some(written) = self.value(key) else {
            return Found { value: default, origin: Origin::Default };
        };
        self.found(key, kind, written).unwrap_or(Found { value: default, origin: Origin::Faulty })
    }

    /// The key's value, if there is one.
    pub(super) fn optional<K: Kind>(&mut self, key: &'static str, kind: &K) -> Option<Found<K::Value>> {
        let written = self.value(key)?;
        self.found(key, kind, written)
    }

    /// The sound elements of the list at the key; `None` when there is no list.
    pub(super) fn elements<K: Kind>(&mut self, key: &'static str, kind: &K) -> Option<Vec<Found<K::Value>>> {
        let written = self.value(key)?;
        let Some(array) = written.get_ref().as_array() else {
            self.wrong(key, written, &format!("a list, each element {}", kind.expected()));
            return None;
        };
        Some(array.iter().filter_map(|element| self.found(key, kind, element)).collect())
    }

    /// The table `[key]`, if there is one.
    pub(super) fn table(&mut self, key: &'static str, noun: &'static str) -> Option<Table<'a>> {
        let written = self.value(key)?;
        let Some(entries) = written.get_ref().as_table() else {
            self.wrong(key, written, &format!("a table, written [{}]", self.name(key)));
            return None;
        };
        Some(Table::new(noun, written.span().start, entries, self.report))
    }

    /// The tables `[[key]]`, in the order of the file.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Table<'a>> {
        let Some(written) = self.value(key) else { return Vec::new() };
        let expected = format!("tables, each written [[{}]]", self.name(key));
        let Some(array) = written.get_ref().as_array() else {
            self.wrong(key, written, &expected);
            return Vec::new();
        };
        let table = |element: &'a Spanned<DeValue<'a>>| {
            let table = element.get_ref().as_table();
            if table.is_none() {
                self.wrong(key, element, &expected);
            }
            table.map(|entries| Table::new(key, element.span().start, entries, self.report))
        };
        array.iter().filter_map(table).collect()
    }

    /// The tables `[key.NAME]` with the names and the bytes where these stand, in the order of the file.
    pub(super) fn named(&mut self, key: &'static str) -> Vec<(Spanned<&'a str>, Table<'a>)> {
        let Some(parent) = self.table(key, key) else { return Vec::new() };
        if parent.entries.is_empty() {
            self.report.missing(parent.header, format!("[{key}] is empty, must be written [{key}.NAME]"));
        }
        let mut named = Vec::new();
        for (name, written) in parent.entries {
            match written.get_ref().as_table() {
                Some(entries) => {
                    let table = Table::new(key, written.span().start, entries, self.report);
                    named.push((Spanned::new(name.span(), name.get_ref().as_ref()), table));
                }
                None => parent.wrong(name.get_ref(), written, &format!("a table, written [{key}.NAME]")),
            }
        }
        // The parser sorts keys by their letters.
        named.sort_by_key(|(name, _)| name.span().start);
        named
    }

    /// If the key is not written, reports that it must be, unless a misspelt one turns out to be
    /// meant for it.
    pub(super) fn must_have(&mut self, key: &'static str, expected: String) {
        if !self.entries.contains_key(key) {
            self.missing.push((key, expected));
        }
    }

    /// Reports a value as it was written, and what it must be.
    pub(super) fn wrong(&self, key: &str, written: &Spanned<DeValue<'_>>, expected: &str) {
        self.unsound(key, written, &format!("must be {expected}"));
    }

    fn unsound(&self, key: &str, written: &Spanned<DeValue<'_>>, remedy: &str) {
        let excerpt = self.report.excerpt(written.span());
        self.report.fault(written.span().start, format!("{} = {excerpt}, {remedy}", self.name(key)));
    }

    /// Reports values that are sound each but not together, at the first of them that was written.
    pub(super) fn check(&self, holds: bool, origins: &[Origin], fault: impl FnOnce() -> String) {
        if holds || origins.contains(&Origin::Faulty) {
            return;
        }
        let written = origins.iter().find_map(|origin| match origin {
            Origin::Written(offset) => Some(*offset),
            Origin::Default | Origin::Faulty => None,
        });
        self.report.fault(written.unwrap_or(self.header), fault());
    }

    /// `noun.key = value`, and whether that is the default.
    pub(super) fn shown(&self, key: &str, value: impl Display, origin: Origin) -> String {
        let default = if origin == Origin::Default { " (default)" } else { "" };
        format!("{} = {value}{default}", self.name(key))
    }

    /// Reports the keys that nobody took, and those that nobody wrote.
    pub(super) fn finish(self) {
        let mut meant = Vec::new();
        for key in self.entries.keys() {
            let name = key.get_ref().as_ref();
            if self.known.contains(&name) {
                continue;
            }
            let fault = match nearest(name, &self.known) {
                Some(near) => {
                    meant.push(near);
                    format!("unknown key {name:?}, did you mean {near:?}?")
                }
                None => format!("unknown key {name:?}, must be one of {}", self.known.join(", ")),
            };
            self.report.fault(key.span().start, fault);
        }
        for (key, expected) in self.missing.iter().filter(|(key, _)| !meant.contains(key)) {
            self.report.missing(self.header, format!("{} is missing, must be {expected}", self.name(key)));
        }
    }

    /// The value that is written there; `None` and a fault when it is of another kind.
    fn found<K: Kind>(&self, key: &str, kind: &K, written: &Spanned<DeValue<'_>>) -> Option<Found<K::Value>> {
        if let Some(value) = kind.read(written.get_ref()) {
            return Some(Found { value, origin: Origin::Written(written.span().start) });
        }
        if let Some(hint) = kind.hint(written.get_ref()) {
            self.unsound(key, written, &hint);
        } else {
            let example = if kind.same_type(written.get_ref()) { "" } else { kind.example() };
            self.wrong(key, written, &format!("{}{example}", kind.expected()));
        }
        None
    }
}
