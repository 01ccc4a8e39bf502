//! A recorded load from its bytes: CSV with the header `seconds,in_flight`, the requests in flight
//! from each moment until the next. It is read strictly, and the first line that is wrong is told: a
//! recording with holes and odd lines would be compared, and believed.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use load_manager::simulation::{Load, POINTS_MAX, Point};

const HEADER: &str = "seconds,in_flight";

/// Longer than a million lines of this form are.
const BYTES_MAX: u64 = 64 << 20;

/// What a recording covers at most: a month, which takes a few seconds to play.
const LENGTH_MAX: f64 = 31.0 * 24.0 * 3600.0;

/// More than any front end has in flight.
const IN_FLIGHT_MAX: f64 = 1e6;

/// The load in a file, or in standard input for `-`.
///
/// # Errors
/// One sentence: the file, the line where it is one, what is wrong and what it must be.
pub(super) fn read(path: &Path) -> Result<Load, String> {
    let is_stdin = path == Path::new("-");
    let name = if is_stdin { "standard input".to_owned() } else { path.display().to_string() };
    let mut bytes = Vec::new();
    let source: io::Result<Box<dyn Read>> =
        if is_stdin { Ok(Box::new(io::stdin())) } else { File::open(path).map(|file| Box::new(file) as _) };
    // One byte more than allowed tells what is too long from what just fits.
    let read = source.and_then(|source| source.take(BYTES_MAX + 1).read_to_end(&mut bytes));
    read.map_err(|error| format!("{name} cannot be read: {error}"))?;
    if bytes.len() as u64 > BYTES_MAX {
        return Err(format!("{name} is too long, must be at most {BYTES_MAX} bytes"));
    }
    let text = str::from_utf8(&bytes).map_err(|_| format!("{name} is not text, must be CSV in UTF-8"))?;
    parse(&name, text)
}

fn parse(name: &str, text: &str) -> Result<Load, String> {
    let mut lines = text.lines();
    match lines.next() {
        Some(HEADER) => {}
        Some(other) => return Err(format!("{name}:1: {}, must be the header {HEADER}", quoted(other))),
        None => return Err(format!("{name} is empty, must begin with the header {HEADER}")),
    }
    let (mut points, mut first, mut before) = (Vec::new(), None, None);
    for (number, line) in (2..).zip(lines) {
        let place = |fault| format!("{name}:{number}: {fault}");
        if points.len() == POINTS_MAX {
            return Err(place(format!("one line too many, must be at most {POINTS_MAX} after the header")));
        }
        let (seconds, in_flight) = fields(line).map_err(place)?;
        let at = seconds - *first.get_or_insert(seconds);
        if before.is_some_and(|before| at <= before) {
            return Err(place(format!("seconds = {seconds}, must be above that of the line before")));
        }
        if at > LENGTH_MAX {
            return Err(place(format!("seconds = {seconds}, must be within 31 days of the first line's")));
        }
        before = Some(at);
        points.push(Point { at: Duration::from_secs_f64(at), in_flight });
    }
    // Two moments that differ by less than a nanosecond are one.
    Load::new(points).ok_or_else(|| {
        if first.is_none() {
            format!("{name} has no line after the header, must have at least one, like 0,12.5")
        } else {
            format!("{name} has lines less than a nanosecond apart, must be further apart")
        }
    })
}

/// The two numbers of a line.
fn fields(line: &str) -> Result<(f64, f64), String> {
    let fields: Vec<&str> = line.split(',').collect();
    let [seconds, in_flight] = fields[..] else {
        return Err(format!("{}, must be two numbers, like 60,12.5", quoted(line)));
    };
    let number = |key: &str, written: &str, most: f64| {
        let number = written.parse().ok().filter(|number: &f64| (0.0..=most).contains(number));
        number.ok_or_else(|| format!("{key} = {}, must be a number from 0 to {most}", quoted(written)))
    };
    // Also the seconds since 1970.
    Ok((number("seconds", seconds, 1e10)?, number("in_flight", in_flight, IN_FLIGHT_MAX)?))
}

/// As it was written, not too much of it.
fn quoted(written: &str) -> String {
    let mut excerpt: String = written.chars().take(40).collect();
    if excerpt.len() < written.len() {
        excerpt.push_str("...");
    }
    format!("{excerpt:?}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        parse("r.csv", text).unwrap_err()
    }

    #[test]
    fn a_recording_begins_at_its_first_line_whatever_the_clock_said() {
        let load =
            parse("r.csv", "seconds,in_flight\r\n1763700000,4\n1763700001.5,8.25\n1763700002,0").unwrap();
        let points: Vec<_> =
            load.points().iter().map(|point| (point.at.as_secs_f64(), point.in_flight)).collect();
        assert_eq!(points, [(0.0, 4.0), (1.5, 8.25), (2.0, 0.0)]);
        assert_eq!(load.length(), Duration::from_millis(2500));
    }

    #[test]
    fn the_first_wrong_line_is_told_with_what_would_be_right() {
        for (line, told) in [
            ("", "\"\", must be two numbers, like 60,12.5"),
            ("7", "\"7\", must be two numbers, like 60,12.5"),
            ("7,8,9", "\"7,8,9\", must be two numbers, like 60,12.5"),
            ("x,8", "seconds = \"x\", must be a number from 0 to 10000000000"),
            ("-1,8", "seconds = \"-1\", must be a number from 0 to 10000000000"),
            ("7,inf", "in_flight = \"inf\", must be a number from 0 to 1000000"),
            ("7,NaN", "in_flight = \"NaN\", must be a number from 0 to 1000000"),
            ("7, 8", "in_flight = \" 8\", must be a number from 0 to 1000000"),
            ("6,8", "seconds = 6, must be above that of the line before"),
            ("2678406,8", "seconds = 2678406, must be within 31 days of the first line's"),
        ] {
            let recording = format!("seconds,in_flight\n5,1\n6,1\n{line}\n8,x");
            assert_eq!(fault(&recording), format!("r.csv:4: {told}"));
        }
    }

    #[test]
    fn what_is_no_recording_at_all_is_told() {
        assert_eq!(fault(""), "r.csv is empty, must begin with the header seconds,in_flight");
        assert_eq!(fault("time,load\n1,2"), "r.csv:1: \"time,load\", must be the header seconds,in_flight");
        assert_eq!(
            fault("seconds,in_flight\n"),
            "r.csv has no line after the header, must have at least one, like 0,12.5"
        );
        let apart = fault("seconds,in_flight\n0,1\n0.0000000001,1");
        assert_eq!(apart, "r.csv has lines less than a nanosecond apart, must be further apart");
        let long = "x".repeat(500);
        assert!(fault(&long).len() < 120);
    }

    #[test]
    fn no_more_lines_than_allowed_are_kept() {
        let mut text = String::from("seconds,in_flight\n");
        for second in 0..=POINTS_MAX {
            text.push_str(&format!("{second},1\n"));
        }
        assert_eq!(
            fault(&text),
            "r.csv:1000002: one line too many, must be at most 1000000 after the header"
        );
    }
}
