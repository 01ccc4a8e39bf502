//! Which load-manager may set the child_list: the newest that spoke. One that slept through its
//! successor's start would otherwise take from it what it serves with. Pure.

/// The number of the newest load-manager's life.
#[derive(Debug, Default)]
pub(crate) struct Fence {
    newest: u64,
    /// Another process of this front end is asked now.
    is_given_up: bool,
}

/// Somebody newer has spoken.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("load-manager {offered} of this front end was followed by {newest}")]
pub(crate) struct Fenced {
    offered: u64,
    newest: u64,
}

impl Fence {
    /// The newest that has spoken, for a successor.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// A successor has the list: nobody is to change it here.
    pub(crate) fn give_up(&mut self) {
        self.is_given_up = true;
    }

    /// Whether a successor has it.
    pub(crate) fn is_given_up(&self) -> bool {
        self.is_given_up
    }

    /// Lets the newest through, and those who do not say which they are.
    pub(crate) fn pass(&mut self, incarnation: u64) -> Result<(), Fenced> {
        if incarnation != 0 && incarnation < self.newest {
            return Err(Fenced { offered: incarnation, newest: self.newest });
        }
        self.newest = self.newest.max(incarnation);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_load_manager_is_refused_once_a_newer_one_has_spoken() {
        let mut fence = Fence::default();
        assert_eq!(fence.pass(7), Ok(()));
        assert_eq!(fence.pass(8), Ok(()));
        assert_eq!(fence.pass(7), Err(Fenced { offered: 7, newest: 8 }));
        assert_eq!(fence.pass(8), Ok(()));
    }

    #[test]
    fn one_that_does_not_say_which_it_is_passes_and_fences_nobody() {
        let mut fence = Fence::default();
        fence.pass(7).unwrap();
        assert_eq!(fence.pass(0), Ok(()));
        assert_eq!(fence.pass(7), Ok(()));
    }
}
