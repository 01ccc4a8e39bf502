//! The kinds of value that say when in the week something is.

use toml::de::DeValue;

use super::{Choice, Kind};
use crate::config::{TimeOfDay, Weekday};

/// The days of the week by their first three letters.
pub(crate) const WEEKDAYS: Choice<Weekday> = Choice(&[
    ("mon", Weekday::Mon),
    ("tue", Weekday::Tue),
    ("wed", Weekday::Wed),
    ("thu", Weekday::Thu),
    ("fri", Weekday::Fri),
    ("sat", Weekday::Sat),
    ("sun", Weekday::Sun),
]);

/// A time of a day up to that minute, written like "08:30".
pub(crate) struct TimeOfDayUpTo(u16);

impl TimeOfDayUpTo {
    /// A time at which a minute begins.
    pub(crate) const MINUTE_LAST: Self = Self(23 * 60 + 59);
    /// A time at which a minute ends, too.
    pub(crate) const MIDNIGHT: Self = Self(24 * 60);
}

impl Kind for TimeOfDayUpTo {
    type Value = TimeOfDay;

    fn expected(&self) -> String {
        format!("a time of day from \"00:00\" to \"{:02}:{:02}\"", self.0 / 60, self.0 % 60)
    }

    fn example(&self) -> &'static str {
        ", in quotes, like \"08:30\""
    }

    fn read(&self, value: &DeValue<'_>) -> Option<TimeOfDay> {
        let (hour, minute) = value.as_str()?.split_once(':')?;
        let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
        let time = TimeOfDay::new(hour * 60 + minute).filter(|_| minute < 60)?;
        (time.minute() <= self.0).then_some(time)
    }
}

/// A sign would be read, too.
fn two_digits(text: &str) -> Option<u16> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok()).flatten()
}
