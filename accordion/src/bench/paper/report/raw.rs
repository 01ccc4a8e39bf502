//! The elastic run's raw files.

use std::fmt::Write as _;

use super::super::timeline::{Mark, Second, Timeline};

/// A line for each second.
pub(super) fn seconds(timeline: &Timeline) -> String {
    let mut text = "second,due,replies,failed,p50_ms,p99_ms,serving,held,oracle,level\n".to_owned();
    for second in &timeline.seconds {
        let Second { at, due, replies, failed, p50_ms, p99_ms, serving, held, oracle, level } = second;
        let time = |time: &Option<f64>| time.map_or_else(String::new, |time| format!("{time:.3}"));
        let (p50, p99, level) = (time(p50_ms), time(p99_ms), quoted(level));
        // Writing into a String cannot fail.
        let _ = writeln!(text, "{at},{due},{replies},{failed},{p50},{p99},{serving},{held},{oracle},{level}");
    }
    text
}

/// A line for each decision, with its number in the figure.
pub(super) fn decisions(timeline: &Timeline) -> String {
    let mut text = "number,second,what,reason\n".to_owned();
    for (index, Mark { at, what, reason }) in timeline.marks.iter().enumerate() {
        let _ = writeln!(text, "{},{at:.3},{},{}", index + 1, quoted(what), quoted(reason));
    }
    text
}

/// As RFC 4180 has it: quotes only where they are needed.
fn quoted(words: &str) -> String {
    if words.contains([',', '"', '\n', '\r']) {
        format!("\"{}\"", words.replace('"', "\"\""))
    } else {
        words.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_with_commas_and_quotes_stays_one_field() {
        let mark = Mark { at: 12.5, what: "add 2".to_owned(), reason: "High, \"rising\"".to_owned() };
        let timeline = Timeline { seconds: Vec::new(), marks: vec![mark] };
        assert_eq!(
            decisions(&timeline),
            "number,second,what,reason\n1,12.500,add 2,\"High, \"\"rising\"\"\"\n"
        );
    }

    #[test]
    fn a_second_without_replies_has_empty_times() {
        let second = Second {
            at: 3,
            due: 10,
            replies: 0,
            failed: 10,
            p50_ms: None,
            p99_ms: None,
            serving: 1,
            held: 2,
            oracle: 3,
            level: String::new(),
        };
        let timeline = Timeline { seconds: vec![second], marks: Vec::new() };
        assert_eq!(seconds(&timeline).lines().nth(1), Some("3,10,0,10,,,1,2,3,"));
    }
}
