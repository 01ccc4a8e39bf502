//! A chart with axes: its panels, and what stands around them.

use super::axis::Range;
use super::colour::Colour;
use super::drawing::{Anchor, Dash, Drawing, Place};
use super::{Axis, Mark, Panel, font, marks};

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
/// From the end of the panels to the sample of a line beside its name, and from there to the name.
pub(super) const SAMPLE: (f64, f64) = (16.0, 24.0);

/// What all panels have in common.
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) x: Range,
}

impl Frame {
    /// Pixels from the left.
    pub(super) fn x(&self, value: f64) -> f64 {
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
        // A mark after the last value has its place too.
        let xs = points.map(|point| point.x).chain(self.marks.iter().map(|mark| mark.at));
        let frame = Frame { left: LEFT, right, x: self.x.exact(xs) };
        let marks = self.place_marks(&frame, &mut y);
        let top = y;
        let below = drawing.shapes.len();
        for (index, panel) in self.panels.iter().enumerate() {
            y += if index == 0 { 24.0 } else { 38.0 };
            y = panel.draw(&mut drawing, &frame, y);
        }
        // Their lines are behind everything in the panels, so that they cover nothing.
        let mut behind = Drawing::new("", WIDTH);
        for (mark, place) in self.marks.iter().zip(marks) {
            draw_mark(&mut behind, *mark, place, (top + 24.0, y));
        }
        drawing.shapes.splice(below..below, behind.shapes);
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

fn draw_mark(drawing: &mut Drawing, mark: Mark, (x, y): Place, (top, bottom): (f64, f64)) {
    drawing.line(vec![(x, y), (x, top)], Colour::PALE_INK, 1.0, Dash::Solid);
    drawing.line(vec![(x, top), (x, bottom)], Colour::PALE_INK, 1.0, Dash::Dotted);
    drawing.disc((x, y), 8.5, Colour::INK);
    drawing.bold((x, y + 3.7), Anchor::Middle, 10.5, Colour::WHITE, &mark.number.to_string());
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plot::{Point, Scale, Series, Shape};

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
        let late = Chart { marks: vec![Mark { at: 4.0, number: 17 }], ..plain.clone() };
        assert!(late.draw().svg().contains(">4</text>"), "the axis goes on to it");
        assert!(marked.draw().height > plain.draw().height);
    }
}
