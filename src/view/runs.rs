//! Events of runs as the driver sends them, for tests of what is told.

use std::collections::BTreeMap;

use crate::execute::availability::{Answers, Causes, Measured, Strip};
use crate::execute::event::Event;
use crate::execute::journal::*;
use crate::plan::model::{HandOver, Operation, StepId};
use crate::plan::testing::name;
use crate::spec::model::Probe;
use crate::units::{Bytes, MemberName, RaftIndex, Revision, Sha256, Span};

/// Builds a journal: each entry takes a second.
#[derive(Default)]
struct Run {
    events: Vec<Event>,
    seq: u64,
}

impl Run {
    fn entry(&mut self, entry: Entry) {
        self.seq += 1;
        let at = format!("2026-01-02T15:{:02}:{:02}Z", 4 + self.seq / 60, self.seq % 60);
        self.events.push(Event::Journal(Line { format: JOURNAL_FORMAT, seq: self.seq, at, entry }));
    }

    fn started(&mut self) {
        self.entry(Entry::RunStarted {
            run: "20260102T150405Z-7f3a".to_owned(),
            cluster: "prod".to_owned(),
            plan: Sha256::of(b"plan"),
            who: "alice".to_owned(),
            controller: "ops1".to_owned(),
            pid: 4711,
        });
    }

    fn ready(&mut self, step: u32, waited_ms: u64) {
        let at_target = Vec::new();
        self.entry(Entry::ReadyFor { step: StepId(step), leader: Some(name("m2")), at_target, waited_ms });
    }

    fn done(&mut self, step: u32, waited_ms: u64) {
        self.entry(Entry::StepDone { step: StepId(step), leader: Some(name("m2")), waited_ms });
    }

    fn effect(&mut self, step: u32, effect: Effect, result: EffectResult, took_ms: u64) {
        self.entry(Entry::Intent { step: StepId(step), effect: effect.clone() });
        self.outcome(step, effect, result, took_ms);
    }

    fn outcome(&mut self, step: u32, effect: Effect, result: EffectResult, took_ms: u64) {
        self.entry(Entry::Outcome { step: StepId(step), effect, result, took_ms });
    }

    fn progress(&mut self, step: u32, member: &str, what: &str, done: u64, total: u64) {
        self.events.push(Event::Progress {
            step: StepId(step),
            member: Some(name(member)),
            what: what.to_owned(),
            done: Bytes::mebi(done),
            total: Some(Bytes::mebi(total)),
        });
    }

    fn waiting(&mut self, step: u32, for_what: &str, waited_ms: u64, bound_ms: u64) {
        let for_what = vec![for_what.to_owned()];
        self.events.push(Event::Waiting { step: StepId(step), for_what, waited_ms, bound_ms });
    }

    fn prepared(&mut self) {
        self.started();
        self.ready(1, 0);
        self.entry(Entry::Intent { step: StepId(1), effect: Effect::Stage });
        for done in [0, 4, 8] {
            self.progress(1, "m1", "sending etcd 3.2.32", done, 16);
        }
        self.outcome(1, Effect::Stage, finished(Detail::Staged { bytes: Bytes::mebi(60), already_there: 1 }), 7_900);
        self.done(1, 0);
        self.ready(2, 0);
        let accepted = vec![(name("m1"), 14), (name("m2"), 14), (name("m3"), 13)];
        self.effect(2, Effect::Preflight, finished(Detail::Preflight { accepted }), 420);
        self.done(2, 0);
        self.ready(3, 0);
        let backup = Detail::Backup {
            id: "20260102T150421Z".to_owned(),
            dir: "/srv/prod/.quorate/backups/20260102T150421Z".to_owned(),
            size: Bytes::mebi(41),
            revision: Some(Revision(18_240)),
            checks: vec!["hash".to_owned(), "trial restore: 12,000 keys equal".to_owned()],
        };
        self.effect(3, Effect::Backup, finished(backup), 5_800);
        self.done(3, 0);
    }

