//! New clusters, and what is in their way.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::{DataDirFacts, Device, ManagedProcess, MemberFacts, Seen};
use crate::plan::CutOffCreation;
use crate::plan::model::{Action, Kind};
use crate::spec::model::Runtime;
use crate::units::Bytes;

#[test]
fn on_empty_hosts_by_systemd() {
    assert_snapshot!(empty_hosts("3.5.33").planned());
}

#[test]
fn on_empty_hosts_as_processes() {
    assert_snapshot!(empty_hosts("3.2.32").processes().planned());
}

#[test]
fn a_host_that_is_named_listens_on_all_its_addresses() {
    let named = empty_hosts("3.5.33").declared(|cluster| cluster.members[0].address = "db1.example".to_owned());
    let plan = named.plan().unwrap();
    let args = plan.steps().find_map(|step| match &step.action {
        Action::CreateMember(create) if create.member.as_str() == "m1" => Some(create.args.clone()),
        _ => None,
    });
    let args = args.unwrap();
    assert!(args.contains(&"--listen-client-urls=http://0.0.0.0:2379".to_owned()), "{args:?}");
    assert!(args.contains(&"--listen-peer-urls=http://0.0.0.0:2380".to_owned()), "{args:?}");
    assert!(args.contains(&"--initial-advertise-peer-urls=http://db1.example:2380".to_owned()), "{args:?}");
}

#[test]
fn an_option_that_the_version_does_not_know() {
    let unknown = empty_hosts("3.5.33").setting("enable-v3demo", "true");
    assert_snapshot!(unknown.refused("option-removed"));
}

#[test]
fn a_unit_is_there() {
    let unit = healthy("3.5.33").inventory.members[2].host.known().unwrap().unit.clone();
    assert_snapshot!(empty_hosts("3.5.33").host("m3", |host| host.unit = unit).refused("hosts-empty"));
}

#[test]
fn a_data_directory_is_there() {
    let left = empty_hosts("3.5.33").host("m3", |host| host.data_without_member = Some(data_dir()));
    assert_snapshot!(left.refused("hosts-empty"));
}

#[test]
fn an_empty_data_directory_is_nothing() {
    let empty = DataDirFacts { has_member: false, ..data_dir() };
    let plan = empty_hosts("3.5.33").host("m3", |host| host.data_without_member = Some(empty)).plan().unwrap();
    assert_eq!(plan.kind, Kind::Create);
}

// faults: H1
#[test]
fn no_room_for_the_first_log() {
    let empty = |free| Some(DataDirFacts { has_member: false, free, device: Some(Device(0x803)), ..data_dir() });
    let with = |free| empty_hosts("3.5.33").host("m3", |host| host.data_without_member = empty(free));
    assert_snapshot!(with(Bytes::mebi(150)).refused("disk-data"));
    assert_eq!(with(Bytes::mebi(200)).plan().unwrap().kind, Kind::Create);
}

#[test]
fn a_process_is_there() {
    let mut process = healthy("3.5.33").inventory.members[2].host.known().unwrap().processes[0].clone();
    process.is_declared_member = false;
    assert_snapshot!(empty_hosts("3.5.33").host("m3", |host| host.processes.push(process)).refused("hosts-empty"));
}

#[test]
fn a_host_is_unreachable() {
    assert_snapshot!(empty_hosts("3.5.33").unreachable("m3").refused("host-reachable"));
}

#[test]
fn adopt_with_nothing_there() {
    let mut nothing = empty_hosts("3.5.33");
    nothing.cluster.runtime = healthy("3.5.33").cluster.runtime;
    assert_snapshot!(nothing.refused("nothing-to-adopt"));
}

/// Members as a creation makes them: those that are named, not started.
fn made(members: &[&str], has_data: bool) -> Situation {
    let empty = empty_hosts("3.5.33");
    let plan = empty.plan().unwrap();
    let template: MemberFacts = healthy("3.5.33").inventory.members[0].host.known().unwrap().member.clone().unwrap();
    let unit = healthy("3.5.33").inventory.members[0].host.known().unwrap().unit.clone();
    plan.steps().fold(empty, |made, step| match &step.action {
        Action::CreateMember(create) if members.contains(&create.member.as_str()) => {
            made.host(create.member.as_str(), |host| {
                host.unit.clone_from(&unit);
                let mut facts = template.clone();
                facts.args.clone_from(&create.args);
                facts.data_dir.has_member = has_data;
                host.member = Some(facts);
            })
        }
        _ => made,
    })
}

#[test]
fn a_creation_that_was_cut_short_while_members_were_made() {
    assert_snapshot!(made(&["m1"], false).planned());
}

#[test]
fn a_creation_that_was_cut_short_before_the_start() {
    assert_snapshot!(made(&NAMES, false).planned());
}

#[test]
fn a_created_cluster_that_is_down_is_started_and_not_created() {
    let down = made(&NAMES, true);
    assert_ne!(down.plan().unwrap().kind, Kind::Create);
    assert_snapshot!(down.planned());
}

/// A typo in the folder, or the spec in another one: the cluster that is meant serves there.
#[test]
fn somebody_listens_where_a_new_member_is_to_be() {
    let taken = empty_hosts("3.5.33").host("m3", |host| host.listening.extend([22, 2379]));
    assert_snapshot!(taken.refused("ports-free"));
    let not_started = made(&NAMES, false).host("m2", |host| host.listening.extend([2380]));
    not_started.refused("ports-free");
    // With data it is a member: its own start says what is in its way.
    assert!(made(&NAMES, true).host("m2", |host| host.listening.extend([2380])).plan().is_ok());
}

