//! A moment as a person writes it: a time of day, a full time, or how long ago.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// The moment that `text` names now.
///
/// # Errors
/// When it is none, with what would be one.
pub(super) fn parse(text: &str) -> Result<SystemTime, String> {
    at(text, SystemTime::now()).ok_or_else(|| {
        "a time is 2026-11-21T14:03:20Z, 14:03 or 14:03:20 (in UTC), or 10m for ten minutes ago".into()
    })
}

fn at(text: &str, now: SystemTime) -> Option<SystemTime> {
    if let Some(time) = time_of_day(text) {
        let today = now.duration_since(UNIX_EPOCH).ok()?;
        let midnight = today - Duration::from_nanos((today.as_nanos() % DAY.as_nanos()).try_into().ok()?);
        let moment = UNIX_EPOCH + midnight + time;
        // Not come yet today: it was yesterday.
        return if moment > now { moment.checked_sub(DAY) } else { Some(moment) };
    }
    if let Ok(moment) = humantime::parse_rfc3339_weak(text) {
        return (moment >= UNIX_EPOCH).then_some(moment);
    }
    humantime::parse_duration(text)
        .ok()
        .and_then(|ago| now.checked_sub(ago))
        .filter(|moment| *moment >= UNIX_EPOCH)
}

/// `HH:MM` or `HH:MM:SS`, since midnight.
fn time_of_day(text: &str) -> Option<Duration> {
    let mut parts = text.split(':').map(two_digits);
    let (hours, minutes) = (parts.next()??, parts.next()??);
    let seconds = parts.next().unwrap_or(Some(0))?;
    let is_time = hours < 24 && minutes < 60 && seconds < 60 && parts.next().is_none();
    is_time.then(|| Duration::from_secs(hours * 3600 + minutes * 60 + seconds))
}

fn two_digits(text: &str) -> Option<u64> {
    let is_number = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_number.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2026-11-21T12:00:00Z.
    fn noon() -> SystemTime {
        humantime::parse_rfc3339("2026-11-21T12:00:00Z").unwrap()
    }

    fn found(text: &str) -> Option<String> {
        at(text, noon()).map(|moment| humantime::format_rfc3339_seconds(moment).to_string())
    }

    #[test]
    fn a_time_of_day_is_the_last_one_there_was() {
        assert_eq!(found("11:59").unwrap(), "2026-11-21T11:59:00Z");
        assert_eq!(found("12:00").unwrap(), "2026-11-21T12:00:00Z");
        assert_eq!(found("12:00:01").unwrap(), "2026-11-20T12:00:01Z");
        assert_eq!(found("00:00").unwrap(), "2026-11-21T00:00:00Z");
    }

    #[test]
    fn a_full_time_is_taken_as_it_is_printed() {
        assert_eq!(found("2026-11-20T14:03:20Z").unwrap(), "2026-11-20T14:03:20Z");
        assert_eq!(found("2026-11-20 14:03:20").unwrap(), "2026-11-20T14:03:20Z");
    }

    #[test]
    fn a_duration_is_so_long_ago() {
        assert_eq!(found("10m").unwrap(), "2026-11-21T11:50:00Z");
        assert_eq!(found("1h 30m").unwrap(), "2026-11-21T10:30:00Z");
    }

    #[test]
    fn what_is_no_time_is_none() {
        for text in [
            "",
            "noon",
            "24:00",
            "12:60",
            "1:00",
            "12:00:00:00",
            "12:",
            "-5m",
            "90000y",
            "1969-01-01T00:00:00Z",
        ] {
            assert_eq!(found(text), None, "{text}");
        }
    }
}
