//! Keys of one service set otherwise than in the file: `scaling.high=0.8`. They go the way of the
//! file, so that each is judged, and judged beside the others, as if it stood there.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use toml::de::{DeTable, DeValue};
use toml::{Spanned, Table, Value};

use super::{Cluster, Fault, file};

/// The table under a service's that keys may be in, too.
const SCALING: &str = "scaling";

/// One key of `[service.NAME]`, or `scaling.` and one of `[service.NAME.scaling]`, and its new value.
#[derive(Debug, Clone, PartialEq)]
pub struct Set {
    /// As it was written: `capacity`, `scaling.high`.
    key: String,
    value: Value,
}

/// What is wrong with what was set.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub struct SetFault {
    /// Which one; `None`: it cannot be told, as where it contradicts what stands in the file.
    key: Option<String>,
    text: String,
}

impl FromStr for Set {
    type Err = String;

    /// `KEY=VALUE`, the value as in the file; a text does without its quotes.
    fn from_str(written: &str) -> Result<Self, String> {
        let example = "must be written KEY=VALUE, like scaling.high=0.8";
        let (key, value) = written.split_once('=').ok_or(example)?;
        let (key, value) = (key.trim(), value.trim());
        let is_word = |word: &str| {
            !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        };
        let words: Vec<&str> = key.split('.').collect();
        match words[..] {
            [word] | [SCALING, word] if is_word(word) && !value.is_empty() => {
                Ok(Self { key: key.to_owned(), value: value_of(value) })
            }
            [_] | [SCALING, _] => Err(example.to_owned()),
            _ => Err(format!("{key} is no key of [service.NAME] or [service.NAME.scaling]; {example}")),
        }
    }
}

/// The cluster that the text describes, with keys of `service` set otherwise. The text has no faults
/// of its own; of two values for one key the last one counts.
///
/// # Errors
/// Every fault that the changes make.
pub fn parse_with(text: &str, service: &str, sets: &[Set]) -> Result<Cluster, Vec<SetFault>> {
    let mut file: Table = text.parse().expect("it was read without a fault");
    for set in sets {
        put(&mut file, service, set);
    }
    let text = file.to_string();
    file::parse("", &text).map_err(|faults| {
        let lines = lines(&text, service, sets);
        faults.into_iter().map(|fault| attributed(fault, &lines)).collect()
    })
}

/// What is written, or where that is no value, the text that it is.
fn value_of(written: &str) -> Value {
    // One line with one value; anything else that a value could smuggle in is text.
    let table = format!("x = {written}").parse::<Table>().ok().filter(|table| table.len() == 1);
    let value = table.filter(|_| !written.contains('\n')).and_then(|mut table| table.remove("x"));
    value.unwrap_or_else(|| Value::String(written.to_owned()))
}

fn put(file: &mut Table, service: &str, set: &Set) {
    let mut table = file;
    let words = set.key.split_once('.');
    let path = ["service", service].into_iter().chain(words.map(|(parent, _)| parent));
    for name in path {
        let next = table.entry(name).or_insert_with(|| Value::Table(Table::new()));
        // A service whose `scaling` was just set to something that is no table: that is told first.
        let Value::Table(next) = next else { return };
        table = next;
    }
    table.insert(words.map_or(set.key.as_str(), |(_, key)| key).to_owned(), set.value.clone());
}

/// The lines on which the keys that were set stand.
fn lines<'s>(text: &str, service: &str, sets: &'s [Set]) -> Vec<(usize, &'s str)> {
    let (file, _) = DeTable::parse_recoverable(text);
    let line = |set: &'s Set| {
        let mut table = file.get_ref();
        for name in ["service", service] {
            table = table.get(name)?.get_ref().as_table()?;
        }
        let mut words = set.key.split('.');
        let last = words.next_back()?;
        for name in words {
            table = table.get(name)?.get_ref().as_table()?;
        }
        let (key, _): (&Spanned<_>, &Spanned<DeValue<'_>>) = table.get_key_value(last)?;
        let before = text.get(..key.span().start)?;
        Some((before.matches('\n').count() + 1, set.key.as_str()))
    };
    sets.iter().filter_map(line).collect()
}

fn attributed(fault: Fault, lines: &[(usize, &str)]) -> SetFault {
    let key = lines.iter().find(|(line, _)| *line == fault.line).map(|(_, key)| (*key).to_owned());
    SetFault { key, text: fault.text }
}

/// As it may be written.
impl fmt::Display for Set {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.key, self.value)
    }
}

impl fmt::Display for SetFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Some(key) => write!(formatter, "--set {key}: {}", self.text),
            None => write!(formatter, "--set: {}", self.text),
        }
    }
}
