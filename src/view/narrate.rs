//! Events of a run as sentences: what happened, and what is going on right now.

use std::collections::BTreeMap;
use std::time::Duration;

use super::availability;
use super::page::Tone;
use super::phrases::{effect, effect_name, joined, title};
use super::step::subject;
use super::words::{count, grouped, milliseconds, transfer};
use crate::execute::availability::Answers;
use crate::execute::event::Event;
use crate::execute::journal::{Detail, Effect, EffectResult, Entry, GateStage, KeysCompared, Line};
use crate::plan::model::{Action, Plan, StepId};
use crate::units::{Bytes, MemberName};

/// One thing to tell. Texts are not escaped yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Utterance {
    /// Happened: stays on the terminal.
    Said { tone: Tone, text: String, below: Vec<String> },
    /// Goes on: replaced by the next one of the same place.
    Doing { place: Place, pace: Pace, text: String },
    /// Nothing goes on there any more; without a member: in the whole step.
    Over(Place),
}

/// Where something goes on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub step: StepId,
    pub member: Option<MemberName>,
}

/// How often it is worth a line in a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each one.
    Once,
    /// One now and then: it comes many times a second.
    Often,
}

/// Turns events into sentences; remembers when transfers began, for their rates.
pub struct Narrator {
    /// Titles of the steps, in order.
    titles: BTreeMap<StepId, String>,
    actions: BTreeMap<StepId, Action>,
    transfers: BTreeMap<(Place, String), (Duration, Bytes)>,
}

impl Narrator {
    /// Without a plan, steps have no numbers and no titles.
    pub fn new(plan: Option<&Plan>) -> Self {
        let steps = || plan.into_iter().flat_map(Plan::steps);
        Self {
            titles: steps().map(|step| (step.id, title(&step.action))).collect(),
            actions: steps().map(|step| (step.id, step.action.clone())).collect(),
            transfers: BTreeMap::new(),
        }
    }

    /// `elapsed` is the time since the run began, on a clock that does not jump.
    pub fn tell(&mut self, event: &Event, elapsed: Duration) -> Vec<Utterance> {
        match event {
            Event::Journal(line) => self.tell_journal(line),
            Event::Waiting { step, for_what, waited_ms, bound_ms } => {
                vec![Utterance::Doing {
                    place: Place { step: *step, member: None },
                    pace: Pace::Often,
                    text: format!("{}{}", self.tag(*step), waiting(for_what, *waited_ms, *bound_ms)),
                }]
            }
            Event::Progress { step, member, what, done, total } => {
                let place = Place { step: *step, member: member.clone() };
                let rate = self.transferred(&place, what, *done, *total, elapsed);
                vec![Utterance::Doing {
                    pace: Pace::Often,
                    text: format!("{}{}{what}: {rate}", self.tag(*step), of(member.as_ref())),
                    place,
                }]
            }
            Event::UnexpectedLog { member, lines, left_out } => {
                let number = lines.len() as u64 + left_out;
                let number = usize::try_from(number).unwrap_or(usize::MAX);
                let text = format!(
                    "{member}: {} in its log (shown at the end)",
                    count(number, "unexpected line", "unexpected lines")
                );
                vec![said(Tone::Warn, text)]
            }
            // Drawn, not told.
            Event::Strip { .. } => Vec::new(),
            Event::Notice { text } => vec![said(Tone::Plain, text.clone())],
        }
    }

    /// `[4/7] `.
    fn tag(&self, step: StepId) -> String {
        self.titles.keys().next_back().map(|last| format!("[{}/{}] ", step.0, last.0)).unwrap_or_default()
    }

    fn title(&self, step: StepId) -> &str {
        self.titles.get(&step).map_or("a step", String::as_str)
    }

    fn transferred(&mut self, place: &Place, what: &str, done: Bytes, total: Option<Bytes>, now: Duration) -> String {
        let (began, first) = *self.transfers.entry((place.clone(), what.to_owned())).or_insert((now, done));
        // What was there before the first report took no time that we saw.
        let moved = Bytes(done.0.saturating_sub(first.0));
        let elapsed = now.saturating_sub(began);
        if moved.0 == 0 || elapsed.is_zero() {
            return transfer(done, total, Duration::ZERO);
        }
        // The time that all of it would have taken at the rate seen.
        let scaled = elapsed.as_millis().saturating_mul(u128::from(done.0)) / u128::from(moved.0);
        transfer(done, total, Duration::from_millis(u64::try_from(scaled).unwrap_or(u64::MAX)))
    }

