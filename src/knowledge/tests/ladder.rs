//! The ladder, and what the planner asks of it.

use std::time::Duration;

use super::super::{
    Check, ClientApi, Cure, Feature, HazardKind, KeySpace, MixedRollback, OldBinary, ReleaseStanding, RestoreMeans,
    SourceKind, WayBack,
};
use super::{knowledge, version};
use crate::units::{Bytes, Minor, Span};

#[test]
fn leads_from_2_0_to_3_7_without_a_gap() {
    let knowledge = knowledge();
    let minors: Vec<String> = knowledge.minors().iter().map(ToString::to_string).collect();
    assert_eq!(minors.join(" "), "2.0 2.1 2.2 2.3 3.0 3.1 3.2 3.3 3.4 3.5 3.6 3.7");
    for pair in knowledge.minors().windows(2) {
        assert_eq!(knowledge.next_minor(pair[0]), Some(pair[1]));
        assert_eq!(knowledge.previous_minor(pair[1]), Some(pair[0]));
        let rung = knowledge.rung(pair[0], pair[1]).unwrap();
        assert!(rung.requirements.iter().any(|item| item.check == Check::AllMembersHealthy {}), "{}", rung.fact.name);
        assert!(rung.rollback.after_completion.contains(&WayBack::Restore), "{}", rung.fact.name);
    }
    assert_eq!(knowledge.next_minor(Minor::new(3, 7)), None, "3.8 is known and not planned for");
    assert!(knowledge.rung(Minor::new(3, 1), Minor::new(3, 3)).is_none());
}

#[test]
fn the_rung_3_1_to_3_2_is_whole() {
    let knowledge = knowledge();
    let rung = knowledge.rung(Minor::new(3, 1), Minor::new(3, 2)).unwrap();
    insta::assert_json_snapshot!("rung_3_1_to_3_2", rung);
}

#[test]
fn the_rung_2_1_to_2_2_is_whole() {
    let knowledge = knowledge();
    let rung = knowledge.rung(Minor::new(2, 1), Minor::new(2, 2)).unwrap();
    insta::assert_json_snapshot!("rung_2_1_to_2_2", rung);
}

#[test]
fn advisories_of_a_patch_come_with_it() {
    let knowledge = knowledge();
    let rung = knowledge.rung(Minor::new(3, 1), Minor::new(3, 2)).unwrap();
    let names = |target: &str| {
        rung.advisories_for(&version(target)).map(|advisory| advisory.fact.name.clone()).collect::<Vec<_>>()
    };
    assert!(!names("3.2.9").contains(&"grpc-1.7.5".to_owned()));
    assert!(names("3.2.32").contains(&"grpc-1.7.5".to_owned()));
    assert!(names("3.2.9").contains(&"time-to-live-of-a-missing-lease".to_owned()));
}

#[test]
fn ways_back_are_those_that_were_tried() {
    let knowledge = knowledge();
    let rollback = |from, to| &knowledge.rung(from, to).unwrap().rollback;
    let of = |major, minor| Minor::new(major, minor);
    assert_eq!(rollback(of(2, 3), of(3, 0)).mixed, MixedRollback::RemoveAndReadd);
    assert_eq!(rollback(of(3, 1), of(3, 2)).mixed, MixedRollback::SwapBinary);
    assert_eq!(rollback(of(2, 1), of(2, 2)).old_binary, OldBinary::StartsSilently {});
    assert!(matches!(rollback(of(3, 1), of(3, 2)).old_binary, OldBinary::Refuses { exit_code: 1, .. }));
    assert_eq!(rollback(of(3, 4), of(3, 5)).up_again_at_least, Some(version("3.5.3")));
    assert_eq!(rollback(of(3, 5), of(3, 6)).after_completion[0], WayBack::DowngradeApi);
}

#[test]
fn hazards_of_a_quick_climb_are_known() {
    let knowledge = knowledge();
    for (from, to) in [(5, 6), (6, 7)] {
        let rung = knowledge.rung(Minor::new(3, from), Minor::new(3, to)).unwrap();
        let hazard = rung.hazards.iter().find(|item| matches!(item.hazard, HazardKind::V2EntriesInWal { .. })).unwrap();
        assert!(matches!(hazard.cure, Cure::RaftSnapshotByNoOps { .. }));
    }
    let rung = knowledge.rung(Minor::new(3, 0), Minor::new(3, 1)).unwrap();
    assert_eq!(rung.hazards_for(&version("3.1.16")).count(), 0);
    assert_eq!(rung.hazards_for(&version("3.1.20")).count(), 1);
}

