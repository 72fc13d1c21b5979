//! The cluster as those see it who use it: clients that write, the version that it has as a whole, leadership handed over.

use crate::sim::member::Member;
use crate::sim::raft::{Payload, VERSION_LOOK_EVERY};
use crate::sim::world::{MemberNo, TICK, World};
use crate::units::Minor;

/// In ticks, how often a member looks whether its storage is of the cluster's version.
const STORAGE_LOOK_EVERY: u64 = 40;

impl World {
    /// A client writes, through whoever leads.
    pub fn write(&mut self) {
        let Some(leader) = self.leader() else { return };
        if self.alarm.is_some() || !self.members[leader].serves() {
            return;
        }
        self.written += 1;
        let id = self.written;
        let data = &mut self.members[leader].data;
        data.append(data.term, Payload::Write(id));
        self.pending.push_back((data.log.len(), data.term));
    }

    /// What the leader has committed is acknowledged.
    pub fn acknowledge(&mut self) {
        let Some(leader) = self.leader() else { return };
        let data = &self.members[leader].data;
        while let Some(&(index, term)) = self.pending.front() {
            if data.log.get(index - 1).is_none_or(|entry| entry.term != term) {
                // Overwritten, or not there yet: whoever wrote it got no answer.
                if data.term > term {
                    self.pending.pop_front();
                    continue;
                }
                break;
            }
            if index > data.commit {
                break;
            }
            let entry = data.log[index - 1];
            self.acknowledged = (index, entry.revision, entry.digest);
            self.pending.pop_front();
        }
    }

    /// The leader moves the cluster version when every member of the list says its version: to the least of them.
    pub fn watch_versions(&mut self) {
        let Some(leader) = self.leader() else { return };
        let now = self.now;
        let Some(node) = self.members[leader].node_mut() else { return };
        if node.next_version_look > now {
            return;
        }
        node.next_version_look = now + VERSION_LOOK_EVERY;
        if self.added_voters + self.added_learners > 0 {
            // Somebody that never started does not answer.
            return;
        }
        let mut least: Option<Minor> = None;
        for no in 0..self.members.len() {
            let answers = self.members[no].serves() && self.talk(leader, no) && now >= self.version_hidden_until[no];
            let Some(release) = self.members[no].runs().filter(|_| answers) else { return };
            let minor = self.releases[release].version.minor();
            least = Some(least.map_or(minor, |least| least.min(minor)));
        }
        if let Some(to) = self.members[leader].data.last().downgrade {
            self.go_down(leader, to);
            return;
        }
        let data = &mut self.members[leader].data;
        if let Some(minor) = least.filter(|minor| *minor > data.last().cluster_version) {
            data.append(data.term, Payload::ClusterVersion(minor));
            self.tell(|_| format!("the cluster version moves to {minor}"));
        }
    }

    /// While a downgrade is enabled the cluster version goes to where it leads, and stays. The leader ends it when all members
    /// run that minor; one that does not know the call looks at cluster versions, and so ends it early.
    fn go_down(&mut self, leader: MemberNo, to: Minor) {
        let knows = self.members[leader].runs().is_some_and(|release| self.releases[release].downgrade_api);
        let has_arrived = |member: &Member| match knows {
            true => member.runs().is_some_and(|release| self.releases[release].version.minor() == to),
            false => member.data.applied().cluster_version == to,
        };
        let all_have = self.members.iter().all(has_arrived);
        let data = &mut self.members[leader].data;
        if data.last().cluster_version != to {
            data.append(data.term, Payload::ClusterVersion(to));
            self.tell(|_| format!("the cluster version goes down to {to}"));
        } else if all_have {
            data.append(data.term, Payload::Downgrade(None));
            self.tell(|_| format!("the downgrade to {to} is ended by the leader"));
        }
    }

    /// Each member brings the version of its storage to the cluster version, in its own time.
    pub fn move_storage(&mut self) {
        let (now, releases) = (self.now / TICK, &self.releases);
        for (no, member) in self.members.iter_mut().enumerate().filter(|(_, member)| member.serves()) {
            let knows = member.runs().is_some_and(|release| releases[release].storage_version);
            let wanted = member.data.applied().cluster_version;
            if !knows {
                member.data.storage = None;
            } else if member.data.storage.is_none() || (now + no as u64 * 7).is_multiple_of(STORAGE_LOOK_EVERY) {
                member.data.storage = Some(wanted);
            }
        }
    }

    /// `downgrade enable` (a minor) or `cancel`, through this member. False: it is refused.
    pub fn tell_downgrade(&mut self, through: MemberNo, to: Option<Minor>) -> bool {
        let Some(leader) = self.leader().filter(|&leader| self.talk(leader, through)) else { return false };
        let (last, ladder) = (self.members[leader].data.last(), &self.ladder);
        let at = ladder.iter().position(|minor| *minor == last.cluster_version);
        let below = at.and_then(|at| ladder.get(at.checked_sub(1)?)).copied();
        let is_valid = match to {
            Some(to) => last.downgrade.is_none() && below == Some(to),
            None => last.downgrade.is_some(),
        };
        if is_valid {
            let data = &mut self.members[leader].data;
            data.append(data.term, Payload::Downgrade(to));
        }
        is_valid
    }

    /// Leadership goes to a member that has all of the log; false where it cannot take over.
    pub fn transfer_leadership(&mut self, to: MemberNo) -> bool {
        self.handing_over = true;
        let took = self.members[to].takes_part() && self.campaign(to);
        self.handing_over = false;
        took
    }
}
