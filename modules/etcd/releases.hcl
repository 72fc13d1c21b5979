# Minors and their releases: the newest patch of each, and patches to keep away from.
# Digests of upstream's files are not here: they are read from the release's own SHA256SUMS, or pinned in a spec.

minor "2.0" {
  latest   = "2.0.13"
  released = "2015-06-25"
  support  = "end-of-life"
  linux    = ["amd64"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v2.0.13:scripts/build-release"]

  defect "defect-2.0.0" {
    in          = "2.0.0..2.0.2"
    use_instead = "2.0.13"
    weight      = "refuse"
    what        = "2.0.0 to 2.0.2 may panic while other members are upgraded."
    sources     = ["guide v2.3.8:Documentation/upgrade_2_1.md"]
  }
}

minor "2.1" {
  latest  = "2.1.3"
  support = "end-of-life"
  linux   = ["amd64"]
  darwin  = ["amd64"]
  windows = ["amd64"]
  sources = ["code v2.1.3:scripts/build-release"]
}

minor "2.2" {
  latest  = "2.2.5"
  support = "end-of-life"
  linux   = ["amd64"]
  darwin  = ["amd64"]
  windows = ["amd64"]
  sources = ["code v2.2.5:scripts/build-binary"]
}

minor "2.3" {
  latest   = "2.3.8"
  released = "2017-02-15"
  support  = "end-of-life"
  linux    = ["amd64"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v2.3.8:scripts/build-binary"]
}

minor "3.0" {
  latest  = "3.0.17"
  support = "end-of-life"
  linux   = ["amd64"]
  darwin  = ["amd64"]
  windows = ["amd64"]
  sources = ["code v3.0.17:scripts/build-binary"]
}

minor "3.1" {
  latest   = "3.1.20"
  released = "2018-10-10"
  support  = "end-of-life"
  linux    = ["amd64"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v3.1.20:scripts/build-binary"]
}

minor "3.2" {
  latest   = "3.2.32"
  released = "2021-03-28"
  support  = "end-of-life"
  linux    = ["amd64", "arm64", "ppc64le"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v3.2.32:scripts/build-binary"]

  defect "defect-3.2.0" {
    in          = "3.2.0"
    use_instead = "3.2.32"
    weight      = "refuse"
    what        = "3.2.0 restores its index wrongly at start."
    sources     = ["changelog 3.2"]
  }

  defect "defect-3.2-wal-purge" {
    in          = "3.2.0..3.2.27"
    use_instead = "3.2.32"
    weight      = "mention"
    what        = "A WAL file that is purged while the member stops may be missed at the next start (\"wal: file not found\")."
    sources     = ["issue #11308"]
  }

  defect "defect-3.2-defrag" {
    in          = "3.2.0..3.2.28"
    use_instead = "3.2.32"
    weight      = "mention"
    what        = "Defragmentation may corrupt the database."
    fix         = "No defragmentation before 3.2.29."
    sources     = ["issue #11613"]
  }

  defect "defect-3.2-auth-leases" {
    in          = "3.2.0..3.2.30"
    use_instead = "3.2.32"
    weight      = "mention"
    what        = "With authentication on and members of 3.3 beside it, leases make the data of members differ."
    sources     = ["issue #11689", "issue #11691"]
  }
}

minor "3.3" {
  latest   = "3.3.27"
  released = "2021-10-15"
  support  = "end-of-life"
  linux    = ["amd64", "arm64", "ppc64le"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v3.3.27:scripts/build-binary"]

  defect "defect-3.3.16" {
    in          = "3.3.16"
    use_instead = "3.3.27"
    weight      = "refuse"
    what        = "3.3.16 is a bad release, by upstream's own word."
    sources     = ["changelog 3.3"]
  }

  defect "defect-3.3.21" {
    in          = "3.3.21"
    use_instead = "3.3.27"
    weight      = "refuse"
    what        = "3.3.21 may panic with a crc mismatch when it starts after a WAL purge."
    sources     = ["issue #11918"]
  }

  defect "defect-3.3.23" {
    in          = "3.3.23..3.3.24"
    use_instead = "3.3.27"
    weight      = "refuse"
    what        = "3.3.23 and 3.3.24 do not start where the mode of the data directory is not 0700."
    sources     = ["changelog 3.3"]
  }

  defect "defect-3.3-wal-purge" {
    in          = "3.3.0..3.3.17"
    use_instead = "3.3.27"
    weight      = "mention"
    what        = "A WAL file that is purged while the member stops may be missed at the next start (\"wal: file not found\")."
    sources     = ["issue #11308"]
  }

  defect "defect-3.3-defrag" {
    in          = "3.3.0..3.3.18"
    use_instead = "3.3.27"
    weight      = "mention"
    what        = "Defragmentation may corrupt the database."
    sources     = ["issue #11613"]
  }

  defect "defect-3.3-auth-revision" {
    in          = "3.3.0..3.3.20"
    use_instead = "3.3.27"
    weight      = "mention"
    what        = "With authentication on, a restart may leave a member's data behind the others'."
    sources     = ["issue #11651", "issue #11652"]
  }
}

minor "3.4" {
  latest   = "3.4.45"
  released = "2026-06-01"
  support  = "end-of-life"
  linux    = ["amd64", "arm64", "ppc64le"]
  darwin   = ["amd64"]
  windows  = ["amd64"]
  sources  = ["code v3.4.45:scripts/build-binary", "changelog 3.4", "doc blog/2026/june-patch-release.md"]

  defect "defect-3.4.0" {
    in          = "3.4.0..3.4.3"
    use_instead = "3.4.45"
    weight      = "refuse"
    what        = "3.4.0 to 3.4.3 may corrupt the database by defragmentation, lose a WAL file at a stop, and panic with authentication after 3.3."
    sources     = ["issue #11613", "issue #11308", "issue #11405"]
  }

  defect "defect-3.4.8" {
    in          = "3.4.8"
    use_instead = "3.4.45"
    weight      = "refuse"
    what        = "3.4.8 may panic with a crc mismatch when it starts after a WAL purge."
    sources     = ["issue #11918"]
  }

  defect "defect-3.4.10" {
    in          = "3.4.10..3.4.12"
    use_instead = "3.4.45"
    weight      = "refuse"
    what        = "3.4.10 to 3.4.12 do not start where the mode of the data directory is not 0700."
    sources     = ["changelog 3.4"]
  }

  defect "defect-3.4.20" {
    in          = "3.4.20..3.4.21"
    use_instead = "3.4.45"
    weight      = "refuse"
    what        = "3.4.20 and 3.4.21 may, with authentication on, make the data of a restarted member differ."
    sources     = ["issue #14355", "issue #14571"]
  }

  defect "defect-3.4-auth-revision" {
    in          = "3.4.0..3.4.7"
    use_instead = "3.4.45"
    weight      = "mention"
    what        = "With authentication on, a restart may leave a member's data behind the others'."
    sources     = ["issue #11651", "issue #11652"]
  }

  defect "defect-3.4-single-node" {
    in          = "3.4.0..3.4.20"
    use_instead = "3.4.45"
    weight      = "mention"
    what        = "A cluster of one member may lose an acknowledged write at a crash."
    sources     = ["issue #14424"]
  }

  defect "defect-3.4-snapshot-defrag" {
    in          = "3.4.0..3.4.37"
    use_instead = "3.4.45"
    weight      = "mention"
    what        = "Defragmentation while a snapshot of the leader is applied may corrupt the database."
    fix         = "No defragmentation while a member catches up."
    sources     = ["changelog 3.4"]
  }
}

minor "3.5" {
  latest   = "3.5.33"
  released = "2026-07-23"
  support  = "supported"
  linux    = ["amd64", "arm64", "ppc64le", "s390x"]
  darwin   = ["amd64", "arm64"]
  windows  = ["amd64"]
  sources  = ["code v3.5.33:scripts/build-binary", "changelog 3.5"]

  defect "defect-3.5.0" {
    in          = "3.5.0..3.5.2"
    use_instead = "3.5.33"
    weight      = "refuse"
    what        = "3.5.0 to 3.5.2 lose entries of a member that ends without SIGTERM, and skip entries after a way down to 3.4 and up again. Nobody notices."
    fix         = "Leave them by SIGTERM only, and compare HashKV of all members first."
    sources     = ["issue #13766", "issue #13514", "doc main:Documentation/postmortems/v3.5-data-inconsistency.md"]
  }

  defect "defect-3.5.5" {
    in          = "3.5.5"
    use_instead = "3.5.33"
    weight      = "refuse"
    what        = "3.5.5 may, with authentication on, make the data of a restarted member differ."
    sources     = ["issue #14571"]
  }

  defect "defect-3.5-defrag" {
    in          = "3.5.3..3.5.5"
    use_instead = "3.5.33"
    weight      = "mention"
    what        = "A crash during defragmentation may leave a wrong revision."
    sources     = ["changelog 3.5"]
  }

  defect "defect-3.5-learners" {
    in          = "3.5.1..3.5.25"
    use_instead = "3.5.33"
    weight      = "mention"
    what        = "The v3 database may keep removed members or forget the promotion of learners, which 3.6 then believes."
    sources     = ["issue #19557", "issue #20793", "issue #20967"]
  }

  defect "defect-3.5-snapshot-defrag" {
    in          = "3.5.0..3.5.22"
    use_instead = "3.5.33"
    weight      = "mention"
    what        = "Defragmentation while a snapshot of the leader is applied may corrupt the database."
    sources     = ["changelog 3.5"]
  }
}

minor "3.6" {
  latest   = "3.6.14"
  released = "2026-07-23"
  support  = "supported"
  linux    = ["amd64", "arm64", "ppc64le", "s390x"]
  darwin   = ["amd64", "arm64"]
  windows  = ["amd64"]
  sources  = ["code v3.6.14:scripts/build-binary.sh", "changelog 3.6"]

  defect "defect-3.6.0" {
    in          = "3.6.0..3.6.4"
    use_instead = "3.6.14"
    weight      = "refuse"
    what        = "3.6.0 to 3.6.4 may fail to start while they replay the promotion of a learner, fill the log with errors about the schema version, and corrupt the database by defragmentation while a snapshot is applied."
    sources     = ["issue #20387", "changelog 3.6"]
  }

  defect "defect-3.6-learner-update" {
    in          = "3.6.0..3.6.11"
    use_instead = "3.6.14"
    weight      = "mention"
    what        = "Changing the URLs of a learner promotes it without a word."
    sources     = ["issue #21694"]
  }
}

minor "3.7" {
  latest   = "3.7.1"
  released = "2026-07-23"
  support  = "supported"
  linux    = ["amd64", "arm64", "ppc64le", "s390x"]
  darwin   = ["amd64", "arm64"]
  windows  = ["amd64"]
  sources  = ["code v3.7.1:scripts/build-binary.sh", "changelog 3.7"]
}

# Known, and refused by default. When 3.8 is out: support = "supported", the release, and a rungs/3.7-3.8.hcl.
minor "3.8" {
  latest  = "3.8.0-alpha.0"
  support = "pre-release"
  linux   = ["amd64", "arm64", "ppc64le", "s390x"]
  darwin  = ["amd64", "arm64"]
  windows = ["amd64"]
  sources = ["code v3.8.0-alpha.0:server/storage/schema/schema.go"]
}
