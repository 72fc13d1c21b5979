//! Releases on a host: put there beside the running ones, checked, and tried on a member's own arguments.

use std::path::PathBuf;
use std::time::Duration;

use crate::host::{Host, HostError, Sent, Stored};
use crate::units::{Bytes, Sha256, Version};

use super::answer::{Answer, ask, clean};
use super::error::RuntimeError;
use super::scripts;
use super::site::{check_path, staged_path};

const SHORT: Duration = Duration::from_secs(60);

/// To read three binaries on a slow disk.
const DIGESTS: Duration = Duration::from_secs(300);

/// So often a file is sent whose connection is lost each time.
const MOST_SENDS: u32 = 4;

/// One program of a release, on the controller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// `etcd`, `etcdctl`, `etcdutl`.
    pub name: String,
    pub local: PathBuf,
    pub digest: Sha256,
}

/// Where a program of a release is on a host, and what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    pub path: String,
    pub sent: Sent,
    /// What the file was (device, inode, size, times) when its digest was checked; empty where the host cannot say.
    pub print: String,
}

/// Puts the programs of a release to `STORE/VERSION/NAME`. What is there with the right digest is not sent again.
pub async fn stage(
    host: &Host,
    store: &str,
    version: &Version,
    programs: &[Program],
    progress: &(dyn Fn(&str, Bytes) + Send + Sync),
) -> Result<Vec<Staged>, RuntimeError> {
    let store = check_path("store", store)?;
    let mut args = vec![store.clone(), version.to_string()];
    for program in programs {
        args.extend([check_program(&program.name)?.to_owned(), program.digest.to_string()]);
    }
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let answer = ask(host, scripts::FOLDER, &args, DIGESTS).await?;
    let there = answer.all("there");
    if there.len() != programs.len() {
        return Err(answer.broken("it has another number of programs", ""));
    }
    let mut staged = Vec::with_capacity(programs.len());
    for (program, there) in programs.iter().zip(there) {
        let path = staged_path(&store, version, &program.name);
        let (sent, print) = match there.split_once(' ') {
            Some(("yes", print)) => (Sent::AlreadyThere, print.to_owned()),
            _ => {
                let stored = send(host, program, &path, progress).await?;
                (Sent::Whole(stored.size), stored.print)
            }
        };
        staged.push(Staged { path, sent, print });
    }
    Ok(staged)
}

async fn send(
    host: &Host,
    program: &Program,
    path: &str,
    progress: &(dyn Fn(&str, Bytes) + Send + Sync),
) -> Result<Stored, RuntimeError> {
    let report = |sent| progress(&program.name, sent);
    let mut tries = 1;
    loop {
        match host.send_file_anew(&program.local, path, 0o755, program.digest, &report).await {
            // Nothing of a file that was cut short is kept.
            Err(HostError::Interrupted { .. }) if tries < MOST_SENDS => tries += 1,
            stored => return Ok(stored?),
        }
    }
}

fn check_program(name: &str) -> Result<&str, RuntimeError> {
    if !name.is_empty() && name.len() <= 32 && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return Ok(name);
    }
    let value = name.chars().take(80).collect();
    Err(RuntimeError::Value { what: "program", value, rule: "is not a plain name" })
}

/// The digests of files on a host, in order; `None` for one that is not there or cannot be read.
pub async fn check_staged(host: &Host, paths: &[&str]) -> Result<Vec<Option<Sha256>>, RuntimeError> {
    let answer = ask(host, scripts::DIGESTS, paths, DIGESTS).await?;
    let digests: Vec<Option<Sha256>> = answer.all("file").into_iter().map(|text| text.parse().ok()).collect();
    if digests.len() != paths.len() {
        return Err(answer.broken("it has another number of files", ""));
    }
    Ok(digests)
}

/// What is tried before a member is stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preflight {
    /// The new binary, as staged.
    pub binary: String,
    /// The account the member runs as: tried as that where it can be.
    pub user: Option<String>,
    /// The member's own arguments, exactly.
    pub args: Vec<String>,
    /// `ETCD_UNSUPPORTED_ARCH`, if the member has it.
    pub unsupported_arch: Option<String>,
    pub wanted: Version,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreflightOutcome {
    /// All arguments are known to the new binary, and it is the wanted one.
    Accepted { ran_as: String },
    /// The flag parser refuses: its complaint.
    Rejected { code: i32, complaint: String },
    /// Another version than the one that is wanted.
    WrongVersion { printed: String },
    /// It does not run at all: noexec, another architecture, a missing library.
    NotRunnable { code: i32, said: String },
}

