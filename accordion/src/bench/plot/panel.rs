//! One panel of a chart: its grid, its lines with their names, and the strip below it.

use super::axis::Range;
use super::chart::{Frame, SAMPLE, SMALL};
use super::colour::Colour;
use super::drawing::{Anchor, Dash, Drawing, Place, Symbol};
use super::{Panel, Point, Series, Shape, Strip, font, legend};

const STRIP: f64 = 17.0;
/// How far from the end of the panel a line may end and be led on to its name.
const LEADER_MAX: f64 = 60.0;

impl Panel {
    /// Between `top` and the height that it gives back.
    pub(super) fn draw(&self, drawing: &mut Drawing, frame: &Frame, top: f64) -> f64 {
        let bottom = top + self.height;
        let points = self.series.iter().flat_map(|series| &series.points);
        let values = points.flat_map(|point| {
            let span = point.span.map(|(low, high)| [low, high]).into_iter().flatten();
            point.y.into_iter().chain(span)
        });
        let range = self.y.rounded(values);
        let y = |value: f64| range.place(value).map(|place| bottom - place * self.height);
        drawing.bold((frame.left - 46.0, top - 12.0), Anchor::Begin, SMALL, Colour::INK, &self.y.label);
        grid(drawing, frame, &range, (top, bottom));
        for series in &self.series {
            series.draw(drawing, frame, &y, bottom);
        }
        drawing.line(vec![(frame.left, bottom), (frame.right, bottom)], Colour::PALE_INK, 1.0, Dash::Solid);
        self.name_lines(drawing, frame, &y, (top, bottom));
        match &self.strip {
            Some(strip) => strip.draw(drawing, frame, bottom + 5.0),
            None => bottom,
        }
    }

    fn name_lines(
        &self,
        drawing: &mut Drawing,
        frame: &Frame,
        y: &impl Fn(f64) -> Option<f64>,
        (top, bottom): (f64, f64),
    ) {
        let ends = self.series.iter().filter(|series| !series.name.is_empty()).filter_map(|series| {
            let last = |point: &Point| Some((frame.x(point.x), y(point.y?)?));
            series.points.iter().rev().find_map(last).map(|end| (series, end))
        });
        let ends: Vec<_> = ends.collect();
        let heights: Vec<f64> = ends.iter().map(|(_, (_, height))| *height).collect();
        for ((series, (end, height)), place) in ends.iter().zip(legend::spread(&heights, top, bottom)) {
            let from = frame.right + SAMPLE.0;
            // A line that ended long before is told by its colour only.
            let begin = if frame.right - end < LEADER_MAX { end + 5.0 } else { frame.right + 4.0 };
            let leader = vec![(begin, *height), (frame.right + 4.0, *height), (from - 2.0, place)];
            drawing.line(leader, Colour::GRID, 1.0, Dash::Solid);
            let to = from + SAMPLE.1 - 4.0;
            drawing.line(vec![(from, place), (to, place)], series.colour, series.width, series.dash);
            if let Some(symbol) = series.symbol {
                drawing.symbol(symbol, (f64::midpoint(from, to), place), series.colour);
            }
            let words = (from + SAMPLE.1, place + SMALL * 0.35);
            drawing.text(words, Anchor::Begin, SMALL, Colour::INK, &series.name);
        }
    }
}

impl Series {
    fn draw(&self, drawing: &mut Drawing, frame: &Frame, y: &impl Fn(f64) -> Option<f64>, bottom: f64) {
        let place = |point: &Point| Some((frame.x(point.x), y(point.y?)?));
        for run in self.points.split(|point| place(point).is_none()) {
            let mut line: Vec<Place> = Vec::new();
            for at in run.iter().filter_map(place) {
                if let (Some((_, before)), true) = (line.last().copied(), self.shape != Shape::Line) {
                    line.push((at.0, before));
                }
                line.push(at);
            }
            if let (Shape::FilledSteps, Some(first), Some(last)) = (self.shape, line.first(), line.last()) {
                let corners = [&[(first.0, bottom)], &line[..], &[(last.0, bottom)]].concat();
                drawing.area(corners, self.colour, 0.25);
            }
            // A value with a gap on both sides is a dot, or nobody would see it.
            match line[..] {
                [only] if self.symbol.is_none() => drawing.disc(only, self.width.max(2.4), self.colour),
                _ => drawing.line(line, self.colour, self.width, self.dash),
            }
        }
        for point in &self.points {
            let Some((x, height)) = place(point) else { continue };
            if let Some((low, high)) = point.span.and_then(|(low, high)| Some((y(low)?, y(high)?))) {
                let cap = |at| vec![(x - 3.0, at), (x + 3.0, at)];
                for line in [vec![(x, low), (x, high)], cap(low), cap(high)] {
                    drawing.line(line, self.colour, 1.2, Dash::Solid);
                }
            }
            let symbol = if point.is_faulty { Some(Symbol::Cross) } else { self.symbol };
            if let Some(symbol) = symbol {
                drawing.symbol(symbol, (x, height), self.colour);
            }
        }
    }
}

impl Strip {
    fn draw(&self, drawing: &mut Drawing, frame: &Frame, top: f64) -> f64 {
        let bottom = top + STRIP;
        for band in &self.bands {
            let (from, to) = (frame.x(band.from), frame.x(band.to));
            drawing.rectangle((from, top), (to, bottom), band.colour);
            let first: String = band.name.chars().take(1).collect();
            let fits = |words: &&str| font::width(words, 11.0) + 4.0 <= to - from;
            if let Some(words) = [band.name.as_str(), first.as_str()].into_iter().find(fits) {
                let place = (f64::midpoint(from, to), bottom - 4.5);
                drawing.text(place, Anchor::Middle, 11.0, band.colour.ink(), words);
            }
        }
        drawing.text((frame.right + SAMPLE.0, bottom - 4.0), Anchor::Begin, SMALL, Colour::INK, &self.name);
        bottom
    }
}

fn grid(drawing: &mut Drawing, frame: &Frame, range: &Range, (top, bottom): (f64, f64)) {
    let across = |value: f64| range.place(value).map(|place| bottom - place * (bottom - top));
    for value in &range.between {
        if let Some(y) = across(*value) {
            drawing.line(
                vec![(frame.left, y), (frame.right, y)],
                Colour::GRID.lightened(0.6),
                1.0,
                Dash::Solid,
            );
        }
    }
    for (value, words) in &range.ticks {
        if let Some(y) = across(*value) {
            drawing.line(vec![(frame.left, y), (frame.right, y)], Colour::GRID, 1.0, Dash::Solid);
            drawing.text((frame.left - 7.0, y + 4.0), Anchor::End, SMALL, Colour::PALE_INK, words);
        }
    }
    for (value, _) in &frame.x.ticks {
        let x = frame.x(*value);
        if x <= frame.right + 1.0 {
            drawing.line(vec![(x, top), (x, bottom)], Colour::GRID, 1.0, Dash::Solid);
        }
    }
}
