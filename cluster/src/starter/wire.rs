//! What a daemon asks of the starter and what it is answered: a line each. The files of a start come with its
//! line.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use super::mark::Mark;
use crate::config::is_name;

/// A longer request is none.
pub(crate) const REQUEST_BYTES_MAX: usize = 256;

/// From a daemon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    /// A copy is to run.
    Start(Start),
    /// The copy that got this mark is to be gone.
    End { service: String, mark: Mark },
}

/// One copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Start {
    /// Which service of cluster.toml.
    pub(crate) service: String,
    /// What the copy is known by.
    pub(crate) mark: Mark,
    /// Where it is to listen.
    pub(crate) address: SocketAddr,
}

/// From the starter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The guard of the copy runs, as this process, and has the files.
    Started(u32),
    /// No process of the copy is left.
    Ended,
    /// It was refused or failed: a sentence.
    Fault(String),
}

/// A line that is none of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a line of the starter or of its askers")]
pub(crate) struct Garbled;

impl fmt::Display for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Start(Start { service, mark, address }) => write!(f, "start {service} {mark} {address}"),
            Self::End { service, mark } => write!(f, "end {service} {mark}"),
        }
    }
}

impl FromStr for Request {
    type Err = Garbled;

    /// Only a whole line, and of the service only what may be part of a unit's name.
    fn from_str(line: &str) -> Result<Self, Garbled> {
        let line = line.strip_suffix('\n').ok_or(Garbled)?;
        let words: Vec<&str> = line.split(' ').collect();
        let service = |name: &str| if is_name(name) { Ok(name.to_owned()) } else { Err(Garbled) };
        let mark = |mark: &str| mark.parse().map_err(|_| Garbled);
        match words[..] {
            ["start", name, word, address] => Ok(Self::Start(Start {
                service: service(name)?,
                mark: mark(word)?,
                address: address.parse().map_err(|_| Garbled)?,
            })),
            ["end", name, word] => Ok(Self::End { service: service(name)?, mark: mark(word)? }),
            _ => Err(Garbled),
        }
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started(pid) => write!(f, "started {pid}"),
            Self::Ended => f.write_str("ended"),
            Self::Fault(fault) => write!(f, "fault {}", fault.replace('\n', " ")),
        }
    }
}

impl FromStr for Answer {
    type Err = Garbled;

    fn from_str(line: &str) -> Result<Self, Garbled> {
        let line = line.trim_end();
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "started" => rest.parse().map(Self::Started).map_err(|_| Garbled),
            "ended" => Ok(Self::Ended),
            "fault" => Ok(Self::Fault(rest.to_owned())),
            _ => Err(Garbled),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MARK: &str = "0123456789abcdef";

    #[test]
    fn every_line_is_read_as_it_was_written() {
        let mark: Mark = MARK.parse().unwrap();
        let service = "my-shop".to_owned();
        let address = "127.0.0.1:20007".parse().unwrap();
        for request in [
            Request::Start(Start { service: service.clone(), mark, address }),
            Request::Start(Start { service: service.clone(), mark, address: "[::1]:20007".parse().unwrap() }),
            Request::End { service, mark },
        ] {
            assert_eq!(format!("{request}\n").parse(), Ok(request));
        }
        for answer in [Answer::Started(7), Answer::Ended, Answer::Fault("it went wrong".to_owned())] {
            assert_eq!(format!("{answer}\n").parse(), Ok(answer));
        }
    }

    #[test]
    fn a_request_that_is_not_whole_or_names_what_is_no_service_is_refused() {
        for line in [
            "".to_owned(),
            "\n".to_owned(),
            format!("start shop {MARK} 127.0.0.1:20007"),
            format!("start shop {MARK} 127.0.0.1\n"),
            format!("start ../shop {MARK} 127.0.0.1:20007\n"),
            format!("start shop.service {MARK} 127.0.0.1:20007\n"),
            "start shop x 127.0.0.1:20007\n".to_owned(),
            format!("start shop {MARK} 127.0.0.1:20007 sh\n"),
            format!("end shop {MARK}x\n"),
            format!("end * {MARK}\n"),
            format!("end shop {MARK}\nend shop {MARK}\n"),
            format!("stop shop {MARK}\n"),
        ] {
            assert_eq!(line.parse::<Request>(), Err(Garbled), "{line:?}");
        }
    }
}
