//! The whole report of results that were made up.

use std::fs;
use std::path::Path;

use super::super::experiment::Experiment;
use super::{keep, sample, text};
use crate::bench::plot::escape;

const FIGURES: [&str; 6] = ["figure-11", "figure-12", "figure-13", "figure-14", "mix", "elastic"];

fn read(folder: &Path, name: &str) -> String {
    fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// Every element that begins ends, in the right order; every ampersand begins one of the five entities.
fn check_xml(name: &str, text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, _) = piece.split_once('>').unwrap_or_else(|| panic!("{name}: <{piece}"));
        let word = tag.split_whitespace().next().unwrap();
        match word.strip_prefix('/') {
            Some(word) => assert_eq!(open.pop(), Some(word), "{name}"),
            None if tag.ends_with('/') => {}
            None => open.push(word),
        }
        assert_eq!(tag.matches('"').count() % 2, 0, "{name}: <{tag}>");
    }
    assert!(open.is_empty(), "{name}: {open:?}");
    for piece in text.split('&').skip(1) {
        assert!(
            ["amp;", "lt;", "gt;", "quot;"].iter().any(|entity| piece.starts_with(entity)),
            "{name}: &{piece}"
        );
    }
}

/// `REPORT=FOLDER cargo test -p accordion --lib report::` leaves it there, to be looked at.
#[test]
fn a_whole_run_leaves_every_figure_and_a_page_that_needs_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let kept = std::env::var_os("REPORT").map(std::path::PathBuf::from);
    let folder = kept.as_deref().unwrap_or(folder.path());
    let results = sample::full();
    keep(folder, &results).unwrap();

    let (page, markdown) = (read(folder, "report.html"), read(folder, "paper.md"));
    for figure in FIGURES {
        let svg = read(folder, &format!("{figure}.svg"));
        check_xml(figure, &svg);
        assert!(svg.contains("viewBox=") && svg.contains("<text"), "{figure}");
        let png = fs::read(folder.join(format!("{figure}.png"))).unwrap();
        assert_eq!(&png[..8], b"\x89PNG\r\n\x1a\n", "{figure}");
        assert_eq!(u32::from_be_bytes(png[16..20].try_into().unwrap()), 1760, "{figure}");
        assert!(png.len() > 20_000, "{figure}: {} bytes", png.len());
        assert!(markdown.contains(&format!("]({figure}.svg)")), "{figure}");
    }
    assert_eq!(page.matches("<svg").count(), FIGURES.len());
    check_xml("report.html", page.split_once("<body>").unwrap().1.split_once("</body>").unwrap().0);
    for foreign in ["http:", "https:", "<script", "src=", "<link", "url(", "@import"] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    for text in names(folder).iter().filter(|name| !name.ends_with(".png")).map(|name| read(folder, name)) {
        assert!(!text.contains("NaN") && !text.contains("inf,"));
    }
    for mark in &results.elastic.as_ref().unwrap().marks {
        assert!(page.contains(&escape(&mark.reason)) && markdown.contains(&mark.reason), "{}", mark.reason);
    }
    for condition in &results.setting.conditions {
        assert!(
            page.contains(&escape(condition)) && markdown.contains(&condition.replace('<', "\\<")),
            "{condition}"
        );
    }
    assert!(
        markdown.contains("| 2.31 (2.10-2.70) | **NOT met** |") && markdown.contains("1 of 2 goals are met.")
    );
    assert_eq!(read(folder, "paper.csv").lines().count(), results.measurements.len() + 1);
    assert_eq!(read(folder, "elastic.csv").lines().count(), 331);
    assert_eq!(read(folder, "decisions.csv").lines().count(), 6);
}

#[test]
fn tables_have_our_medians_and_the_papers_own_beside_them() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), &sample::full()).unwrap();
    let markdown = read(folder.path(), "paper.md");
    assert!(markdown.contains(
        "| KB | service alone, on a node | Accordion, local | Accordion, 1 node | 2004: Only Master |"
    ));
    // The median of three rounds, and table 2.
    assert!(
        markdown.contains("| 500 | 43.5 | 4.35 | 48.7 | 0.7 | 2.4 | 655.5 | 549.1 | 488.1 |"),
        "{markdown}"
    );
    assert!(markdown.contains("| 500 | 41.3 / 104 |"), "the open loop's: {markdown}");
    assert!(markdown.contains("**1205, 10.0 % failed**"), "{markdown}");
}

#[test]
fn what_was_not_run_leaves_no_hole() {
    let folder = tempfile::tempdir().unwrap();
    keep(folder.path(), &sample::empty()).unwrap();
    assert_eq!(names(folder.path()), ["paper.md", "report.html"]);
    let page = read(folder.path(), "report.html");
    assert!(!page.contains("<svg") && page.matches("<h2>").count() == 1, "{page}");

    let folder = tempfile::tempdir().unwrap();
    let mut results = sample::full();
    results.elastic = Some(super::super::timeline::Timeline::default());
    results.phases.clear();
    results.measurements.retain(|one| one.experiment == Experiment::Work);
    keep(folder.path(), &results).unwrap();
    assert_eq!(
        names(folder.path()),
        ["figure-14.png", "figure-14.svg", "paper.csv", "paper.md", "report.html"]
    );
}

#[test]
fn the_terminal_has_a_line_for_each_contestant_and_the_verdicts() {
    let text = text(&sample::full());
    let line =
        |begin: &str| text.lines().find(|line| line.trim_start().starts_with(begin)).unwrap_or_default();
    let words: Vec<_> = line("Accordion, 3 nodes").split_whitespace().skip(3).collect();
    assert_eq!(words, ["1.41", "1.42", "1.44", "1.45", "1.46"], "{text}");
    assert!(text.contains("NOT met") && text.ends_with("1 of 2 goals are met.\n"), "{text}");
    assert!(super::text(&sample::empty()).trim().is_empty());
}
