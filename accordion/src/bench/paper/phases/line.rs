//! One line of a relay's access log in JSON, as far as it is wanted. Pure.

use serde::Deserialize;

/// A request that was answered well.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    pub(super) served_by: String,
    /// Of the connect to who served it; 0 on a connection that was there.
    pub(super) connect_us: u64,
    /// From the request sent to the first byte of its answer.
    pub(super) first_byte_us: u64,
    /// From the first byte of the request to the last of the answer.
    pub(super) total_us: u64,
}

/// As it is written. An object that tells of lost lines has none of the keys.
#[derive(Deserialize)]
struct Written {
    target: Option<String>,
    status: Option<u16>,
    served_by: Option<String>,
    #[serde(default)]
    connect_us: u64,
    #[serde(default)]
    first_byte_us: u64,
    #[serde(default)]
    total_us: u64,
    ended: Option<String>,
}

/// The requests for `target` in a log; those that failed are left out.
///
/// # Errors
/// A line is not as the relay writes it.
pub(super) fn of(text: &str, target: &str) -> serde_json::Result<Vec<Line>> {
    let written: Vec<Written> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    Ok(written.into_iter().filter_map(|written| written.good(target)).collect())
}

impl Written {
    fn good(self, target: &str) -> Option<Line> {
        let Self { connect_us, first_byte_us, total_us, .. } = self;
        let is_good = self.status == Some(200) && self.ended.as_deref() == Some("completed");
        let is_meant = self.target.as_deref() == Some(target);
        let served_by = self.served_by.filter(|_| is_good && is_meant)?;
        Some(Line { served_by, connect_us, first_byte_us, total_us })
    }
}

/// What the tests ask for.
#[cfg(test)]
pub(super) const TARGET: &str = "/?work=2500us";

/// A line as the relay writes it.
#[cfg(test)]
pub(super) fn sample(line: &Line) -> String {
    let Line { served_by, connect_us, first_byte_us, total_us } = line;
    format!(
        "{{\"time\":\"2000-10-10T13:55:36.123Z\",\"client\":\"192.0.2.7\",\"method\":\"GET\",\"target\":\"{TARGET}\",\
         \"version\":\"HTTP/1.1\",\"host\":\"shop\",\"referer\":null,\"user_agent\":null,\"status\":200,\
         \"request_bytes\":0,\"response_bytes\":6,\"served_by\":\"{served_by}\",\"retries\":0,\"head_us\":21,\
         \"queue_us\":0,\"connect_us\":{connect_us},\"first_byte_us\":{first_byte_us},\"total_us\":{total_us},\
         \"ended\":\"completed\",\"reason\":null}}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_good_answers_to_what_was_asked_for_count() {
        let good = Line { served_by: "c1".to_owned(), connect_us: 7, first_byte_us: 850, total_us: 990 };
        let line = sample(&good);
        let others = [
            line.replace("\"status\":200", "\"status\":503"),
            line.replace("completed", "client-gone"),
            line.replace(TARGET, "/healthz"),
            line.replace("\"c1\"", "null"),
            "{\"time\":\"2000-10-10T13:55:36.123Z\",\"lost_lines\":3}\n".to_owned(),
        ];
        assert_eq!(of(&(others.concat() + &line), TARGET).unwrap(), [good]);
    }

    #[test]
    fn what_is_no_line_is_a_fault() {
        let combined = "192.0.2.7 - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.1\" 200 6";
        assert!(of(combined, TARGET).is_err());
        assert_eq!(of("", TARGET).unwrap(), []);
    }
}
