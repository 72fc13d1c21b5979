# Which release a backup may be restored to, and by which means. `of` is what the member ran that it was taken from, `into`
# what the restored cluster will run.

restore "v3-restore-3.0" {
  of      = "3.0"
  into    = "3.0"
  saves   = "v3"
  means   = "etcdctl-snapshot-restore"
  what    = "etcdctl snapshot restore makes a data directory for each member from the same file, with a new identity."
  why     = "etcdctl 3.0 crashes on files from 3.3 on; those of 3.1 and 3.2 were not tried with it."
  sources = ["observed 3.0.17"]
}

restore "v3-restore-etcdctl" {
  of      = "3.0..3.5"
  into    = "3.1..3.4"
  saves   = "v3"
  means   = "etcdctl-snapshot-restore"
  what    = "etcdctl snapshot restore makes a data directory for each member from the same file, with a new identity: also of another minor, older or newer."
  sources = ["observed 3.0.17 to 3.5.33, each into 3.1.20, 3.2.32, 3.3.27, 3.4.23"]
}

restore "v3-restore-etcdutl" {
  of      = "3.0..3.5"
  into    = "3.5+"
  saves   = "v3"
  means   = "etcdutl-snapshot-restore"
  what    = "From 3.5 on the tool is etcdutl. The members of the old cluster are taken out of the database."
  sources = ["issue #20967", "observed 3.0.17 to 3.5.33, each into 3.5.33, 3.6.14, 3.7.1"]
}

restore "v3-restore-3.6" {
  of      = "3.6"
  into    = "3.6+"
  saves   = "v3"
  means   = "etcdutl-snapshot-restore"
  what    = "A database of 3.6 has a storage version: only 3.6 and later may start on it."
  sources = ["code v3.6.14:server/storage/schema/schema.go", "observed 3.6.14 into 3.6.14, 3.7.1"]
}

restore "v3-restore-3.7" {
  of      = "3.7"
  into    = "3.7+"
  saves   = "v3"
  means   = "etcdutl-snapshot-restore"
  what    = "A database of 3.7 has a storage version: only 3.7 and later may start on it."
  sources = ["code v3.7.1:server/storage/schema/schema.go", "observed 3.7.1; 3.6.14 does not start on it"]
}

# A v2 backup is the log of one member. It is started once by --force-new-cluster as a cluster of one, then the others are
# added one by one. It holds the cluster version, which older binaries refuse.

restore "v2-restore-2.1" {
  of      = "2.1"
  into    = "2.1..2.2"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "Started once with --force-new-cluster; then the peer URL of the first is set, the others are added one by one."
  why     = "It advertises a peer URL on localhost then: a member added before that is set dies."
  sources = ["doc v2.3.8:Documentation/admin_guide.md", "observed 2.1.1, 2.2.5"]
}

restore "v2-restore-2.2" {
  of      = "2.2"
  into    = "2.2..2.3"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "As of 2.1; into 2.2 and 2.3."
  sources = ["doc v2.3.8:Documentation/admin_guide.md", "observed 2.2.5, 2.3.8"]
}

restore "v2-restore-2.3" {
  of      = "2.3"
  into    = "2.3"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "As of 2.1; into 2.3 only."
  why     = "What 3.0 makes of such a backup was not tried."
  sources = ["doc v2.3.8:Documentation/admin_guide.md", "observed 2.3.8"]
}

restore "v2-restore-3.0" {
  of      = "3.0"
  into    = "3.1"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "With the database of the v3 snapshot beside the log, so that both key spaces are there; into 3.1."
  why     = "The log of a v2 backup has no v3 entries: members that are added must get a raft snapshot with the database, not the log. 3.0.17 itself ends at its next start on what such a member got: its database is some entries behind the raft snapshot."
  sources = ["observed 3.0.17, 3.1.20"]
}

restore "v2-restore-3.1" {
  of      = "3.1"
  into    = "3.1..3.2"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "As of 3.0; into 3.1 and 3.2."
  sources = ["observed 3.1.20, 3.2.32"]
}

restore "v2-restore-3.2" {
  of      = "3.2"
  into    = "3.2"
  saves   = "v2"
  means   = "force-new-cluster"
  what    = "As of 3.0; into 3.2 only."
  why     = "From 3.3 on etcdctl changes what it backs up, and etcd's v2 store is on its way out."
  sources = ["observed 3.2.32"]
}
