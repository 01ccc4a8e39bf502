//! `--table`: every load by every policy at its defaults, as Markdown and CSV. Nothing in it depends on
//! the machine or the day, so that it can be made anew and compared.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

use load_manager::simulation::comparison::{self, Row};
use load_manager::simulation::{Rule, Synthetic};

/// The Markdown; both files are written where a directory is given.
pub(super) fn kept(out: Option<&Path>) -> Result<String, ExitCode> {
    let (rows, long_queue) = (comparison::rows(), comparison::rows_with_the_activators_queue());
    let text = markdown(out, &rows, &long_queue);
    if let Some(folder) = out {
        let csv = csv(rows.iter().chain(&long_queue));
        let written = fs::create_dir_all(folder)
            .and_then(|()| fs::write(folder.join("what-if.csv"), csv))
            .and_then(|()| fs::write(folder.join("what-if.md"), &text));
        written.map_err(|error| {
            eprintln!("accordion: cannot write what-if.md and what-if.csv in {}: {error}", folder.display());
            ExitCode::FAILURE
        })?;
    }
    Ok(text)
}

fn markdown(out: Option<&Path>, rows: &[Row], long_queue: &[Row]) -> String {
    let mut text = String::from("# What if\n\n`accordion what-if --table");
    if let Some(folder) = out {
        let _ = write!(text, " --out {}", folder.display());
    }
    let settings = comparison::settings();
    let _ = write!(
        text,
        "`\n\n\
         The closed loop of `load-manager/src/simulation`: no clock is read, nothing is measured, and the same comes\n\
         out anywhere. {} nodes that handle {} requests in flight each, as does the local copy, which serves alone\n\
         while no node is ready. A request takes 100 ms, a drain 1 s, {} requests may wait. All policies have their\n\
         defaults, but for the target, which is {} for all. A load begins with the nodes that its first 30 s want.\n\n\
         Loads, with a peak of {:.0} requests in flight:\n\n",
        settings.pool,
        settings.capacity,
        rows.first().map_or(0, |row| row.world.queue_max),
        settings.scaling.target,
        Synthetic::peak(&settings),
    );
    for load in Synthetic::ALL {
        let _ = writeln!(text, "- {}: {}", load.name(), load.sentence());
    }
    text.push_str(
        "\nEach cell: seconds with more offered than the ready copies handle well / node-hours held, starts and\n\
         drains included / flips, which are decisions against the direction of the one before. More is in what-if.csv.\n\n",
    );
    table(&mut text, rows, &Rule::ALL);
    verdict(&mut text, rows);
    let _ = write!(
        text,
        "\n## With the queue of Knative's activator\n\n\
         knative takes what waits for concurrency, so that its quickness depends on how much may wait. The activator\n\
         of Knative lets {} requests wait. With as many here:\n\n",
        comparison::ACTIVATOR_QUEUE_MAX
    );
    table(&mut text, long_queue, &[Rule::Adaptive, Rule::Knative]);
    verdict(&mut text, long_queue);
    text
}

fn table(text: &mut String, rows: &[Row], rules: &[Rule]) {
    let names: Vec<_> = rules.iter().map(|rule| rule.name()).collect();
    let _ = writeln!(text, "| load | start time | {} |", names.join(" | "));
    let _ = writeln!(text, "|---|--:|{}", "--:|".repeat(rules.len()));
    for line in rows.chunks(rules.len()) {
        let cell = |row: &Row| {
            let course = &row.course;
            format!("{:.1} / {:.2} / {}", course.overloaded.as_secs_f64(), course.node_hours, course.flips)
        };
        let cells: Vec<_> = line.iter().map(cell).collect();
        let (load, start) = (line[0].load.name(), line[0].world.start_time.as_secs());
        let _ = writeln!(text, "| {load} | {start} s | {} |", cells.join(" | "));
    }
}

/// Whether adaptive is what it is held to.
fn verdict(text: &mut String, rows: &[Row]) {
    text.push_str(
        "\nHeld to: in each line adaptive is overloaded for at most 5 s or 5 % longer than any other, and no other is\n\
         both overloaded for less and cheaper.",
    );
    let faults = comparison::faults(rows);
    if faults.is_empty() {
        text.push_str(" So it is.\n");
    } else {
        text.push_str(" So it is, but for:\n\n");
        for fault in faults {
            let _ = writeln!(text, "- {fault}");
        }
    }
}

fn csv<'a>(rows: impl Iterator<Item = &'a Row>) -> String {
    let mut text =
        String::from("load,start_time_s,queue_max,policy,overloaded_s,node_hours,decisions,flips,peak\n");
    for Row { load, world, rule, course } in rows {
        let (start, queue) = (world.start_time.as_secs(), world.queue_max);
        let _ = writeln!(
            text,
            "{},{start},{queue},{},{:.1},{:.2},{},{},{}",
            load.name(),
            rule.name(),
            course.overloaded.as_secs_f64(),
            course.node_hours,
            course.decisions,
            course.flips,
            course.peak
        );
    }
    text
}
