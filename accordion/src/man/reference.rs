//! cluster.toml(5), made of the comments of the reference file: a section for each table, an item for
//! each key. What the file says of itself, in a paragraph that begins with "In this file", is left out.

use clap_mangen::roff::{Inline, Roff, bold, roman};

const REFERENCE: &str = include_str!("../../../cluster.toml");

/// What the page says before the tables.
const DESCRIPTION: [&str; 2] = [
    "One file for the whole cluster, the same on every machine, in TOML 1.0. A daemon reads ./cluster.toml, or \
     else /etc/accordion/cluster.toml, unless --config names another one, and refuses a file with faults with exit \
     status 78. `accordion check FILE` lists every fault by line and column.",
    "Below stand the tables with their keys: what a key is, what it must be, and its default. A key that has no \
     default and is not required is said to be unset.",
];

const SEE_ALSO: &str = "accordion(1), service-manager(8), load-manager(8), task-processor(8)";

/// The page.
pub(super) fn page() -> Vec<u8> {
    let mut roff = Roff::new();
    let source = concat!("accordion ", env!("CARGO_PKG_VERSION"));
    roff.control("TH", ["cluster.toml", "5", "", source, super::MANUAL]);
    roff.control("SH", ["NAME"]).text([roman("cluster.toml - the configuration of an Accordion cluster")]);
    roff.control("SH", ["DESCRIPTION"]);
    for paragraph in DESCRIPTION {
        roff.control("PP", []).text(inlines(paragraph));
    }
    REFERENCE.split("\n\n").filter_map(Table::of).for_each(|table| table.write(&mut roff));
    roff.control("SH", ["SEE ALSO"]).text([roman(SEE_ALSO)]);
    let mut page = Vec::new();
    roff.to_writer(&mut page).expect("memory takes all that is written");
    page
}

/// A block of the file, without empty lines.
struct Table<'a> {
    header: String,
    /// The comment above the header.
    before: Vec<&'a str>,
    /// What stands below it.
    below: Vec<&'a str>,
}

impl<'a> Table<'a> {
    /// None for a block without a header, and for a further node, of which nothing is left to say.
    fn of(block: &'a str) -> Option<Self> {
        let lines: Vec<_> = block.lines().collect();
        let at = lines.iter().position(|line| line.trim_start_matches("# ").starts_with('['))?;
        let header = lines[at].trim_start_matches("# ").replace(".demo", ".NAME");
        let below = lines[at + 1..].to_vec();
        below.iter().any(|line| line.starts_with('#')).then(|| Self {
            header,
            before: lines[..at].to_vec(),
            below,
        })
    }

    fn write(&self, roff: &mut Roff) {
        roff.control("SH", [self.header.as_str()]);
        for paragraph in self.before.split(|line| *line == "#") {
            let words = paragraph.iter().map(|line| text(line)).collect::<Vec<_>>().join(" ");
            if !words.starts_with("In this file") {
                roff.text(inlines(&words));
            }
        }
        let mut words = Vec::new();
        for line in &self.below {
            let line = text(line);
            if let Some(title) = line.strip_prefix("-- ").and_then(|line| line.strip_suffix(" --")) {
                roff.control("SS", [title]);
            } else if let Some(key) = key(line) {
                roff.control("TP", []).text([bold(key)]).text(inlines(&words.join(" ")));
                words.clear();
            } else if !line.is_empty() {
                words.push(line);
            }
        }
    }
}

/// A line without the mark of a comment.
fn text(line: &str) -> &str {
    line.strip_prefix('#').unwrap_or(line).trim_start()
}

/// The key that a line sets, in force or not.
fn key(line: &str) -> Option<&str> {
    let (key, _) = line.split_once(" = ")?;
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    (!key.is_empty() && key.bytes().all(is_name)).then_some(key)
}

/// Text in which what stands between backticks is bold.
fn inlines(words: &str) -> Vec<Inline> {
    let parts = words.split('`').enumerate();
    parts.map(|(index, part)| if index % 2 == 1 { bold(part) } else { roman(part) }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_and_every_key_of_the_reference_is_there_with_words_of_its_own() {
        let page = String::from_utf8(page()).unwrap();
        let mut keys = 0;
        for block in REFERENCE.split("\n\n").filter_map(Table::of) {
            assert!(
                page.contains(&block.header.replace('.', "\\.")) || page.contains(&block.header),
                "{}",
                block.header
            );
            for key in block.below.iter().filter_map(|line| key(text(line))) {
                keys += 1;
                let (_, after) =
                    page.split_once(&format!(".TP\n\\fB{key}\\fR\n")).unwrap_or_else(|| panic!("{key}"));
                assert!(after.lines().next().unwrap().len() > 20, "{key}: {after:.40}");
            }
        }
        assert!(keys > 90, "{keys}");
        assert!(!page.contains("In this file") && !page.contains("demo"), "it speaks of the file itself");
    }
}
