//! A chart with axes: its panels, the lines in them, and what stands around.

use super::axis::Range;
use super::colour::Colour;
use super::drawing::{Anchor, Dash, Drawing, Place, Symbol};
use super::{Axis, Mark, Panel, Point, Series, Shape, Strip, font, legend, marks};

/// A chart.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Chart {
    pub(in crate::bench) title: String,
    /// Below the title; may be empty.
    pub(in crate::bench) note: String,
    /// Linear, from the first value of any line to the last one.
    pub(in crate::bench) x: Axis,
    /// From top to bottom.
    pub(in crate::bench) panels: Vec<Panel>,
    /// From left to right.
    pub(in crate::bench) marks: Vec<Mark>,
    /// Below everything; may be empty.
    pub(in crate::bench) footer: String,
}

pub(super) const WIDTH: f64 = 880.0;
pub(super) const SMALL: f64 = 12.0;
const LEFT: f64 = 62.0;
const STRIP: f64 = 17.0;
/// From the end of the panels to the sample of a line beside its name, and from there to the name.
const SAMPLE: (f64, f64) = (16.0, 24.0);

/// What all panels have in common.
struct Frame {
    left: f64,
    right: f64,
    x: Range,
}

impl Frame {
    fn x(&self, value: f64) -> f64 {
        self.x.place(value).map_or(f64::NAN, |place| self.left + place * (self.right - self.left))
    }
}

impl Chart {
    /// Where everything is.
    pub(in crate::bench) fn draw(&self) -> Drawing {
        let mut drawing = Drawing::new(&self.title, WIDTH);
        let mut y = head(&mut drawing, &self.title, &self.note);
        let points = self.panels.iter().flat_map(|panel| &panel.series).flat_map(|series| &series.points);
        let names = self.panels.iter().flat_map(|panel| &panel.series).map(|series| &series.name);
        let names_width = names.map(|name| font::width(name, SMALL)).fold(0.0, f64::max);
        let right = WIDTH - (SAMPLE.0 + SAMPLE.1 + names_width + 18.0).clamp(40.0, WIDTH / 2.0);
        let frame = Frame { left: LEFT, right, x: self.x.exact(points.map(|point| point.x)) };
        let marks = self.place_marks(&frame, &mut y);
        let top = y;
        for (index, panel) in self.panels.iter().enumerate() {
            y += if index == 0 { 20.0 } else { 34.0 };
            y = panel.draw(&mut drawing, &frame, y);
        }
        for (mark, place) in self.marks.iter().zip(marks) {
            draw_mark(&mut drawing, *mark, place, (top + 20.0, y));
        }
        y = self.draw_x(&mut drawing, &frame, y);
        drawing.height = foot(&mut drawing, &self.footer, y);
        drawing
    }

    /// Where the marks' middles are; moves the height below them.
    fn place_marks(&self, frame: &Frame, y: &mut f64) -> Vec<Place> {
        let across: Vec<f64> = self.marks.iter().map(|mark| frame.x(mark.at)).collect();
        let rows = marks::rows(&across);
        let count = rows.iter().max().map_or(0, |row| row + 1);
        *y += count as f64 * marks::SIDE;
        let bottom = *y;
        // The label of the first panel begins where they end, so they stand a little above its line.
        across
            .into_iter()
            .zip(rows)
            .map(|(x, row)| (x, bottom - (row as f64 + 0.5) * marks::SIDE + 2.0))
            .collect()
    }

    fn draw_x(&self, drawing: &mut Drawing, frame: &Frame, y: f64) -> f64 {
        let mut free = f64::MIN;
        for (value, words) in &frame.x.ticks {
            let (x, half) = (frame.x(*value), font::width(words, SMALL) / 2.0);
            if x - half >= free && x <= frame.right + 1.0 {
                drawing.text((x, y + 16.0), Anchor::Middle, SMALL, Colour::PALE_INK, words);
                free = x + half + 6.0;
            }
        }
        let middle = f64::midpoint(frame.left, frame.right);
        drawing.text((middle, y + 34.0), Anchor::Middle, SMALL, Colour::INK, &self.x.label);
        y + 34.0
    }
}

