rung "2.3" "3.0" {
  what    = "From 2.3 to 3.0: the v3 API and its database, another WAL format, old names of options gone. The one rung where putting the old binary back does not work."
  sources = ["guide upgrades/upgrade_3_0.md"]

  hazard "member-added-to-2.3" {
    hazard  = "member-added-while-mixed"
    cure    = "abstain"
    what    = "A 3.0 member that is added to a cluster which still has 2.3 members can panic."
    fix     = "Finish the rung before any change of members."
    sources = ["guide upgrades/upgrade_3_0.md", "issue #7429"]
  }

  change "default-port-4001-gone" {
    affects = "members-without"
    options = ["listen-client-urls"]
    what    = "A member that relies on the default listens for clients on 2379 alone: 4001 is gone."
    fix     = "Set listen-client-urls before the rung, and move clients off port 4001."
    sources = ["code v3.0.17:etcdmain/config.go"]
  }

  change "default-port-7001-gone" {
    affects = "members-without"
    options = ["listen-peer-urls"]
    what    = "A member that relies on the default listens for its peers on 2380 alone: where the list of members names it with 7001, nobody reaches it there."
    fix     = "Set listen-peer-urls before the rung, and see that each peer URL in the list is one of them."
    sources = ["code v3.0.17:etcdmain/config.go"]
  }

  change "default-advertised-4001-gone" {
    affects = "members-without"
    options = ["advertise-client-urls"]
    what    = "A member that relies on the default tells clients of 2379 alone, and of 4001 no more."
    fix     = "Set advertise-client-urls before the rung."
    sources = ["code v3.0.17:etcdmain/config.go"]
  }

  change "v3-database-appears" {
    affects = "every-member"
    what    = "member/snap/db appears in the data directory. v3 data have a quota of 2 GB unless quota-backend-bytes says otherwise."
    sources = ["code v3.0.17:etcdserver/quota.go"]
  }

  advisory "v3-api-exists" {
    audience = "all-clients"
    what     = "The v3 API (gRPC) is served on the client port. v2 and v3 keys are two separate worlds: neither sees the other."
  }

  advisory "etcdctl-v3-needs-a-variable" {
    audience = "command-line"
    what     = "etcdctl speaks v2 unless ETCDCTL_API=3 is set."
  }

  advisory "port-4001-closes" {
    audience = "all-clients"
    what     = "Clients on port 4001 lose it where a member relied on the default listeners."
  }

  advisory "no-hand-over-in-2.3" {
    audience = "all-clients"
    what     = "2.3 does not hand leadership over: when the leader is stopped, writes wait for an election, up to 7 s, and may fail once."
    sources  = ["observed 2.3.8"]
  }

  rollback "rollback-2.3-3.0" {
    mixed            = "remove-and-readd"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "experimental-v3demo cannot be disabled once it is enabled"
    what             = "A member that has run 3.0 even for a moment cannot go back to 2.3 with its data: it is removed from the cluster, its data directory moved aside, and it is added again with the 2.3 binary."
    why              = "3.0 pads the frames of its WAL, which 2.3 cannot read (panic: makeslice: len out of range), and 2.3 refuses to start where member/snap/db is."
    fix              = "Delete the member by its id on a healthy peer, wait until it is gone from the list, add it, start it with initial-cluster-state existing. Never start the empty member while its old id is still listed, and never take one off the list when all others run 3.0: the cluster version moves then, and 2.3 cannot join. Rollback points of all members, put back together, work as well: they never saw 3.0."
    sources          = ["observed 2.3.8, 3.0.17", "issue #6883", "issue kubernetes/kubernetes#42660", "code v3.0.17:wal/encoder.go"]
  }
}
