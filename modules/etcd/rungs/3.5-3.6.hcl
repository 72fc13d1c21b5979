rung "3.5" "3.6" {
  what    = "From 3.5 to 3.6: the v2 API is gone, members are remembered by the v3 database alone, the database has a version of its own, there is a way down."
  sources = ["guide v3.6/upgrades/upgrade_3_6.md"]

  requirement "patch-3.5.32" {
    check    = "minimum-patch"
    at_least = "3.5.32"
    when     = "always"
    what     = "All members run 3.5.32 or later, and have been started with it."
    why      = "Earlier patches leave removed members (before 3.5.26) or learners (before 3.5.20, by snapshot before 3.5.24) in the database, which 3.6 then believes. The clean-up runs when a member starts."
    fix      = "Take all members to the newest 3.5 first."
    sources  = ["guide v3.6/upgrades/upgrade_3_6.md", "issue #19557", "issue #20793", "issue #20967", "code v3.5.33:server/etcdserver/api/membership/cluster.go"]
  }

  requirement "no-learners-3.6" {
    check    = "no-learners"
    severity = "warn"
    what     = "The cluster has no learners."
    why      = "The promotion of a learner is what went wrong in most accidents of this rung."
    fix      = "Promote or remove them first."
    sources  = ["issue #19557", "issue #21694"]
  }

  requirement "no-v2-content" {
    check   = "no-v2-content"
    what    = "No key of the v2 API is left, in the store or in the WAL."
    why     = "3.6 exits when it finds v2 content of the user's own: it has no v2 API that could show it."
    fix     = "Move or delete the keys, then let every member take a raft snapshot. etcdutl check v2store of 3.5.32 or later tells whether anything is left."
    sources = ["guide v3.6/upgrades/upgrade_3_6.md", "issue #20809", "issue #20870", "issue #21849"]
  }

  requirement "v2-api-off" {
    check   = "option-off"
    option  = "enable-v2"
    what    = "No member serves the v2 API, wherever that is set."
    why     = "While one does, each question about its health, and each v2 client, writes an entry that ends every 3.6 member."
    fix     = "Take enable-v2 away and restart the members on 3.5, one by one; entries that are in their logs by then are cleared before 3.6."
    sources = ["code v3.5.33:server/etcdserver/api/etcdhttp/health.go", "code v3.6.14:server/etcdserver/apply_v2.go"]
  }

  hazard "leftover-v2-entries-3.6" {
    hazard  = { v2-entries-in-wal = { written_by = "2.0..3.4" } }
    cure    = { raft-snapshot-by-no-ops = { snapshot_count_option = "snapshot-count" } }
    what    = "Raft entries of the v2 store that are in the WAL since the last raft snapshot end a 3.6 member about a second after its start. A health check of 3.4.28 and older writes one each time, one of later members that serve the v2 API as well: a cluster that never had a v2 key has them."
    why     = "A raft snapshot comes only every 100,000 entries: months on a quiet cluster, so that a quick climb from 3.4 meets them."
    fix     = "While all members run 3.5: raft no-ops (reads of the alarm list) until each member has taken a snapshot behind the moment when the last member left 3.4. Nothing of the data changes. If it has happened: put the 3.5 binary back; nothing is lost."
    sources = ["observed 3.4.23, 3.5.33, 3.6.14", "code v3.6.14:server/etcdserver/apply_v2.go", "code v3.5.33:server/etcdserver/v2_server.go"]
  }

  hazard "members-remembered-wrongly" {
    hazard  = { membership-stores-differ = { fixed_in = "3.5.26" } }
    cure    = { patch-first = { at_least = "3.5.32" } }
    what    = "Removed members come back, or voters become learners, because the v3 database remembered members otherwise than the v2 store."
    fix     = "3.5.32 or later on all members first. After the first 3.6 member has started, compare its member list with the one from before."
    sources = ["issue #19557", "issue #20793", "issue #20967", "issue #20995"]
  }

  change "members-taken-for-removed-3.6" {
    affects = "members-without-raft-snapshot"
    what    = "Where a cluster came to 3.5.26 or later from 3.4 or older, nothing had been written through the v3 API by then, and there was no raft snapshot, its database says of members that they are removed. 3.5 does not look at that; the first 3.6 member refuses the others, and quorum is lost."
    why     = "3.5.26 and later clean the database of members that the v2 store does not have yet while they go through the log from its beginning."
    fix     = "Look for \"Removing zombie member\" in the logs of the first start of each 3.5 member. Where it stands there, do not go to 3.6: make a new cluster of a backup (`quorate restore`), which has its members written anew. Where it does not, or the cluster was born on 3.5, this is no matter."
    sources = ["observed 3.3.27, 3.4.23, 3.5.33, 3.6.14", "code v3.5.33:server/etcdserver/api/membership/cluster.go", "issue #20967"]
  }

  change "snapshot-count-10000" {
    affects = "members-without"
    options = ["snapshot-count"]
    what    = "snapshot-count is 10,000 again by default."
    sources = ["code v3.6.14:server/embed/config.go"]
  }

  change "experimental-options-renamed" {
    affects = "every-member"
    what    = "Most experimental- options have a name of their own or are feature gates; the old names still work and are deprecated. 3.7 does not know them."
    fix     = "Rename them now."
  }

  change "no-clients-on-the-peer-port" {
    affects = "every-member"
    what    = "Requests of clients are no longer served on the peer port."
    sources = ["issue #13565"]
  }

  advisory "v2-api-gone" {
    audience = "all-clients"
    what     = "The v2 API is gone."
  }

  advisory "maintenance-needs-auth" {
    audience = "all-clients"
    what     = "Maintenance calls need authentication where it is on: give the tool root's credentials."
  }

  advisory "tools-moved-to-etcdutl" {
    audience = "command-line"
    what     = "etcdctl snapshot restore and status, and defrag --data-dir, are in etcdutl; etcdutl backup is gone; del of a range without --range waits 2 s."
  }

  advisory "gateway-v2-of-grpc-gateway" {
    audience = "all-clients"
    what     = "The JSON gateway is built on grpc-gateway v2: details of its JSON differ."
  }

  advisory "images-distroless" {
    audience = "operators"
    what     = "Container images have no shell."
  }

  proof "proof-storage-version-3.6" {
    proof = "storage-version"
    what  = "Every member's storage version is 3.6: it follows the cluster version within seconds."
    sources = ["observed 3.6.14"]
  }

  rollback "rollback-3.5-3.6" {
    mixed            = "swap-binary"
    after_completion = ["downgrade-api", "rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "invalid downgrade"
    what             = "While one member still runs 3.5: put the 3.5 binary back. Afterwards: the Downgrade API."
    sources          = ["observed 3.5.33, 3.6.14", "doc v3.7/downgrades/downgrade_3_6.md"]
  }

  downgrade "downgrade-3.6-3.5" {
    means   = "downgrade-api"
    what    = "validate, enable, wait until cluster version and storage version of all members are 3.5, then the 3.5 binary one by one, leader last."
    why     = "Cancel answers success even when it failed, and a 3.5 leader may end the job early: only the members' own versions tell how far it is."
    fix     = "Back up from the leader first; freeze membership; new names of options and feature gates out of the configuration."
    sources = ["doc v3.7/downgrades/downgrade_3_6.md", "code v3.6.14:server/etcdserver/v3_server.go", "observed 3.6.14, 3.5.33"]
  }
}
