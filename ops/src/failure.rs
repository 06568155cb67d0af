//! How a command ends: an exit code for scripts, one clear line and a hint for people.

use std::fmt::Display;

/// The exit codes of every command, as `--help` documents them.
pub(crate) const EXIT_CODES: &str = "\
Exit codes:
  0  done; for verify and fsck: valid
  1  invalid, or the service refused it
  2  wrong usage, or a problem on this machine (a file, a port, a configuration)
  3  the service cannot be reached, or is not available now
  4  the log has contradicted itself: it signed two heads that cannot both be true";

/// What the process tells its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// Done, or valid.
    Done,
    /// Invalid, or refused by the service.
    Refused,
    /// Wrong usage or a local problem.
    Local,
    /// The service cannot be reached or is not available.
    Unreachable,
    /// The log signed two heads that cannot both be true.
    Contradicted,
}

impl Exit {
    /// The number the shell sees.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Refused => 1,
            Self::Local => 2,
            Self::Unreachable => 3,
            Self::Contradicted => 4,
        }
    }
}

/// Why a command could not do its work: one line, what to do about it, and the exit code.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) exit: Exit,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// Wrong usage, or a problem on this machine.
    pub(crate) fn local(message: impl Display) -> Self {
        Self { exit: Exit::Local, message: message.to_string(), hint: None }
    }

    /// The input is invalid, or the service said no.
    pub(crate) fn refused(message: impl Display) -> Self {
        Self { exit: Exit::Refused, message: message.to_string(), hint: None }
    }

    /// The service cannot be reached or is not available.
    pub(crate) fn unreachable(message: impl Display) -> Self {
        Self { exit: Exit::Unreachable, message: message.to_string(), hint: None }
    }

    /// The log has contradicted itself.
    pub(crate) fn contradicted(message: impl Display) -> Self {
        Self { exit: Exit::Contradicted, message: message.to_string(), hint: None }
    }

    /// Adds what the reader can do about it.
    pub(crate) fn hint(mut self, hint: impl Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::local(format!("{error:#}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn exit_codes_are_the_documented_ones() {
        let exits = [Exit::Done, Exit::Refused, Exit::Local, Exit::Unreachable, Exit::Contradicted];
        for (code, exit) in (0_u8..).zip(exits) {
            assert_eq!(exit.code(), code);
            assert!(EXIT_CODES.contains(&format!("\n  {code}  ")), "--help documents {code}");
        }
    }

    #[test]
    fn an_error_chain_becomes_one_line() {
        let error: Result<(), _> = Err(std::io::Error::other("disk on fire"));
        let failure = Failure::from(error.context("cannot write out.cose").unwrap_err());
        assert_eq!(failure.message, "cannot write out.cose: disk on fire");
        assert_eq!(failure.exit, Exit::Local);
    }
}
