# By which means the data of a version is saved.

backup "v3-snapshot" {
  in      = "3.0+"
  saves   = "v3"
  means   = "snapshot"
  what    = "The Snapshot call sends the v3 database and its sha256. It holds no v2 keys."
  fix     = "Take it from the leader. Restore every member from the same file, with a new cluster token; verify a copy, as older tools change the file that they look at."
  sources = ["guide Documentation/upgrades/upgrade_3_2.md", "observed 3.0.17 to 3.7.1"]
}

backup "v2-backup-2.x" {
  in      = "2.0..2.3"
  saves   = "v2"
  means   = "etcdctl-backup"
  what    = "etcdctl backup of the data directory of a running member: WAL and snapshot under a new identity."
  why     = "Complete without a barrier in 12 of 12 tries on 2.1.1 and 2.2.5."
  sources = ["guide Documentation/upgrade_2_2.md", "doc v2.3.8:Documentation/admin_guide.md", "observed 2.1.1, 2.2.5"]
}

backup "v2-backup-3.x" {
  in             = "3.0..3.2"
  saves          = "v2"
  means          = "etcdctl-backup"
  barrier_needed = "3.0..3.2"
  barrier_reads  = 2
  what           = "etcdctl backup of the data directory of a running member, after two quorum reads through that member."
  why            = "Without the reads the last acknowledged write is missing (12 of 12 tries on 3.1.20 and 3.3.27): its commit is not in the WAL yet, and a restore drops what is not known to be committed. With them: complete in 12 of 12."
  sources        = ["observed 3.1.20, 3.3.27"]
}
