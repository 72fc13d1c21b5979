//! Runs the probe on a host and reads its answer.

use std::time::Duration;

use crate::host::{Host, HostError, Output, Privilege, Script};
use crate::observe::answer::Answer;
use crate::observe::member::{Account, Look};
use crate::observe::records::{self, RecordError};
use crate::observe::{systemd, text};
use crate::spec::model::{Member, Runtime};

pub const SCRIPT: &str = include_str!("probe.sh");

/// Where releases are staged on hosts with systemd.
const SYSTEM_STORE: &str = "/usr/local/lib/quorate";

#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error(transparent)]
    Host(#[from] HostError),
    #[error("{host}: {problem}{told}")]
    Answer { host: String, problem: RecordError, told: String },
}

/// What a probe is asked, besides particular paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    mode: &'static str,
    name: String,
    object: String,
    dir: String,
    store: String,
}

impl Question {
    pub fn about(member: &Member, runtime: &Runtime) -> Self {
        match runtime {
            Runtime::Systemd(systemd) => Self {
                mode: "systemd",
                name: systemd.unit.clone(),
                object: systemd::object_path(&systemd.unit),
                dir: "-".to_owned(),
                store: SYSTEM_STORE.to_owned(),
            },
            Runtime::Process(process) => {
                let dir = process.dir.trim_end_matches('/').to_owned();
                Self {
                    mode: "process",
                    name: member.name.to_string(),
                    object: "-".to_owned(),
                    store: format!("{dir}/.quorate"),
                    dir,
                }
            }
        }
    }

    /// Only particular paths; whether the account that the member runs as can read them is part of it.
    pub fn paths_only(account: Option<&Account>) -> Self {
        let or_none =
            |part: Option<&String>| part.filter(|part| !part.is_empty()).map_or("-", String::as_str).to_owned();
        Self {
            mode: "look",
            name: or_none(account.map(|account| &account.user)),
            object: or_none(account.map(|account| &account.group)),
            dir: or_none(account.map(|account| &account.groups)),
            store: "-".to_owned(),
        }
    }

    /// The arguments of the script.
    pub fn args(&self, nonce: &str, looks: &[Look], known: &[String]) -> Vec<String> {
        let fixed = [nonce, self.mode, &self.name, &self.object, &self.dir, &self.store];
        let looks = looks.iter().map(|(kind, path)| format!("{}={path}", kind.word()));
        fixed.into_iter().map(str::to_owned).chain(looks).chain(known.iter().cloned()).collect()
    }
}

/// One exchange with a host. `known` are the arguments for files that need not be read again.
pub async fn run(
    host: &Host,
    question: &Question,
    looks: &[Look],
    known: &[String],
    nonce: &str,
    deadline: Duration,
) -> Result<Answer, ProbeError> {
    let script = Script { name: "probe", text: SCRIPT, privilege: Privilege::Elevated, deadline };
    let args = question.args(nonce, looks, known);
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let output = host.script(&script, &args).await?;
    read(&output, nonce).map_err(|problem| ProbeError::Answer {
        host: host.label().to_owned(),
        problem,
        told: complaint(&output),
    })
}

pub fn read(output: &Output, nonce: &str) -> Result<Answer, RecordError> {
    Ok(Answer::read(&records::parse(&output.stdout, nonce)?))
}

/// How the script ended, where that tells something.
fn complaint(output: &Output) -> String {
    let status = match output.status {
        Some(0) => String::new(),
        Some(status) => format!("; it ended with exit status {status}"),
        None => "; it was ended by a signal".to_owned(),
    };
    if output.stderr.is_empty() { status } else { format!("{status}; it said: {}", text::shown(&output.stderr)) }
}