#[test]
fn releases_stand_as_they_do() {
    let knowledge = knowledge();
    let standing = |text: &str| knowledge.standing(&version(text));
    assert_eq!(standing("3.2.32"), ReleaseStanding::Latest);
    assert!(matches!(standing("3.2.31"), ReleaseStanding::Older { mentions, .. } if mentions.is_empty()));
    assert!(matches!(standing("3.2.20"), ReleaseStanding::Older { mentions, .. } if mentions.len() == 3));
    assert!(
        matches!(standing("3.5.1"), ReleaseStanding::KnownBad { defects } if defects[0].use_instead == version("3.5.33"))
    );
    assert!(matches!(standing("3.5.40"), ReleaseStanding::NewerPatch { .. }));
    assert!(matches!(standing("3.8.0-alpha.0"), ReleaseStanding::NotPlanned { .. }));
    assert!(matches!(standing("3.6.0-rc.1"), ReleaseStanding::NotPlanned { .. }));
    assert!(matches!(standing("4.0.0"), ReleaseStanding::UnknownMinor { newest } if newest == Minor::new(3, 7)));
    for minor in knowledge.minors() {
        let latest = &knowledge.line(*minor).unwrap().latest;
        assert_eq!(knowledge.standing(latest), ReleaseStanding::Latest, "no climb leads to a bad patch");
    }
}

#[test]
fn features_come_and_go_with_versions() {
    let knowledge = knowledge();
    let has = |text: &str, feature| knowledge.features(&version(text)).has(feature);
    assert_eq!(knowledge.features(&version("2.3.8")).api(), ClientApi::V2);
    assert_eq!(knowledge.features(&version("3.0.17")).api(), ClientApi::V3);
    assert!(!has("3.2.32", Feature::HashKv) && has("3.3.27", Feature::HashKv));
    assert!(!has("3.0.17", Feature::HandsOverAtStop) && has("3.1.20", Feature::HandsOverAtStop));
    assert!(has("3.3.27", Feature::V2ApiByDefault) && !has("3.4.45", Feature::V2ApiByDefault));
    assert!(has("3.4.23", Feature::HealthProposesEntry) && !has("3.5.33", Feature::HealthProposesEntry));
    assert!(!has("3.0.17", Feature::HealthProposesEntry) && !has("3.4.29", Feature::HealthProposesEntry));
    assert!(!has("3.5.10", Feature::LivezReadyz) && has("3.4.29", Feature::LivezReadyz));
}

#[test]
fn an_entry_is_written_only_where_every_version_in_the_cluster_applies_it() {
    let knowledge = knowledge();
    let apply = |feature, server: &str, cluster: Option<&str>| {
        knowledge.all_apply(feature, &version(server), cluster.map(version).as_ref())
    };
    use Feature::{AppliesAlarmEntries as Alarm, AppliesV2Entries as V2};
    for (server, cluster) in
        [("2.0.13", None), ("2.1.3", Some("2.1.0")), ("3.4.45", Some("3.4.0")), ("3.5.33", Some("3.4.0"))]
    {
        assert!(apply(V2, server, cluster), "{server} {cluster:?}");
    }
    // 3.6 may be beside it.
    for (server, cluster) in [("3.5.33", Some("3.5.0")), ("3.5.33", None), ("3.6.14", Some("3.5.0")), ("3.6.14", None)]
    {
        assert!(!apply(V2, server, cluster), "{server} {cluster:?}");
    }
    assert!(!apply(Alarm, "3.0.17", Some("2.3.0")) && !apply(Alarm, "3.0.17", None));
    for (server, cluster) in
        [("3.0.17", Some("3.0.0")), ("3.1.20", Some("3.0.0")), ("3.7.1", Some("3.7.0")), ("3.5.33", None)]
    {
        assert!(apply(Alarm, server, cluster), "{server} {cluster:?}");
    }
}