    fn member_until_swapped(&mut self, step: u32, member: &MemberName) {
        self.ready(step, 2_300);
        let operate = |operation| Effect::Operate { member: member.clone(), operation };
        let skipped = EffectResult::Skipped { why: format!("{member} does not lead") };
        self.effect(step, operate(Operation::HandOver { how: HandOver::AtStop }), skipped, 0);
        let stop = Operation::Stop { timeout: Span::from_secs(60) };
        self.effect(step, operate(stop), finished(Detail::Stopped { took_ms: 640 }), 700);
        let copy = Operation::CopyDataDir { from: "/var/lib/etcd".to_owned(), wal_dir: None, size: Bytes::mebi(105) };
        let point = Detail::RollbackPoint {
            path: "/var/lib/etcd.quorate-20260102T150405Z".to_owned(),
            size: Bytes::mebi(105),
            raft_index: Some(RaftIndex(24_310)),
        };
        self.effect(step, operate(copy), finished(point), 310);
        let swapped = Detail::Swapped { path: "/usr/bin/etcd".to_owned(), version: "3.2.32".parse().unwrap() };
        self.effect(step, operate(Operation::SwapBinary), finished(swapped), 60);
    }

    fn member(&mut self, step: u32, member: &str) {
        let member = name(member);
        self.member_until_swapped(step, &member);
        let start = Operation::Start { timeout: Span::from_secs(600) };
        let effect = Effect::Operate { member: member.clone(), operation: start };
        self.effect(step, effect, finished(Detail::Started { pid: 900 + step }), 240);
        self.waiting(step, &format!("{member} is 118 raft entries behind the leader, 10 are allowed"), 400, 600_000);
        self.waiting(step, &format!("{member} is 31 raft entries behind the leader, 10 are allowed"), 1_400, 600_000);
        self.waiting(step, "all stay healthy: 8 s more", 2_400, 10_000);
        self.done(step, 11_800);
    }
}

fn finished(detail: Detail) -> EffectResult {
    EffectResult::Done { detail }
}

/// Of [`super::fixtures::upgrade`], all well but for one log line.
pub fn good() -> (Vec<Event>, Ending) {
    let mut run = Run::default();
    run.prepared();
    run.member(4, "m1");
    run.member(5, "m3");
    run.member(6, "m2");
    run.ready(7, 0);
    run.done(7, 3_900);
    run.events.push(Event::UnexpectedLog {
        member: name("m3"),
        lines: vec!["W | etcdserver: apply entries took too long [1.2s for 1 entries]".to_owned()],
        left_out: 2,
    });
    run.events.push(Event::Notice { text: "2 older backups of cluster prod were removed (keep = 7)".to_owned() });
    run.entry(Entry::RunEnded { ending: Ending::Succeeded });
    (run.events, Ending::Succeeded)
}

/// The new binary of m3 does not come up; its log is hostile.
pub fn failed() -> (Vec<Event>, Ending) {
    let mut run = Run::default();
    run.prepared();
    run.member(4, "m1");
    let m3 = name("m3");
    run.member_until_swapped(5, &m3);
    let start = Effect::Operate { member: m3.clone(), operation: Operation::Start { timeout: Span::from_secs(600) } };
    let broken = EffectResult::Failed {
        todo: Vec::new(),
        reason: "etcd exited with status 2 after 130 ms".to_owned(),
        log: vec![
            "flag provided but not defined: -v3demo".to_owned(),
            "\u{1b}[2J\u{1b}[1;31mall is well\u{202e}\u{7}".to_owned(),
        ],
    };
    run.effect(5, start, broken, 400);
    run.effect(5, Effect::PutBack { member: m3.clone() }, finished(Detail::Started { pid: 977 }), 900);
    run.entry(Entry::GateFailed {
        step: StepId(5),
        stage: GateStage::After,
        reasons: vec!["m3 runs 3.1.20, not 3.2.32".to_owned()],
        culprits: vec![m3.clone()],
        unwell: Vec::new(),
        dead: Vec::new(),
        cluster_version: None,
        waited_ms: 0,
    });
    let ending = Ending::Failed {
        step: Some(StepId(5)),
        reason: "the new binary of m3 does not come up".to_owned(),
        rolled_back: Some(m3),
        todo: vec![
            "take --v3demo out of /etc/default/etcd on deploy@10.0.0.13".to_owned(),
            "run `quorate apply` again: it goes on with m3".to_owned(),
        ],
    };
    run.entry(Entry::RunEnded { ending: ending.clone() });
    (run.events, ending)
}

