//! Refusals as the planner makes them, for tests of what is rendered.

use crate::plan::model::Refusal;
use crate::plan::testing::name;

/// Why there is no plan.
pub fn refusals() -> Vec<Refusal> {
    vec![
        Refusal {
            rule: "disk-space".to_owned(),
            member: Some(name("m3")),
            host: Some("deploy@10.0.0.13".to_owned()),
            seen: "96 MB are free on /var/lib (ext4)".to_owned(),
            must: "the rollback point of m3 needs 105 MB and 10 % to spare: 116 MB".to_owned(),
            fix: "free 20 MB on /var/lib, or turn rollback points off: rollback_points { enabled = false }".to_owned(),
            source: None,
            diff: Vec::new(),
        },
        Refusal {
            rule: "listen-urls-are-ips".to_owned(),
            member: Some(name("m1")),
            host: Some("deploy@10.0.0.11".to_owned()),
            seen: "--listen-peer-urls=http://m1.example:2380, from the unit file".to_owned(),
            must: "3.2 does not start with a host name in a listen URL".to_owned(),
            fix: "write the IP address: --listen-peer-urls=http://10.0.0.11:2380; then restart m1 at 3.1.20".to_owned(),
            source: Some("upgrade guide of 3.2".to_owned()),
            diff: Vec::new(),
        },
        Refusal {
            rule: "one-minor-at-a-time".to_owned(),
            member: None,
            host: None,
            seen: "the members run 3.1.20, 3.3.0 is declared".to_owned(),
            must: "a cluster moves by one minor at a time".to_owned(),
            fix: "declare 3.2.32 first".to_owned(),
            source: Some("https://etcd.io/docs/v3.3/upgrades/upgrade_3_3/".to_owned()),
            diff: Vec::new(),
        },
    ]
}
