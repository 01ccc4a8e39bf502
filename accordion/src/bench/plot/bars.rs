//! Stacked horizontal bars.

use super::chart::{SMALL, WIDTH, foot, head};
use super::colour::Colour;
use super::drawing::{Anchor, Dash, Drawing};
use super::{Axis, Scale, font};

/// A chart of them.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Bars {
    pub(in crate::bench) title: String,
    /// Below the title; may be empty.
    pub(in crate::bench) note: String,
    /// What their lengths tell, and the unit.
    pub(in crate::bench) label: String,
    pub(in crate::bench) bars: Vec<Bar>,
}

/// One of them.
#[derive(Debug, Clone)]
pub(in crate::bench) struct Bar {
    pub(in crate::bench) name: String,
    /// From left to right; parts of one name have one colour in all bars.
    pub(in crate::bench) parts: Vec<(String, f64)>,
}

const COLOURS: [Colour; 8] = [
    Colour::BLUE,
    Colour::ORANGE,
    Colour::GREEN,
    Colour::PURPLE,
    Colour::SKY,
    Colour::VERMILION,
    Colour::YELLOW,
    Colour::GREY,
];
const HEIGHT: f64 = 28.0;
const GAP: f64 = 16.0;

impl Bars {
    /// Where everything is.
    pub(in crate::bench) fn draw(&self) -> Drawing {
        let mut drawing = Drawing::new(&self.title, WIDTH);
        let mut y = head(&mut drawing, &self.title, &self.note);
        let names = self.names();
        y = legend(&mut drawing, &names, y);
        let name_width = self.bars.iter().map(|bar| font::width(&bar.name, SMALL)).fold(0.0, f64::max);
        let (left, right) = (28.0 + name_width, WIDTH - 80.0);
        let range = Axis::new("", Scale::Linear).rounded(self.bars.iter().map(Bar::length));
        let x = |value: f64| range.place(value).map_or(f64::NAN, |place| left + place * (right - left));
        let bottom = y + GAP / 2.0 + self.bars.len() as f64 * (HEIGHT + GAP);
        for (value, words) in &range.ticks {
            drawing.line(vec![(x(*value), y), (x(*value), bottom)], Colour::GRID, 1.0, Dash::Solid);
            drawing.text((x(*value), bottom + 16.0), Anchor::Middle, SMALL, Colour::PALE_INK, words);
        }
        drawing.text(
            (f64::midpoint(left, right), bottom + 34.0),
            Anchor::Middle,
            SMALL,
            Colour::INK,
            &self.label,
        );
        y += GAP;
        for bar in &self.bars {
            let base = y + HEIGHT / 2.0 + SMALL * 0.35;
            drawing.text((left - 10.0, base), Anchor::End, SMALL, Colour::INK, &bar.name);
            let mut at = 0.0;
            for (name, length) in bar.parts.iter().filter(|(_, length)| *length > 0.0) {
                let (from, to) = (x(at), x(at + length));
                let colour = colour(&names, name);
                drawing.rectangle((from, y), (to, y + HEIGHT), colour);
                let words = short(*length);
                if font::width(&words, SMALL) + 6.0 <= to - from {
                    drawing.text(
                        (f64::midpoint(from, to), base),
                        Anchor::Middle,
                        SMALL,
                        colour.ink(),
                        &words,
                    );
                }
                // A seam, so that small neighbours can be told apart.
                drawing.line(vec![(to, y), (to, y + HEIGHT)], Colour::WHITE, 1.0, Dash::Solid);
                at += length;
            }
            drawing.bold((x(at) + 6.0, base), Anchor::Begin, SMALL, Colour::INK, &short(at));
            y += HEIGHT + GAP;
        }
        drawing.height = foot(&mut drawing, "", bottom + 34.0);
        drawing
    }

    /// Of the parts, each once, in the order of the bar that has most of them.
    fn names(&self) -> Vec<&str> {
        let mut bars: Vec<&Bar> = self.bars.iter().collect();
        bars.sort_by_key(|bar| std::cmp::Reverse(bar.parts.len()));
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in bars.iter().flat_map(|bar| &bar.parts) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        names
    }
}

impl Bar {
    fn length(&self) -> f64 {
        self.parts.iter().map(|(_, length)| length.max(0.0)).sum()
    }
}

fn legend(drawing: &mut Drawing, names: &[&str], top: f64) -> f64 {
    let (mut x, mut y) = (16.0, top + 14.0);
    for name in names {
        let width = 18.0 + font::width(name, SMALL) + 20.0;
        if x + width > WIDTH - 8.0 {
            (x, y) = (16.0, y + 19.0);
        }
        drawing.rectangle((x, y - 10.5), (x + 12.0, y + 1.5), colour(names, name));
        drawing.text((x + 18.0, y), Anchor::Begin, SMALL, Colour::INK, name);
        x += width;
    }
    y + 14.0
}

/// After the last colour they begin again, lighter.
fn colour(names: &[&str], name: &str) -> Colour {
    let index = names.iter().position(|one| *one == name).unwrap_or(0);
    let round = index / COLOURS.len();
    COLOURS[index % COLOURS.len()].lightened((round as f64 * 0.45).min(0.8))
}

fn short(value: f64) -> String {
    if value < 9.95 { format!("{value:.1}") } else { format!("{value:.0}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_has_one_colour_in_all_bars_and_every_bar_its_sum() {
        let bar = |name: &str, parts: &[(&str, f64)]| {
            let parts = parts.iter().map(|(name, length)| ((*name).to_owned(), *length)).collect();
            Bar { name: name.to_owned(), parts }
        };
        let bars = vec![
            bar("here", &[("service", 120.0)]),
            bar("by a node", &[("relay", 40.0), ("network", f64::NAN), ("service", 130.0)]),
        ];
        let bars = Bars { title: "t".to_owned(), note: String::new(), label: "µs".to_owned(), bars };
        let svg = bars.draw().svg();
        // In the legend and in both bars.
        assert_eq!(svg.matches(&Colour::GREEN.hex()).count(), 3, "{svg}");
        assert!(svg.contains(">170<") && svg.contains(">120<") && !svg.contains("NaN"), "{svg}");
    }
}
