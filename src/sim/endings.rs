//! What must be true when a controller says that it is done, that it cannot plan, or that a run is over.

use crate::execute::journal::Ending;
use crate::plan::model::{Action, Kind, Plan, Refusal, Replacement, ReplacementKind};
use crate::sim::controller::{Command, Sim};
use crate::sim::member::{Fate, State};
use crate::sim::run::Run;
use crate::sim::world::{MemberNo, ReleaseNo, World};
use crate::spec::model::OnFailure;

/// Rules that refuse a way for what it is, whatever state the cluster is in.
const OF_THE_WAY: [&str; 4] =
    ["restore-known", "quorum-without-member", "members-remembered-wrongly", "v2-backup-possible"];

impl World {
    /// A backup holds what was acknowledged up to its revision.
    pub fn check_backup(&mut self, revision: u64, digest: u64) {
        let Some(leader) = self.leader() else { return };
        let truth = self.members[leader].data.digest_at(revision);
        if truth.is_some_and(|truth| truth != digest) && self.promises.broken.is_none() {
            self.break_promise("backup-first", format!("the backup of revision {revision} holds other data"));
        }
    }

    /// Whether the member would come up if its old binary were started.
    pub fn could_run(&self, no: MemberNo, old: ReleaseNo) -> bool {
        let minor = self.releases[old].version.minor();
        self.members[no].boots_at.is_none()
            && self.members[no].fate_of(old) == Fate::Well
            && !self.refuses_to_start(no, minor)
            // What it does not know yet it learns when it is up.
            && self.leader().is_none_or(|leader| self.members[leader].data.applied().cluster_version <= minor)
    }

    pub fn is_up(&self, no: MemberNo) -> bool {
        let process = self.members[no].process.as_ref();
        process.is_some_and(|process| matches!(process.state, State::Starting { .. } | State::Serving))
    }
}

impl Sim {
    /// "Nothing to do", and "done": all run this release, and the cluster version is its minor.
    pub fn check_done(&mut self, said: &str, declared: ReleaseNo) {
        let minor = self.world.releases[declared].version.minor();
        // On the way back no gate asks again for those that were put back before: somebody has changed one since.
        let goes_back = declared < self.world.declared;
        let by_hand = |no: usize| goes_back && self.world.promises.by_hand[no];
        let members = self.world.members.iter().enumerate().filter(|(no, _)| !by_hand(*no));
        let astray = members.map(|(_, member)| member).find(|member| {
            !member.serves() || member.runs() != Some(declared) || member.data.applied().cluster_version != minor
        });
        if let Some(member) = astray {
            let what = format!("{said}, and {} is not at {}", member.name, self.world.releases[declared].version);
            self.world.break_promise("done-is-done", what);
        }
    }

    /// "Nothing to do", by what was asked for.
    pub fn check_nothing_to_do(&mut self, command: Command) {
        match command {
            Command::Apply => self.check_done("there is nothing to do", self.world.declared),
            // It is never done already: what is there is replaced.
            Command::Restore(_) => {}
            Command::Rollback(_) => {
                // Without a run that changed a member there is nothing to go back from.
                let by_hand = self.world.promises.by_hand.contains(&true);
                if !by_hand && self.past.last(&self.scenario.cluster.name).is_some() {
                    self.check_done("there is nothing to go back from", 0);
                }
            }
        }
    }

    /// While data is being replaced only what began that acts.
    pub fn check_only_its_own(&mut self, plan: &Plan) {
        let finishes = |note: &Replacement| match note.kind {
            ReplacementKind::Rollback | ReplacementKind::Readd => plan.kind == Kind::Rollback,
            ReplacementKind::Restore => plan.kind == Kind::Restore,
        };
        // A restore is begun anew where what was packed for it is on another machine.
        let is_same = |note: &Replacement| {
            note.kind == ReplacementKind::Restore || plan.replacement().is_none_or(|planned| planned.id == note.id)
        };
        let notes = self.world.members.iter().filter_map(|member| member.beside.note.as_ref());
        let other = notes.filter(|note| !finishes(note) || !is_same(note)).find_map(|note| note.id.clone());
        if let Some(id) = other {
            let what = format!("the data of all members is being replaced ({id}), and this plan does something else");
            self.world.break_promise("only-its-own", what);
        }
    }

    /// A member's step is said to be done: it serves.
    pub fn check_member_done(&mut self, no: MemberNo) {
        if !self.world.is_healthy(no) {
            let what = format!("the step of {} is done, and it does not serve", self.world.members[no].name);
            self.world.break_promise("step-done", what);
        }
    }

    /// A run is over: no member that it stopped is down that could run.
    pub fn check_end(&mut self, run: &Run<'_>, ending: &Ending) {
        let failed = matches!(ending, Ending::Failed { .. });
        if run.hand.all_stopped && !failed {
            let what = format!("all members were stopped, not all are back, and the run is over ({ending:?})");
            self.world.break_promise("left-down", what);
            return;
        }
        for no in 0..self.world.members.len() {
            let world = &self.world;
            let promises = &world.promises;
            let by_fault = promises.felled[no] || run.hand.finished[no];
            let seen = run.hand.seen;
            // It went after the look that ended the run.
            let by_fault = by_fault || seen.is_some_and(|seen| seen.up[no]);
            // One that hangs is stopped again only where all others are seen to be well.
            let well = |other: MemberNo| seen.map_or(world.is_healthy(other), |seen| seen.well[other]);
            let others_well = (0..world.members.len()).all(|other| other == no || well(other));
            let by_fault = by_fault || (world.members[no].process.is_some() && !(others_well && world.alarm.is_none()));
            if !run.hand.touched[no] || world.is_up(no) || by_fault {
                continue;
            }
            let excused = failed && (promises.excused[no] || promises.by_hand[no] || promises.kept_gone[no]);
            if excused || (failed && !self.comes_up_by_policy(run, no)) {
                continue;
            }
            let what = format!("{} was stopped, the run is over ({ending:?}), and it is down", world.members[no].name);
            self.world.break_promise("left-down", what);
            return;
        }
    }

