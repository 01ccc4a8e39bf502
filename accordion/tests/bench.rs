//! `accordion bench proxy` where the machine lacks what it needs: it says so and starts nothing.

use std::process::Command;

#[test]
fn missing_tools_are_named_with_their_packages_before_anything_is_started() {
    let out = std::env::temp_dir().join(format!("bench-out-{}", std::process::id()));
    let mut bench = Command::new(env!("CARGO_BIN_EXE_accordion"));
    bench.args(["bench", "proxy", "--quick", "--out"]).arg(&out).env("PATH", "/nonexistent");
    let output = bench.output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(69), "{said}");
    assert!(said.starts_with("accordion bench: not found: "), "{said}");
    let (names, packages) = said.split_once("; install with: apt install ").unwrap();
    assert!(["wrk", "ab", "slowhttptest"].iter().all(|name| names.contains(name)), "{said}");
    assert!(["wrk", "apache2-utils", "slowhttptest"].iter().all(|name| packages.contains(name)), "{said}");
    assert!(!out.exists());
}

#[test]
fn a_row_that_does_not_exist_is_refused_with_those_that_do() {
    let mut bench = Command::new(env!("CARGO_BIN_EXE_accordion"));
    let output = bench.args(["bench", "proxy", "--only", "keep-alive"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(["keep-alive-1k", "idle", "slow"].iter().all(|row| said.contains(row)), "{said}");
}
