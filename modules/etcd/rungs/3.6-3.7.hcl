rung "3.6" "3.7" {
  what    = "From 3.6 to 3.7: all experimental- options are gone, v2 entries can no longer be read at all."
  sources = ["guide upgrades/upgrade_3_7.md"]

  requirement "patch-3.6.11" {
    check    = "minimum-patch"
    at_least = "3.6.11"
    when     = "always"
    what     = "All members run 3.6.11 or later."
    why      = "The guide says only that earlier patches may not be compatible."
    fix      = "Take all members to the newest 3.6 first."
    sources  = ["guide upgrades/upgrade_3_7.md", "issue etcd-io/website#1165"]
  }

  hazard "leftover-v2-entries-3.7" {
    hazard  = { v2-entries-in-wal = { written_by = "2.0..3.5" } }
    cure    = { raft-snapshot-by-no-ops = { snapshot_count_option = "snapshot-count" } }
    what    = "Raft entries in the old v2 form that are in the WAL since the last raft snapshot panic a 3.7 member at start. 3.5 and older write them for member attributes and the cluster version: every cluster that came up from 3.5 has them until its next raft snapshot on 3.6."
    fix     = "While all members run 3.6: raft no-ops (reads of the alarm list) until each member has taken a snapshot behind the moment when the last member left 3.5. If it has happened: put the 3.6 binary back; nothing is lost."
    sources = ["observed 3.5.33, 3.6.14, 3.7.1", "code v3.7.1:server/etcdserver/apply/apply.go"]
  }

  change "old-names-in-config-are-silent" {
    affects = "members-with-config-file"
    what    = "Old names in a config file or in the environment no longer have any effect, and nothing says so."
    fix     = "Rename them before the rung."
    sources = ["code v3.7.1:server/embed/config.go"]
  }

  change "slow-requests-warn-at-300ms" {
    affects = "members-without"
    options = ["warning-unary-request-duration"]
    what    = "The default of warning-unary-request-duration is shown as 300ms."
  }

  advisory "client-v2-gone" {
    audience = "go-clients"
    what     = "The package client/v2 is gone; the client never blocks while it dials (WithBlock is ignored)."
  }

  advisory "multi-arch-images-only" {
    audience = "operators"
    what     = "Only multi-arch container images are published."
  }

  advisory "etcdctl-help-regrouped" {
    audience = "command-line"
    what     = "etcdctl --help is grouped anew; AuthStatus may be called without authentication."
  }

  proof "proof-storage-version-3.7" {
    proof   = "storage-version"
    what    = "Every member's storage version is 3.7: it follows the cluster version within seconds."
    sources = ["observed 3.7.1"]
  }

  rollback "rollback-3.6-3.7" {
    mixed            = "swap-binary"
    after_completion = ["downgrade-api", "rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "invalid downgrade|is not supported"
    what             = "While one member still runs 3.6: put the 3.6 binary back. Afterwards: the Downgrade API."
    sources          = ["observed 3.6.14, 3.7.1", "doc v3.7/downgrades/downgrade_3_7.md"]
  }

  downgrade "downgrade-3.7-3.6" {
    means   = "downgrade-api"
    what    = "validate, enable, wait until cluster version and storage version of all members are 3.6, then the 3.6 binary one by one, leader last."
    why     = "Where \"cannot downgrade storage\" stays for more than a minute, a few writes bring the raft snapshot that it waits for."
    fix     = "Take the gates FastLeaseKeepAlive and PriorityRequest out of feature-gates: 3.6 does not know them."
    sources = ["doc v3.7/downgrades/downgrade_3_7.md", "issue #22201", "code v3.7.1:server/features/etcd_features.go", "observed 3.7.1, 3.6.14"]
  }
}
