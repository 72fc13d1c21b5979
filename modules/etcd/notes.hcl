# Facts that no code asks for, and that explain why things are done as they are.

note "leader-last" {
  what    = "Followers and learners are upgraded first, the leader last."
  why     = "Each stop of a leader costs an election or a hand-over. Leader last costs one; leader first may cost one for each member."
  sources = ["doc v3.7/downgrades/downgrade_3_6.md", "observed 2.1.3 to 3.5.30"]
}

note "initial-options-after-the-first-start" {
  what    = "initial-cluster, initial-cluster-state, initial-cluster-token and initial-advertise-peer-urls count for nothing once the member has a WAL; they are still read and must be well formed."
  sources = ["code v3.4.45:etcdserver/server.go", "guide Documentation/upgrades/upgrade_3_2.md"]
}

note "config-file-hides-all" {
  what    = "Where a config file is given, all other options and the environment count for nothing, without a word. Otherwise an argument hides the environment."
  sources = ["observed 3.2.32 to 3.5.30"]
}

note "clean-exit-status" {
  what    = "After SIGTERM etcd ends by that signal (status 143), or with 0 where it is process 1: both are a clean stop."
  sources = ["code v3.0.17:pkg/osutil/interrupt_unix.go", "observed 2.1.1 to 3.7.1"]
}

note "two-members-have-no-spare" {
  what    = "A cluster of one or two members cannot be upgraded without a pause in writes: while one is down there is no quorum."
  sources = ["doc v3.7/faq.md"]
}

note "rollback-points-order" {
  what    = "To go back by rollback points: stop all, put back all, then start exactly a quorum with the member that was stopped last in it; when it leads, the others one by one."
  why     = "Started all at once, older copies may elect one of themselves, and members then differ without a word: 8 of 8 tries on 2.1.1, 4 of 6 on 3.1.20. In the right order: 14 of 14 equal."
  sources = ["observed 2.1.1, 2.3.8, 3.1.20, 3.3.27, 3.5.33, 3.6.14"]
}

note "listen-client-http-urls-moves-http" {
  what    = "Where listen-client-http-urls is set (3.4.25+, 3.5.8+), /health, /version, /metrics and the JSON gateway are there and no longer on listen-client-urls."
  sources = ["changelog 3.4", "changelog 3.5"]
}

note "auth-hardening" {
  what    = "With authentication on, who may list members, read alarms and ask for status changed in 3.4.42, 3.5.28 and 3.6.9 and was relaxed in 3.4.43, 3.5.29, 3.6.10 (members, alarms), 3.5.32 and 3.6.12 (status)."
  fix     = "Give the tool root's credentials."
  sources = ["changelog 3.4", "changelog 3.5", "changelog 3.6"]
}

note "quota-over-8g" {
  what    = "3.0 and 3.1 lower a quota above 8 GiB to 8 GiB; later versions only warn."
  sources = ["code v3.0.17:etcdserver/quota.go", "code v3.2.32:etcdserver/quota.go"]
}

note "no-defragmentation-during-a-rung" {
  what    = "Nobody defragments a member during a rung: it blocks the member, and several patches corrupt the database when a snapshot is applied meanwhile."
  sources = ["issue #11613", "changelog 3.6"]
}
