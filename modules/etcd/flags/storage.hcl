# Database, snapshots, WAL, compaction, checks of the data.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "auto-compaction-mode" {
  type    = "string"
  in      = "3.3+"
  default = "periodic"
}

flag "auto-compaction-retention" {
  type    = "string"
  in      = "3.0+"
  default = "0"
}

flag "backend-batch-interval" {
  type    = "duration"
  in      = "3.4+"
  default = "0s"
}

flag "backend-batch-limit" {
  type    = "int"
  in      = "3.4+"
  default = "0"
}

flag "backend-bbolt-freelist-type" {
  type    = "string"
  in      = "3.5+"
  default = ""
}

flag "bootstrap-defrag-threshold-megabytes" {
  type    = "uint"
  in      = "3.6+"
  default = "0"
}

flag "compact-hash-check-time" {
  type    = "duration"
  in      = "3.6+"
  default = "1m"
}

flag "compaction-batch-limit" {
  type    = "int"
  in      = "3.6+"
  default = "0"
}

flag "compaction-sleep-interval" {
  type    = "duration"
  in      = "3.6+"
  default = "0s"
}

flag "corrupt-check-time" {
  type    = "duration"
  in      = "3.6+"
  default = "0s"
}

flag "downgrade-check-time" {
  type    = "duration"
  in      = "3.6+"
  default = "5s"
}

flag "enable-log-rotation" {
  type    = "bool"
  in      = "3.5+"
  default = "false"
}

flag "max-snapshots" {
  type       = "uint"
  in         = "all"
  deprecated = "3.6+"
  default    = "5"
  advice     = "Goes with 3.8."
}

flag "max-wals" {
  type    = "uint"
  in      = "all"
  default = "5"
}

flag "memory-mlock" {
  type    = "bool"
  in      = "3.6+"
  default = "false"
}

flag "quota-backend-bytes" {
  type    = "int64"
  in      = "3.0+"
  default = "0"
  # 2 GiB.
  zero_means = "2147483648"
}

flag "snapshot-catchup-entries" {
  type    = "uint64"
  in      = "3.6+"
  default = "5000"
}

flag "snapshot-count" {
  type = "uint64"
  in   = "all"
  defaults = {
    "2.0..3.1, 3.6+" = "10000"
    "3.2..3.5" = "100000"
  }
}

flag "watch-progress-notify-interval" {
  type    = "duration"
  in      = "3.6+"
  default = "0s"
}
