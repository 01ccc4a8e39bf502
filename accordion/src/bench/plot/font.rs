//! The letters: how wide they are, and their outlines. `font/LICENSE` says whose they are, `font/outlines.py` how
//! the files were made.
//!
//! They are kept as outlines and not as a font file: the readers of those are large, or no longer cared for.

use std::collections::HashMap;
use std::sync::LazyLock;

static SANS: LazyLock<Face> = LazyLock::new(|| Face::read(include_str!("font/sans.outlines")));
static BOLD: LazyLock<Face> = LazyLock::new(|| Face::read(include_str!("font/bold.outlines")));

struct Face {
    /// Units to an em.
    em: f64,
    letters: HashMap<char, Letter>,
}

#[derive(Clone, Copy, Default)]
struct Letter {
    advance: f64,
    outline: &'static str,
}

/// A letter at its place on the line.
pub(super) struct Placed {
    /// From the begin of the words on, in pixels.
    pub(super) at: f64,
    /// Pixels to a unit of the outline, whose y goes upwards.
    pub(super) scale: f64,
    /// SVG's M, L, Q and Z with absolute numbers.
    pub(super) outline: &'static str,
}

impl Face {
    fn read(text: &'static str) -> Self {
        let mut lines = text.lines();
        let em = lines.next().and_then(|line| line.parse().ok()).expect("the file begins with its em");
        let letters = lines.filter_map(|line| {
            let mut words = line.splitn(3, ' ');
            let letter = char::from_u32(u32::from_str_radix(words.next()?, 16).ok()?)?;
            let advance = words.next()?.parse().ok()?;
            Some((letter, Letter { advance, outline: words.next().unwrap_or("") }))
        });
        Self { em, letters: letters.collect() }
    }

    /// The letter, or a question mark where it has none.
    fn letter(&self, letter: char) -> Letter {
        self.letters.get(&letter).or_else(|| self.letters.get(&'?')).copied().unwrap_or_default()
    }
}

/// The letters of these words in that size, and how wide all are.
pub(super) fn set(words: &str, size: f64, is_bold: bool) -> (Vec<Placed>, f64) {
    let face: &Face = if is_bold { &BOLD } else { &SANS };
    let scale = size / face.em;
    let mut at = 0.0;
    let mut placed = Vec::new();
    for letter in words.chars() {
        let Letter { advance, outline } = face.letter(letter);
        placed.push(Placed { at, scale, outline });
        at += advance * scale;
    }
    (placed, at)
}

/// How wide these words are in pixels.
pub(super) fn width(words: &str, size: f64) -> f64 {
    set(words, size, false).1
}

/// The words as lines that are no wider than that, where a single word is not.
pub(super) fn wrap(words: &str, size: f64, width_max: f64) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    // A space that must not be broken at is one that char::is_whitespace knows too.
    for word in words.split(' ').filter(|word| !word.is_empty()) {
        match lines.last_mut() {
            Some(line) if width(&format!("{line} {word}"), size) <= width_max => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_has_a_width_and_those_with_ink_an_outline() {
        for face in [&*SANS, &*BOLD] {
            for letter in ('!'..='~').chain("äé×µ·→≤–…’".chars()) {
                let found = face.letters.get(&letter).copied().unwrap_or_default();
                assert!(found.advance > 0.0 && found.outline.ends_with('Z'), "{letter}");
            }
            assert_eq!(face.letter('漢').outline, face.letter('?').outline);
        }
        assert!(width("mmm", 12.0) > 2.0 * width("iii", 12.0));
    }

    #[test]
    fn words_are_broken_into_lines_that_fit() {
        let lines = wrap("one two three four five six seven eight", 12.0, 90.0);
        assert!(lines.len() > 2 && lines.iter().all(|line| width(line, 12.0) <= 90.0), "{lines:?}");
        assert_eq!(lines.join(" "), "one two three four five six seven eight");
        assert!(wrap("", 12.0, 90.0).is_empty());
    }
}
