//! Options that the new version does not take.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::{NextStart, OptionSource};

fn to_3_4() -> Situation {
    healthy("3.3.27").to("3.4.45")
}

#[test]
fn a_listen_url_with_a_name() {
    let named = healthy("3.1.20").to("3.2.32").option("m1", "listen-client-urls", "http://db1.example:2379");
    assert_snapshot!(named.refused("listen-urls-are-ips"));
}

#[test]
fn a_listen_url_with_a_name_where_the_member_is_done() {
    // It runs with it: whatever the rule says, this rung does not bring it.
    healthy("3.2.20").to("3.2.32").runs("m1", "3.2.32").option("m1", "listen-client-urls", "http://x:2379").planned();
}

#[test]
fn a_removed_option_as_an_argument() {
    assert_snapshot!(to_3_4().option("m1", "ca-file", "/etc/etcd/ca.crt").refused("option-removed"));
}

#[test]
fn a_removed_option_in_the_environment() {
    let set = healthy("3.4.23").to("3.5.33").option_from("m1", "debug", "true", OptionSource::Environment);
    assert_snapshot!(set.planned());
}

#[test]
fn a_removed_option_in_the_environment_that_guards() {
    // As an argument the new binary would exit; from the environment it is dropped, and clients need no certificate.
    let set = to_3_4().option_from("m1", "ca-file", "/etc/etcd/ca.crt", OptionSource::Environment);
    assert_snapshot!(set.clone().refused("option-that-guards"));
    let half = set.option("m1", "trusted-ca-file", "/etc/etcd/ca.crt");
    half.clone().refused("option-that-guards");
    // What takes its place is there already: nothing is lost.
    half.option("m1", "client-cert-auth", "true").planned();
}

#[test]
fn a_removed_option_in_the_config_file() {
    let key = "client-transport-security.ca-file".to_owned();
    let source = OptionSource::ConfigFile { key, yaml_type: "string".to_owned() };
    let set = to_3_4()
        .option_from("m1", "ca-file", "/etc/etcd/ca.crt", source)
        .facts("m1", |facts| facts.config_file = Some("/etc/etcd/etcd.yml".to_owned()));
    assert_snapshot!(set.refused("option-that-guards"));
}

#[test]
fn a_removed_option_that_only_the_next_start_would_use() {
    let changed = to_3_4().facts("m1", |facts| {
        let mut next = NextStart { args: facts.args.clone(), options: facts.options.clone() };
        next.options.push(argument("ca-file", "/etc/etcd/ca.crt"));
        next.args.push("--ca-file=/etc/etcd/ca.crt".to_owned());
        facts.next_start = Some(next);
    });
    assert_snapshot!(changed.refused("option-removed"));
}

#[test]
fn an_option_set_in_two_places() {
    let twice = to_3_4().option("m1", "snapshot-count", "5000");
    let twice = twice.option_from("m1", "snapshot-count", "5000", OptionSource::Environment);
    assert_snapshot!(twice.refused("option-in-one-place"));
}

#[test]
fn v2_keys_where_the_new_version_does_not_serve_them() {
    let used = to_3_4().v2_data(40, crate::units::Bytes::mebi(1));
    // Once that they cannot be saved, and on each host what it lacks.
    let on_each = "v2-users-set-enable-v2";
    assert_snapshot!(used.refused_by(&["v2-backup-possible", on_each, on_each, on_each]));
}
