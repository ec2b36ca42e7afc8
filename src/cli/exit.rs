//! How the program ends: exit codes as a type, and errors that carry one.

use std::fmt;
use std::process::ExitCode;

/// What the exit code says to scripts and schedulers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Exit {
    /// Everything asked for is there.
    Ok = 0,
    /// A step or a gate failed, or a verification found a difference.
    StepFailed = 1,
    /// The pipeline or the arguments are wrong.
    BadInput = 2,
    /// The store is damaged or locked.
    Store = 3,
    /// People must answer first.
    Waiting = 4,
    /// A root is absent.
    RootAbsent = 5,
    /// The person stopped it.
    Interrupted = 130,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

/// An error that ends the program with a code other than [`Exit::BadInput`].
#[derive(Debug)]
pub(super) struct Coded {
    exit: Exit,
    error: anyhow::Error,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Coded {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.error.source()
    }
}

/// Gives an error its exit code.
pub(super) fn coded(exit: Exit, error: impl Into<anyhow::Error>) -> anyhow::Error {
    Coded { exit, error: error.into() }.into()
}

/// What an error that reached the top means: `None` for a reader of ours that closed its pipe, which is no error.
pub(super) fn of(error: &anyhow::Error) -> Option<Exit> {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|io| io.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return None;
    }
    Some(error.chain().find_map(|cause| cause.downcast_ref::<Coded>()).map_or(Exit::BadInput, |coded| coded.exit))
}

#[cfg(test)]
mod tests {
    use anyhow::Context as _;

    use super::*;

    #[test]
    fn an_error_keeps_its_code_through_context() {
        let error = Err::<(), _>(coded(Exit::Store, anyhow::anyhow!("locked"))).context("cannot run").unwrap_err();
        assert_eq!(of(&error), Some(Exit::Store));
        assert_eq!(format!("{error:#}"), "cannot run: locked");
    }

    #[test]
    fn a_plain_error_is_bad_input() {
        assert_eq!(of(&anyhow::anyhow!("no such step")), Some(Exit::BadInput));
    }

    #[test]
    fn a_closed_pipe_is_a_quiet_end() {
        let error = anyhow::Error::from(std::io::Error::from(std::io::ErrorKind::BrokenPipe)).context("cannot print");
        assert_eq!(of(&error), None);
    }
}
