//! Specs that hold.

use insta::assert_debug_snapshot;

use super::super::model::{Cluster, Connection, DriftPolicy, Pem, ReleaseSource, Runtime, Toggle, UrlSource};
use super::{Fixture, cluster_with};
use crate::units::Version;

const EVERYTHING: &str = r#"
quorate {
  required_version = ">= 0.1, < 100"
  state "local" {
    path = "state"
  }
}

variable "etcd_version" {
  type    = string
  default = "3.2.32"
}

locals {
  hosts = { m1 = "10.0.0.11", m2 = "10.0.0.12" }
  user  = upper("DEPLOY") == "DEPLOY" ? "deploy" : "root"
}

cluster "prod" {
  version = var.etcd_version

  connection "ssh" {
    user             = local.user
    port             = 2222
    identity_file    = "keys/id_ed25519"
    config_file      = "/etc/ssh/quorate_config"
    known_hosts_file = "known_hosts"
    connect_timeout  = "5s"
    reconnect_for    = "2m"
    become           = "sudo"
  }

  runtime "systemd" {
    unit  = "etcd-main"
    adopt = true
  }

  release {
    url        = "https://mirror.example/etcd-v${version}-${os}-${arch}.tar.gz"
    sha256sums = "https://mirror.example/v${version}/SHA256SUMS"
    sha256 = {
      "3.2.32-amd64" = "9c1e4f079c1e4f079c1e4f079c1e4f079c1e4f079c1e4f079c1e4f079c1e4f07"
    }
  }
  release {
    url = "file:///srv/etcd/${version}"
  }

  client {
    ca   = "/etc/etcd/pki/ca.crt"
    cert = file("client.pem")
    key  = file("client.key")

    user     = "quorate"
    password = chomp(file("password"))
  }

  member "all" {
    for_each = local.hosts
    name     = "etcd-${each.key}"
    address  = each.value
    data_dir = "/var/lib/etcd/"
  }
  member "m3" {
    address    = "[FD00::3]"
    client_url = "https://[fd00::3]:12379/"
    peer_url   = "https://etcd-3.example.org:12380"
    connection "ssh" {
      host   = "etcd-three"
      user   = "root"
      become = "no"
    }
  }

  settings = {
    quota-backend-bytes = 8 * 1024 * 1024 * 1024
    auto-compaction-retention = 1
    enable-v2     = true
    cors          = ["https://a.example", "https://b.example"]
    log-level     = null
    "max-wals"    = "5"
  }

  rollout {
    soak             = "30s"
    hold_before      = "no-return"
    on_failure       = "halt"
    ready_timeout    = "20m"
    stop_timeout     = "2m"
    version_timeout  = "90s"
    catch_up_timeout = "15m"
    gate_timeout     = "45s"
    v2_settle        = "0"
    compare_hashes   = false
    availability     = "write"
    availability_rate = 10
    slo {
      max_stall = "2s"
    }
  }

  backup {
    to     = "file:///var/backups/quorate"
    keep   = 3
    verify = "hash"
  }

  rollback_points {
    enabled  = false
    max_size = "5 GB"
  }
}
"#;

#[test]
fn every_block_and_attribute_is_read() {
    let fixture = Fixture::new(EVERYTHING)
        .file("client.pem", "-----BEGIN CERTIFICATE-----\nx\n-----END CERTIFICATE-----\n")
        .file("password", "hunter2-correct-horse\n")
        .file("client.key", "-----BEGIN EC PRIVATE KEY-----\nsecret\n-----END EC PRIVATE KEY-----\n");
    let loaded = fixture.load().unwrap_or_else(|diagnostics| panic!("{}", fixture.render(&diagnostics.0)));
    assert!(loaded.warnings.is_empty(), "{:?}", loaded.warnings);
    assert!(loaded.secrets.iter().any(|secret| secret.contains("secret")));
    assert_eq!(loaded.spec.settings.state_dir, fixture.path().join("state"));
    let cluster = &loaded.spec.clusters[0];
    assert!(matches!(&cluster.client.key, Some(Pem::Inline(key)) if key.contains("secret")));
    let dir = fixture.path().display().to_string();
    let shown = format!("{cluster:#?}").replace(&dir, "DIR");
    insta::assert_snapshot!(shown);
}

