//! `accordion what-if`: what is compared, how it is shown, and what is said of a wrong command line.
#![allow(clippy::unwrap_used)] // in a test an unwrap is the assertion

use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use cluster::config::sample;
use serde_json::Value;

/// Five minutes: 2 in flight, then 14, then 2.
fn recording() -> String {
    let lines =
        (0..300).map(|second| format!("{second},{}\n", if (60..120).contains(&second) { 14 } else { 2 }));
    format!("seconds,in_flight\n{}", lines.collect::<String>())
}

struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("cluster.toml"), sample(3, "")).unwrap();
        fs::write(place.path().join("load.csv"), recording()).unwrap();
        Self(place)
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_accordion"));
        command.arg("what-if").args(arguments).current_dir(self.path()).env_remove("ACCORDION_CONFIG");
        command
    }

    fn output(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// What it prints, having nothing to complain of.
    fn prints(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        assert_eq!(text(&output.stderr), "");
        assert_eq!(output.status.code(), Some(0));
        text(&output.stdout).to_owned()
    }

    /// What it says, and its status, when it prints nothing.
    fn refuses(&self, arguments: &[&str]) -> (String, i32) {
        let output = self.output(arguments);
        assert_eq!(text(&output.stdout), "");
        (text(&output.stderr).to_owned(), output.status.code().unwrap())
    }
}

fn text(bytes: &[u8]) -> &str {
    str::from_utf8(bytes).unwrap()
}

/// The lines of a CSV, by column.
fn rows(csv: &str) -> Vec<Vec<&str>> {
    csv.lines().map(|line| line.split(',').collect()).collect()
}

