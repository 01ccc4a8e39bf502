//! A drawing as SVG. Its letters are real text, so that they can be searched, copied and read aloud.

use std::fmt::Write as _;

use super::drawing::{Anchor, Drawing, Place, Shape, Text};

/// The widths of the letters are those of the first; Verdana's are nearly the same.
const FONTS: &str = "DejaVu Sans, Verdana, Geneva, sans-serif";

impl Drawing {
    /// A file of its own.
    pub(in crate::bench) fn svg(&self) -> String {
        self.write(" xmlns=\"http://www.w3.org/2000/svg\"")
    }

    /// As it stands within HTML, where nothing has to be named.
    pub(in crate::bench) fn inline_svg(&self) -> String {
        self.write("")
    }

    fn write(&self, namespace: &str) -> String {
        let (width, height) = (number(self.width), number(self.height));
        let title = escape(&self.title);
        // Writing into a String cannot fail.
        let mut text = format!(
            "<svg{namespace} viewBox=\"0 0 {width} {height}\" width=\"{width}\" height=\"{height}\" \
             role=\"img\" font-family=\"{FONTS}\">\n<title>{title}</title>\n\
             <rect width=\"{width}\" height=\"{height}\" rx=\"6\" fill=\"#ffffff\"/>\n"
        );
        for shape in &self.shapes {
            let _ = match shape {
                Shape::Area { corners, colour, opacity } => {
                    let opacity = if *opacity < 1.0 {
                        format!(" fill-opacity=\"{}\"", number(*opacity))
                    } else {
                        String::new()
                    };
                    writeln!(text, "<path d=\"{}Z\" fill=\"{}\"{opacity}/>", path(corners), colour.hex())
                }
                Shape::Line { places, colour, width, dash } => {
                    let dash = dash.pattern().map_or_else(String::new, |[ink, gap]| {
                        format!(" stroke-dasharray=\"{} {}\"", number(ink), number(gap))
                    });
                    writeln!(
                        text,
                        "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"{}\" \
                         stroke-linejoin=\"round\"{dash}/>",
                        path(places),
                        colour.hex(),
                        number(*width)
                    )
                }
                Shape::Disc { centre: (x, y), radius, colour } => writeln!(
                    text,
                    "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\"/>",
                    number(*x),
                    number(*y),
                    number(*radius),
                    colour.hex()
                ),
                Shape::Text(words) => writeln!(text, "{}", letters(words)),
            };
        }
        text.push_str("</svg>\n");
        text
    }
}

/// What may stand in XML and HTML for these words.
pub(in crate::bench) fn escape(words: &str) -> String {
    words.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

fn letters(text: &Text) -> String {
    let anchor = match text.anchor {
        Anchor::Begin => "",
        Anchor::Middle => " text-anchor=\"middle\"",
        Anchor::End => " text-anchor=\"end\"",
    };
    let weight = if text.is_bold { " font-weight=\"bold\"" } else { "" };
    let ((x, y), colour, words) = (text.place, text.colour.hex(), escape(&text.words));
    let (x, y, size) = (number(x), number(y), number(text.size));
    format!("<text x=\"{x}\" y=\"{y}\" font-size=\"{size}\" fill=\"{colour}\"{anchor}{weight}>{words}</text>")
}

fn path(places: &[Place]) -> String {
    let mut text = String::new();
    for (index, (x, y)) in places.iter().enumerate() {
        let _ = write!(text, "{}{} {}", if index == 0 { 'M' } else { 'L' }, number(*x), number(*y));
    }
    text
}

/// With no more decimals than can be seen.
fn number(value: f64) -> String {
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0".to_owned() } else { text.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::plot::Colour;

    #[test]
    fn words_are_text_and_cannot_break_the_file() {
        let mut drawing = Drawing::new("a < b & \"c\"", 100.0);
        drawing.height = 50.0;
        drawing.text((10.0, 20.126), Anchor::Middle, 12.0, Colour::INK, "1' Slave <&>");
        drawing.disc((f64::NAN, 3.0), 2.0, Colour::INK);
        let svg = drawing.svg();
        assert!(svg.contains("<title>a &lt; b &amp; &quot;c&quot;</title>"), "{svg}");
        assert!(
            svg.contains("<text x=\"10\" y=\"20.13\"") && svg.contains(">1' Slave &lt;&amp;&gt;</text>"),
            "{svg}"
        );
        assert!(!svg.contains("NaN") && !drawing.inline_svg().contains("http"), "{svg}");
    }
}
