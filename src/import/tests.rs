//! From a look to what is looked at next, and to the text of a spec that holds.

use insta::assert_snapshot;
use proptest::prelude::*;

use super::text::quoted;
use super::*;
use crate::plan::tests::builders::*;
use crate::spec::model::{Cluster, Connection};
use crate::spec::{Inputs, load};

fn target(text: &str) -> Target {
    text.parse().unwrap()
}

fn asked(targets: &[&str]) -> Asked {
    Asked {
        cluster: "prod".parse().unwrap(),
        reach: Reach::Ssh {
            user: Some("deploy".to_owned()),
            become_sudo: BecomeSudo::Yes,
            config_file: None,
            identity_file: None,
        },
        run_by: RunBy::Unit("etcd.service".to_owned()),
        targets: targets.iter().map(|text| target(text)).collect(),
        release_url: None,
    }
}

fn named() -> Asked {
    asked(&["m1=10.0.0.11", "m2=10.0.0.12", "m3=10.0.0.13"])
}

/// The cluster that a text declares.
#[track_caller]
fn declared(text: &str) -> Cluster {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a.hcl"), text).unwrap();
    match load(dir.path(), &Inputs::default()) {
        Ok(mut loaded) => loaded.spec.clusters.remove(0),
        Err(wrong) => panic!("{text}\n{wrong:?}"),
    }
}

#[track_caller]
fn text(situation: &Situation, asked: &Asked) -> String {
    spec_text(asked, &situation.inventory, &KNOWLEDGE).unwrap()
}

#[test]
fn a_host_is_written_as_for_ssh() {
    let whole = target("m1=deploy@10.0.0.11:2222");
    assert_eq!((whole.name.unwrap().as_str(), whole.destination.as_str()), ("m1", "10.0.0.11"));
    assert_eq!((whole.user.as_deref(), whole.port), (Some("deploy"), Some(2222)));
    assert_eq!(target("db-1.example").destination, "db-1.example");
    assert_eq!((target("[fd00::1]:22").destination.as_str(), target("[fd00::1]:22").port), ("fd00::1", Some(22)));
    assert_eq!((target("fd00::1").destination.as_str(), target("fd00::1").port), ("fd00::1", None));
    for wrong in
        ["", "=", "m1=", "-oProxyCommand=x", "m1=-x", "a@-x", "host:0", "host:x", "[::1", "a b", "$(x)", "m1=@h"]
    {
        assert!(wrong.parse::<Target>().is_err(), "{wrong}");
    }
}

#[test]
fn a_draft_is_a_spec_and_says_how_hosts_are_reached() {
    let cluster = declared(&draft(&asked(&["10.0.0.11", "m2=root@10.0.0.12:2222"]), "/tmp/state"));
    let names: Vec<&str> = cluster.members.iter().map(|member| member.name.as_str()).collect();
    assert_eq!(names, ["host-1", "m2"]);
    let Connection::Ssh(ssh) = &cluster.members[1].connection else { panic!("{cluster:?}") };
    assert_eq!((ssh.user.as_deref(), ssh.port), (Some("root"), Some(2222)));
    let folder = Asked {
        reach: Reach::Local,
        run_by: RunBy::Folder("/srv/x".to_owned()),
        targets: vec![Target::here(name("m1")), Target::here(name("m2"))],
        ..named()
    };
    assert_eq!(declared(&draft(&folder, "/tmp/state")).members.len(), 2);
}

#[test]
fn the_first_look_tells_names_and_members_that_nobody_named() {
    let mut one = healthy("3.5.33");
    one.inventory.members.truncate(1);
    one.inventory.members[0].name = name("host-1");
    let next = follow(&asked(&["ops@10.0.0.11"]), &one.inventory).unwrap().unwrap();
    let named: Vec<_> = next
        .targets
        .iter()
        .map(|target| (target.name.clone().unwrap().to_string(), target.destination.as_str()))
        .collect();
    let wanted = [("m1", "10.0.0.11"), ("m2", "10.0.0.12"), ("m3", "10.0.0.13")];
    assert_eq!(named, wanted.map(|(name, host)| (name.to_owned(), host)));
    // They are reached as the first was.
    assert!(next.targets.iter().all(|target| target.user.as_deref() == Some("ops")));
    assert_eq!(follow(&next, &healthy("3.5.33").inventory), Ok(None));
}

#[test]
fn the_unit_that_runs_an_etcd_is_found() {
    let elsewhere = healthy("3.5.33").every_host(|host| {
        host.member = None;
        host.processes[0].unit = Some("etcd-main.service".to_owned());
        host.processes[0].is_declared_member = false;
    });
    let next = follow(&named(), &elsewhere.inventory).unwrap().unwrap();
    assert_eq!(next.run_by, RunBy::Unit("etcd-main.service".to_owned()));
    let several = elsewhere.host("m2", |host| host.processes[0].unit = Some("other.service".to_owned()));
    let error = follow(&named(), &several.inventory).unwrap_err();
    assert!(error.to_string().contains("etcd-main.service, other.service"), "{error}");
}

