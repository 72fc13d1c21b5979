//! What the state remembers: the last run, the newest backup. And what is known of the data being replaced.

use std::time::Duration;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::drift::judge::{Judge, Judged, Words, one};
use crate::drift::{Check, Finding, Input, LastRun, RunOutcome};
use crate::plan::model::Refusal;
use crate::plan::replacing::{self, Notes};
use crate::plan::survey::Survey;
use crate::units::{Age, Span};

pub fn check(input: &Input<'_>, survey: &Survey<'_>, judge: &mut Judge) {
    judge.take(Check::ReplacementUnderWay, None, replacement(input));
    judge.take(Check::RunFinished, None, last_run(input, survey));
    if let Some(bound) = input.policy.backup {
        judge.take(Check::BackupRecent, None, newest_backup(input, bound));
    }
}

fn replacement(input: &Input<'_>) -> Judged {
    match replacing::notes(input.inventory) {
        Notes::None => {
            let unseen: Vec<&str> = input
                .inventory
                .members
                .iter()
                .filter(|view| view.host.known().is_none())
                .map(|view| view.name.as_str())
                .collect();
            if unseen.is_empty() {
                Ok(Vec::new())
            } else {
                Err(format!("the hosts of {} cannot be seen", unseen.join(", ")))
            }
        }
        // The planner says which run began it, and by which command it is finished.
        Notes::One(_) | Notes::Wrong(_) => {
            let told = replacing::refusals(input.inventory).into_iter();
            let words = |refusal: Refusal| {
                Words::new("nobody replaces the data of the cluster", refusal.seen)
                    .todo(format!("{}; until then start no member by hand", refusal.fix))
            };
            Ok(told.map(words).collect())
        }
    }
}

/// While the data of all members is replaced, some have old data and some new: one that is started by hand may serve what is about
/// to be thrown away.
pub fn holds_back(input: &Input<'_>, findings: &mut [Finding]) {
    if replacing::notes(input.inventory) == Notes::None {
        return;
    }
    // To reach every host, and to be let in, is what finishing it takes.
    let stays = [Check::ReplacementUnderWay, Check::HostReachable, Check::LetIn];
    for finding in findings.iter_mut().filter(|finding| !stays.contains(&finding.check)) {
        finding.todo =
            format!("first finish what is under way ({}); do not start it by hand", Check::ReplacementUnderWay.name());
    }
}

/// One that did not succeed is told as long as the cluster is not what is declared now.
fn last_run(input: &Input<'_>, survey: &Survey<'_>) -> Judged {
    let LastRun { id, outcome } = match &input.memory.last_run {
        Ok(Some(run)) => run,
        Ok(None) => return Ok(Vec::new()),
        Err(why) => return one(Some(Words::new("the runs that are kept can be read", why))),
    };
    let how = match outcome {
        RunOutcome::Succeeded | RunOutcome::UnderWay => return Ok(Vec::new()),
        RunOutcome::Held => "was held before the point of no return".to_owned(),
        RunOutcome::Interrupted { signal } => format!("was interrupted by {signal}"),
        RunOutcome::Failed { reason } => format!("failed: {reason}"),
        RunOutcome::Died => "ended without a word: its controller died".to_owned(),
        RunOutcome::Unreadable { reason } => format!("cannot be read: {reason}"),
    };
    if is_as_declared(input, survey) {
        return Ok(Vec::new());
    }
    one(Some(Words::new("the last run has succeeded", format!("run {id} {how}"))))
}

/// All members serve, run the declared version, and the cluster version is its minor: then whatever a run left undone was
/// done since, or is wanted no more.
fn is_as_declared(input: &Input<'_>, survey: &Survey<'_>) -> bool {
    let wanted = &input.cluster.version;
    survey.members.iter().all(|member| {
        member.etcd().is_some_and(|etcd| {
            etcd.server_version == *wanted
                && etcd.cluster_version.as_ref().is_some_and(|version| version.minor() == wanted.minor())
        })
    })
}

fn newest_backup(input: &Input<'_>, bound: Age) -> Judged {
    let declared = format!("a backup that is no older than {bound}");
    let backup = match &input.memory.newest_backup {
        Ok(Some(backup)) => backup,
        Ok(None) => return one(Some(Words::new(declared, "no backup of this cluster"))),
        Err(why) => return one(Some(Words::new(declared, why))),
    };
    let Some(age) = age(&backup.taken_at, input.now) else {
        let found = format!("backup {} does not say when it was taken", backup.id);
        return one(Some(Words::new(declared, found)));
    };
    one((age > bound.duration()).then(|| {
        Words::new(declared, format!("the newest, {}, is of {}, {} ago", backup.id, backup.taken_at, shown(age)))
    }))
}

/// How long ago a moment was. One in the future is not long ago.
pub fn age(moment: &str, now: OffsetDateTime) -> Option<Duration> {
    let moment = OffsetDateTime::parse(moment, &Rfc3339).ok()?;
    Some(Duration::try_from(now - moment).unwrap_or_default())
}

/// Days for what is longer than two, else hours and minutes.
pub fn shown(time: Duration) -> String {
    const DAY: u64 = 24 * 3600;
    match time.as_secs() {
        seconds if seconds >= 2 * DAY => format!("{} days", seconds / DAY),
        seconds if seconds >= 60 => Span::from_secs(seconds / 60 * 60).to_string(),
        seconds => Span::from_secs(seconds).to_string(),
    }
}
