//! The report as Markdown, for the repository and for those who diff.

use super::document::{Block, Document, Entry, Table, Tone};

/// The whole file.
pub(super) fn write(document: &Document) -> String {
    let mut parts = vec![format!("# {}", document.title)];
    parts.extend(document.blocks.iter().map(|block| match block {
        Block::Heading(words) => format!("## {}", prose(words)),
        Block::Paragraph(words) => prose(words),
        Block::Command(command) => format!("```console\n{command}\n```"),
        Block::List(items) => {
            items.iter().map(|item| format!("- {}", prose(item))).collect::<Vec<_>>().join("\n")
        }
        Block::Table(table) => write_table(table),
        Block::Figure(figure) => format!("![{}]({}.svg)", figure.caption, figure.name),
    }));
    parts.join("\n\n") + "\n"
}

fn write_table(table: &Table) -> String {
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let rule = (0..table.head.len()).map(|column| if column < table.numbers_from { "---" } else { "---:" });
    let mut lines = vec![
        row(table.head.iter().map(|words| in_table(words)).collect()),
        format!("|{}|", rule.collect::<Vec<_>>().join("|")),
    ];
    lines.extend(table.rows.iter().map(|cells| row(cells.iter().map(entry).collect())));
    lines.join("\n")
}

fn entry(Entry { words, tone }: &Entry) -> String {
    match tone {
        Tone::Bad => format!("**{}**", in_table(words)),
        Tone::Plain | Tone::Good | Tone::Pale => in_table(words),
    }
}

/// Nothing in it may be taken for HTML, nor end the line.
fn prose(words: &str) -> String {
    words.replace('<', "\\<").replace('\n', " ")
}

/// Nor end the cell.
fn in_table(words: &str) -> String {
    prose(words).replace('|', "\\|")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_one_line_a_row_whatever_stands_in_it() {
        let rows = vec![vec!["a|b\nc<d>".into(), Entry::new(Tone::Bad, "2.0")]];
        let table = Table { head: vec!["what".to_owned(), "ms".to_owned()], rows, numbers_from: 1 };
        assert_eq!(write_table(&table), "| what | ms |\n|---|---:|\n| a\\|b c\\<d> | **2.0** |");
    }
}
