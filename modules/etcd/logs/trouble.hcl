# Lines that show that something is wrong, and the cause where it is known.

sources = ["observed 2.1.1 to 3.7.1"]

log "database-snapshot-missing" {
  in      = "3.1+"
  class   = "trouble"
  regex   = "failed to find database snapshot file|recovering backend from snapshot error"
  cause   = "v2-only-data-3.2"
  what    = "The raft snapshot is newer than the v3 database."
  sources = ["issue #9480", "observed 3.1.20"]
}

log "leftover-v2-entry-3.6" {
  in      = "3.6"
  class   = "trouble"
  regex   = "detected disallowed v2 WAL for stage"
  cause   = "leftover-v2-entries-3.6"
  what    = "A v2 entry stands in the WAL behind the last raft snapshot."
  sources = ["issue #20870", "observed 3.6.14"]
}

log "leftover-v2-entry-3.7" {
  in      = "3.7+"
  class   = "trouble"
  regex   = "unmarshal should never fail"
  cause   = "leftover-v2-entries-3.7"
  what    = "An entry in the old form stands in the WAL behind the last raft snapshot."
  sources = ["observed 3.7.1"]
}

log "v2-content-found" {
  in      = "3.6+"
  class   = "trouble"
  regex   = "detected disallowed custom content in v2store"
  cause   = "no-v2-content"
  what    = "There are v2 keys in the data."
  sources = ["issue #20809"]
}

log "too-many-learners" {
  in      = "3.6+"
  class   = "trouble"
  regex   = "too many learner members in cluster"
  cause   = "members-remembered-wrongly"
  what    = "The v3 database remembers learners that were promoted long ago."
  sources = ["issue #19557"]
}

log "listen-url-is-a-name" {
  in      = "3.2+"
  class   = "trouble"
  regex   = "expected IP in URL for binding"
  cause   = "listen-urls-are-ips"
  what    = "A listen URL has a name for a host."
  sources = ["observed 3.2.32"]
}

log "option-set-twice" {
  in      = "3.4+"
  class   = "trouble"
  regex   = "conflicting environment variable"
  cause   = "option-in-one-place"
  what    = "An option is set as an argument and in the environment."
  sources = ["observed 3.4.23"]
}

log "unknown-flag" {
  in      = "all"
  class   = "trouble"
  regex   = "flag provided but not defined"
  cause   = "options-accepted"
  what    = "An argument that this version does not know."
  sources = ["observed 2.0.13 to 3.7.1"]
}

log "bad-flag-value" {
  in      = "all"
  class   = "trouble"
  regex   = "invalid value \"[^\"]*\" for flag|error verifying flags|failed to verify flags|is removed in v3[.]5"
  cause   = "options-accepted"
  what    = "A value that this version does not take."
  sources = ["observed 3.4.23, 3.5.30"]
}

log "retention-is-a-number" {
  in      = "3.3+"
  class   = "trouble"
  regex   = "cannot unmarshal number into Go struct field .*auto-compaction-retention"
  cause   = "retention-is-a-string"
  what    = "auto-compaction-retention is a number in the config file."
  sources = ["observed 3.3.27"]
}

log "cannot-go-down" {
  in      = "2.2+"
  class   = "trouble"
  regex   = "cluster cannot be downgraded|invalid downgrade"
  what    = "An old binary was started after the cluster version had moved. The data is untouched; the newer binary starts again."
  fix     = "The newer binary again; the rollback rule of the rung says what else is left."
  sources = ["observed 2.2.5 to 3.6.14"]
}

log "v3demo-refusal" {
  in      = "2.2..2.3"
  class   = "trouble"
  regex   = "experimental-v3demo cannot be disabled once it is enabled"
  cause   = "rollback-2.3-3.0"
  what    = "A 2.3 binary was started on a member that has run 3.0."
  sources = ["issue #6883", "observed 2.3.8"]
}

log "wal-of-3.0" {
  in      = "2.0..2.3"
  class   = "trouble"
  regex   = "makeslice: len out of range"
  cause   = "rollback-2.3-3.0"
  what    = "A 2.x binary reads a WAL of 3.0."
  sources = ["issue kubernetes/kubernetes#42660", "observed 2.3.8"]
}

log "member-without-attributes" {
  in      = "2.2"
  class   = "trouble"
  regex   = "nodeToMember should never fail"
  what    = "The member's data about the member list is damaged."
  fix     = "Stop it and restore that member."
  sources = ["issue #5348"]
}

log "wal-file-missing" {
  in      = "all"
  class   = "trouble"
  regex   = "wal: file not found"
  what    = "A WAL file is not there: purged at the wrong moment (before 3.2.28, 3.3.18, 3.4.4) or deleted."
  sources = ["issue #11308"]
}

log "wal-crc-mismatch" {
  in      = "all"
  class   = "trouble"
  regex   = "crc mismatch"
  what    = "A WAL record does not have the checksum that it should (a defect of 3.3.21 and 3.4.8, or a broken disk)."
  sources = ["issue #11918"]
}

log "data-dir-mode-refused" {
  in      = "3.3.23..3.3.24, 3.4.10..3.4.12"
  class   = "trouble"
  regex   = "desired permission|directory .* exist without desired file permission"
  cause   = "data-dir-mode-0700"
  what    = "The data directory does not have mode 0700."
  sources = ["changelog 3.4"]
}

log "storage-version-not-supported" {
  in      = "3.6+"
  class   = "trouble"
  regex   = "unsupported storage version|storage version .* is not supported"
  what    = "The database is of a newer minor than this binary."
  sources = ["code v3.6.14:server/storage/schema/schema.go"]
}

log "certificate-refused" {
  in      = "3.2+"
  class   = "trouble"
  regex   = "tls: .* does not match any of DNSNames|tls: .* is not in (the )?(IPs|list)|rejected connection from .*(tls: |certificate)|x509: certificate (is valid for|relies on legacy|has expired)"
  cause   = "peer-certificates-name-hosts"
  what    = "A connection was refused for its certificate."
  sources = ["code v3.2.32:pkg/transport/listener_tls.go"]
}

log "no-space" {
  in      = "3.0+"
  class   = "trouble"
  regex   = "NOSPACE|database space exceeded|no space left on device"
  cause   = "no-alarms"
  what    = "The quota of the database or the disk is used up."
  sources = ["code v3.0.17:etcdserver/quota.go"]
}

log "data-corrupt" {
  in      = "3.3+"
  class   = "trouble"
  regex   = "alarm:CORRUPT|found data inconsistency|checkInitialHashKV failed|data corrupted"
  cause   = "no-alarms"
  what    = "Members do not hold the same data."
  sources = ["code v3.3.27:etcdserver/corrupt.go"]
}

log "panic" {
  in      = "all"
  class   = "trouble"
  regex   = "^panic: |^fatal error: |^goroutine [0-9]+ \\[running\\]|\"level\":\"(panic|fatal|dpanic)\"|^[0-9: .-]+ C [|] "
  what    = "The process ended by itself; the lines around this one say why."
}

log "no-leader" {
  in      = "all"
  class   = "trouble"
  regex   = "stepped down to follower since quorum is not active"
  what    = "A leader lost sight of a quorum of members."
  sources = ["observed 3.2.32"]
}

log "suspect-words" {
  in      = "all"
  class   = "suspect"
  regex   = "(?i)error|fail|cannot|could not|panic|fatal|unhealthy|timed out|timeout|refused|exceeded|overloaded|too long|corrupt|invalid|unable|not up-to-date|higher version|WARNING"
  what    = "In a line without a level, one of these words makes it worth showing."
  sources = ["observed 2.1.1"]
}