fn measured(tries: u64, errors: u64, stall_ms: u64, stalled_at_ms: u64) -> Measured {
    let causes = Causes { unreachable: errors, ..Causes::default() };
    let (p50_ms, p99_ms, stalled_at_ms) = (Some(2), Some(14), Some(stalled_at_ms));
    Measured { tries, errors, causes, p50_ms, p99_ms, stall_ms, stalled_at_ms }
}

/// By member: tries, and how many were not answered.
fn answers(of: &[(&str, u64, u64)], stall_ms: u64, stalled_at_ms: u64) -> Answers {
    let members: BTreeMap<MemberName, Measured> = of
        .iter()
        .map(|(member, tries, errors)| (name(member), measured(*tries, *errors, 400, stalled_at_ms + 7)))
        .collect();
    let sum = |of: fn(&Measured) -> u64| members.values().map(of).sum();
    let cluster = measured(sum(|one| one.tries), sum(|one| one.errors), stall_ms, stalled_at_ms);
    Answers { probe: Probe::Read, cluster, members, strip: None }
}

/// As [`good`], and clients were watched: the leader's turn was felt.
pub fn watched() -> (Vec<Event>, Ending) {
    let mut run = Run::default();
    let seen = |run: &mut Run, step, answers| run.entry(Entry::Availability { step, answers });
    run.prepared();
    for (step, member) in [(4, "m1"), (5, "m3")] {
        run.member(step, member);
        let of: Vec<_> =
            ["m1", "m2", "m3"].into_iter().map(|one| (one, 60, if one == member { 4 } else { 0 })).collect();
        seen(&mut run, Some(StepId(step)), answers(&of, 120, u64::from(step) * 10_000));
    }
    run.member(6, "m2");
    seen(&mut run, Some(StepId(6)), answers(&[("m1", 60, 2), ("m2", 60, 9), ("m3", 60, 0)], 1_310, 31_400));
    run.ready(7, 0);
    run.done(7, 3_900);
    let mut whole = answers(&[("m1", 400, 6), ("m2", 400, 9), ("m3", 400, 4)], 1_310, 31_400);
    let letters = |text: &str| text.repeat(4);
    whole.strip = Some(Strip {
        cell_ms: 500,
        members: [("m1", "..xxx-..o."), ("m2", ".......Oxx"), ("m3", "....xx-...")]
            .into_iter()
            .map(|(member, text)| (name(member), letters(text)))
            .collect(),
    });
    seen(&mut run, None, whole);
    run.entry(Entry::RunEnded { ending: Ending::Succeeded });
    (run.events, Ending::Succeeded)
}

/// No member answered for too long while m1 was done.
pub fn stalled() -> (Vec<Event>, Ending) {
    let mut run = Run::default();
    run.prepared();
    run.member_until_swapped(4, &name("m1"));
    run.entry(Entry::StallTooLong { step: Some(StepId(4)), stalled_ms: 2_150, bound_ms: 2_000 });
    let start = Operation::Start { timeout: Span::from_secs(600) };
    run.effect(
        4,
        Effect::Operate { member: name("m1"), operation: start },
        finished(Detail::Started { pid: 904 }),
        240,
    );
    run.done(4, 1_200);
    run.entry(Entry::Availability { step: None, answers: answers(&[("m1", 60, 4), ("m2", 60, 2)], 2_150, 15_000) });
    let ending = Ending::Failed {
        step: Some(StepId(4)),
        reason: "no member answered for 2150 ms; the spec bears 2s (rollout, slo, max_stall)".to_owned(),
        rolled_back: None,
        todo: vec!["where clients bear such a stall, raise max_stall: `quorate apply` goes on".to_owned()],
    };
    run.entry(Entry::RunEnded { ending: ending.clone() });
    (run.events, ending)
}

/// Ctrl-C while m1 is done.
pub fn interrupted() -> (Vec<Event>, Ending) {
    let mut run = Run::default();
    run.prepared();
    run.entry(Entry::StopRequested { signal: "SIGINT".to_owned() });
    run.member(4, "m1");
    let ending = Ending::Interrupted { signal: "SIGINT".to_owned() };
    run.entry(Entry::RunEnded { ending: ending.clone() });
    (run.events, ending)
}
