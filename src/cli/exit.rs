//! How the program ends.

use std::process::ExitCode;

use crate::execute::journal::Ending;

/// What an exit code means, for the help, the manual pages and the documents.
pub struct Meaning {
    pub codes: &'static [u8],
    pub meaning: &'static str,
}

/// All codes with which quorate ends by itself.
pub const MEANINGS: &[Meaning] = &[
    Meaning {
        codes: &[0],
        meaning: "Done, or nothing to do. A run that stopped where `hold_before` says has done what was asked.",
    },
    Meaning {
        codes: &[1],
        meaning: "An error: of the command line, the spec, the hosts; a refusal; a run that failed; an apply that was \
                  not approved.",
    },
    Meaning {
        codes: &[2],
        meaning: "`plan -detailed-exitcode`: there are changes. `drift`: there is some. `status`: something is not \
                  well. `import`: a plan of the new spec does not say that there is nothing to do.",
    },
    Meaning { codes: &[3], meaning: "Only with `fmt -check`: a file is not formatted." },
    Meaning {
        codes: &[129, 130, 143],
        meaning: "A run was stopped by SIGHUP, by Ctrl-C (SIGINT), by SIGTERM: at a safe place; or, by a second \
                  signal, at once, and what it says then names any member that is down.",
    },
];

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
    fn every_code_has_one_meaning() {
        let signals = [Signal::Hangup, Signal::Interrupt, Signal::Terminate].map(Exit::Interrupted);
        let ends = [Exit::Success, Exit::Error, Exit::Changes, Exit::Found, Exit::Unformatted];
        let mut codes: Vec<u8> = ends.into_iter().chain(signals).map(Exit::code).collect();
        codes.dedup();
        let told: Vec<u8> = MEANINGS.iter().flat_map(|row| row.codes).copied().collect();
        assert_eq!(told, codes);
    }

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