#[test]
fn backups_fit_what_a_cluster_holds() {
    let knowledge = knowledge();
    let saves = |text: &str| knowledge.backup_rules(&version(text)).map(|rule| rule.saves).collect::<Vec<_>>();
    assert_eq!(saves("2.1.3"), [KeySpace::V2]);
    assert_eq!(saves("3.1.20"), [KeySpace::V3, KeySpace::V2]);
    assert_eq!(saves("3.6.14"), [KeySpace::V3]);
    let (old, new) = (version("2.2.5"), version("3.1.20"));
    assert!(knowledge.backup_rules(&old).all(|rule| rule.barrier_needed.is_none()));
    let v2 = knowledge.backup_rules(&new).find(|rule| rule.saves == KeySpace::V2).unwrap();
    assert!(v2.barrier_needed.as_ref().unwrap().contains(&new) && v2.barrier_reads == 2);
}

#[test]
fn what_was_saved_can_be_restored_to_where_it_came_from() {
    let knowledge = knowledge();
    for minor in knowledge.minors() {
        let Some(latest) = knowledge.latest(*minor) else { continue };
        let v3 = knowledge.backup_rules(latest).any(|rule| rule.saves == KeySpace::V3);
        assert_eq!(knowledge.restore_rule(KeySpace::V3, latest, latest).is_some(), v3, "{latest}");
    }
    let means = |saves, of: &str, into: &str| {
        knowledge.restore_rule(saves, &version(of), &version(into)).map(|rule| rule.means)
    };
    assert_eq!(means(KeySpace::V3, "3.2.32", "3.1.20"), Some(RestoreMeans::EtcdctlSnapshotRestore));
    assert_eq!(means(KeySpace::V3, "3.4.23", "3.5.33"), Some(RestoreMeans::EtcdutlSnapshotRestore));
    assert_eq!(means(KeySpace::V3, "3.6.14", "3.5.33"), None);
    assert_eq!(means(KeySpace::V3, "3.7.1", "3.6.14"), None);
    assert_eq!(means(KeySpace::V2, "2.1.1", "2.2.5"), Some(RestoreMeans::ForceNewCluster));
    assert_eq!(means(KeySpace::V2, "2.2.5", "2.1.1"), None, "the cluster version is in it");
    assert_eq!(means(KeySpace::V2, "3.2.32", "3.3.27"), None);
    for tool in ["3.4.23", "3.5.33"] {
        let features = knowledge.features(&version(tool));
        let means = means(KeySpace::V3, tool, tool).unwrap();
        assert_eq!(means == RestoreMeans::EtcdutlSnapshotRestore, features.has(Feature::Etcdutl), "{tool}");
    }
}

#[test]
fn waits_are_those_of_the_guides() {
    let knowledge = knowledge();
    let timing = knowledge.timing();
    let interval = |text: &str| timing.version_check(&version(text)).map(|check| check.interval);
    assert_eq!(interval("2.0.13"), None);
    assert_eq!(interval("2.2.5"), Some(Span::from_secs(5)));
    assert_eq!(interval("3.2.32"), Some(Span::from_secs(4)));
    assert_eq!(timing.stop.deadline(Duration::from_secs(1)), Duration::from_secs(30));
    assert_eq!(timing.stop.deadline(Duration::from_secs(10)), Duration::from_secs(55));
    let settle = timing.settle(&version("2.2.5")).unwrap();
    assert_eq!(settle.wait_for(Bytes::mebi(50)), None);
    assert_eq!(settle.wait_for(Bytes::mebi(51)), Some(Span::from_secs(120)));
    assert!(settle.wait_for(Bytes::mebi(150)) > settle.wait_for(Bytes::mebi(60)));
    assert!(timing.settle(&version("3.6.14")).is_none());
}

#[test]
fn every_name_explains_itself() {
    let knowledge = knowledge();
    let names = knowledge.names();
    assert!(names.windows(2).all(|pair| pair[0] < pair[1]));
    for name in &names {
        let found = knowledge.explain(name).unwrap();
        let sources = found.fact.map_or_else(|| &found.flag.unwrap().sources, |fact| &fact.sources);
        assert!(!sources.is_empty(), "{name}");
    }
    assert!(knowledge.explain("3.1-3.2").is_some() && knowledge.explain("listen-urls-are-ips").is_some());
    assert!(knowledge.explain("no-such-thing").is_none());
    let fact = knowledge.explain("v2-only-data-3.2").unwrap().fact.unwrap();
    assert!(fact.sources.iter().any(|source| source.kind == SourceKind::Issue && source.reference == "#9480"));
}
