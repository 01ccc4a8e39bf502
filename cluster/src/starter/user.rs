//! The user as whom a service is to run, as the system knows it: by getent(1), so that users of a directory
//! service count as well.

use std::process::{Command, Stdio};

const ROOT: &str = "root";

/// Where getent says that there is no such name.
const NOT_FOUND: i32 = 2;

/// A user of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// What it is called.
    pub name: String,
    /// Its number.
    pub uid: u32,
}

/// Why a service cannot run as a user.
#[derive(Debug, thiserror::Error)]
pub enum UserFault {
    /// There is none of that name.
    #[error("there is no user {0:?} on this machine")]
    Unknown(String),
    /// The system does not say.
    #[error("whether there is a user {0:?} is not known: {1}")]
    NotKnown(String, String),
    /// It could read the daemon's keys and act in its name.
    #[error("user {0:?} is the daemon's own; write another one as user into cluster.toml")]
    Daemon(String),
    /// Root is only ever called by its name.
    #[error("user {0:?} is root by another name; write \"root\" as user into cluster.toml if that is meant")]
    HiddenRoot(String),
}

impl User {
    /// The user of that name.
    ///
    /// # Errors
    /// There is none.
    pub fn of(name: &str) -> Result<Self, UserFault> {
        let not_known = |error: String| UserFault::NotKnown(name.to_owned(), error);
        let asked = Command::new("getent").args(["passwd", "--", name]).stdin(Stdio::null()).output();
        let asked = asked.map_err(|error| not_known(format!("getent: {error}")))?;
        if asked.status.code() == Some(NOT_FOUND) {
            return Err(UserFault::Unknown(name.to_owned()));
        }
        let line = String::from_utf8_lossy(&asked.stdout).into_owned();
        let user = Self::parse(&line).filter(|user| user.name == name);
        user.ok_or_else(|| not_known(format!("getent ended with {}", asked.status)))
    }

    /// A line of passwd(5).
    fn parse(line: &str) -> Option<Self> {
        let mut fields = line.trim_end().split(':');
        let name = fields.next()?.to_owned();
        Some(Self { name, uid: fields.nth(1)?.parse().ok()? })
    }

    /// Whether a service may run as this user whose daemon is that one.
    pub(super) fn is_fit(&self, daemon_uid: u32) -> Result<(), UserFault> {
        if self.uid == daemon_uid {
            return Err(UserFault::Daemon(self.name.clone()));
        }
        if self.uid == 0 && self.name != ROOT {
            return Err(UserFault::HiddenRoot(self.name.clone()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_is_known_by_name_and_one_that_is_not_there_is_said() {
        assert_eq!(User::of("root").unwrap(), User { name: "root".to_owned(), uid: 0 });
        let fault = User::of("no-such-user-here").unwrap_err().to_string();
        assert_eq!(fault, "there is no user \"no-such-user-here\" on this machine");
        // getent takes numbers for names.
        assert!(User::of("0").is_err());
    }

    #[test]
    fn neither_the_daemons_own_user_nor_root_by_another_name_will_do() {
        let user = |name: &str, uid| User { name: name.to_owned(), uid };
        assert!(user("shop", 1000).is_fit(998).is_ok());
        assert!(user("root", 0).is_fit(998).is_ok());
        assert!(matches!(user("also-accordion", 998).is_fit(998), Err(UserFault::Daemon(_))));
        assert!(matches!(user("toor", 0).is_fit(998), Err(UserFault::HiddenRoot(_))));
    }
}
