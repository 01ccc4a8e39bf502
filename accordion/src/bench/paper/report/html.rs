//! The report as one page that needs nothing else: no network, no script, no other file.

use super::document::{Block, Document, Entry, Table, Tone};
use crate::bench::plot::escape;

const STYLE: &str = include_str!("report.css");

/// The whole file.
pub(super) fn write(document: &Document) -> String {
    let title = escape(&document.title);
    let body: String = document.blocks.iter().map(write_block).collect();
    format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n\
         <body>\n<main>\n<h1>{title}</h1>\n{body}</main>\n</body>\n</html>\n"
    )
}

fn write_block(block: &Block) -> String {
    match block {
        Block::Heading(words) => format!("<h2>{}</h2>\n", escape(words)),
        Block::Paragraph(words) => format!("<p>{}</p>\n", escape(words)),
        Block::Command(command) => format!("<pre><code>{}</code></pre>\n", escape(command)),
        Block::List(items) => {
            let items: String = items.iter().map(|item| format!("<li>{}</li>\n", escape(item))).collect();
            format!("<ul>\n{items}</ul>\n")
        }
        Block::Table(table) => write_table(table),
        Block::Figure(figure) => {
            let caption = escape(&figure.caption);
            format!(
                "<figure>\n{}<figcaption>{caption}</figcaption>\n</figure>\n",
                figure.drawing.inline_svg()
            )
        }
    }
}

fn write_table(table: &Table) -> String {
    let class = |column: usize, tone: Tone| {
        let number = if column < table.numbers_from { "" } else { "number " };
        let tone = match tone {
            Tone::Plain => "",
            Tone::Good => "good",
            Tone::Bad => "bad",
            Tone::Pale => "pale",
        };
        let class = format!("{number}{tone}");
        if class.is_empty() { String::new() } else { format!(" class=\"{}\"", class.trim_end()) }
    };
    let head = table.head.iter().enumerate();
    let head: String = head
        .map(|(column, words)| format!("<th{}>{}</th>", class(column, Tone::Plain), escape(words)))
        .collect();
    let row = |cells: &Vec<Entry>| {
        let cells = cells.iter().enumerate();
        let cells: String = cells
            .map(|(column, cell)| format!("<td{}>{}</td>", class(column, cell.tone), escape(&cell.words)))
            .collect();
        format!("<tr>{cells}</tr>\n")
    };
    let rows: String = table.rows.iter().map(row).collect();
    let head = format!("<thead><tr>{head}</tr></thead>");
    format!("<div class=\"wide\"><table>\n{head}\n<tbody>\n{rows}</tbody>\n</table></div>\n")
}