/// The hosts went before a way down, or in its middle: only the members can tell how far they are.
#[test]
fn members_a_minor_above_the_declared_version_that_are_all_down_are_started_as_they_are() {
    let above = |declared: &str| {
        let newer = made(&NAMES, true).every_facts(|facts| facts.binary.version = Some(version("3.6.14")));
        newer.to(declared)
    };
    let plan = above("3.5.33").plan().unwrap();
    let actions: Vec<&Action> = plan.steps().map(|step| &step.action).collect();
    assert!(matches!(actions.as_slice(), [Action::StartTogether { members }] if members.len() == 3), "{actions:?}");
    assert_eq!((plan.kind, plan.summary.to), (Kind::Upgrade, version("3.6.14")));
    assert!(plan.warnings.iter().any(|warning| warning.rule == "members-above"));
    let refusals = above("3.4.45").plan().unwrap_err();
    assert!(refusals.iter().any(|refusal| refusal.rule == "cluster-answers"), "{refusals:?}");
}

#[test]
fn members_of_two_minors_that_are_all_down_are_started_as_they_are() {
    let newer: crate::units::Version = "3.6.14".parse().unwrap();
    let of_two = |situation: Situation| {
        situation.host("m1", |host| host.member.as_mut().unwrap().binary.version = Some(newer.clone()))
    };
    for declared in ["3.5.33", "3.6.14", "3.7.1"] {
        let plan = of_two(made(&NAMES, true)).to(declared).plan().unwrap();
        assert_eq!((plan.kind, plan.summary.to.to_string().as_str()), (Kind::Upgrade, "3.5.33"), "{declared}");
    }
    assert_snapshot!(of_two(made(&NAMES, true)).to("3.6.14").planned());
    // Three of them are nothing that a run leaves.
    let oldest = "3.4.23".parse::<crate::units::Version>().unwrap();
    of_two(made(&NAMES, true))
        .host("m2", |host| host.member.as_mut().unwrap().binary.version = Some(oldest))
        .refused("cluster-answers");
}

/// Started empty, with the votes of others like it, it would be a new cluster in place of the old one.
#[test]
fn a_member_that_lost_its_data_while_all_are_down_is_not_started_empty() {
    let mut lost = made(&NAMES, true).host("m2", |host| {
        host.member.as_mut().unwrap().data_dir.has_member = false;
    });
    assert_snapshot!(lost.refused("member-found"));
    // One that was cut off while it started the members for the first time leaves the same behind.
    lost.creation = CutOffCreation::Remembered;
    assert!(lost.plan().unwrap().steps().any(|step| matches!(step.action, Action::StartTogether { .. })));
}

#[test]
fn a_created_cluster_that_is_down_and_a_higher_version() {
    assert_snapshot!(made(&NAMES, true).to("3.6.14").refused("cluster-answers"));
}

#[test]
fn a_member_without_anything_while_others_have_data() {
    assert_snapshot!(made(&["m1", "m2"], true).refused("member-found"));
}

#[test]
fn a_member_without_anything_while_another_runs_and_does_not_answer() {
    let process = healthy("3.5.33").inventory.members[0].host.known().unwrap().processes[0].clone();
    let mut running = made(&["m1"], true).host("m1", |host| host.processes.push(process));
    running.view("m1").etcd = Seen::Unknown { why: "http://10.0.0.11:2379: no answer within 5s".to_owned() };
    assert!(running.plan().is_err());
}

#[test]
fn members_that_all_run_and_do_not_answer_are_not_started_again() {
    let process = healthy("3.5.33").inventory.members[0].host.known().unwrap().processes[0].clone();
    let mut running = made(&NAMES, true).every_host(|host| host.processes.push(process.clone()));
    for view in &mut running.inventory.members {
        view.etcd = Seen::Unknown { why: "its certificate is not trusted".to_owned() };
    }
    assert_snapshot!(running.refused_by(&["member-answers"; 3]));
}

#[test]
fn a_folder_of_another_member_is_in_the_way_of_a_process() {
    let mut taken = empty_hosts("3.2.32").processes();
    assert!(matches!(taken.cluster.runtime, Runtime::Process(_)));
    taken = taken.host("m3", |host| {
        host.managed = Some(ManagedProcess { dir: "/home/me/etcd/m3".to_owned(), pid: None, args: Vec::new() });
    });
    assert_snapshot!(taken.refused("hosts-empty"));
}

/// A new cluster, whose m1 could not be started: its port was taken. The others have quorum without it.
fn one_never_served(client_urls: &[&str]) -> Situation {
    let plan = empty_hosts("3.5.33").plan().unwrap();
    let args = plan.steps().find_map(|step| match &step.action {
        Action::CreateMember(create) if create.member.as_str() == "m1" => Some(create.args.clone()),
        _ => None,
    });
    let made = healthy("3.5.33").managed().down("m1").facts("m1", |facts| {
        facts.args = args.clone().unwrap();
        facts.data_dir.has_member = false;
    });
    made.every_etcd(|etcd| {
        let listed = etcd.members.iter_mut().find(|listed| listed.name == "m1").unwrap();
        listed.client_urls = client_urls.iter().map(|&url| url.to_owned()).collect();
        etcd.leader = Some(member_id(2));
    })
}

#[test]
fn a_created_member_that_never_served_is_started() {
    assert_snapshot!(one_never_served(&[]).planned());
}

#[test]
fn a_created_member_that_did_serve_and_has_lost_its_data_is_not_started() {
    one_never_served(&["http://10.0.0.11:2379"]).refused("member-has-data");
}
