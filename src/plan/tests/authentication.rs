//! Clusters with authentication on: who is let in, and who is not.

use insta::assert_snapshot;

use super::builders::*;
use crate::observe::inventory::{NOT_LET_IN, Seen};
use crate::spec::model::Verify;

const DENIED: &str = "m1 (http://10.0.0.11:2379): Snapshot: denied to user \"ann\": \"etcdserver: permission denied\"\n  \
                      do: give it the role root: `etcdctl user grant-role ann root`";

fn with_authentication() -> Situation {
    healthy("3.1.20").to("3.2.32").every_etcd(|etcd| etcd.auth_enabled = Some(true))
}

// faults: E10
#[test]
fn a_user_who_may_do_everything() {
    with_authentication().with_a_user().plan().unwrap();
}

// faults: E10
#[test]
fn a_user_who_lacks_the_right() {
    let denied = with_authentication().with_a_user().etcd("m1", |etcd| {
        etcd.denied = Some(DENIED.to_owned());
        etcd.unhealthy = Some("its keys cannot be counted".to_owned());
    });
    assert_snapshot!(denied.refused("let-in"));
    denied.refused_by(&["let-in"]);
}

// faults: E10
#[test]
fn a_member_that_answers_nothing_to_whom_it_does_not_know() {
    let mut closed = with_authentication().with_a_user();
    for member in ["m1", "m2", "m3"] {
        closed.view(member).etcd = Seen::Unknown { why: format!("{NOT_LET_IN}{DENIED}") };
    }
    let shown = closed.refused_by(&["let-in"; 3]);
    assert!(!shown.contains("does not answer:"), "{shown}");
}

#[test]
fn a_certificate_alone_does_for_all_but_the_trial_restore() {
    assert_snapshot!(with_authentication().refused("trial-let-in"));
    with_authentication().declared(|cluster| cluster.backup.verify = Verify::Hash).plan().unwrap();
}

/// The guide calls this unsupported; what breaks is not known.
#[test]
fn the_rung_that_is_not_supported_with_authentication() {
    let rung = healthy("3.4.45").to("3.5.33").with_a_user().every_etcd(|etcd| etcd.auth_enabled = Some(true));
    rung.refused_by(&["auth-frozen-3.5"]);
}
