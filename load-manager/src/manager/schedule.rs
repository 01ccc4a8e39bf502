//! The time of the week at which this front end stands, by which a schedule's floors hold.

use cluster::config::Weekday;
use jiff::Zoned;

/// The day and the minute of it, in the machine's own time zone.
pub(super) fn now() -> (Weekday, u16) {
    of(&Zoned::now())
}

fn of(moment: &Zoned) -> (Weekday, u16) {
    let day = Weekday::ALL[usize::from(moment.weekday().to_monday_zero_offset().unsigned_abs())];
    let (hour, minute) = (moment.hour().unsigned_abs(), moment.minute().unsigned_abs());
    (day, u16::from(hour) * 60 + u16::from(minute))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_day_and_the_minute_of_the_place() {
        let at = |text: &str| of(&text.parse::<Zoned>().unwrap());
        assert_eq!(at("2026-11-21T14:03:59+01:00[+01:00]"), (Weekday::Sat, 14 * 60 + 3));
        assert_eq!(at("2026-11-23T00:00:00+00:00[+00:00]"), (Weekday::Mon, 0));
        assert_eq!(at("2026-11-22T23:59:00-03:30[-03:30]"), (Weekday::Sun, 23 * 60 + 59));
    }
}
