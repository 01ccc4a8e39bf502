//! Prometheus's text format, version 0.0.4: families of samples, written one after the other. Knows nothing
//! of what is counted.

use std::fmt::{self, Write};

use super::histogram::{BOUNDS, Buckets};

/// A text under way. Families are written one after the other, each name once.
#[derive(Debug, Default)]
pub struct Text {
    text: String,
}

/// What a family's samples are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only goes up; the name ends in `_total`.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Times in seconds, in buckets; the name ends in `_seconds`.
    Histogram,
}

/// One family, whose samples follow.
#[derive(Debug)]
pub struct Family<'a> {
    text: &'a mut String,
    name: &'a str,
}

impl Text {
    /// An empty text.
    pub fn new() -> Text {
        Text::default()
    }

    /// Begins a family. `name` is a metric's name as the format has it; `help` is one line for people.
    pub fn family<'a>(&'a mut self, name: &'a str, help: &str, kind: Kind) -> Family<'a> {
        debug_assert!(is_name(name), "{name} is no name of a metric");
        let text = &mut self.text;
        text.push_str("# HELP ");
        text.push_str(name);
        text.push(' ');
        escape(text, help, false);
        text.push_str("\n# TYPE ");
        text.push_str(name);
        text.push_str(match kind {
            Kind::Counter => " counter\n",
            Kind::Gauge => " gauge\n",
            Kind::Histogram => " histogram\n",
        });
        Family { text, name }
    }

    /// The whole text.
    pub fn finish(self) -> String {
        self.text
    }
}

impl Family<'_> {
    /// Writes one sample. Prometheus counts in floating point: whole numbers are exact up to 2^53.
    pub fn sample(&mut self, labels: &[(&str, &str)], value: f64) -> &mut Self {
        self.line("", labels, None, value)
    }

    /// Writes one sample for each of `states`, 1 for the one it is in and 0 for the others.
    pub fn state(&mut self, labels: &[(&str, &str)], label: &str, states: &[&str], is: &str) -> &mut Self {
        for state in states {
            self.line("", labels, Some((label, state)), if *state == is { 1.0 } else { 0.0 });
        }
        self
    }

    /// Writes a histogram: its buckets, each with those below it, its sum and its count.
    pub fn histogram(&mut self, labels: &[(&str, &str)], buckets: &Buckets) -> &mut Self {
        let mut count = 0;
        for (index, more) in buckets.counts.iter().enumerate() {
            count += more;
            let bound = BOUNDS.get(index).map_or(f64::INFINITY, |bound| seconds(u64::from(*bound)));
            let bound = Number(bound).to_string();
            self.line("_bucket", labels, Some(("le", &bound)), count as f64);
        }
        self.line("_sum", labels, None, seconds(buckets.micros));
        self.line("_count", labels, None, count as f64)
    }

    fn line(
        &mut self,
        suffix: &str,
        labels: &[(&str, &str)],
        last: Option<(&str, &str)>,
        value: f64,
    ) -> &mut Self {
        self.text.push_str(self.name);
        self.text.push_str(suffix);
        let mut before = '{';
        for (label, value) in labels.iter().copied().chain(last) {
            debug_assert!(is_name(label), "{label} is no name of a label");
            self.text.push(before);
            self.text.push_str(label);
            self.text.push_str("=\"");
            escape(self.text, value, true);
            self.text.push('"');
            before = ',';
        }
        if before == ',' {
            self.text.push('}');
        }
        // Writing into a String cannot fail.
        let _ = writeln!(self.text, " {}", Number(value));
        self
    }
}

/// A number as the format has it.
struct Number(f64);

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_infinite() {
            f.write_str(if self.0 > 0.0 { "+Inf" } else { "-Inf" })
        } else {
            write!(f, "{}", self.0)
        }
    }
}

fn seconds(micros: u64) -> f64 {
    micros as f64 / 1e6
}

/// A label's value has quotes around it, a help text has not.
fn escape(text: &mut String, value: &str, is_quoted: bool) {
    for character in value.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '"' if is_quoted => text.push_str("\\\""),
            _ => text.push(character),
        }
    }
}

fn is_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|first| first.is_ascii_lowercase())
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_family_is_its_help_its_type_and_its_samples() {
        let mut text = Text::new();
        text.family("a_total", "What there is\\was\nof it.", Kind::Counter)
            .sample(&[], 3.0)
            .sample(&[("name", "a\"b\\c\nd"), ("b", "é")], 0.25);
        text.family("b", "Now.", Kind::Gauge).state(&[("of", "x")], "state", &["up", "out"], "out");
        assert_eq!(
            text.finish(),
            "# HELP a_total What there is\\\\was\\nof it.\n# TYPE a_total counter\na_total 3\n\
             a_total{name=\"a\\\"b\\\\c\\nd\",b=\"é\"} 0.25\n\
             # HELP b Now.\n# TYPE b gauge\nb{of=\"x\",state=\"up\"} 0\nb{of=\"x\",state=\"out\"} 1\n"
        );
    }

    #[test]
    fn a_histogram_counts_up_to_all() {
        let mut buckets = Buckets::default();
        buckets.counts[0] = 2;
        buckets.counts[3] = 1;
        *buckets.counts.last_mut().unwrap() = 1;
        buckets.micros = 90_000_150;
        let mut text = Text::new();
        text.family("t_seconds", "Time.", Kind::Histogram).histogram(&[], &buckets);
        let text = text.finish();
        let lines: Vec<_> = text.lines().skip(2).collect();
        assert_eq!(lines.len(), BOUNDS.len() + 3);
        assert_eq!(lines[0], "t_seconds_bucket{le=\"0.0001\"} 2");
        assert_eq!(lines[3], "t_seconds_bucket{le=\"0.001\"} 3");
        assert_eq!(lines[17], "t_seconds_bucket{le=\"60\"} 3");
        assert_eq!(
            lines[18..],
            ["t_seconds_bucket{le=\"+Inf\"} 4", "t_seconds_sum 90.00015", "t_seconds_count 4"]
        );
    }

    #[test]
    fn large_counts_are_written_out() {
        let number = |value| Number(value).to_string();
        assert_eq!(
            [number(9_007_199_254_740_991.0), number(1e18)],
            ["9007199254740991", "1000000000000000000"]
        );
        assert_eq!([number(f64::NAN), number(f64::NEG_INFINITY), number(-0.5)], ["NaN", "-Inf", "-0.5"]);
    }
}
