//! A request's wall clock as text, in UTC. Rendered once a second: requests come in nearly the same one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&[u8; 3]; 12] =
    [b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec"];

const SECONDS_A_DAY: u64 = 86_400;
/// The last second of the year 9999: the year has four places.
const LAST_SECOND: u64 = 253_402_300_799;

/// The second rendered last, both ways.
pub(super) struct Clock {
    second: u64,
    millis: u32,
    common: [u8; 28],
    rfc_3339: [u8; 24],
}

impl Clock {
    pub(super) fn new() -> Clock {
        let mut clock = Clock {
            second: 0,
            millis: 0,
            common: *b"[00/Jan/0000:00:00:00 +0000]",
            rfc_3339: *b"0000-00-00T00:00:00.000Z",
        };
        clock.render(0);
        clock
    }

    /// Takes the clock to `time`. A time before 1970 is taken as 1970, one after 9999 as its end.
    pub(super) fn set(&mut self, time: SystemTime) -> &Clock {
        let since = time.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let second = since.as_secs().min(LAST_SECOND);
        if second != self.second {
            self.second = second;
            self.render(second);
        }
        self.millis = since.subsec_millis();
        self
    }

    /// As Apache's common log format has it: `[10/Oct/2000:13:55:36 +0000]`.
    pub(super) fn common(&self) -> &[u8] {
        &self.common
    }

    /// As RFC 3339 has it, with milliseconds: `2000-10-10T13:55:36.123Z`.
    pub(super) fn rfc_3339(&self) -> [u8; 24] {
        let mut text = self.rfc_3339;
        places(&mut text[20..23], u64::from(self.millis));
        text
    }

    fn render(&mut self, second: u64) {
        let (year, month, day) = civil(second / SECONDS_A_DAY);
        let of_day = second % SECONDS_A_DAY;
        let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);

        places(&mut self.common[1..3], day);
        self.common[4..7].copy_from_slice(MONTHS[month as usize - 1]);
        places(&mut self.common[8..12], year);
        places(&mut self.rfc_3339[0..4], year);
        places(&mut self.rfc_3339[5..7], month);
        places(&mut self.rfc_3339[8..10], day);
        for (at, part) in [(0, hour), (3, minute), (6, second)] {
            places(&mut self.common[13 + at..15 + at], part);
            places(&mut self.rfc_3339[11 + at..13 + at], part);
        }
    }
}

/// Writes a number's last decimal places, as many as there is room for.
fn places(room: &mut [u8], mut number: u64) {
    for place in room.iter_mut().rev() {
        *place = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

/// Year, month and day of a day since 1970-01-01, in the Gregorian calendar. Howard Hinnant's
/// `civil_from_days`: years begin in March, so that the day a leap year adds is its last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(seconds: u64) -> String {
        let mut clock = Clock::new();
        let clock = clock.set(UNIX_EPOCH + Duration::from_millis(seconds * 1000 + 7));
        let (common, rfc_3339) = (clock.common().to_vec(), clock.rfc_3339().to_vec());
        format!("{} {}", String::from_utf8(common).unwrap(), String::from_utf8(rfc_3339).unwrap())
    }

    #[test]
    fn a_time_is_rendered_in_both_ways() {
        assert_eq!(text(971_186_136), "[10/Oct/2000:13:55:36 +0000] 2000-10-10T13:55:36.007Z");
    }

    #[test]
    fn leap_days_and_the_ends_of_years_are_where_they_belong() {
        assert_eq!(text(0), "[01/Jan/1970:00:00:00 +0000] 1970-01-01T00:00:00.007Z");
        assert_eq!(text(951_782_400), "[29/Feb/2000:00:00:00 +0000] 2000-02-29T00:00:00.007Z");
        assert_eq!(text(1_709_251_199), "[29/Feb/2024:23:59:59 +0000] 2024-02-29T23:59:59.007Z");
        assert_eq!(text(1_709_251_200), "[01/Mar/2024:00:00:00 +0000] 2024-03-01T00:00:00.007Z");
        assert_eq!(text(1_767_225_599), "[31/Dec/2025:23:59:59 +0000] 2025-12-31T23:59:59.007Z");
        // 2100 is no leap year.
        assert_eq!(text(4_107_542_400), "[01/Mar/2100:00:00:00 +0000] 2100-03-01T00:00:00.007Z");
        assert_eq!(text(LAST_SECOND), text(LAST_SECOND + 1));
    }

    #[test]
    fn a_clock_that_goes_on_and_back_is_rendered_anew() {
        let mut clock = Clock::new();
        let of = |clock: &mut Clock, seconds| {
            clock.set(UNIX_EPOCH + Duration::from_secs(seconds)).common().to_vec()
        };
        let first = of(&mut clock, 100);
        assert_ne!(of(&mut clock, 101), first);
        assert_eq!(of(&mut clock, 100), first);
    }
}
