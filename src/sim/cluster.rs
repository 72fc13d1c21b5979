//! The cluster as those see it who use it: clients that write, the version that it has as a whole, leadership handed over.

use crate::sim::raft::{Payload, VERSION_LOOK_EVERY};
use crate::sim::world::{MemberNo, World};
use crate::units::Minor;

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
        let data = &mut self.members[leader].data;
        if let Some(minor) = least.filter(|minor| *minor > data.last().cluster_version) {
            data.append(data.term, Payload::ClusterVersion(minor));
            self.tell(|_| format!("the cluster version moves to {minor}"));
        }
    }

    /// Leadership goes to a member that has all of the log; false where it cannot take over.
    pub fn transfer_leadership(&mut self, to: MemberNo) -> bool {
        self.handing_over = true;
        let took = self.members[to].takes_part() && self.campaign(to);
        self.handing_over = false;
        took
    }
}
