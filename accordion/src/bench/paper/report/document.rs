//! A report as its parts, before it is Markdown or HTML.

use crate::bench::plot::Drawing;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) title: String,
    pub(super) blocks: Vec<Block>,
}

#[derive(Debug)]
pub(super) enum Block {
    Heading(String),
    Paragraph(String),
    /// What can be typed.
    Command(String),
    List(Vec<String>),
    Table(Table),
    Figure(Figure),
}

#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Entry>>,
    /// Columns from this one on are of numbers.
    pub(super) numbers_from: usize,
}

/// What stands in one place of a table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) words: String,
    pub(super) tone: Tone,
}

/// How it is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tone {
    Plain,
    Good,
    Bad,
    /// Of others, for comparison.
    Pale,
}

#[derive(Debug)]
pub(super) struct Figure {
    /// Of its files, without what follows the dot.
    pub(super) name: &'static str,
    /// What it shows, in a sentence.
    pub(super) caption: String,
    pub(super) drawing: Drawing,
}

impl Document {
    pub(super) fn heading(&mut self, words: impl Into<String>) {
        self.blocks.push(Block::Heading(words.into()));
    }

    pub(super) fn paragraph(&mut self, words: impl Into<String>) {
        self.blocks.push(Block::Paragraph(words.into()));
    }

    pub(super) fn figures(&self) -> impl Iterator<Item = &Figure> {
        self.blocks.iter().filter_map(|block| match block {
            Block::Figure(figure) => Some(figure),
            _ => None,
        })
    }
}

impl Entry {
    pub(super) fn new(tone: Tone, words: impl Into<String>) -> Self {
        Self { words: words.into(), tone }
    }
}

impl<T: Into<String>> From<T> for Entry {
    fn from(words: T) -> Self {
        Self::new(Tone::Plain, words)
    }
}
