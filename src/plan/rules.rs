//! Rules: what the planner holds a cluster against, and what a run waits for, each under a name that stays, in words for a
//! person. Facts of etcd are in `modules/etcd`; these are quorate's own.

use crate::units::{Rule, RuleKind};

/// The rule of this name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.name == name)
}

const fn check(name: &'static str, what: &'static str, why: &'static str, fix: &'static str) -> Rule {
    Rule { name, kind: RuleKind::Check, what, why, fix }
}

const fn gate(name: &'static str, what: &'static str, why: &'static str) -> Rule {
    Rule { name, kind: RuleKind::Gate, what, why, fix: "" }
}

/// All of them: the checks by name, then the gates.
#[rustfmt::skip]
pub const RULES: &[Rule] = &[
    check(
        "backup-not-tried",
        "The backup that is restored was not restored on trial first.",
        "The spec says verify = \"hash\": then a hash is all that vouches for it.",
        "Say verify = \"restore\" in the `backup` block.",
    ),
    check(
        "backup-of-another-cluster",
        "A backup of a cluster of another name is restored.",
        "It may be meant: a copy for a test. It may be a mistake.",
        "See that it is the backup you mean.",
    ),
    check(
        "binary-on-disk",
        "The file that a member is started from is the one that it runs, or the declared release.",
        "Somebody replaced it: a restart would start what nobody has looked at, and a swap would throw it away.",
        "Find out who put it there; put the right binary back at that path.",
    ),
    check(
        "certificate-readable",
        "The account that a member runs as can read the certificates and keys that it uses, and they fit each other.",
        "A member reads them when it starts: one that runs now would not come back.",
        "Mend the files, their owner or their mode.",
    ),
    check(
        "certificate-valid",
        "The certificates of a member are valid now.",
        "A member that is restarted would not be let in by its peers.",
        "Renew them first.",
    ),
    check(
        "cluster-answers",
        "At least one member of a cluster that exists answers.",
        "What the cluster is, its versions and members, can only be learned from it.",
        "Start the members; their data is there.",
    ),
    check(
        "cluster-version-about-to-move",
        "Old binaries are only put back while the cluster version has not moved and will not move meanwhile.",
        "The leader moves it within seconds once all members run the new minor; from then on an older binary refuses to start.",
        "Go back by rollback points or a restore, or on.",
    ),
    check(
        "cluster-version-decided",
        "The cluster version is decided, and all members tell the same one.",
        "All plans start from it.",
        "Wait some seconds; if it stays so, a member does not answer /version on its peer URL.",
    ),
    check(
        "data-dir-as-declared",
        "Where the spec says where a member's data is, it is there.",
        "Anything else would be copied and checked in the wrong place.",
        "Correct the spec.",
    ),
    check(
        "data-equal",
        "All members hold the same data, by HashKV at one revision.",
        "A member that differs is found before an upgrade is blamed for it.",
        "Find out which member is right; remove the other and add it again.",
    ),
    check(
        "disk-backup",
        "There is room on the host for the v2 backup until it is fetched.",
        "It is made with etcdctl on the host, in /var/tmp.",
        "Make room.",
    ),
    check(
        "disk-binary",
        "There is room for the new binary beside the old one.",
        "It is laid there before the stop, so that the swap is one rename.",
        "Make room.",
    ),
    check(
        "disk-data",
        "There is room for a member to start.",
        "A member on a full disk ends at its next start; one that runs may still serve.",
        "Make room.",
    ),
    check(
        "disk-rollback-point",
        "There is room for a copy of each data directory beside it.",
        "The copy is the way back after completion; half of one is none.",
        "Make room, or do without: rollback_points { enabled = false }.",
    ),
    check(
        "disk-room",
        "All that a plan writes has room, summed up by file system.",
        "Each alone may fit where all together do not.",
        "Make room on the file system that is named.",
    ),
    check(
        "disk-store",
        "There is room for the releases that are staged and kept.",
        "New and old binaries are on the hosts before anything is stopped.",
        "Make room.",
    ),
    check(
        "downgrade-under-way",
        "One downgrade is finished, or cancelled, before anything else is done about versions.",
        "etcd was told to go down (`downgrade enable`): it keeps the cluster at that version, whatever members run.",
        "Declare the version that it leads to, or the one that it came from, and apply.",
    ),
    check(
        "host-reachable",
        "Every host can be reached and looked at.",
        "No gate holds on what nobody sees.",
        "See why it does not answer: the error of ssh is shown.",
    ),
    check(
        "hosts-empty",
        "With adopt = true there is a member on each host; with adopt = false a host that is made into one is empty.",
        "An existing cluster is never taken for an empty place, nor an empty one for a cluster.",
        "Say in the runtime block which of the two is meant.",
    ),
    check(
        "ports-free",
        "The ports of a member that is started for the first time are free on its host.",
        "What listens there may be the very cluster that is meant, under another folder or unit than the spec names: a new, \
         empty one is never put beside it, or in its place.",
        "Name the right folder or unit in the runtime block, or give the member other URLs.",
    ),
    check(
        "hosts-ready",
        "Units or processes were found, certificates hold.",
        "It is what is left of the checks of hosts when nothing is wrong.",
        "",
    ),
    check(
        "let-in",
        "Where authentication is on, the members let quorate ask for everything that a run asks for: the user has the role root.",
        "What is denied in the middle of a run stops it there, with members on two versions.",
        "Set `user` and `password` in the `client` block, and grant the user the role root.",
    ),
    check(
        "member-answers",
        "A member whose process runs answers on its client URL.",
        "Nothing is stopped while one is silent: it may be the one that is needed.",
        "See its log; mind client_url and the certificates of the spec.",
    ),
    check(
        "member-asked",
        "Every member that runs can be asked how it is.",
        "Gates rest on what members answer.",
        "Correct the client access in the spec.",
    ),
    check(
        "member-binary",
        "The binary of a member that is down says its version.",
        "What wrote its data has to be known before anything reads it.",
        "Put the binary that it ran back.",
    ),
    check(
        "member-can-be-made",
        "Arguments and unit of a new member can be written.",
        "A value that no unit can hold is found before anything is made.",
        "Correct the value that is named.",
    ),
    check(
        "member-declared",
        "The spec declares every member of the cluster.",
        "All are upgraded, and all are asked at each gate.",
        "Declare it, or remove it from the cluster.",
    ),
    check(
        "member-found",
        "Each declared member of a cluster that exists is on its host.",
        "A new, empty member is never put in place of an old one.",
        "See that address, unit and data directory are those of the member.",
    ),
    check(
        "member-has-data",
        "A member that is to be upgraded has its data.",
        "Started without, it would be a stranger to its cluster.",
        "Correct data_dir; or remove the member and add it again.",
    ),
    check(
        "member-in-folder",
        "A member of plain processes is run from its folder.",
        "Stopping that process is what stops the member.",
        "End the other process; start it through quorate.",
    ),
    check(
        "member-in-unit",
        "A member is run by the declared unit.",
        "Stopping the unit has to stop the member.",
        "Correct `unit` in the runtime block.",
    ),
    check(
        "member-listed",
        "Every declared member is in the cluster's list of members.",
        "A process that belongs to no cluster, or to another one, is not upgraded with it.",
        "Correct the spec, or add the member.",
    ),
    check(
        "member-list-agreed",
        "All members agree on who is a member.",
        "A change of membership is under way, or somebody sees an old list.",
        "Let the change end, then plan again.",
    ),
    check(
        "member-name",
        "A restored member bears the name that it is declared with.",
        "The name is in the new list of members.",
        "Correct the label of the `member` block.",
    ),
    check(
        "member-named",
        "The label of a `member` block is the name that etcd knows the member by.",
        "Which host is which member is never guessed.",
        "Correct the label.",
    ),
    check(
        "member-names-unique",
        "Each member of the cluster has a name of its own.",
        "Which one a host runs could only be guessed.",
        "Give one another --name, restart it, plan again.",
    ),
    check(
        "member-not-declared",
        "A member of the cluster that is there is not declared, and so neither stopped nor restored.",
        "If it runs on, it keeps the old cluster alive beside the restored one.",
        "See that it does not run.",
    ),
    check(
        "member-started",
        "Every member of the list has started.",
        "One that never answers keeps the cluster version from moving, and counts against quorum.",
        "Start it, or remove it from the list.",
    ),
    check(
        "members-above",
        "Members that are all down are on a release of the minor above the declared one, and etcd has a way down.",
        "How far they are on that way only they can tell. They are started as they are.",
        "Apply again to go down.",
    ),
    check("members-down", "Not all members answer.", "What is put back is put back on all of them.", ""),
    check(
        "members-healthy",
        "All members say that they are healthy before one is stopped.",
        "With one unhealthy, stopping another may take quorum away.",
        "Bring the member to health.",
    ),
    check(
        "members-made",
        "Every member is there as declared, and none has served yet.",
        "A creation that was cut off goes on from there.",
        "",
    ),
    check(
        "members-of-two-minors",
        "Members that are all down are on releases of one minor and the next.",
        "A run between the two was cut off, and then the hosts went. They are started as they are: nobody can tell how far the \
         cluster version is before they serve.",
        "Apply again to go on, or roll back.",
    ),
    check(
        "members-near-cluster-version",
        "Every member runs a release of the cluster's minor, or of the one that is declared.",
        "Anything else is a way that nobody has begun, or two of them.",
        "Declare a release of the minor that members run already.",
    ),
    check(
        "next-start",
        "What a member would be started with next is what it runs with.",
        "Its unit, environment or arguments were changed since: the restart of an upgrade would bring both changes at once.",
        "Restart it first, or undo the change, or be sure that it is meant.",
    ),
    check(
        "no-alarm",
        "No alarm is raised when a rung begins.",
        "NOSPACE stops writes, CORRUPT means that data differs.",
        "Clear the cause, then the alarm.",
    ),
    check(
        "no-learner",
        "There is no learner in the list of members.",
        "Membership is settled before a version changes.",
        "Promote it, or remove it.",
    ),
    check(
        "no-step-down",
        "No member is taken to an older release than it runs, but for one minor down where etcd has a call for that.",
        "An older binary refuses to start on newer data, or starts and is wrong.",
        "Declare the newest release that runs; `quorate rollback` goes back, `quorate restore` puts back a backup.",
    ),
    check(
        "nothing-to-adopt",
        "With adopt = true there is a cluster to take over.",
        "Nothing was found on any host.",
        "Correct the addresses, or say adopt = false to create one.",
    ),
    check(
        "old-binary-kept",
        "The binary that a member had before is kept on its host.",
        "It is what a rollback puts back.",
        "Put it there: the path is named.",
    ),
    check(
        "one-cluster",
        "All declared members belong to one cluster, by its id.",
        "Two clusters in one spec would be upgraded as one, and a restore would take the place of both.",
        "Correct the addresses; where they are right, stop the member that was started on the data of another cluster, and \
         find its own data.",
    ),
    check(
        "one-leader",
        "All members see one leader, and it is a declared member that answers.",
        "Where they do not agree, quorum is about to be lost or was just won.",
        "Wait for the election; see why a member is cut off.",
    ),
    check(
        "one-minor-at-a-time",
        "A cluster goes one minor at a time.",
        "etcd does not support to step over one, and its servers do not stop anybody who tries.",
        "Name a release of the minors in between (via).",
    ),
    check(
        "settings-rewritten",
        "What the new version does not accept is rewritten in the file in which it is set, as part of the member's step.",
        "The spec says settings = \"rewrite\"; the change is shown, and undone with the step.",
        "",
    ),
    check(
        "option-removed",
        "The new version knows every option that a member is started with.",
        "It would end with status 2 at its start.",
        "Take the option out, or write what is named instead.",
    ),
    check(
        "option-that-guards",
        "No option that guards something is ignored without a word by the new version.",
        "The member would start, and be less safe than before.",
        "Write what is named instead.",
    ),
    check(
        "option-without-effect",
        "The new version ignores an option of a member without a word.",
        "The member starts; what the option did is no longer done.",
        "Write what is named instead.",
    ),
    check(
        "points-needed",
        "All members' data is only put back where there is no other way.",
        "The writes since would be lost for nothing.",
        "Run `quorate rollback` without -points.",
    ),
    check(
        "quorum-without-member",
        "While a member is stopped, the others hold quorum.",
        "Writes go on while members are upgraded one by one.",
        "Add members until there are three.",
    ),
    check(
        "quota-room",
        "The database is well below its quota.",
        "An upgrade must not be what raises NOSPACE.",
        "Compact and defragment, or raise the quota, before the rung.",
    ),
    check(
        "release-available",
        "The release can be had for the architecture of every host.",
        "It is on all hosts before anything is stopped.",
        "Correct the `release` blocks.",
    ),
    check(
        "release-checksum",
        "Something vouches for the checksum of a release.",
        "Else it is trusted as first seen, and pinned in the plan.",
        "Pin it in the spec: sha256 in the `release` block.",
    ),
    check(
        "release-known",
        "The declared version is a release that is known, and not known to be bad.",
        "Some releases lose data or do not start.",
        "Declare the release that is named.",
    ),
    check(
        "replacement-note",
        "The notes beside the data directories say, all alike, what is under way.",
        "A whole cluster's data is being replaced: whoever goes on has to know with what.",
        "Do not remove them; run the command that is named.",
    ),
    check(
        "replacement-under-way",
        "A rollback or restore of all data that was begun is finished before anything else.",
        "Some members may have their new data, some still their old: started together they would differ.",
        "`quorate plan` names the command that finishes it: `quorate rollback`, or `quorate restore` with its backup. Until then \
         start no member by hand.",
    ),
    check(
        "restore-known",
        "A backup is only restored into a version that is known to take it.",
        "Others start and lose data, or do not start.",
        "Declare a version that is named.",
    ),
    check(
        "restore-loses-writes",
        "What was written since the backup is not in the restored cluster.",
        "A restore goes back to one moment.",
        "Take a backup first, if there is a member to take it from.",
    ),
    check(
        "revisions-go-back",
        "Clients of a restored cluster see revisions go back.",
        "Watchers and caches that count on growing revisions would miss changes.",
        "Where the version can: it bumps revisions; else restart clients that cache.",
    ),
    check(
        "rollback-points",
        "Each member has a rollback point: a copy of its data directory from right before its upgrade.",
        "After completion they are, all together, the way back that loses least.",
        "Leave rollback_points on, and large enough.",
    ),
    check(
        "rollback-target",
        "It is clear which version to go back to.",
        "A rollback undoes one upgrade.",
        "Say it: -to VERSION.",
    ),
    check(
        "room-for-restore",
        "There is room for what a restore lays beside the data that is there.",
        "Old data is moved aside, never deleted.",
        "Make room.",
    ),
    check(
        "rung-known",
        "What a rung demands is known.",
        "A step that nobody has written down is not taken.",
        "Use a knowledge folder that has it.",
    ),
    check(
        "settings-as-declared",
        "Options that the spec declares are those that members have.",
        "This version of quorate does not change options of a member that exists.",
        "Change the option by hand, or the spec.",
    ),
    check(
        "stop-timeout",
        "systemd leaves a member enough time to stop.",
        "It kills one that takes longer; handing over leadership takes time.",
        "Raise TimeoutStopSec of the unit.",
    ),
    check(
        "systemd-there",
        "A host of the runtime \"systemd\" is run by systemd.",
        "Units are how members are stopped and started there.",
        "Say another runtime.",
    ),
    check(
        "trial-let-in",
        "Where authentication is on and the backup is restored on trial, the spec has a user and a password.",
        "The restored copy has the cluster's users, and knows nobody by a certificate: it is reached without TLS.",
        "Set `user` and `password` in the `client` block, or verify = \"hash\" in the `backup` block.",
    ),
    check(
        "unit-enabled",
        "The unit of a member is started when its host boots.",
        "After a reboot in the middle the member would stay down.",
        "systemctl enable it.",
    ),
    check(
        "unit-loaded",
        "The unit of a member is there, can be read and can be started.",
        "A masked unit stops and does not start again.",
        "Correct `unit`, or unmask it.",
    ),
    check(
        "unit-reloaded",
        "systemd has read the unit as it is on disk.",
        "What it starts next may be something that nobody has tried.",
        "See what changed, then systemctl daemon-reload.",
    ),
    check(
        "v2-backup-possible",
        "Everything that the cluster holds can be backed up before the first stop.",
        "v2 keys are only in a v2 backup, v3 keys only in a snapshot.",
        "Do what is named.",
    ),
    check(
        "v2-keys-not-in-backup",
        "The cluster holds v2 keys, and the backup that is restored holds none.",
        "They would be gone.",
        "Restore a backup that holds both.",
    ),
    check(
        "wal-dir",
        "The write-ahead log of a member that is restored is where it usually is, or outside of the data directory.",
        "Elsewhere inside of it, the move of the data would take it along.",
        "Move it first.",
    ),
    check(
        "way-back-by-adding-again",
        "Where the older binary cannot read what the newer one wrote, a member goes back by leaving the cluster and joining it again.",
        "Without its data that is the only way back while versions are mixed. While it is not in the list, another member has to \
         keep the cluster version down, and all others are needed.",
        "Do what is named; the last member of such a rung has no way back of its own.",
    ),
    check(
        "way-down-known",
        "A completed cluster is taken down one minor only where etcd itself has a call for it.",
        "It brings the cluster version and each member's storage down first: else an older binary would not start.",
        "Declare a version that can be gone down to; below that, a restore is what is left.",
    ),
    check(
        "writes-lost",
        "What was written since the newest rollback point is lost.",
        "All members go back to what they held then.",
        "Nothing was deleted: what is lost stays beside the data directory.",
    ),
    gate(
        "all-healthy",
        "All members answer, say that they are healthy, and no alarm is raised.",
        "With one unhealthy, stopping another may take quorum away.",
    ),
    gate(
        "member-list",
        "Every member lists the members that the plan was made for.",
        "Membership that changes in the middle of an upgrade changes what quorum is.",
    ),
    gate(
        "quorum-without",
        "Without the member that is stopped next, healthy and caught-up members hold quorum.",
        "A voter that is far behind counts for nothing when it is needed.",
    ),
    gate(
        "runs-version",
        "The member's process is of the new binary, by its digest, and answers its version.",
        "A unit that starts something else, or an old process, is found at once.",
    ),
    gate(
        "caught-up",
        "The member's raft index is near the leader's.",
        "One that lags is no spare for the next stop. One that serves and never catches up ends the run; it is not stopped again.",
    ),
    gate(
        "cluster-version",
        "Every member tells the new cluster version.",
        "The upgrade counts when it has moved everywhere; an older binary refuses to start from then on.",
    ),
    gate(
        "storage-readable",
        "Every member has brought its storage to the version that it goes down to.",
        "Each does so by itself once the cluster version has moved. An older binary refuses to read newer storage.",
    ),
    gate(
        "serving",
        "The members that were started serve, and see a leader among themselves.",
        "Of a cluster that is started in an order, others are still down.",
    ),
    gate(
        "declared-members",
        "Every member lists exactly the declared names.",
        "A created or restored cluster is the one that was declared.",
    ),
    gate("soak", "All gates hold without a break for so long.", "Some members die seconds after their start."),
    gate(
        "v2-settle",
        "The wait that the upgrade guides ask for where there is much v2 data.",
        "More than 50 MB of v2 data is sent and applied slowly: the guides say two minutes a member.",
    ),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::knowledge::FactKind;
    use crate::plan::testing::KNOWLEDGE;

    fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                if !path.ends_with("tests") {
                    sources(&path, found);
                }
            } else {
                found.push(path);
            }
        }
    }

    /// Names in the planner's code that stand where a rule is named.
    fn named() -> BTreeSet<String> {
        let mut files = Vec::new();
        sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/plan"), &mut files);
        let mut names = BTreeSet::new();
        for file in files {
            let text = std::fs::read_to_string(file).unwrap();
            for before in ["refuse(", "warn(", "pass(", "later(", "rule:"] {
                for (at, _) in text.match_indices(before) {
                    let rest = text[at + before.len()..].trim_start();
                    let name = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
                    let is_name = |name: &&str| {
                        !name.is_empty()
                            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
                    };
                    names.extend(name.filter(is_name).map(str::to_owned));
                }
            }
        }
        names
    }

    #[test]
    fn every_rule_of_the_planner_is_explained() {
        let names = named();
        assert!(names.len() > 60, "{names:?}");
        for name in &names {
            assert!(find(name).is_some() || KNOWLEDGE.explain(name).is_some(), "no rule explains {name}");
        }
    }

    #[test]
    fn every_rule_is_one_of_the_planner_once_and_none_has_the_name_of_a_fact() {
        let names = named();
        for (place, rule) in RULES.iter().enumerate() {
            assert!(rule.kind == RuleKind::Gate || names.contains(rule.name), "nothing asks for {}", rule.name);
            assert!(!RULES[..place].iter().any(|other| other.name == rule.name), "{} twice", rule.name);
            let fact = KNOWLEDGE.explain(rule.name).filter(|fact| fact.kind != FactKind::Option);
            assert!(fact.is_none(), "{} is a fact as well", rule.name);
        }
    }

    /// The names under which gates stand in plans and journals.
    #[test]
    fn every_gate_is_explained() {
        use crate::plan::model::Gate;
        use crate::units::{MemberName, Minor, RaftIndex, Sha256, Span, Version};
        let (within, member): (Span, MemberName) = (Span::from_secs(1), "m1".parse().unwrap());
        let version = Version::new(3, 2, 32);
        let gates = [
            Gate::AllHealthy { within },
            Gate::OneLeader { within },
            Gate::MemberList { members: Vec::new(), within },
            Gate::QuorumWithout { member: member.clone(), within },
            Gate::RunsVersion { member: member.clone(), version, sha256: Sha256::of(b""), within },
            Gate::CaughtUp { member: member.clone(), entries: RaftIndex(1), within },
            Gate::ClusterVersion { minor: Minor::new(3, 2), within },
            Gate::StorageReadable { minor: Minor::new(3, 6), within },
            Gate::Serving { members: vec![member], within },
            Gate::DeclaredMembers { names: Vec::new(), within },
            Gate::Soak { span: within },
        ];
        for gate in gates {
            let value = serde_json::to_value(&gate).unwrap();
            let name = value["type"].as_str().unwrap();
            assert!(find(name).is_some(), "no rule explains the gate {name}");
        }
        assert!(find("v2-settle").is_some());
    }
}
