rung "3.0" "3.1" {
  what    = "From 3.0 to 3.1: leadership is handed over at stop, reads no longer go through the log, membership changes are checked strictly."
  sources = ["guide upgrades/upgrade_3_1.md"]

  hazard "v2-only-data-3.1" {
    to      = "3.1.17..3.1"
    hazard  = { snapshot-ahead-of-database = { refused_by = "3.1.17+" } }
    cure    = "v3-write-on-old-version"
    what    = "Where only v2 keys were ever written, 3.1.17 and later panic at start: a raft snapshot of the 2.3 days is newer than the v3 database."
    fix     = "Once all members run 3.0: one put and one delete of any key by the v3 API, applied on every member. Never move or delete member/snap/db."
    sources = ["issue #9480", "issue #7876", "observed 3.0.17, 3.1.20"]
  }

  change "strict-reconfig-check-on" {
    affects = "members-without"
    options = ["strict-reconfig-check"]
    what    = "strict-reconfig-check is on by default: a change of members that would lose quorum is refused."
    sources = ["code v3.1.20:embed/config.go"]
  }

  change "names-in-listen-urls-warn" {
    affects = "members-with"
    options = ["listen-client-urls", "listen-peer-urls"]
    what    = "A DNS name in a listen URL is warned of. 3.2 refuses it."
    fix     = "Use IP addresses now."
    sources = ["issue #6336"]
  }

  advisory "etcd-grpc-metrics-gone" {
    audience = "monitoring"
    what     = "Metrics etcd_grpc_* are gone; the names of grpc-prometheus take their place."
  }

  advisory "ranges-are-sorted" {
    audience = "all-clients"
    what     = "Results of a range come sorted by key."
    sources  = ["changelog 3.1"]
  }

  advisory "member-remove-may-be-refused" {
    audience = "command-line"
    what     = "Removing a member is refused where the rest would have no quorum."
    sources  = ["changelog 3.1"]
  }

  advisory "no-hand-over-in-3.0" {
    audience = "all-clients"
    what     = "3.0 does not hand leadership over: when the leader is stopped, writes wait for an election, up to 7 s, and may fail once."
    sources  = ["observed 3.0.17"]
  }

  rollback "rollback-3.0-3.1" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "cluster cannot be downgraded"
    what             = "While one member still runs 3.0: put the 3.0 binary back. Afterwards 3.0 refuses to start, and leaves the data as it is."
    sources          = ["observed 3.0.17, 3.1.20", "code v3.0.17:etcdserver/membership/cluster.go"]
  }
}
