rung "2.1" "2.2" {
  what    = "From 2.1 to 2.2: members check each other's health, the streams between them change (both kinds understand each other). No option is removed, no default changes."
  sources = ["guide Documentation/upgrade_2_2.md"]

  change "new-members-call-old-ones-unhealthy" {
    affects = "every-member"
    what    = "While versions are mixed, 2.2 members log that the connection to each 2.1 peer is unhealthy."
    why     = "2.1 does not know the health check between members. The warning says nothing of their state and ends with the last upgrade."
  }

  change "log-lines-have-levels" {
    affects = "every-member"
    what    = "Log lines on stderr get a time to the microsecond and a level (\"W | rafthttp: ...\"); a log parser may need to know."
    sources = ["guide Documentation/upgrade_2_2.md", "observed 2.1.1, 2.2.5"]
  }

  change "runtime-log-level" {
    affects = "every-member"
    what    = "PUT /config/local/log changes the log level of a running member."
    sources = ["code v2.2.5:etcdserver/etcdhttp/client.go"]
  }

  advisory "new-features-wait-for-the-last-member" {
    audience = "all-clients"
    what     = "Until all members run 2.2 the cluster works as 2.1: nothing new of 2.2 can be used before."
  }

  advisory "no-hand-over-in-2.1" {
    audience = "all-clients"
    what     = "2.1 does not hand leadership over: when the leader is stopped, writes wait for an election. One that is on its way through another member may hang for some seconds and fail; clients must try again."
    sources  = ["observed 2.1.3"]
  }

  advisory "test-in-staging-2.2" {
    audience = "operators"
    what     = "Test what relies on etcd with 2.2 in a staging place before this one."
  }

  rollback "rollback-2.1-2.2" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "starts-silently"
    what             = "While one member still runs 2.1 the cluster is at 2.1: put the 2.1 binary back. Once the cluster version is 2.2: only the rollback points or a restore."
    why              = "The guide calls going back after completion not possible. A 2.1 binary starts all the same and answers etcdserver 2.1 beside etcdcluster 2.2: 2.1 has no guard, so the tool must be it."
    sources          = ["guide Documentation/upgrade_2_2.md", "observed 2.1.3, 2.2.5"]
  }
}
