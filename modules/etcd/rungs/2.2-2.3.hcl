rung "2.2" "2.3" {
  what    = "From 2.2 to 2.3: a preview of the v3 API behind a switch, a stricter check of membership changes that is off by default. No option is removed, no default changes."
  sources = ["guide v2.3.8:Documentation/upgrade_2_3.md"]

  advisory "no-hand-over-in-2.2" {
    audience = "all-clients"
    what     = "2.2 does not hand leadership over: when the leader is stopped, writes wait for an election, some seconds at worst, and may fail once."
    sources  = ["observed 2.1.3, 2.3.8, 3.0.17"]
  }

  rollback "rollback-2.2-2.3" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "cluster cannot be downgraded"
    what             = "While one member still runs 2.2: put the 2.2 binary back. Afterwards 2.2 refuses to start, and leaves the data as it is."
    sources          = ["observed 2.2.5, 2.3.8", "code v2.2.5:etcdserver/cluster.go"]
  }
}
