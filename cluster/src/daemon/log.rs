//! Events of a daemon on stderr: lines for people (`TIME LEVEL target: message field=value`), JSON for
//! machines, or entries of the journal with a field each.

use std::env;
use std::io::{self, IsTerminal};

use rustix::fs::{Stat, fstat};
use tracing::warn;
use tracing_journald::{Priority, PriorityMappings};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt};

use super::LogFormat;

/// Before the names of an event's fields in the journal, so that none is taken for one of the journal's own.
const FIELD_PREFIX: &str = "ACCORDION";

/// Begins to log. A second call changes nothing, which lets tests start several daemons in a process.
pub(super) fn to_stderr(format: LogFormat) {
    let (layer, lacking) = match format {
        LogFormat::Text => (text(), None),
        LogFormat::Json => (fmt::layer().with_writer(io::stderr).json().flatten_event(true).boxed(), None),
        // Text arrives in the journal too, as one field.
        LogFormat::Auto if is_journal_here() => (journal().unwrap_or_else(|_| text()), None),
        LogFormat::Auto => (text(), None),
        LogFormat::Journal => match journal() {
            Ok(layer) => (layer, None),
            Err(error) => (text(), Some(error)),
        },
    };
    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    // The error says that logging has begun already.
    let _ = tracing_subscriber::registry().with(layer.with_filter(filter)).try_init();
    if let Some(error) = lacking {
        warn!("no journal takes entries here, so that they are lines on stderr: {error}");
    }
}

type Boxed = Box<dyn Layer<Registry> + Send + Sync>;

fn text() -> Boxed {
    // https://no-color.org: set and not empty means no.
    let is_coloured =
        io::stderr().is_terminal() && env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    fmt::layer().with_writer(io::stderr).with_ansi(is_coloured).boxed()
}

fn journal() -> io::Result<Boxed> {
    // As systemd's own daemons do: notice is for what an operator should look at.
    let priorities =
        PriorityMappings { info: Priority::Informational, debug: Priority::Debug, ..PriorityMappings::new() };
    let layer = tracing_journald::layer()?
        .with_field_prefix(Some(FIELD_PREFIX.to_owned()))
        .with_priority_mappings(priorities);
    Ok(layer.boxed())
}

/// Whether stderr goes to the journal: systemd says which file that is in JOURNAL_STREAM, and whoever
/// was given another stderr since inherits the variable all the same (systemd.exec(5)).
fn is_journal_here() -> bool {
    let named = env::var("JOURNAL_STREAM").ok();
    fstat(io::stderr()).is_ok_and(|stat| is_journal(named.as_deref(), &stat))
}

fn is_journal(named: Option<&str>, stderr: &Stat) -> bool {
    let named = named.and_then(|named| {
        let (device, inode) = named.split_once(':')?;
        Some((device.parse().ok()?, inode.parse().ok()?))
    });
    named == Some((stderr.st_dev, stderr.st_ino))
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;

    #[test]
    fn stderr_is_the_journal_only_where_it_is_the_file_that_systemd_named() {
        let stat = |file| fstat(file).unwrap();
        let (here, other) = (stat(File::open("/dev/null").unwrap()), stat(tempfile::tempfile().unwrap()));
        let named = format!("{}:{}", here.st_dev, here.st_ino);
        assert!(is_journal(Some(&named), &here));
        assert!(!is_journal(Some(&named), &other));
        assert!(!is_journal(None, &here));
        for odd in ["", "8", "8:", ":9", "8:x", &format!("{named}:1")] {
            assert!(!is_journal(Some(odd), &here), "{odd:?}");
        }
    }
}