#[test]
fn a_short_spec_gets_the_defaults() {
    let fixture = cluster_with("");
    let spec = fixture.spec();
    assert_eq!(spec.dir, fixture.path());
    assert_eq!(spec.settings.state_dir, fixture.path().join(".quorate"));
    let mut cluster = spec.clusters.into_iter().next().unwrap();
    assert_eq!(cluster.backup.dir, fixture.path().join(".quorate/backups"));
    cluster.backup.dir = "DIR".into();
    assert_debug_snapshot!(cluster);
}

#[test]
fn a_byte_order_mark_and_windows_line_ends_are_fine() {
    let text = "cluster \"p\" {\n  version = \"3.2.32\"\n  settings = {\n    x = <<-EOT\n      a\n    EOT\n  }\n  member \"m1\" {\n    address = \"a\"\n  }\n}\n";
    let unix =
        Fixture::new(&text.replace("<<-EOT\n      a\n    EOT", "trimspace(<<-EOT\n      a\n    EOT\n)")).cluster();
    let windows =
        text.replace("<<-EOT\n      a\n    EOT", "trimspace(<<-EOT\n      a\n    EOT\n)").replace('\n', "\r\n");
    let windows = Fixture::new(&format!("\u{feff}{windows}")).cluster();
    assert_eq!(unix.settings, windows.settings);
    assert_eq!(windows.settings["x"], "a");
}

#[test]
fn blocks_may_be_spread_over_files() {
    let fixture = Fixture::new("locals {\n  v = var.v\n}\n")
        .file("a.hcl", "cluster \"p\" {\n  version = local.v\n  member \"m\" { address = \"a\" }\n}\n")
        .file("z.hcl", "variable \"v\" {}\n")
        .file(".hidden.hcl", "nonsense")
        .var("v", "3.3.1");
    assert_eq!(fixture.cluster().version, Version::new(3, 3, 1));
}

#[test]
fn members_of_for_each_are_called_by_their_keys() {
    let fixture = Fixture::new(
        "cluster \"p\" {\n  version = \"3.2.32\"\n  member \"all\" {\n    for_each = toset([\"b\", \"a\"])\n    address = \"${each.value}.example.org\"\n  }\n}\n",
    );
    let members: Vec<(String, String)> =
        fixture.cluster().members.into_iter().map(|member| (member.name.to_string(), member.address)).collect();
    let expected = [("a", "a.example.org"), ("b", "b.example.org")];
    assert_eq!(members, expected.map(|(name, address)| (name.to_owned(), address.to_owned())));
}

#[test]
fn members_on_one_machine_differ_by_their_ports() {
    let fixture = Fixture::new(
        r#"
cluster "dev" {
  version = "3.1.20"
  connection "local" {}
  runtime "process" { dir = "run" }
  member "all" {
    for_each   = { m1 = 0, m2 = 1, m3 = 2 }
    address    = "127.0.0.1"
    client_url = "http://127.0.0.1:${12379 + each.value * 100}"
    peer_url   = "http://127.0.0.1:${12380 + each.value * 100}"
  }
}
"#,
    );
    let cluster = fixture.cluster();
    let urls: Vec<&str> = cluster.members.iter().filter_map(|member| member.client_url.as_deref()).collect();
    assert_eq!(urls, ["http://127.0.0.1:12379", "http://127.0.0.1:12479", "http://127.0.0.1:12579"]);
    assert!(cluster.members.iter().all(|member| matches!(member.connection, Connection::Local { .. })));
    let Runtime::Process(process) = cluster.runtime else { panic!("another runtime") };
    assert_eq!(process.dir, fixture.path().join("run").to_str().unwrap());
}

