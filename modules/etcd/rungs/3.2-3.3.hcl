rung "3.2" "3.3" {
  what    = "From 3.2 to 3.3: /health knows alarms, HashKV and MoveLeader appear, compaction by time changes its cadence."
  sources = ["guide upgrades/upgrade_3_3.md"]

  requirement "patch-3.2.31-with-auth" {
    check    = "minimum-patch"
    at_least = "3.2.31"
    when     = "auth-enabled"
    what     = "With authentication on, all members run 3.2.31 or later."
    why      = "With leases that expire while versions are mixed, older patches apply them differently, and members' data differ from then on."
    fix      = "Take all members to 3.2.32 first."
    sources  = ["guide upgrades/upgrade_3_3.md", "issue #11689", "issue #11691"]
  }

  hazard "auth-and-leases-while-mixed" {
    hazard  = "leases-expire-differently"
    cure    = { patch-first = { at_least = "3.2.31" } }
    what    = "With authentication on, leases that expire while 3.2 before 3.2.31 and 3.3 are mixed make the data of members differ; so does a LeaseRevoke without the right, sent to a 3.3 member."
    sources = ["guide upgrades/upgrade_3_3.md", "issue #11689", "issue #11691"]
  }

  change "compaction-cadence-3.3" {
    affects = "members-with"
    options = ["auto-compaction-retention"]
    what    = "Periodic compaction runs at another cadence in 3.3.0 to 3.3.2, and at yet another from 3.3.3 on."
    sources = ["changelog 3.3"]
  }

  advisory "health-false-on-alarms" {
    audience = "monitoring"
    what     = "/health answers 503 and \"false\" on any alarm and without a leader; the blank after the colon in its answer is gone."
  }

  advisory "gateway-moves-to-v3beta" {
    audience = "all-clients"
    what     = "The JSON gateway moves from /v3alpha to /v3beta (the old path is still redirected)."
  }

  advisory "client-send-limit-3.3" {
    audience = "go-clients"
    what     = "The Go client sends 2 MiB at most unless told otherwise; errors of Snapshot are typed; golang.org/x/net/context is gone from its functions."
  }

  advisory "lease-timetolive-text" {
    audience = "command-line"
    what     = "The text of etcdctl lease timetolive for a missing lease has changed."
  }

  advisory "reads-in-flight-at-a-hand-over-3.3" {
    audience = "all-clients"
    what     = "A linearizable read that is in flight through a member when leadership moves may be forgotten; it, and all that come after it through that member, then wait up to 7 s. Give clients a timeout, and let them try the next member."
    sources  = ["issue #9566"]
  }

  rollback "rollback-3.2-3.3" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "cluster cannot be downgraded"
    what             = "While one member still runs 3.2: put the 3.2 binary back. Afterwards 3.2 refuses to start, and leaves the data as it is."
    sources          = ["observed 3.2.32, 3.3.27"]
  }
}
