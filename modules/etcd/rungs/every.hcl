# What holds on every rung of the ladder.

sources = ["doc v3.7/upgrades/upgrading-etcd.md", "guide Documentation/upgrade_2_2.md", "guide Documentation/upgrades/upgrade_3_2.md"]

every_rung {
  requirement "one-minor-below" {
    check   = "one-minor-below"
    what    = "Every member runs the minor right below the target, or already the target."
    why     = "Only steps of one minor are supported. A server that has a data directory does not check this at start: nothing but the tool stops a skip."
    fix     = "Upgrade to the minor in between first."
    sources = ["doc v3.7/upgrades/upgrading-etcd.md", "code v3.4.45:etcdserver/server.go", "code v3.6.14:server/etcdserver/bootstrap.go"]
  }

  requirement "all-members-healthy" {
    check = "all-members-healthy"
    what  = "Every member is healthy before the first one is stopped, and again before each next one."
    why   = "A stop takes one vote away. With another member ill the cluster may stand one fault away from losing quorum."
    fix   = "Mend or remove the member that is ill, then plan again."
  }

  requirement "no-alarms" {
    check   = "no-alarms"
    what    = "No member has an alarm (NOSPACE, CORRUPT)."
    why     = "Writes are refused while NOSPACE is on, and from 3.3 on /health is false with any alarm, so that no gate would ever hold."
    fix     = "NOSPACE: compact, defragment each member, then disarm the alarm. CORRUPT: compare the members' data and replace the one that differs."
    sources = ["guide upgrades/upgrade_3_3.md", "code v3.6.14:server/etcdserver/api/etcdhttp/health.go"]
  }

  requirement "every-listed-member-answers" {
    check   = "every-listed-member-answers"
    what    = "Every member in the member list, learners too, has started and answers at its peer URL."
    why     = "The leader asks every listed member for its version; while one does not answer, the cluster version never moves."
    fix     = "Remove a forgotten member from the list, or start it."
    sources = ["code v3.4.45:etcdserver/cluster_util.go", "code v3.6.14:server/etcdserver/version/monitor.go"]
  }

  requirement "membership-frozen" {
    check   = "membership-frozen"
    what    = "Nobody adds, removes, promotes or changes a member between the first stop and the end of the rung."
    why     = "A change of members while versions are mixed can panic a member, and it changes what quorum is."
    fix     = "Finish the rung first."
    sources = ["guide upgrades/upgrade_3_0.md", "issue #7429"]
  }

  requirement "backup-before-first-stop" {
    check = "backup-before-first-stop"
    what  = "A verified backup of all that the cluster holds, taken before the first member is stopped."
    why   = "Once the last member is upgraded, a restore may be the only way back. A snapshot by the v3 API holds no v2 keys: those are saved on their own."
  }

  requirement "rollback-point-of-each-member" {
    check   = "rollback-point-of-each-member"
    what    = "A copy of every member's data directory as it was when the member was stopped for its upgrade."
    why     = "Put back all together, the member that was stopped last first, they bring the old version back even after completion."
    sources = ["guide Documentation/upgrade_2_2.md", "guide Documentation/upgrades/upgrade_3_2.md", "observed 2.1.1, 3.1.20, 3.6.14"]
  }

  requirement "options-accepted" {
    check   = "options-accepted"
    what    = "The new version knows every option of the member, wherever it is set, and its flag parser accepts the member's arguments."
    why     = "An unknown flag ends the new binary with exit code 2. An unknown variable or key in a config file is silently without effect."
    fix     = "Rename or drop the option as its entry in modules/etcd/flags says."
    sources = ["code v3.1.20:etcdmain/config.go", "code v3.6.14:server/etcdmain/config.go", "observed 2.0.13 to 3.5.30"]
  }

  requirement "fsync-is-on" {
    check   = "option-off"
    option  = "unsafe-no-fsync"
    what    = "No member runs with unsafe-no-fsync."
    why     = "A member that is stopped then may come back with less than it has promised."
    fix     = "Restart the member without it."
    sources = ["doc v3.5/op-guide/configuration.md", "changelog 3.4"]
  }

  proof "proof-server-version" {
    proof = "server-version"
    what  = "Every member's /version names the target release."
  }

  proof "proof-cluster-version" {
    proof = "cluster-version"
    what  = "Every member says that the cluster version is the target minor: only then does the cluster count as upgraded."
  }

  proof "proof-healthy" {
    proof = "healthy"
    what  = "Every member is healthy."
  }

  proof "proof-one-leader" {
    proof = "one-leader"
    what  = "All members name the same leader."
  }

  proof "proof-caught-up" {
    proof = "caught-up"
    what  = "Every member has applied what the leader has, but for what is on its way."
  }

  proof "proof-member-list-unchanged" {
    proof = "member-list-unchanged"
    what  = "The member list is the one from before the rung."
  }

  proof "proof-hashes-agree" {
    proof   = "hashes-agree"
    what    = "HashKV at one revision is the same on all members, where all of them have it."
    why     = "It holds across minors as well: with equal data and an equal compact revision, members of different minors answer the same hash."
    sources = ["observed 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]
  }
}
