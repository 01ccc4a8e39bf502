//! What is made of a run: the raw files, the figures, and the report as Markdown, as one page of HTML, and in short
//! for the terminal. A part that was not run is in none of them.

mod cells;
mod document;
mod elastic;
mod figures;
mod html;
mod look;
mod markdown;
mod raw;
mod short;
mod story;

use std::fs;
use std::path::Path;

use anyhow::Context as _;

use super::record;
use super::results::Results;

/// Writes everything into the folder, over what is there.
pub(super) fn keep(folder: &Path, results: &Results) -> anyhow::Result<()> {
    let document = story::tell(results);
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        fs::write(&path, bytes).with_context(|| format!("writing {}", path.display()))
    };
    if !results.measurements.is_empty() {
        write("paper.csv", record::csv(&results.measurements).as_bytes())?;
    }
    if let Some(timeline) = story::elastic_of(results) {
        write("elastic.csv", raw::seconds(timeline).as_bytes())?;
        write("decisions.csv", raw::decisions(timeline).as_bytes())?;
    }
    for figure in document.figures() {
        write(&format!("{}.svg", figure.name), figure.drawing.svg().as_bytes())?;
        write(&format!("{}.png", figure.name), &figure.drawing.png()?)?;
    }
    write("paper.md", markdown::write(&document).as_bytes())?;
    write("report.html", html::write(&document).as_bytes())
}

/// What the terminal shows: a small table for each experiment, and the verdicts.
pub(super) fn text(results: &Results) -> String {
    short::write(results)
}

#[cfg(test)]
mod sample;
#[cfg(test)]
mod tests;
