//! The kinds of value that a key may have: each says what it must be, and reads it.
//!
//! Bounds are inclusive. Files are in `kind::files`, addresses and ports in `kind::network`, numbers of bytes in `kind::size`,
//! times of the week in `kind::time_of_day`.

pub(super) mod files;
pub(super) mod network;
pub(super) mod size;
pub(super) mod time_of_day;

use std::path::PathBuf;
use std::time::Duration;

use toml::de::{DeInteger, DeValue};

use super::typo::nearest;
use super::{Capacity, DAEMON_USER};

/// One kind of value.
pub(super) trait Kind {
    /// What the daemons use.
    type Value;

    /// Completes "must be ...".
    fn expected(&self) -> String;

    /// Is added for a value of another type: how such a value is written.
    fn example(&self) -> &'static str {
        ""
    }

    /// Whether the value is written as this kind is, so that an example would not help.
    fn same_type(&self, value: &DeValue<'_>) -> bool {
        value.is_str()
    }

    /// What stands in the place of "must be ..." when this very value shows what was meant.
    fn hint(&self, _value: &DeValue<'_>) -> Option<String> {
        None
    }

    /// The value, if it is of this kind.
    fn read(&self, value: &DeValue<'_>) -> Option<Self::Value>;
}

/// `true` or `false`.
pub(super) struct Flag;

/// A whole number from the first to the second.
pub(super) struct Whole(pub(super) u32, pub(super) u32);

/// The same, or the word "auto".
pub(super) struct WholeOrAuto(pub(super) u32, pub(super) u32);

/// A number from the first to the second.
pub(super) struct Number(pub(super) f64, pub(super) f64);

/// A number above 0 and at most 1.
pub(super) struct Share;

/// A share, or `None` for the word "off".
pub(super) struct ShareOrOff;

/// A time from the first to the second, written with its unit.
pub(super) struct Time(pub(super) Duration, pub(super) Duration);

/// One of a few words, and what each stands for.
pub(super) struct Choice<T: 'static>(pub(super) &'static [(&'static str, T)]);

/// A name that is also good for a directory, a header and a command line.
pub(super) struct Name;

/// A user of the system, other than the daemons' own.
pub(super) struct UserName;

/// The path and query of a request.
pub(super) struct RequestPath;

/// A file or directory that every daemon finds, wherever it was started.
pub(super) struct AbsolutePath;

const NAME_MAX: usize = 63;
const USER_NAME_MAX: usize = 31;
const REQUEST_PATH_MAX: usize = 2000;

impl Kind for Flag {
    type Value = bool;

    fn expected(&self) -> String {
        "true or false".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<bool> {
        value.as_bool()
    }
}

impl Kind for Whole {
    type Value = u32;

    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.0, self.1)
    }

    fn read(&self, value: &DeValue<'_>) -> Option<u32> {
        let number = u32::try_from(whole(value.as_integer()?)?).ok()?;
        (self.0..=self.1).contains(&number).then_some(number)
    }
}

impl Kind for WholeOrAuto {
    type Value = Capacity;

    fn expected(&self) -> String {
        format!("{}, or \"auto\"", Whole(self.0, self.1).expected())
    }

    fn hint(&self, value: &DeValue<'_>) -> Option<String> {
        Choice(&[("auto", Capacity::Auto)]).hint(value)
    }

    fn read(&self, value: &DeValue<'_>) -> Option<Capacity> {
        if value.as_str() == Some("auto") {
            return Some(Capacity::Auto);
        }
        Whole(self.0, self.1).read(value).map(Capacity::Requests)
    }
}

impl Kind for Number {
    type Value = f64;

    fn expected(&self) -> String {
        format!("a number from {} to {}", self.0, self.1)
    }

    fn read(&self, value: &DeValue<'_>) -> Option<f64> {
        number(value).filter(|number| (self.0..=self.1).contains(number))
    }
}

impl Kind for Share {
    type Value = f64;

    fn expected(&self) -> String {
        "a number above 0 and at most 1".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<f64> {
        number(value).filter(|share| *share > 0.0 && *share <= 1.0)
    }
}

impl Kind for ShareOrOff {
    type Value = Option<f64>;

    fn expected(&self) -> String {
        format!("{}, or \"off\"", Share.expected())
    }

    fn read(&self, value: &DeValue<'_>) -> Option<Option<f64>> {
        if value.as_str() == Some("off") { Some(None) } else { Share.read(value).map(Some) }
    }
}

impl Kind for Time {
    type Value = Duration;

    fn expected(&self) -> String {
        format!("a duration from {} to {}", shown(self.0), shown(self.1))
    }

    fn example(&self) -> &'static str {
        ", with its unit and in quotes, like \"10s\""
    }

    fn same_type(&self, value: &DeValue<'_>) -> bool {
        // "10" is a string too, but lacks what the example shows.
        value.as_str().is_some_and(|text| humantime::parse_duration(text).is_ok())
    }

    fn read(&self, value: &DeValue<'_>) -> Option<Duration> {
        let time = humantime::parse_duration(value.as_str()?).ok()?;
        (self.0..=self.1).contains(&time).then_some(time)
    }
}

impl<T: Clone> Kind for Choice<T> {
    type Value = T;

    fn expected(&self) -> String {
        let words: Vec<String> = self.0.iter().map(|(word, _)| format!("{word:?}")).collect();
        words.join(" or ")
    }

    fn hint(&self, value: &DeValue<'_>) -> Option<String> {
        let words: Vec<&str> = self.0.iter().map(|(word, _)| *word).collect();
        let near = nearest(&value.as_str()?.to_ascii_lowercase(), &words)?;
        Some(format!("did you mean {near:?}?"))
    }

    fn read(&self, value: &DeValue<'_>) -> Option<T> {
        let written = value.as_str()?;
        self.0.iter().find(|(word, _)| *word == written).map(|(_, meaning)| meaning.clone())
    }
}

impl Kind for Name {
    type Value = String;

    fn expected(&self) -> String {
        "1 to 63 of a-z, 0-9 and \"-\", beginning with a letter or digit".to_owned()
    }

    fn example(&self) -> &'static str {
        ", in quotes"
    }

    fn read(&self, value: &DeValue<'_>) -> Option<String> {
        value.as_str().filter(|name| is_name(name)).map(str::to_owned)
    }
}