impl Panel {
    /// Between `top` and the height that it gives back.
    fn draw(&self, drawing: &mut Drawing, frame: &Frame, top: f64) -> f64 {
        let bottom = top + self.height;
        let points = self.series.iter().flat_map(|series| &series.points);
        let values = points.flat_map(|point| {
            let span = point.span.map(|(low, high)| [low, high]).into_iter().flatten();
            point.y.into_iter().chain(span)
        });
        let range = self.y.rounded(values);
        let y = |value: f64| range.place(value).map(|place| bottom - place * self.height);
        drawing.bold((frame.left - 46.0, top - 8.0), Anchor::Begin, SMALL, Colour::INK, &self.y.label);
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
            let leader = vec![(end + 5.0, *height), (frame.right + 4.0, *height), (from - 2.0, place)];
            drawing.line(leader, Colour::GRID.lightened(0.0), 1.0, Dash::Solid);
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
                [only] if self.symbol.is_none() => drawing.disc(only, self.width, self.colour),
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

/// The title and the lines below it; gives back where they end.
pub(super) fn head(drawing: &mut Drawing, title: &str, note: &str) -> f64 {
    drawing.bold((16.0, 26.0), Anchor::Begin, 15.0, Colour::INK, title);
    let mut y = 32.0;
    for line in font::wrap(note, SMALL, WIDTH - 32.0) {
        y += 15.0;
        drawing.text((16.0, y), Anchor::Begin, SMALL, Colour::PALE_INK, &line);
    }
    y + 10.0
}

/// The lines below everything; gives back the height of the whole.
pub(super) fn foot(drawing: &mut Drawing, footer: &str, mut y: f64) -> f64 {
    if !footer.is_empty() {
        y += 8.0;
    }
    for line in font::wrap(footer, SMALL, WIDTH - 32.0) {
        y += 16.0;
        drawing.text((16.0, y), Anchor::Begin, SMALL, Colour::PALE_INK, &line);
    }
    y + 14.0
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

fn draw_mark(drawing: &mut Drawing, mark: Mark, (x, y): Place, (top, bottom): (f64, f64)) {
    drawing.line(vec![(x, y), (x, top)], Colour::PALE_INK, 1.0, Dash::Solid);
    drawing.line(vec![(x, top), (x, bottom)], Colour::PALE_INK, 1.0, Dash::Dotted);
    drawing.disc((x, y), 8.5, Colour::INK);
    drawing.bold((x, y + 3.7), Anchor::Middle, 10.5, Colour::WHITE, &mark.number.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plot::Scale;

    fn series(name: &str, values: &[Option<f64>]) -> Series {
        let points = values.iter().enumerate().map(|(x, y)| Point::new(x as f64, *y)).collect();
        let (colour, dash, shape) = (Colour::BLUE, Dash::Solid, Shape::Line);
        Series { name: name.to_owned(), colour, dash, width: 2.0, shape, symbol: None, points }
    }

    fn chart(series: Vec<Series>, scale: Scale) -> Chart {
        let y = Axis::new("ms", scale);
        let panels = vec![Panel { y, height: 100.0, series, strip: None }];
        let x = Axis::new("s", Scale::Linear);
        Chart {
            title: "t".to_owned(),
            note: String::new(),
            x,
            panels,
            marks: Vec::new(),
            footer: String::new(),
        }
    }

    #[test]
    fn a_line_has_a_gap_where_there_is_no_value_and_its_name_once() {
        let whole = chart(vec![series("one", &[Some(1.0), Some(2.0), Some(3.0), Some(4.0)])], Scale::Linear);
        let broken =
            chart(vec![series("one", &[Some(1.0), Some(2.0), None, Some(4.0), Some(5.0)])], Scale::Linear);
        let of_width = |chart: &Chart| chart.draw().svg().matches("stroke-width=\"2\"").count();
        // One of them is the sample beside the name.
        assert_eq!((of_width(&whole), of_width(&broken)), (2, 3));
        assert_eq!(broken.draw().svg().matches(">one<").count(), 1);
    }

    #[test]
    fn what_cannot_be_drawn_is_left_out() {
        let bad = [Some(f64::NAN), Some(0.0), Some(f64::INFINITY), None];
        for scale in [Scale::Linear, Scale::Whole, Scale::Log] {
            for lines in [vec![], vec![series("bad", &bad)], vec![series("none", &[])]] {
                let drawing = chart(lines, scale).draw();
                let svg = drawing.svg();
                assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
                assert!(drawing.png().is_ok());
            }
        }
    }

    #[test]
    fn marks_have_their_numbers_and_room_above_the_panels() {
        let plain = chart(vec![series("one", &[Some(1.0), Some(2.0)])], Scale::Linear);
        let marked = Chart { marks: vec![Mark { at: 0.5, number: 17 }], ..plain.clone() };
        assert!(marked.draw().svg().contains(">17</text>"));
        assert!(marked.draw().height > plain.draw().height);
    }
}