    /// Whether the plan says that the member is put back, and it could be.
    fn comes_up_by_policy(&self, run: &Run<'_>, no: MemberNo) -> bool {
        let name = &self.world.members[no].name;
        let action = run.plan.steps().find_map(|step| match &step.action {
            Action::Member(action) if action.member == *name && action.binary.old_sha256.is_some() => Some(action),
            _ => None,
        });
        let Some(action) = action else { return false };
        let old = self.world.releases.iter().position(|release| Some(release.digest) == action.binary.old_sha256);
        let swapped = old.is_some() && self.world.members[no].binary != old;
        let halts = action.on_failure == OnFailure::Halt && swapped;
        !halts && old.is_some_and(|old| self.world.could_run(no, old) && !self.world.disk_is_full(no))
    }

    /// A refusal names something that is so.
    pub fn check_refusals(&mut self, refusals: &[Refusal]) {
        for refusal in refusals {
            if !self.is_true(&refusal.rule) && self.mutation.is_none() {
                let what = format!("refused by {}: {}; {}", refusal.rule, refusal.seen, refusal.must);
                self.world.break_promise("a-plan-for-every-state", what);
                return;
            }
        }
    }

    fn is_true(&self, rule: &str) -> bool {
        let world = &self.world;
        let mut members = 0..world.members.len();
        let any = |what: &dyn Fn(MemberNo) -> bool| (0..world.members.len()).any(what);
        match rule {
            "host-reachable" => any(&|no| !world.reachable(no)),
            "member-answers" => any(&|no| world.members[no].process.is_some() && !world.answers(no)),
            "cluster-answers" => members.all(|no| !world.answers(no)),
            "one-leader" | "members-healthy" => {
                any(&|no| world.answers(no) && !world.is_healthy(no))
                    || world.leader().is_none_or(|leader| !world.answers(leader))
                    || any(&|no| world.members[no].node().is_some_and(|node| node.leader != world.leader()))
                    || world.alarm.is_some()
                    || members.filter(|&no| world.answers(no)).count() < world.quorum()
            }
            "member-declared" | "member-started" | "no-learner" => world.added_voters + world.added_learners > 0,
            "no-alarm" => world.alarm.is_some(),
            "disk-room" | "disk-backup" | "room-for-restore" | "disk-store" => any(&|no| world.disk_is_full(no)),
            "cluster-version-decided" => {
                let of = |no: MemberNo| world.members[no].data.applied().cluster_version;
                any(&|no| of(no) != of(0))
            }
            // Or somebody turned round after a swap that was cut off before its member was started anew.
            "binary-on-disk" => any(&|no| {
                let member = &world.members[no];
                let other = member.binary.filter(|file| member.runs().is_some_and(|runs| runs != *file));
                world.promises.by_hand[no] || (world.may_turn && other.is_some_and(|file| file != world.declared))
            }),
            "old-binary-kept" => any(&|no| world.promises.kept_gone[no] || world.promises.by_hand[no]),
            "replacement-under-way" => any(&|no| world.members[no].beside.note.is_some()),
            "no-step-down" => {
                let declared = world.releases[world.declared].version.minor();
                any(&|no| {
                    world.members[no].data.applied().cluster_version > declared
                        || world.members[no].runs() > Some(world.declared)
                })
            }
            "member-has-data" => any(&|no| !world.members[no].has_data),
            "replacement-note" => {
                let notes = || world.members.iter().filter_map(|member| member.beside.note.as_ref());
                notes().any(|one| notes().any(|other| one.id != other.id))
            }
            "points-needed" => world.leader().is_none_or(|leader| {
                let moved = world.members[leader].data.applied().cluster_version;
                moved <= world.releases[0].version.minor()
            }),
            "cluster-version-about-to-move" => {
                let above = |no: MemberNo| {
                    let member = &world.members[no];
                    member.runs().or(member.binary).filter(|release| *release >= world.declared)
                };
                members.all(|no| above(no).is_some_and(|release| above(0) == Some(release)))
            }
            "downgrade-under-way" => any(&|no| world.members[no].data.applied().downgrade.is_some()),
            rule => self.is_of_the_way(rule),
        }
    }

    /// A refusal that no waiting mends.
    pub fn is_of_the_way(&self, rule: &str) -> bool {
        // What somebody put there was started by a reboot: no version of etcd goes on from that.
        let astray = rule == "members-near-cluster-version" && self.world.promises.by_hand.contains(&true);
        let pointless = rule == "rollback-points" && self.world.members.iter().any(|member| member.points.is_empty());
        OF_THE_WAY.contains(&rule) || astray || pointless
    }
}
