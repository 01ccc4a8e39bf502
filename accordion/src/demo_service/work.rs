//! What a request's query asks for beside its answer: `?work=10ms` burns CPU, `?wait=10ms` sleeps.

use std::time::Duration;

use super::burn;

/// Neither may be longer; a demo has no use for it, and a typing error should not hold a place for a day.
const SPAN_MAX: Duration = Duration::from_secs(3600);

/// The work of one request.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Work {
    burn: Duration,
    wait: Duration,
}

impl Work {
    /// Reads a query; keys it does not know are let pass.
    ///
    /// # Errors
    /// A value that is no duration or too long, in one sentence for the client.
    pub(super) fn asked(query: Option<&str>) -> Result<Self, String> {
        let mut work = Self::default();
        for pair in query.unwrap_or_default().split('&') {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            match key {
                "work" => work.burn = span(key, value)?,
                "wait" => work.wait = span(key, value)?,
                _ => {}
            }
        }
        Ok(work)
    }

    /// Burns, then waits.
    pub(super) async fn done(&self) {
        if !self.burn.is_zero() {
            burn::burn(self.burn).await;
        }
        if !self.wait.is_zero() {
            tokio::time::sleep(self.wait).await;
        }
    }
}

fn span(key: &str, value: &str) -> Result<Duration, String> {
    match humantime::parse_duration(value) {
        Ok(span) if span <= SPAN_MAX => Ok(span),
        Ok(_) => Err(format!("{key}={value} is too long: at most {key}=1h")),
        Err(_) => Err(format!("{key}={value} is no duration: write it with its unit, like {key}=10ms")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_may_be_asked_for_and_other_keys_pass() {
        let work = Work::asked(Some("work=10ms&x=1&wait=2s&flag")).unwrap();
        assert_eq!(work, Work { burn: Duration::from_millis(10), wait: Duration::from_secs(2) });
        assert_eq!(Work::asked(None).unwrap(), Work::default());
    }

    #[test]
    fn a_value_that_is_no_duration_is_told_in_one_sentence() {
        let told = Work::asked(Some("work=10")).unwrap_err();
        assert_eq!(told, "work=10 is no duration: write it with its unit, like work=10ms");
        assert!(Work::asked(Some("wait")).unwrap_err().starts_with("wait= is no duration"));
        assert_eq!(Work::asked(Some("wait=2h")).unwrap_err(), "wait=2h is too long: at most wait=1h");
    }
}
