//! The curve of a calibration as a chart: throughput above latency, over the requests in flight. What is measured and what
//! is read from it is in `calibrate`.

use super::plot::{Axis, Chart, Colour, Dash, Mark, Panel, Point, Scale, Series, Shape, Symbol};

/// Pixels.
const HEIGHT: f64 = 190.0;

/// One step of the curve.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Step {
    pub(crate) in_flight: u32,
    pub(crate) per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
}

/// An SVG file. The knee is a mark with its own number.
pub(crate) fn svg(title: &str, note: &str, steps: &[Step], knee: Option<u32>) -> String {
    let panel = |label: &str, series| Panel {
        y: Axis::new(label, Scale::Linear),
        height: HEIGHT,
        series,
        strip: None,
    };
    let rate = line("answers", Colour::BLUE, Symbol::Circle, steps, |step| step.per_second);
    let p50 = line("median", Colour::GREEN, Symbol::Circle, steps, |step| step.p50_ms);
    let p99 = line("99th percentile", Colour::VERMILION, Symbol::Square, steps, |step| step.p99_ms);
    let chart = Chart {
        title: title.to_owned(),
        note: note.to_owned(),
        x: Axis::new("requests in flight", Scale::Whole),
        panels: vec![panel("good answers a second", vec![rate]), panel("latency in ms", vec![p50, p99])],
        marks: knee.map(|knee| Mark { at: f64::from(knee), number: knee as usize }).into_iter().collect(),
        footer: "The mark is the knee, with the capacity as its number.".to_owned(),
    };
    chart.draw().svg()
}

fn line(name: &str, colour: Colour, symbol: Symbol, steps: &[Step], value: fn(&Step) -> f64) -> Series {
    let point = |step: &Step| Point::new(f64::from(step.in_flight), Some(value(step)));
    Series {
        name: name.to_owned(),
        colour,
        dash: Dash::Solid,
        width: 2.0,
        shape: Shape::Line,
        symbol: Some(symbol),
        points: steps.iter().map(point).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_both_panels_all_lines_and_the_knee() {
        let step = |in_flight| Step { in_flight, per_second: 50.0, p50_ms: 20.0, p99_ms: 30.0 };
        let svg = svg("shop", "", &[step(1), step(2), step(37), step(64)], Some(37));
        for words in ["shop", "good answers a second", "latency in ms", "median", "99th percentile", "37"] {
            assert!(svg.contains(&format!(">{words}<")), "{words}");
        }
    }
}
