//! Evidence of the benchmarks: `e2e/runs/<date>-<machine>/`.

use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Keeps a summary as `<bench>.md`, with the command and the machine above it; answers the folder, for
/// raw figures beside it.
///
/// # Panics
/// When the folder cannot be written.
pub fn keep(bench: &str, title: &str, summary: &str) -> PathBuf {
    keep_of(&format!("cargo bench -p e2e --bench {bench}"), bench, title, summary)
}

/// Keeps what another command gave, as `<name>.md`.
///
/// # Panics
/// When the folder cannot be written.
pub fn keep_of(command: &str, name: &str, title: &str, summary: &str) -> PathBuf {
    let today = humantime::format_rfc3339_seconds(SystemTime::now()).to_string();
    let today = today.split('T').next().unwrap_or_default();
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let arch = std::env::consts::ARCH;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("runs").join(format!("{today}-{cpus}cpu-{arch}"));
    std::fs::create_dir_all(&folder).expect("the folder of runs is writable");
    let text = format!("# {title}\n\n`{command}`, {today}, {cpus} CPUs, {arch}.\n\n{summary}");
    std::fs::write(folder.join(format!("{name}.md")), text).expect("the folder of runs is writable");
    folder
}
