//! How the program ends.

use std::process::ExitCode;

use crate::execute::journal::Ending;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    Success,
    Error,
    /// Only of `plan -detailed-exitcode`.
    Changes,
    /// Of `drift` and `status`: something is not as it is declared, or not well.
    Found,
    /// Only of `fmt -check`.
    Unformatted,
    Interrupted(Signal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    Hangup,
    Interrupt,
    Terminate,
}

impl Exit {
    #[must_use]
    pub fn code(self) -> u8 {
        match self {
            Self::Success => 0,
            Self::Error => 1,
            Self::Changes | Self::Found => 2,
            Self::Unformatted => 3,
            // 128 and the number of the signal, as shells say it.
            Self::Interrupted(Signal::Hangup) => 129,
            Self::Interrupted(Signal::Interrupt) => 130,
            Self::Interrupted(Signal::Terminate) => 143,
        }
    }

    /// Of a run. One that is held did what was asked.
    #[must_use]
    pub fn of(ending: &Ending) -> Self {
        match ending {
            Ending::Succeeded | Ending::Held { .. } => Self::Success,
            Ending::Failed { .. } => Self::Error,
            Ending::Interrupted { signal } => Self::Interrupted(match signal.trim_start_matches("SIG") {
                "TERM" => Signal::Terminate,
                "HUP" => Signal::Hangup,
                // Ctrl-C is what stops a run by hand.
                _ => Signal::Interrupt,
            }),
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_ends_with_the_code_of_its_ending() {
        let interrupted = |signal: &str| Exit::of(&Ending::Interrupted { signal: signal.to_owned() }).code();
        assert_eq!(Exit::of(&Ending::Succeeded).code(), 0);
        assert_eq!(interrupted("SIGINT"), 130);
        assert_eq!(interrupted("SIGTERM"), 143);
        assert_eq!(interrupted("SIGHUP"), 129);
        let failed = Ending::Failed { step: None, reason: String::new(), rolled_back: None, todo: Vec::new() };
        assert_eq!(Exit::of(&failed).code(), 1);
    }
}
