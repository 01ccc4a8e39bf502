//! The end of a certificate that comes near, said in time: at the start, once a day, and in the status.

use std::time::{Duration, SystemTime};

use tracing::{error, warn};

use super::Tls;

const DAY: Duration = Duration::from_secs(24 * 3600);

/// From this long before its end a certificate is spoken of: time for whoever is on holiday.
pub const WARN_BEFORE: Duration = Duration::from_secs(30 * 24 * 3600);

/// Whole days until then, by the clock `now`; negative once it is past.
pub fn days_left(expires: SystemTime, now: SystemTime) -> i64 {
    let days = |time: Duration| i64::try_from(time.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
    match expires.duration_since(now) {
        Ok(left) => days(left),
        Err(past) => -1 - days(past.duration()),
    }
}

/// Like 2026-11-21.
pub fn date(time: SystemTime) -> String {
    let mut text = humantime::format_rfc3339_seconds(time).to_string();
    text.truncate("2026-11-21".len());
    text
}

impl Tls {
    /// Says that the certificate is near its end, if it is.
    pub fn warn_of_expiry(&self) {
        let (expires, now) = (self.expires(), SystemTime::now());
        let (shown, remedy) = (date(expires), self.identity().arguments());
        if expires <= now {
            error!(expires = shown, "the certificate has expired: accordion ca issue {remedy}, then SIGHUP");
        } else if expires < now + WARN_BEFORE {
            let days = days_left(expires, now);
            warn!(
                expires = shown,
                days, "the certificate expires soon: accordion ca issue {remedy}, then SIGHUP"
            );
        }
    }

    /// The same now and every day, until it is given up.
    pub async fn watch_expiry(self) {
        loop {
            self.warn_of_expiry();
            tokio::time::sleep(DAY).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn days_are_whole_ones_and_negative_when_it_is_over() {
        let now = UNIX_EPOCH + 1000 * DAY;
        let left = |until: SystemTime| days_left(until, now);
        assert_eq!([left(now + 30 * DAY), left(now + DAY / 2), left(now - DAY / 2)], [30, 0, -1]);
        assert_eq!(date(UNIX_EPOCH + 31 * DAY), "1970-02-01");
    }
}
