rung "3.4" "3.5" {
  what    = "From 3.4 to 3.5: JSON logs, pre-vote on, several log options gone, the storage keeps the raft configuration."
  sources = ["guide upgrades/upgrade_3_5.md"]

  requirement "auth-frozen-3.5" {
    check    = "auth-frozen"
    severity = "refuse"
    what     = "Authentication is off, or nobody changes users, roles and passwords while versions are mixed."
    why      = "The guide calls a rolling upgrade with authentication on unsupported: entries about users carry other fields in 3.5. A roll with a root user and simple tokens went through here; what breaks is not written down anywhere."
    fix      = "Turn authentication off for the rung (etcdctl auth disable), and on again after it."
    sources  = ["guide upgrades/upgrade_3_5.md", "issue #11943", "observed 3.4.23, 3.5.33"]
  }

  hazard "members-taken-for-removed" {
    to      = "3.5.26+"
    hazard  = "log-replayed-into-database"
    cure    = "v3-write-on-old-version"
    what    = "Where nothing was ever written through the v3 API and there is no raft snapshot, 3.5 takes members that it has not come to yet in the log for removed ones, and its database keeps that: 3.6, which goes by the database, then refuses them, and quorum is lost."
    why     = "3.5.26 and later clean the database of members that the v2 store does not have, after each change of membership that they apply to it; a database that was never written has them all applied again, from the first on, when not all are in the v2 store yet."
    fix     = "While all members run the old version: one put and one delete of any key by the v3 API, applied on every member."
    sources = ["observed 3.3.27, 3.4.23, 3.5.33, 3.6.14", "code v3.5.33:server/etcdserver/api/membership/cluster.go", "issue #20967"]
  }

  requirement "patch-3.4.22-with-auth" {
    check    = "minimum-patch"
    at_least = "3.4.22"
    when     = "auth-enabled"
    what     = "With authentication on, all members run 3.4.22 or later."
    why      = "3.4.20 and 3.4.21 may apply differently after a restart, because the cache of users is not loaded."
    fix      = "Take all members to 3.4.45 first."
    sources  = ["issue #14355", "issue #14571"]
  }

  change "logger-zap" {
    affects = "members-without"
    options = ["logger"]
    what    = "Logs are JSON lines (zap) by default."
    fix     = "Teach what reads the logs."
  }

  change "pre-vote-on" {
    affects = "members-without"
    options = ["pre-vote"]
    what    = "pre-vote is true by default: a member that was cut off no longer disturbs the leader when it comes back."
    sources = ["code v3.5.33:server/embed/config.go"]
  }

  change "proxy-defaults-zero" {
    affects = "members-with"
    options = ["proxy"]
    what    = "The proxy's timeouts are 0 by default; the v2 proxy goes in 3.6."
  }

  change "log-from-before-3.0" {
    affects = "members-without-raft-snapshot"
    what    = "A 3.5 member that goes through a log in which the cluster version moves from 2.3 to 3.0 stays at the API of 2.3: it answers every v3 call with \"etcdserver: not capable\", and would not come up. That is so where a cluster has come up from 2.x since its members took a raft snapshot."
    why     = "It takes only a move within one major version for a valid one, and keeps the API of the last valid one. 3.4 and older take any."
    fix     = "Where the cluster was on 2.x: before the rung, let each member take a raft snapshot (a restart with a small snapshot-count). Where it was not, this is no matter."
    sources = ["observed 3.5.33 on a log that began with 2.1.1", "code v3.5.33:server/etcdserver/api/capability.go"]
  }

  advisory "gateway-v3beta-gone" {
    audience = "all-clients"
    what     = "/v3beta is gone: the JSON gateway is at /v3 only."
  }

  advisory "member-list-linearizable" {
    audience = "all-clients"
    what     = "The member list is read through quorum by default: without quorum it fails."
  }

  advisory "client-errors-3.5" {
    audience = "go-clients"
    what     = "Errors are Canceled or DeadlineExceeded where they were Unknown; import paths are go.etcd.io/etcd/client/v3."
  }

  advisory "debugging-metrics-gone" {
    audience = "monitoring"
    what     = "etcd_debugging_mvcc_db_total_size_in_bytes and its put, delete, txn and range counters are gone; logs are JSON."
  }

  advisory "config-local-log-gone" {
    audience = "command-line"
    what     = "PUT /config/local/log and etcdctl migrate are gone."
  }

  advisory "auth-status-3.5" {
    audience = "operators"
    what     = "Nobody may ask a 3.5 member for AuthStatus (etcdctl auth status) while a member runs 3.4. 3.5 writes the question into the raft log; each 3.4 member panics on it (\"not implemented\"), and again at each start."
    sources  = ["code v3.5.33:server/etcdserver/v3_server.go", "code v3.4.23:etcdserver/apply.go", "observed 3.4.23, 3.5.33"]
  }

  rollback "rollback-3.4-3.5" {
    mixed              = "swap-binary"
    after_completion   = ["next-version-compatible", "rollback-points", "restore"]
    old_binary         = "refuses"
    exit_code          = 1
    message            = "cluster cannot be downgraded|invalid downgrade"
    up_again_at_least  = "3.5.3"
    what               = "While one member still runs 3.4: put the 3.4 binary back, and go up again only to 3.5.3 or later. Afterwards: down with 3.4.32 or later and next-cluster-version-compatible, or the rollback points, or a restore."
    why                = "3.5.0 to 3.5.2 skip entries after such a round trip, silently."
    sources            = ["observed 3.4.23, 3.5.16", "issue #13514", "issue #13903", "doc v3.7/downgrades/downgrade_3_5.md"]
  }

  downgrade "downgrade-3.5-3.4" {
    means        = "next-version-compatible"
    option       = "next-cluster-version-compatible"
    old_at_least = "3.4.32"
    what         = "3.4.32 and later join a 3.5 cluster when started with next-cluster-version-compatible; the cluster version drops to 3.4 with the first of them. The Downgrade call of 3.5 must not be used: its raft entry makes 3.4 members panic."
    fix          = "Rewrite the configuration (options that only 3.5 knows out, logger=zap in), roll the members one by one, then take the option out again before the next way up."
    sources      = ["doc v3.7/downgrades/downgrade_3_5.md", "code v3.4.45:etcdserver/api/membership/cluster.go", "code v3.4.45:etcdserver/apply.go"]

    requirement "auth-disabled-to-3.4" {
      check = "auth-disabled"
      what  = "Authentication is off, and users are deleted, before going down to 3.4."
    }
  }
}