#[test]
fn what_cannot_be_seen_is_told_and_no_spec_is_made() {
    let mut nobody = healthy("3.5.33").unreachable("m1").unreachable("m2").unreachable("m3");
    let error = follow(&named(), &nobody.inventory).unwrap_err();
    assert!(error.to_string().contains("no route to host"), "{error}");
    nobody = healthy("3.5.33").down("m3");
    assert!(spec_text(&named(), &nobody.inventory, &KNOWLEDGE).unwrap_err().to_string().contains("m3: "));
    let mixed = healthy("3.1.20").runs("m1", "3.2.32");
    assert!(spec_text(&named(), &mixed.inventory, &KNOWLEDGE).unwrap_err().to_string().contains("m1 runs 3.2.32"));
    let never = healthy("3.5.33").also_listed(|fourth| fourth.name.clear());
    assert!(follow(&named(), &never.inventory).unwrap_err().to_string().contains("never started"));
    let elsewhere = Asked { reach: Reach::Local, targets: vec![Target::unnamed_here()], ..named() };
    let mut one = healthy("3.5.33");
    one.inventory.members.truncate(1);
    assert!(follow(&elsewhere, &one.inventory).unwrap_err().to_string().contains("on another host"));
}

#[test]
fn a_spec_of_a_cluster_with_plain_flags() {
    let situation = healthy("3.5.33")
        .option("m1", "quota-backend-bytes", "8589934592")
        .option("m2", "quota-backend-bytes", "8589934592")
        .option("m3", "quota-backend-bytes", "8589934592")
        .option("m1", "heartbeat-interval", "200");
    let text = text(&situation, &named());
    assert_snapshot!(text);
    let cluster = declared(&text);
    assert_eq!(cluster.settings.len(), 1);
    // A plan of it, over what was seen, has nothing to do.
    let again = Situation { cluster, ..situation };
    assert!(again.plan().unwrap().is_empty());
}

#[test]
fn a_spec_of_a_cluster_with_tls_by_other_names() {
    let mut situation = healthy("3.2.32").every_etcd(|etcd| {
        for listed in &mut etcd.members {
            listed.peer_urls = vec![format!("https://{}.internal:12380", listed.name)];
            listed.client_urls = vec![format!("https://{}.internal:2379", listed.name)];
        }
    });
    situation = situation.every_facts(|facts| {
        facts.certificates = vec![certificate("cert-file", &["10.0.0.11"])];
        facts.config_file = Some("/etc/etcd/etcd.yml".to_owned());
    });
    let text = text(&situation, &asked(&["m1=10.0.0.11", "m2=root@10.0.0.12:2222", "m3=10.0.0.13"]));
    assert_snapshot!(text);
    let cluster = declared(&text);
    assert_eq!(cluster.members[0].client_url.as_deref(), Some("https://m1.internal:2379"));
    let Connection::Ssh(ssh) = &cluster.members[1].connection else { panic!("{cluster:?}") };
    assert_eq!((ssh.destination.as_str(), ssh.user.as_deref(), ssh.port), ("10.0.0.12", Some("root"), Some(2222)));
}

/// A name from a host is text in the spec, and nothing else.
#[test]
fn hostile_values_stay_values() {
    let hostile = "x\" }\n${file(\"/etc/passwd\")} %{ if true }\\";
    let situation = healthy("3.5.33").every_facts(|facts| {
        facts.data_dir.path = "/var/lib/${etcd}\"".to_owned();
        facts.binary.path = format!("/usr/bin/{hostile}\u{202e}");
        facts.options.push(argument("log-level", "%{ if true }${x}\"\\"));
        facts.options.push(argument("not-an-option", hostile));
    });
    let cluster = declared(&text(&situation, &named()));
    assert_eq!(cluster.settings["log-level"], "%{ if true }${x}\"\\");
    assert_eq!(cluster.settings.len(), 1);
    assert_eq!(cluster.members[0].data_dir.as_deref(), Some("/var/lib/${etcd}\""));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn a_quoted_text_is_read_as_it_was(text in "[ -~äé]{0,20}[$%]?[{]?[ -~]{0,20}") {
        let member = "member \"m1\" { address = \"10.0.0.11\" }";
        let settings = format!("settings = {{ log-level = {} }}", quoted(&text));
        let cluster = declared(&format!("cluster \"prod\" {{\n  version = \"3.5.33\"\n  {settings}\n  {member}\n}}\n"));
        prop_assert_eq!(&cluster.settings["log-level"], &text);
    }
}