#[test]
fn a_recording_is_played_to_todays_settings_and_to_changed_ones() {
    let place = Place::new();
    let csv =
        place.prints(&["--from", "load.csv", "--csv", "--set", "scaling.down_window=20s", "--set", "max=1"]);
    let rows = rows(&csv);
    assert_eq!(rows[0].join(","), "load,what,policy,overloaded_s,node_hours,decisions,flips,peak");
    assert_eq!(
        (rows[1][..3].join(","), rows[2][..3].join(",")),
        ("recording,today,adaptive".to_owned(), "recording,changed,adaptive".to_owned(),)
    );
    // 14 want three nodes of 8; with one there is no way to carry them.
    assert_eq!((rows[1][7], rows[2][7]), ("3", "1"));
    let overloaded = |row: &[&str]| row[3].parse::<f64>().unwrap();
    assert!((2.0..6.0).contains(&overloaded(&rows[1])), "{csv}");
    assert_eq!(overloaded(&rows[2]), 60.0);
    // Standard input is read like a file.
    let mut child = place.command(&["--from", "-", "--csv"]);
    let mut child = child.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(recording().as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(text(&output.stdout).lines().nth(1), csv.lines().nth(1));
}

#[test]
fn a_node_that_starts_slowly_is_overloaded_for_longer() {
    let place = Place::new();
    let overloaded = |start| {
        let csv = place.prints(&["--from", "load.csv", "--csv", "--start-time", start]);
        rows(&csv)[1][3].parse::<f64>().unwrap()
    };
    let (quick, slow) = (overloaded("2s"), overloaded("20s"));
    assert!((17.5..18.5).contains(&(slow - quick)), "{quick} and {slow}");
}

#[test]
fn policies_are_compared_at_todays_settings() {
    let place = Place::new();
    let policies = |arguments: &[&str]| {
        let csv = place.prints(&[&["--from", "load.csv", "--csv"], arguments].concat());
        rows(&csv)[1..].iter().map(|row| row[1..3].join(" ")).collect::<Vec<_>>()
    };
    let all = ["today adaptive", "classic classic", "knative knative", "hpa hpa"];
    assert_eq!(policies(&["--policies"]), all);
    assert_eq!(
        policies(&["--policy", "hpa", "--policy", "adaptive", "--policy", "hpa"]),
        ["today adaptive", "hpa hpa"]
    );
    assert_eq!(
        policies(&["--set", "scaling.policy=classic", "--policy", "knative"]),
        ["today adaptive", "changed classic", "knative knative"]
    );
}

#[test]
fn a_person_gets_a_table_and_a_picture_of_the_nodes() {
    let place = Place::new();
    let shown = place.prints(&["--from", "load.csv", "--set", "capacity=16"]);
    for part in [
        "shop: 8 requests in flight a copy, 0 to 3 of 3 nodes\n",
        "changed: capacity=16\n",
        "recording: load.csv; 2.0 to 14.0 in flight\n",
        " WHAT                OVERLOADED S  NODE-HOURS  DECISIONS  FLIPS  PEAK\n today (adaptive) ",
        "\n changed (adaptive)           0.0 ",
        " today (adaptive): nodes ready\n   3 │",
        "█",
        "     │                  !",
    ] {
        assert!(shown.contains(part), "{part:?} is not in\n{shown}");
    }
    let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
    assert!(widest <= 100, "{widest}\n{shown}");
}

#[test]
fn without_a_recording_the_made_up_loads_are_played() {
    let place = Place::new();
    let loads = |arguments: &[&str]| {
        let csv = place.prints(&[&["--csv"], arguments].concat());
        rows(&csv)[1..].iter().map(|row| row[0].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(loads(&[]), ["flat", "step", "sine", "spike", "day"]);
    assert_eq!(loads(&["--load", "sine", "--load", "flat"]), ["sine", "flat"]);
    // Their peak fits the pool, unless it is said: 0.61 of what three nodes of 8 carry at 0.6.
    let most = |arguments: &[&str]| {
        let shown = place.prints(&[&["--load", "flat"], arguments].concat());
        let line = shown.lines().find(|line| line.starts_with("flat: ")).unwrap().to_owned();
        line.rsplit(' ').nth(2).unwrap().parse::<f64>().unwrap()
    };
    assert_eq!((most(&[]), most(&["--peak", "200"])), (5.1, 115.0));
}

#[test]
fn a_program_gets_json_with_the_nodes_over_time() {
    let place = Place::new();
    let json: Value = serde_json::from_str(&place.prints(&["--from", "load.csv", "--json"])).unwrap();
    assert_eq!((&json["service"], &json["start_time"]), (&Value::from("shop"), &Value::from(2.0)));
    let load = &json["loads"][0];
    assert_eq!((&load["load"], &load["seconds"]), (&Value::from("recording"), &Value::from(300.0)));
    let run = &load["runs"][0];
    assert_eq!(
        (&run["what"], &run["policy"], &run["peak"]),
        (&"today".into(), &"adaptive".into(), &3.into())
    );
    assert_eq!(run["ready"][0], serde_json::json!([0.0, 0]));
    assert_eq!(run["overloads"][0][0], 60.0);
}

#[test]
fn what_was_set_wrongly_is_told_by_its_key_and_status_2() {
    let place = Place::new();
    assert_eq!(
        place.refuses(&["--set", "scaling.high=2", "--set", "capacty=3"]),
        (
            "--set capacty: unknown key \"capacty\", did you mean \"capacity\"?\n\
         --set scaling.high: scaling.high = 2, must be a number above 0 and at most 1\n"
                .to_owned(),
            2,
        )
    );
    let (said, status) = place.refuses(&["--set", "scaling.high"]);
    assert!(said.contains("'scaling.high' for '--set <KEY=VALUE>': must be written KEY=VALUE"), "{said}");
    assert_eq!(status, 2);
    // A key that nothing depends on here is no fault, but it is said.
    let output = place.output(&["--from", "load.csv", "--csv", "--set", "head_timeout=5s"]);
    assert_eq!(text(&output.stderr), "accordion: what was set is nothing that decisions go by\n");
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_wrong_recording_is_told_by_its_line_and_status_1() {
    let place = Place::new();
    fs::write(place.path().join("wrong.csv"), "seconds,in_flight\n0,1\n1,many\n").unwrap();
    let told = "accordion: wrong.csv:3: in_flight = \"many\", must be a number from 0 to 1000000\n";
    assert_eq!(place.refuses(&["--from", "wrong.csv"]), (told.to_owned(), 1));
    let (said, status) = place.refuses(&["--from", "nowhere.csv"]);
    assert!(said.starts_with("accordion: nowhere.csv cannot be read: "), "{said}");
    assert_eq!(status, 1);
}

#[test]
fn other_faults_are_told_as_everywhere() {
    let place = Place::new();
    let (said, status) = place.refuses(&["--service", "blog"]);
    assert_eq!(
        (said.as_str(), status),
        ("accordion: cluster.toml has no service \"blog\"; it has: shop\n", 78)
    );
    fs::write(place.path().join("bad.toml"), sample(3, "").replace("capacity = 8", "capacity = 0")).unwrap();
    let (said, status) = place.refuses(&["--config", "bad.toml", "--set", "capacity=8"]);
    assert!(said.starts_with("bad.toml:16:12: service.capacity = 0, must be"), "{said}");
    assert_eq!(status, 78);
    for wrong in [
        &["--load", "wave"][..],
        &["--from", "load.csv", "--load", "day"],
        &["--json", "--csv"],
        &["--start-time", "5"],
        &["--service-time", "0s"],
        &["--peak", "0"],
        &["--policies", "--policy", "hpa"],
        &["--out", "x"],
        &["--out", "x", "--csv"],
        &["--table", "--csv"],
    ] {
        assert_eq!(place.refuses(wrong).1, 2, "{wrong:?}");
    }
}

#[test]
fn a_front_end_without_a_pool_can_be_asked_too() {
    let place = Place::new();
    let file = sample(0, "");
    fs::write(place.path().join("alone.toml"), file).unwrap();
    let csv = place.prints(&["--config", "alone.toml", "--from", "load.csv", "--csv", "--policies"]);
    for row in &rows(&csv)[1..] {
        assert_eq!((row[3], row[7]), ("60.0", "0"), "{csv}");
    }
    assert!(place.prints(&["--config", "alone.toml", "--load", "step"]).contains("   1 │"));
}

#[test]
fn the_comparison_is_kept_as_markdown_and_csv() {
    let place = Place::new();
    let shown = place.prints(&["--table", "--out", "kept"]);
    let kept = |file| fs::read_to_string(place.path().join("kept").join(file)).unwrap();
    assert_eq!(kept("what-if.md"), shown);
    assert!(shown.starts_with("# What if\n\n`accordion what-if --table --out kept`\n"), "{shown}");
    let csv = kept("what-if.csv");
    let rows = rows(&csv);
    assert_eq!(
        rows[0].join(","),
        "load,start_time_s,queue_max,policy,overloaded_s,node_hours,decisions,flips,peak"
    );
    // Five loads, two start times: by four policies, and by two with a long queue.
    assert_eq!(rows.len(), 1 + 5 * 2 * 4 + 5 * 2 * 2);
    assert!(rows.iter().all(|row| row.len() == 9));
    for line in ["| flat | 2 s | ", "| day | 20 s | "] {
        assert_eq!(shown.matches(line).count(), 2, "{shown}");
    }
}