/// Runs the new binary's own flag parser over the member's arguments. Nothing is started, no file is touched. Only
/// arguments are checked: etcd looks at its environment and its config file later.
pub async fn preflight(host: &Host, try_out: &Preflight) -> Result<PreflightOutcome, RuntimeError> {
    let binary = check_path("binary", &try_out.binary)?;
    for arg in &try_out.args {
        // `--version=false` would let it start.
        if arg.trim_start_matches('-').split('=').next() == Some("version") && arg.starts_with('-') {
            return Err(RuntimeError::Value { what: "argument", value: clean(arg), rule: "cannot be tried" });
        }
    }
    let user = try_out.user.as_deref().unwrap_or_default();
    let arch = try_out.unsupported_arch.as_deref().unwrap_or_default();
    let mut args = vec![binary.as_str(), user, arch];
    args.extend(try_out.args.iter().map(String::as_str));
    let answer = ask(host, scripts::PREFLIGHT, &args, SHORT).await?;
    tried(&answer, &try_out.wanted)
}

pub(super) fn tried(answer: &Answer, wanted: &Version) -> Result<PreflightOutcome, RuntimeError> {
    let said = answer.texts("said");
    let code = answer.need_number("code")?;
    Ok(judge(code, &said, wanted, clean(answer.need("ran-as")?)))
}

fn judge(code: i32, said: &[String], wanted: &Version, ran_as: String) -> PreflightOutcome {
    match code {
        0 => match printed_version(said) {
            Some(version) if version.parse().as_ref() == Ok(wanted) => PreflightOutcome::Accepted { ran_as },
            Some(version) => PreflightOutcome::WrongVersion { printed: version.to_owned() },
            None => PreflightOutcome::WrongVersion { printed: clean(&said.join("; ")) },
        },
        // timeout, env and the shell: 124 too long, 125 to 127 not started; above that, killed by a signal.
        124..=127 => PreflightOutcome::NotRunnable { code, said: clean(&said.join("; ")) },
        code if code > 128 => PreflightOutcome::NotRunnable { code, said: clean(&said.join("; ")) },
        code => PreflightOutcome::Rejected { code, complaint: complaint(said) },
    }
}

/// `etcd Version: 3.2.32`; etcd 2.x writes it the same way.
fn printed_version(said: &[String]) -> Option<&str> {
    said.iter().find_map(|line| line.trim().strip_prefix("etcd Version: ")).map(str::trim)
}

/// The lines that name the complaint; the usage text that follows is left out.
fn complaint(said: &[String]) -> String {
    let named = said.iter().find(|line| {
        ["flag provided but not defined", "invalid value", "is not a valid flag", "flag needs an argument", "error"]
            .iter()
            .any(|words| line.contains(words))
    });
    let text = named.or_else(|| said.iter().find(|line| !line.trim().is_empty()));
    text.map_or_else(|| "it said nothing".to_owned(), |line| clean(line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(code: i32, said: &str) -> PreflightOutcome {
        let said: Vec<String> = said.lines().map(str::to_owned).collect();
        judge(code, &said, &Version::new(3, 5, 33), "etcd".into())
    }

    #[test]
    fn the_printed_version_must_be_the_wanted_one() {
        let good = "etcd Version: 3.5.33\nGit SHA: x\nGo Version: go1.24";
        assert_eq!(outcome(0, good), PreflightOutcome::Accepted { ran_as: "etcd".into() });
        assert_eq!(outcome(0, "etcd Version: 3.4.23"), PreflightOutcome::WrongVersion { printed: "3.4.23".into() });
        assert_eq!(outcome(0, "hello"), PreflightOutcome::WrongVersion { printed: "hello".into() });
    }

    #[test]
    fn the_complaint_of_the_flag_parser_is_told_without_its_usage_text() {
        let said = "flag provided but not defined: -enable-v2\nUsage:\n\n  etcd [flags]";
        let complaint = "flag provided but not defined: -enable-v2".to_owned();
        assert_eq!(outcome(2, said), PreflightOutcome::Rejected { code: 2, complaint });
    }

    #[test]
    fn what_cannot_run_is_told_apart() {
        let said = "timeout: failed to run command '/x/etcd': Permission denied";
        assert!(
            matches!(outcome(126, said), PreflightOutcome::NotRunnable { code: 126, said } if said.contains("Permission"))
        );
        assert!(matches!(outcome(139, ""), PreflightOutcome::NotRunnable { code: 139, .. }));
    }
}