    fn tell_journal(&self, line: &Line) -> Vec<Utterance> {
        match &line.entry {
            Entry::RunStarted { run, cluster, plan, who, controller, pid } => {
                let text = format!(
                    "run {run} of cluster {cluster}, plan {}, by {who} on {controller} (pid {pid})",
                    plan.short()
                );
                vec![said(Tone::Strong, text)]
            }
            Entry::ReadyFor { step, leader, waited_ms, .. } => self.ready(*step, leader.as_ref(), *waited_ms),
            Entry::Intent { step, effect: what } => self.intent(*step, what),
            Entry::Outcome { step, effect: what, result, took_ms } => self.outcome(*step, what, result, *took_ms),
            Entry::StepDone { step, waited_ms, .. } => {
                let text = format!("{}{}: done{}", self.tag(*step), self.title(*step), waited(*waited_ms));
                vec![over(*step), said(Tone::Good, text)]
            }
            Entry::StepUndone { step, waited_ms, .. } => {
                let text = format!(
                    "{}{}: put back, it serves again{}",
                    self.tag(*step),
                    self.title(*step),
                    waited(*waited_ms)
                );
                vec![over(*step), said(Tone::Warn, text)]
            }
            Entry::GateFailed { step, stage, reasons, waited_ms, .. } => {
                let when = match stage {
                    GateStage::Before => "nothing was done yet, and these do not hold",
                    GateStage::After => "it was done, and these do not hold",
                    GateStage::Undo => "the old binary was put back, and these do not hold",
                };
                let waited = waited(*waited_ms);
                let text = format!("{}{}: {when}{waited}:", self.tag(*step), self.title(*step));
                vec![over(*step), Utterance::Said { tone: Tone::Bad, text, below: reasons.clone() }]
            }
            Entry::StopRequested { signal } => {
                let text = format!(
                    "{signal}: the operation in hand is brought to a safe end, then the run stops; once more stops it at once"
                );
                vec![said(Tone::Warn, text)]
            }
            Entry::LockLost { reason } => {
                let text = format!(
                    "{reason}: somebody else could be at work; what is in hand is brought to a safe end, then the run stops"
                );
                vec![said(Tone::Bad, text)]
            }
            Entry::Availability { step: Some(step), answers } => self.availability(*step, answers),
            Entry::StallTooLong { step, stalled_ms, bound_ms } => {
                vec![said(Tone::Bad, availability::stall_too_long(*step, *stalled_ms, *bound_ms))]
            }
            // The summary tells.
            Entry::Availability { step: None, .. } => Vec::new(),
            Entry::RunEnded { .. } => Vec::new(),
        }
    }

    fn ready(&self, step: StepId, leader: Option<&MemberName>, waited_ms: u64) -> Vec<Utterance> {
        let leads = leader.map(|leader| format!("; {leader} leads")).unwrap_or_default();
        let text = format!("{}{}: ready{}{leads}", self.tag(step), self.title(step), waited(waited_ms));
        vec![over(step), said(Tone::Strong, text)]
    }

    /// No more than what was unusual.
    fn availability(&self, step: StepId, answers: &Answers) -> Vec<Utterance> {
        let in_hand = self.actions.get(&step).and_then(subject);
        let told = availability::unusual(answers, in_hand);
        told.map(|told| said(Tone::Warn, format!("{}clients: {told}", self.tag(step)))).into_iter().collect()
    }

    fn intent(&self, step: StepId, what: &Effect) -> Vec<Utterance> {
        let (member, text) = effect(what, self.actions.get(&step));
        let place = Place { step, member: member.cloned() };
        let text = format!("{}{}{text}", self.tag(step), of(member));
        vec![Utterance::Doing { place, pace: Pace::Once, text }]
    }

    fn outcome(&self, step: StepId, what: &Effect, result: &EffectResult, took_ms: u64) -> Vec<Utterance> {
        let (member, doing) = effect(what, self.actions.get(&step));
        let place = Place { step, member: member.cloned() };
        let head = format!("{}{}", self.tag(step), of(member));
        let name = effect_name(what);
        let told = match result {
            EffectResult::Done { detail } => {
                // That a member has started says nothing of which binary it was.
                let why = match what {
                    Effect::PutBack { .. } => format!("{name}: "),
                    _ => String::new(),
                };
                said(Tone::Plain, format!("{head}{why}{} ({})", done(detail, &doing), milliseconds(took_ms)))
            }
            EffectResult::Skipped { why } => said(Tone::Faint, format!("{head}{name}: nothing to do, {why}")),
            EffectResult::AlreadyDone { why } => {
                said(Tone::Plain, format!("{head}{name}: the step is done already, {why}"))
            }
            EffectResult::Refused { reason, todo } => Utterance::Said {
                tone: Tone::Bad,
                text: format!("{head}{name}: not begun: {reason}"),
                below: todo.iter().map(|what| format!("do: {what}")).collect(),
            },
            EffectResult::Failed { reason, log, todo } => {
                let log = log.iter().map(|line| format!("log: {line}"));
                Utterance::Said {
                    tone: Tone::Bad,
                    text: format!("{head}{name} failed after {}: {reason}", milliseconds(took_ms)),
                    below: todo.iter().map(|what| format!("do: {what}")).chain(log).collect(),
                }
            }
        };
        vec![Utterance::Over(place), told]
    }
}

fn said(tone: Tone, text: String) -> Utterance {
    Utterance::Said { tone, text, below: Vec::new() }
}

fn over(step: StepId) -> Utterance {
    Utterance::Over(Place { step, member: None })
}

fn of(member: Option<&MemberName>) -> String {
    member.map(|member| format!("{member}: ")).unwrap_or_default()
}

