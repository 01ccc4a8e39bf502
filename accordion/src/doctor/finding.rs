//! What was looked at and how it is: one line each, with the remedy where there is something to mend.

use std::fmt;

use serde::Serialize;

/// How it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Verdict {
    /// As it should be.
    Ok,
    /// It works, and somebody should know.
    Warn,
    /// Something does not work.
    Fail,
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct Finding {
    pub(super) verdict: Verdict,
    /// The thing: "node c1", "service shop", "cluster.toml".
    pub(super) what: String,
    /// How it is.
    pub(super) says: String,
    /// What to do about it; none where it is as it should be.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) remedy: Option<String>,
}

impl Finding {
    pub(super) fn ok(what: &str, says: impl Into<String>) -> Self {
        Self { verdict: Verdict::Ok, what: what.to_owned(), says: says.into(), remedy: None }
    }

    pub(super) fn warn(what: &str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Warn, what: what.to_owned(), says: says.into(), remedy: Some(remedy.into()) }
    }

    pub(super) fn fail(what: &str, says: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { verdict: Verdict::Fail, ..Self::warn(what, says, remedy) }
    }
}

/// One line.
impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.verdict {
            Verdict::Ok => "ok",
            Verdict::Warn => "warn",
            Verdict::Fail => "fail",
        };
        write!(formatter, "{word:<4}  {}: {}", self.what, self.says)?;
        match &self.remedy {
            Some(remedy) => write!(formatter, "; {remedy}"),
            None => Ok(()),
        }
    }
}
