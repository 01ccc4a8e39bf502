//! A picture as a list of shapes, each at its place in pixels from the upper left corner.

use super::colour::Colour;

/// The whole picture.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Drawing {
    /// What it shows, for those who do not see it.
    pub(super) title: String,
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) shapes: Vec<Shape>,
}

pub(super) type Place = (f64, f64);

#[derive(Debug, Clone)]
pub(super) enum Shape {
    Area { corners: Vec<Place>, colour: Colour, opacity: f64 },
    Line { places: Vec<Place>, colour: Colour, width: f64, dash: Dash },
    Disc { centre: Place, radius: f64, colour: Colour },
    Text(Text),
}

#[derive(Debug, Clone)]
pub(super) struct Text {
    /// Of the base line, at its begin, middle or end.
    pub(super) place: Place,
    pub(super) anchor: Anchor,
    pub(super) size: f64,
    pub(super) is_bold: bool,
    pub(super) colour: Colour,
    pub(super) words: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    Begin,
    Middle,
    End,
}

/// How a line is broken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Dash {
    Solid,
    Dashed,
    Dotted,
}

/// What stands on a point.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::bench) enum Symbol {
    Circle,
    Square,
    Triangle,
    Diamond,
    Cross,
}

impl Dash {
    /// Pixels with and without ink.
    pub(super) const fn pattern(self) -> Option<[f64; 2]> {
        match self {
            Self::Solid => None,
            Self::Dashed => Some([6.0, 4.0]),
            Self::Dotted => Some([2.0, 3.0]),
        }
    }
}

impl Drawing {
    /// A sheet of that size with nothing on it.
    pub(super) fn new(title: &str, width: f64) -> Self {
        Self { title: title.to_owned(), width, height: 0.0, shapes: Vec::new() }
    }

    pub(super) fn area(&mut self, corners: Vec<Place>, colour: Colour, opacity: f64) {
        self.add(&corners.clone(), Shape::Area { corners, colour, opacity });
    }

    pub(super) fn rectangle(&mut self, (left, top): Place, (right, bottom): Place, colour: Colour) {
        self.area(vec![(left, top), (right, top), (right, bottom), (left, bottom)], colour, 1.0);
    }

    pub(super) fn line(&mut self, places: Vec<Place>, colour: Colour, width: f64, dash: Dash) {
        if places.len() > 1 {
            self.add(&places.clone(), Shape::Line { places, colour, width, dash });
        }
    }

    pub(super) fn disc(&mut self, centre: Place, radius: f64, colour: Colour) {
        self.add(&[centre], Shape::Disc { centre, radius, colour });
    }

    pub(super) fn text(&mut self, place: Place, anchor: Anchor, size: f64, colour: Colour, words: &str) {
        let words = words.to_owned();
        self.add(&[place], Shape::Text(Text { place, anchor, size, is_bold: false, colour, words }));
    }

    pub(super) fn bold(&mut self, place: Place, anchor: Anchor, size: f64, colour: Colour, words: &str) {
        let words = words.to_owned();
        self.add(&[place], Shape::Text(Text { place, anchor, size, is_bold: true, colour, words }));
    }

    /// A symbol with a white rim, so that it stands out from the lines below it.
    pub(super) fn symbol(&mut self, symbol: Symbol, centre: Place, colour: Colour) {
        let (x, y) = centre;
        let around =
            |corners: &[Place], by: f64| corners.iter().map(|(dx, dy)| (x + dx * by, y + dy * by)).collect();
        let corners: &[Place] = match symbol {
            Symbol::Circle => {
                self.disc(centre, 5.0, Colour::WHITE);
                return self.disc(centre, 3.8, colour);
            }
            Symbol::Cross => {
                for (colour, width) in [(Colour::WHITE, 5.5), (colour, 2.6)] {
                    for side in [-4.5, 4.5] {
                        self.line(vec![(x - 4.5, y - side), (x + 4.5, y + side)], colour, width, Dash::Solid);
                    }
                }
                return;
            }
            Symbol::Square => &[(-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0)],
            Symbol::Triangle => &[(0.0, -1.35), (1.3, 0.95), (-1.3, 0.95)],
            Symbol::Diamond => &[(0.0, -1.4), (1.4, 0.0), (0.0, 1.4), (-1.4, 0.0)],
        };
        self.area(around(corners, 4.9), Colour::WHITE, 1.0);
        self.area(around(corners, 3.6), colour, 1.0);
    }

    /// A shape whose place cannot be told is none.
    fn add(&mut self, places: &[Place], shape: Shape) {
        if places.iter().all(|(x, y)| x.is_finite() && y.is_finite()) {
            self.shapes.push(shape);
        }
    }
}
