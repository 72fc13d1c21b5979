# How long things take by themselves, and how long the guides say to wait.

version_check "cluster-version-check-5s" {
  in       = "2.1..2.2"
  interval = "5s"
  patience = "60s"
  what     = "The leader looks every 5 s whether all members run a newer minor; only then does the cluster version move."
  why      = "It asks every listed member at its peer URL. While one does not answer, the version does not move."
  fix      = "If it has not moved after a minute, look for the member that does not answer GET /version on its peer URL."
  sources  = ["code v2.1.3:etcdserver/server.go", "observed 2.1.1, 2.2.5"]
}

version_check "cluster-version-check-4s" {
  in       = "2.3+"
  interval = "4s"
  patience = "60s"
  what     = "The leader looks every 4 s whether all members run a newer minor; only then does the cluster version move."
  why      = "It asks every listed member at its peer URL. While one does not answer, the version does not move. Seen: 0 to 4.0 s after the last member is healthy, on every rung."
  fix      = "If it has not moved after a minute, look for the member that does not answer GET /version on its peer URL."
  sources  = ["code v2.3.8:etcdserver/server.go", "code v3.4.45:etcdserver/server.go", "code v3.6.14:server/etcdserver/server.go", "observed 2.0.13 to 3.7.1"]
}

stop_bound "stop-bound" {
  at_least          = "30s"
  request           = "5s"
  request_elections = 2
  requests          = 2
  margin            = "5s"
  what              = "A member may take two requests' time to stop: one to hand leadership over (3.1+), one to let calls end (3.3+). A request takes 5 s and two election timeouts at most."
  why               = "SIGKILL before that turns a clean stop into a crash, and 3.5.0 to 3.5.2 lose data by it. With a dead successor the hand-over really takes its full 7 s; otherwise a stop takes 0.01 to 1.2 s."
  sources           = ["code v3.6.14:server/etcdserver/server.go", "code v3.6.14:server/embed/etcd.go", "observed 3.1.20 to 3.7.1"]
}

settle "v2-data-settle" {
  to               = "2.1..3.5"
  over_bytes       = 50 * 1024 * 1024
  wait             = "2m"
  large_over_bytes = 100 * 1024 * 1024
  large_wait       = "4m"
  what             = "With more than 50 MB of v2 data, wait two minutes after each upgraded member, and longer above 100 MB. The size of the newest raft snapshot file tells how much there is."
  why              = "A freshly upgraded member may need that long to catch up. The guides give no time for more than 100 MB (2.1 to 2.2 says to ask its authors): twice the two minutes are taken, and the member's raft index decides beyond that. A cluster without v2 data is exempt."
  sources          = ["guide Documentation/upgrades/upgrade_3_2.md", "guide Documentation/upgrade_2_2.md", "guide v2.3.8:Documentation/upgrade_2_3.md", "guide upgrades/upgrade_3_5.md"]
}