impl Kind for UserName {
    type Value = String;

    fn expected(&self) -> String {
        format!(
            "the name of a user other than {DAEMON_USER:?}: 1 to {USER_NAME_MAX} of letters, digits, \".\", \"_\" and \
             \"-\", beginning with a letter or \"_\""
        )
    }

    fn example(&self) -> &'static str {
        ", in quotes"
    }

    fn read(&self, value: &DeValue<'_>) -> Option<String> {
        let name = value.as_str()?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let first = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        let is_sound = first && name.len() <= USER_NAME_MAX && name.bytes().all(allowed);
        (is_sound && name != DAEMON_USER).then(|| name.to_owned())
    }
}

impl Kind for RequestPath {
    type Value = String;

    fn expected(&self) -> String {
        "a path of visible ASCII that begins with \"/\"".to_owned()
    }

    fn read(&self, value: &DeValue<'_>) -> Option<String> {
        let path = value.as_str()?;
        let sound = path.starts_with('/') && path.len() <= REQUEST_PATH_MAX;
        // A fragment is never sent.
        let visible = path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        (sound && visible).then(|| path.to_owned())
    }
}

impl Kind for AbsolutePath {
    type Value = PathBuf;

    fn expected(&self) -> String {
        "an absolute path".to_owned()
    }

    fn example(&self) -> &'static str {
        ", in quotes"
    }

    fn read(&self, value: &DeValue<'_>) -> Option<PathBuf> {
        let path = PathBuf::from(value.as_str()?);
        (path.is_absolute() && !value.as_str()?.contains('\0')).then_some(path)
    }
}

/// Whether it may name a cluster, a node or a service.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_MAX).contains(&name.len()) && !name.starts_with('-') && name.bytes().all(allowed)
}

/// The time as it would be written in the file.
pub(super) fn shown(time: Duration) -> String {
    humantime::format_duration(time).to_string()
}

fn whole(integer: &DeInteger<'_>) -> Option<i64> {
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

/// Whole numbers are numbers too. Never NaN.
fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(integer) => integer.as_str().parse().ok().filter(|_| integer.radix() == 10),
        DeValue::Float(float) => float.as_str().parse().ok().filter(|number: &f64| !number.is_nan()),
        DeValue::String(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_)
        | DeValue::Array(_)
        | DeValue::Table(_) => None,
    }
}