#[test]
fn a_release_url_keeps_its_three_names() {
    let cluster = cluster_with(
        "  release {\n    url = format(\"https://m.example/%s/etcd-v%s-%s.tar.gz\", os, version, arch)\n  }",
    )
    .cluster();
    let [ReleaseSource::Url(source)] = cluster.releases.as_slice() else { panic!("{:?}", cluster.releases) };
    let url = UrlSource::expand(&source.url, &Version::new(3, 2, 32), "amd64", "linux");
    assert_eq!(url, "https://m.example/linux/etcd-v3.2.32-amd64.tar.gz");
}

#[test]
fn one_digest_is_for_the_version_of_the_cluster() {
    let digest = "ab".repeat(32);
    let cluster = cluster_with(&format!(
        "  release {{\n    url = \"http://m.example/${{version}}\"\n    sha256 = \"{digest}\"\n  }}"
    ))
    .cluster();
    let [ReleaseSource::Url(source)] = cluster.releases.as_slice() else { panic!("{:?}", cluster.releases) };
    assert_eq!(source.sha256["3.2.32"].to_string(), digest);
}

#[test]
fn relative_backups_lie_beside_the_spec() {
    let fixture = cluster_with("  backup {\n    to = \"./saved/\"\n  }\n  rollback_points { enabled = false }");
    let cluster = fixture.cluster();
    assert_eq!(cluster.backup.dir, fixture.path().join("saved"));
    assert_eq!(cluster.rollback_points.enabled, Toggle::Off);
}

/// It is read, and is no part of what a plan declares.
#[test]
fn what_counts_as_drift_stands_beside_the_cluster() {
    let fixture =
        cluster_with("  drift {\n    certificates = \"45d\"\n    backup = \"26h\"\n    compare_hashes = true\n  }");
    let spec = fixture.spec();
    let drift = &spec.drift[&spec.clusters[0].name];
    assert_eq!(drift.certificates.to_string(), "45d");
    assert_eq!(drift.backup.map(|age| age.to_string()).as_deref(), Some("1d2h"));
    assert_eq!(drift.compare_hashes, Toggle::On);
    let same = cluster_with("").cluster();
    assert_eq!(spec.clusters[0], Cluster { backup: spec.clusters[0].backup.clone(), ..same });
    let usual = cluster_with("").spec();
    assert_eq!(usual.drift[&usual.clusters[0].name], DriftPolicy::default());
}

#[test]
fn what_an_adopted_unit_says_itself_is_warned_of() {
    let fixture = cluster_with(
        "  runtime \"systemd\" {\n    adopt   = true\n    bin_dir = \"/opt/etcd\"\n  }\n  release { url = \"https://m.example/etcd.tar.gz\" }",
    );
    let loaded = fixture.load().unwrap();
    insta::assert_snapshot!(fixture.render(&loaded.warnings));
}

#[test]
fn several_clusters_may_be_declared() {
    let one = |name: &str| {
        format!("cluster \"{name}\" {{\n  version = \"3.2.32\"\n  member \"m\" {{ address = \"a\" }}\n}}\n")
    };
    let spec = Fixture::new(&(one("b") + &one("a"))).spec();
    let names: Vec<&str> = spec.clusters.iter().map(|cluster| cluster.name.as_str()).collect();
    assert_eq!(names, ["b", "a"]);
}

/// Every function is in the reference, and the reference names no other.
#[test]
fn the_reference_lists_all_functions() {
    let reference = include_str!("../../../docs/reference/spec.md");
    let (_, listed) = reference.split_once("## Functions").expect("the reference has this chapter");
    let listed: std::collections::BTreeSet<&str> = listed.split('`').skip(1).step_by(2).collect();
    assert_eq!(listed, super::super::functions::names().collect());
}
