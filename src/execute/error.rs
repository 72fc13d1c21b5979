//! What goes wrong while a plan is performed.

use std::time::Duration;

use crate::backup::BackupError;
use crate::etcd::EtcdError;
use crate::plan::model::StepId;
use crate::runtime::RuntimeError;
use crate::state::StateError;
use crate::units::{MemberName, Minor, Version};

#[derive(Debug, thiserror::Error)]
pub enum ExecuteError {
    #[error(transparent)]
    Runtime(#[from] RuntimeError),
    #[error(transparent)]
    Etcd(#[from] EtcdError),
    #[error(transparent)]
    State(#[from] StateError),
    #[error(transparent)]
    Backup(#[from] BackupError),
    #[error("the plan knows no cluster id: a backup could be of another cluster")]
    NoCluster,
    #[error("the plan speaks of {member}, which the spec does not declare")]
    UnknownMember { member: MemberName },
    #[error("the release {version} for {arch} is not among those that were fetched for this plan")]
    NoRelease { version: Version, arch: String },
    #[error("{member}: its host was not seen when the plan was made")]
    NotSeen { member: MemberName },
    #[error("the plan restores {wanted}, and {} was opened", .opened.as_deref().unwrap_or("no backup"))]
    NoBackup { wanted: String, opened: Option<String> },
    #[error("step {} is of another kind than its effect", step.0)]
    WrongStep { step: StepId },
    #[error(
        "{member}: the binary that it ran is neither on its path nor in its process, so there would be no way back"
    )]
    OldBinaryGone { member: MemberName },
    #[error(
        "{member}: the cluster version has moved to {minor}, past {from}: its old binary would not stay up, so \
         the new one was started again"
    )]
    NoWayBack { member: MemberName, minor: Minor, from: Version },
    #[error(
        "{member}: whether the cluster version is still that of {from} is not known: no leader answers, and all other \
         members may run the new minor; an older binary might not stay up, so the new one was started again"
    )]
    WayBackNotKnown { member: MemberName, from: Version },
    #[error("{member}: no leader was seen for {waited:?}: whether it leads itself is not known, so it is not stopped")]
    LeaderNotSeen { member: MemberName, waited: Duration },
    #[error("{member} leads, and no other member is healthy and near enough to take over")]
    NoHeir { member: MemberName },
    #[error("{member} still leads {waited:?} after it was asked to hand leadership over")]
    StillLeads { member: MemberName, waited: Duration },
    #[error("a plan of this kind may not stop all members at once")]
    MayNotStopAll,
    #[error("the note that belongs beside the data directories cannot be written: {reason}")]
    Note { reason: String },
    #[error("{member}: nothing says how it is added again")]
    NoReadding { member: MemberName },
    #[error("{member} is not taken off the list of members: {reasons}, after {waited:.0?}")]
    OthersUnwell { member: MemberName, reasons: String, waited: Duration },
    #[error(
        "{member}: of the other members none runs {minor}: with {member} taken off the list, the cluster version would \
         move on, and {minor} could not join any more; so the new binary was started again"
    )]
    NotHeldBack { member: MemberName, minor: Minor },
    #[error("{member} is still in the list of members {waited:?} after it was to be taken off it{}", told(.said))]
    StillListed { member: MemberName, waited: Duration, said: Option<String> },
    #[error("{member} is not in the list of every other member {waited:?} after it was to be added{}", told(.said))]
    NotListed { member: MemberName, waited: Duration, said: Option<String> },
    #[error("{member} was added and started, and does not serve as a new member after {waited:.0?}")]
    NotJoined { member: MemberName, waited: Duration },
    #[error(
        "{member} has left the cluster: what it had is of no use to it any more, and it is on its way to join again"
    )]
    HasLeft { member: MemberName },
    #[error("{member}: process {pid} still runs {waited:?} after SIGTERM; it is not killed: that could lose data")]
    WouldNotStop { member: MemberName, pid: u32, waited: Duration },
}

fn told(said: &Option<String>) -> String {
    said.as_ref().map_or_else(String::new, |said| format!(": {said}"))
}

impl ExecuteError {
    /// Log lines that belong to it.
    pub fn log(&self) -> Vec<String> {
        Vec::new()
    }
}