/// Short waits are not worth a word.
fn waited(ms: u64) -> String {
    if ms < 1000 { String::new() } else { format!(", after a wait of {}", milliseconds(ms)) }
}

fn waiting(for_what: &[String], waited_ms: u64, bound_ms: u64) -> String {
    let left = milliseconds(bound_ms.saturating_sub(waited_ms) / 1000 * 1000);
    let waited = milliseconds(waited_ms / 1000 * 1000);
    let what = if for_what.is_empty() { "its gates".to_owned() } else { joined(for_what.iter().cloned()) };
    format!("waits {waited}, at most {left} more, for: {what}")
}

fn done(detail: &Detail, doing: &str) -> String {
    match detail {
        Detail::Nothing => format!("done: {doing}"),
        Detail::Staged { bytes, already_there } => {
            format!(
                "release staged: {bytes} sent, already there on {}",
                count(*already_there as usize, "host", "hosts")
            )
        }
        Detail::Preflight { accepted } => {
            let each = accepted
                .iter()
                .map(|(member, number)| format!("{member} {}", count(*number as usize, "option", "options")));
            format!("accepted by the new binary: {}", joined(each))
        }
        Detail::Backup { id, dir, size, revision, checks } => {
            let revision = revision.map(|at| format!(", revision {}", grouped(at.0))).unwrap_or_default();
            format!("backup {id}: {size}{revision}, in {dir}, verified: {}", joined(checks.iter().cloned()))
        }
        Detail::DataEqual { revision, hash, members } => format!(
            "the data of {} is equal: HashKV {hash:08x} at revision {}",
            count(*members as usize, "member", "members"),
            grouped(revision.0)
        ),
        Detail::RaftSnapshots { no_ops, reached } => {
            let each = reached.iter().map(|(member, index)| format!("{member} {}", grouped(index.0)));
            format!("{} raft no-ops; raft snapshots reach: {}", grouped(*no_ops), joined(each))
        }
        Detail::DowngradeEnabled { to } => format!("etcd goes down to {to}, by what its members say"),
        Detail::DowngradeCancelled { to } => format!("etcd does not go down to {to} any more, by what its members say"),
        Detail::HandedOver { to } => format!("leadership handed over to {to}"),
        Detail::Prepared { kept } => {
            let each = kept.iter().map(|(member, path)| format!("{member} {path}"));
            format!("old binaries kept: {}", joined(each))
        }
        Detail::Stopped { took_ms } => format!("stopped in {}", milliseconds(*took_ms)),
        Detail::RollbackPoint { path, size, raft_index } => {
            let index = raft_index.map(|at| format!(", raft index {}", grouped(at.0))).unwrap_or_default();
            format!("rollback point {path}: {size}{index}")
        }
        Detail::Rewritten { paths } => format!("{} changed as planned", paths.join(" and ")),
        Detail::Swapped { path, version } => format!("{path} is {version} now"),
        Detail::Started { pid } => format!("started, pid {pid}"),
        Detail::KeysEqual { members, v3, v2 } => {
            let one = |what: &str, keys: &KeysCompared| {
                let number = count(usize::try_from(keys.keys).unwrap_or(usize::MAX), "key", "keys");
                format!("{what} {number}, sha256 {}", keys.digest.short())
            };
            let each = v3.iter().map(|keys| one("v3", keys)).chain(v2.iter().map(|keys| one("v2", keys)));
            let members = count(*members as usize, "member", "members");
            format!("the data of {members} is equal, every key read: {}", joined(each))
        }
        Detail::DataReady { size, already } => {
            let already = match already {
                0 => String::new(),
                some => format!(", already there on {}", count(*some as usize, "host", "hosts")),
            };
            format!("copies lie ready: {size}{already}")
        }
        Detail::Assembled { members, size } => {
            let members = count(*members as usize, "member", "members");
            format!("a cluster of {members} is made of the backup, equal to it key by key: {size} packed")
        }
        Detail::AsInBackup { members, revision, v3, v2 } => {
            let at = revision.map(|at| format!("revision {}", grouped(at.0)));
            let one = |what: &str, keys: &KeysCompared| {
                format!("{what} keys {}, sha256 {}", grouped(keys.keys), keys.digest.short())
            };
            let each = at.into_iter().chain(v3.iter().map(|keys| one("v3", keys)));
            let each = each.chain(v2.iter().map(|keys| one("v2", keys)));
            format!("{} hold what the backup holds: {}", count(*members as usize, "member", "members"), joined(each))
        }
        Detail::AllStopped { took_ms } => format!("all stopped in {}", milliseconds(*took_ms)),
        Detail::LeftCluster { id } => format!("in nobody's list of members any more (it was {id})"),
        Detail::JoinedCluster { id } => format!("in every list, as the new member {id}"),
        Detail::Readded { was, aside } => {
            let data = if aside.is_empty() { String::new() } else { format!("; what it had is at {aside}") };
            format!("it left the cluster (it was {was}), and has joined it again with its old binary, empty{data}")
        }
        Detail::Replaced { aside } => format!("replaced; what was there is at {aside}"),
    }
}
