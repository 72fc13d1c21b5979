//! What must be true where the data of a whole cluster is replaced: all or nothing, never a mix; nothing deleted; nobody
//! started on data of a newer version; and once a quorum has served, what it took in stays.

use crate::plan::model::{Kind, Plan, Replacement, ReplacementKind, ReplacementPhase};
use crate::sim::beside::run_number;
use crate::sim::controller::Sim;
use crate::sim::member::Member;
use crate::sim::world::{MemberNo, World};

/// Index, revision and digest of a state.
pub type Mark = (usize, u64, u64);

/// What is known, by the truth of the model, of the replacement in hand.
#[derive(Debug, Clone)]
pub struct Replacing {
    /// No note says any more that some may have their old data.
    pub is_replaced: bool,
    /// Who serves meanwhile is stopped again, should the run be cut off: nothing is promised for what it takes in.
    pub is_open: bool,
    /// What all are to hold then: the newest of the copies, or the backup.
    pub goal: Option<Mark>,
    /// The replacement whose first quorum has served, as far as all hosts were told.
    pub joined: Option<u32>,
}

impl Default for Replacing {
    fn default() -> Self {
        Self { is_replaced: true, is_open: false, goal: None, joined: None }
    }
}

impl World {
    /// Writes the note beside a member's data.
    pub fn mark(&mut self, no: MemberNo, note: Replacement) {
        self.members[no].beside.note = Some(note);
        self.note_phase_told();
    }

    /// A note was written or removed.
    pub fn note_phase_told(&mut self) {
        // A restored cluster serves when it is started; copies of different times only once their first quorum has.
        let serves = |note: &Replacement| match note.phase {
            ReplacementPhase::Replacing => false,
            ReplacementPhase::Starting => note.kind == ReplacementKind::Restore,
            ReplacementPhase::Joining => true,
        };
        let notes = || self.members.iter().filter_map(|member| member.beside.note.as_ref());
        let is_replaced = notes().all(|note| note.phase != ReplacementPhase::Replacing);
        let is_open = !notes().all(serves);
        let truth = &mut self.promises.replacing;
        let was_open = std::mem::replace(&mut truth.is_open, is_open);
        let was_replaced = std::mem::replace(&mut truth.is_replaced, is_replaced);
        if is_replaced && !was_replaced {
            self.check_all_replaced();
        }
        if was_open && !is_open {
            self.check_goal_is_led();
        }
    }

    /// Whoever leads when the first quorum has served holds what was to be kept.
    fn check_goal_is_led(&mut self) {
        let Some((index, revision, digest)) = self.promises.replacing.goal else { return };
        let Some(leader) = self.leader() else { return };
        let entry = self.members[leader].data.log.get(index - 1);
        if !entry.is_some_and(|entry| entry.revision == revision && entry.digest == digest) {
            let what = format!(
                "{} leads, and does not hold revision {revision} as it was to be kept",
                self.members[leader].name
            );
            self.break_promise("same-data", what);
        }
    }

    /// From here on members are started: all have their new data. What was acknowledged before is lost, as it must be.
    fn check_all_replaced(&mut self) {
        let Some(id) = self.members.iter().find_map(|member| member.beside.note.as_ref()?.id.clone()) else { return };
        if let Some(goal) = self.promises.replacing.goal {
            self.pending.clear();
            self.acknowledged = goal;
        }
        // The list of members is in the data, as it was.
        (self.added_voters, self.added_learners) = (0, 0);
        self.moved = Default::default();
        let origin = self.members[0].data.origin;
        let is_in_place = |member: &Member| {
            member.has_data && member.beside.in_place.as_ref() == Some(&id) && member.data.origin == origin
        };
        if let Some(member) = self.members.iter().find(|member| !is_in_place(member)) {
            let what =
                format!("members are to be started, and the data of {} is not what {id} put in place", member.name);
            self.break_promise("all-or-nothing", what);
        }
    }

    /// A controller starts a member: while data is being replaced, nobody has the data of before.
    pub fn check_start_in_replacement(&mut self, no: MemberNo) {
        let Some(id) = self.members[no].beside.note.as_ref().and_then(|note| note.id.clone()) else { return };
        let origin = self.members[no].data.origin;
        let is_in_place =
            |member: &Member| member.beside.in_place.as_ref() == Some(&id) && member.data.origin == origin;
        let astray = self.members.iter().position(|member| member.has_data && !is_in_place(member));
        if let Some(other) = astray {
            let what = format!(
                "{} is started on what {id} put in place, and {} has its data of before",
                self.members[no].name, self.members[other].name
            );
            self.break_promise("all-or-nothing", what);
        }
        let Some(release) = self.members[no].binary else { return };
        let minor = self.releases[release].version.minor();
        if self.members[no].has_data && self.members[no].data.applied().cluster_version > minor {
            let what = format!("{} is started on {minor}, and its data is of a newer one", self.members[no].name);
            self.break_promise("data-too-new", what);
        }
    }

    /// A member's data is about to be moved aside.
    pub fn check_not_joined(&mut self, no: MemberNo, id: &str) {
        if self.promises.replacing.joined == Some(run_number(id)) && self.members[no].has_run {
            let what =
                format!("the data of {} is replaced again, after the first quorum has served", self.members[no].name);
            self.break_promise("kept-once-served", what);
        }
    }
}

impl Sim {
    /// All members of the replacement serve: they hold the same, with all that was to be kept, and what they had before lies
    /// aside.
    pub(super) fn check_replaced(&mut self, plan: &Plan) {
        if plan.replacement().is_none() {
            return;
        }
        let Some((index, revision, digest)) = self.world.promises.replacing.goal else { return };
        let kept = |no: MemberNo| {
            // What it lacks still, it takes from the others.
            let entry = self.world.members[no].data.log.get(index - 1);
            entry.is_none_or(|entry| entry.revision == revision && entry.digest == digest)
        };
        let promise = if plan.kind == Kind::Restore { "as-in-backup" } else { "same-data" };
        if let Some(no) = (0..self.world.members.len()).find(|&no| !kept(no)) {
            let what = format!(
                "all is said to be done, and {} does not hold revision {revision} as it was to be kept",
                self.world.members[no].name
            );
            self.world.break_promise(promise, what);
        }
        let lies_aside = |no: MemberNo| {
            let Some((run, length, digest)) = self.world.promises.replaced[no] else { return true };
            let aside = &self.world.members[no].beside.aside;
            aside
                .iter()
                .any(|(id, data)| run_number(id) == run && data.log.len() == length && data.last().digest == digest)
        };
        if let Some(no) = (0..self.world.members.len()).find(|&no| !lies_aside(no)) {
            let what = format!("the data that {} had before is not there any more", self.world.members[no].name);
            self.world.break_promise("kept-aside", what);
        }
        self.counts.replaced += 1;
    }
}
