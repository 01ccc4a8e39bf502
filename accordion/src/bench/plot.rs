//! Charts of measurements as SVG and PNG, both from one description: what is to be seen, and not where on the
//! paper.
//!
//! A chart becomes a `Drawing`, a list of shapes with their places; `svg` and `png` only write or paint it. The
//! letters of the PNG are outlines that the program brings along, so a machine without fonts draws the same picture.

mod axis;
mod bars;
mod chart;
mod colour;
mod drawing;
mod font;
mod legend;
mod marks;
mod panel;
mod png;
mod svg;

pub(super) use axis::{Axis, Scale};
pub(super) use bars::{Bar, Bars};
pub(super) use chart::Chart;
pub(super) use colour::Colour;
pub(super) use drawing::{Dash, Drawing, Symbol};
pub(super) use svg::escape;

/// One of the panels of a chart: they stand above one another and share the axis along the bottom.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) y: Axis,
    /// Pixels.
    pub(super) height: f64,
    pub(super) series: Vec<Series>,
    /// What was the case from when to when, as a coloured strip below it.
    pub(super) strip: Option<Strip>,
}

/// A line of a panel.
#[derive(Debug, Clone)]
pub(super) struct Series {
    /// Stands beside its end.
    pub(super) name: String,
    pub(super) colour: Colour,
    pub(super) dash: Dash,
    /// Of its line, in pixels.
    pub(super) width: f64,
    pub(super) shape: Shape,
    /// On each point; `None`: only the line.
    pub(super) symbol: Option<Symbol>,
    /// From left to right.
    pub(super) points: Vec<Point>,
}

/// How its points are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    Line,
    /// A value holds until the next one.
    Steps,
    /// The same, and filled to the bottom.
    FilledSteps,
}

/// One value.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Point {
    pub(super) x: f64,
    /// `None`: there was none, and the line has a gap.
    pub(super) y: Option<f64>,
    /// The smallest and the largest one seen.
    pub(super) span: Option<(f64, f64)>,
    /// Is drawn as a cross: something is wrong with it.
    pub(super) is_faulty: bool,
}

/// A row of coloured pieces.
#[derive(Debug, Clone)]
pub(super) struct Strip {
    pub(super) name: String,
    pub(super) bands: Vec<Band>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(super) struct Band {
    pub(super) from: f64,
    pub(super) to: f64,
    pub(super) name: String,
    pub(super) colour: Colour,
}

/// A numbered place on the axis along the bottom.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Mark {
    pub(super) at: f64,
    pub(super) number: usize,
}

impl Point {
    /// A value that is nothing but itself.
    pub(super) fn new(x: f64, y: Option<f64>) -> Self {
        Self { x, y, ..Self::default() }
    }
}
