//! A drawing as PNG, at twice its size so that it is sharp on the screens of today.

use anyhow::Context as _;
use tiny_skia::{
    FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform,
};

use super::colour::Colour;
use super::drawing::{Anchor, Drawing, Place, Shape, Text};
use super::font::{self, Placed};

/// Pixels of the file to one of the drawing.
const SCALE: f32 = 2.0;

impl Drawing {
    /// The file's bytes.
    pub(in crate::bench) fn png(&self) -> anyhow::Result<Vec<u8>> {
        let side = |length: f64| (length as f32 * SCALE).ceil() as u32;
        let mut pixels =
            Pixmap::new(side(self.width), side(self.height)).context("a drawing has a width and a height")?;
        pixels.fill(tiny_skia::Color::WHITE);
        let whole = Transform::from_scale(SCALE, SCALE);
        for shape in &self.shapes {
            draw(&mut pixels, shape, whole);
        }
        pixels.encode_png().context("making a PNG")
    }
}

fn draw(pixels: &mut Pixmap, shape: &Shape, whole: Transform) {
    match shape {
        Shape::Area { corners, colour, opacity } => {
            if let Some(path) = path(corners, true) {
                pixels.fill_path(&path, &paint(*colour, *opacity), FillRule::Winding, whole, None);
            }
        }
        Shape::Line { places, colour, width, dash } => {
            let dash =
                dash.pattern().and_then(|[ink, gap]| StrokeDash::new(vec![ink as f32, gap as f32], 0.0));
            let (line_cap, line_join) = (LineCap::Butt, LineJoin::Round);
            let stroke = Stroke { width: *width as f32, dash, line_cap, line_join, ..Stroke::default() };
            if let Some(path) = path(places, false) {
                pixels.stroke_path(&path, &paint(*colour, 1.0), &stroke, whole, None);
            }
        }
        Shape::Disc { centre: (x, y), radius, colour } => {
            if let Some(path) = PathBuilder::from_circle(*x as f32, *y as f32, *radius as f32) {
                pixels.fill_path(&path, &paint(*colour, 1.0), FillRule::Winding, whole, None);
            }
        }
        Shape::Text(text) => write(pixels, text, whole),
    }
}

fn write(pixels: &mut Pixmap, text: &Text, whole: Transform) {
    let (letters, width) = font::set(&text.words, text.size, text.is_bold);
    let (x, y) = text.place;
    let begin = match text.anchor {
        Anchor::Begin => x,
        Anchor::Middle => x - width / 2.0,
        Anchor::End => x - width,
    };
    for Placed { at, scale, outline } in letters {
        if let Some(path) = glyph(outline) {
            let scale = scale as f32;
            let place = whole.pre_translate((begin + at) as f32, y as f32).pre_scale(scale, -scale);
            pixels.fill_path(&path, &paint(text.colour, 1.0), FillRule::Winding, place, None);
        }
    }
}

/// What has an area: `None` for a space.
fn glyph(outline: &str) -> Option<Path> {
    let mut path = PathBuilder::new();
    let mut numbers: Vec<f32> = Vec::with_capacity(4);
    let mut word = ' ';
    for piece in outline.split(' ') {
        let number = piece.trim_start_matches(['M', 'L', 'Q', 'Z']);
        if number.len() < piece.len() {
            word = piece.chars().next()?;
        }
        numbers.extend(number.parse::<f32>());
        match (word, numbers[..].as_ref()) {
            ('M', &[x, y]) => path.move_to(x, y),
            ('L', &[x, y]) => path.line_to(x, y),
            ('Q', &[x1, y1, x, y]) => path.quad_to(x1, y1, x, y),
            ('Z', _) => path.close(),
            _ => continue,
        }
        numbers.clear();
    }
    path.finish()
}

fn path(places: &[Place], is_closed: bool) -> Option<Path> {
    let mut path = PathBuilder::new();
    for (index, (x, y)) in places.iter().enumerate() {
        let (x, y) = (*x as f32, *y as f32);
        if index == 0 { path.move_to(x, y) } else { path.line_to(x, y) }
    }
    if is_closed {
        path.close();
    }
    path.finish()
}

fn paint(Colour(red, green, blue): Colour, opacity: f64) -> Paint<'static> {
    let mut paint = Paint::default();
    paint.set_color_rgba8(red, green, blue, (opacity * 255.0).round() as u8);
    paint
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plot::Dash;

    #[test]
    fn a_png_has_the_drawings_size_twice_and_its_ink() {
        let mut drawing = Drawing::new("one", 100.0);
        drawing.height = 50.0;
        drawing.text((50.0, 40.0), Anchor::Middle, 30.0, Colour::BLACK, "II");
        drawing.rectangle((0.0, 0.0), (20.0, 10.0), Colour::VERMILION);
        drawing.line(vec![(60.0, 5.0), (90.0, 5.0)], Colour::BLUE, 2.0, Dash::Dashed);
        let pixels = Pixmap::decode_png(&drawing.png().unwrap()).unwrap();
        assert_eq!((pixels.width(), pixels.height()), (200, 100));
        let of = |wanted: Colour| {
            let is_it = |red, green, blue| Colour(red, green, blue) == wanted;
            pixels.pixels().iter().filter(|pixel| is_it(pixel.red(), pixel.green(), pixel.blue())).count()
        };
        assert_eq!(of(Colour::VERMILION), 40 * 20);
        // Three strokes of ink and two gaps in them.
        assert_eq!(of(Colour::BLUE), 3 * 12 * 4);
        assert!(of(Colour::BLACK) > 200, "letters are drawn: {}", of(Colour::BLACK));
    }
}
