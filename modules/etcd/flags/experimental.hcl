# Options that began with "experimental-". 3.6 knows most of them under a new name too; 3.7 knows none of the old names.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "experimental-auto-compaction-retention" {
  type       = "int"
  in         = "2.3"
  default    = "0"
  renamed_to = "auto-compaction-retention"
}

flag "experimental-backend-bbolt-freelist-type" {
  type       = "string"
  in         = "3.4"
  default    = ""
  renamed_to = "backend-bbolt-freelist-type"
}

flag "experimental-bootstrap-defrag-threshold-megabytes" {
  type       = "uint"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = "0"
  renamed_to = "bootstrap-defrag-threshold-megabytes"
}

flag "experimental-compact-hash-check-enabled" {
  type         = "bool"
  in           = "3.5.5..3.6"
  deprecated   = "3.6"
  default      = "false"
  feature_gate = "CompactHashCheck"
}

flag "experimental-compact-hash-check-time" {
  type       = "duration"
  in         = "3.5.5..3.6"
  deprecated = "3.6"
  default    = "1m"
  renamed_to = "compact-hash-check-time"
}

flag "experimental-compaction-batch-limit" {
  type       = "int"
  in         = "3.4..3.6"
  deprecated = "3.6"
  default    = "0"
  renamed_to = "compaction-batch-limit"
}

flag "experimental-compaction-sleep-interval" {
  type       = "duration"
  in         = "3.5.16..3.6"
  deprecated = "3.6"
  default    = "0s"
  renamed_to = "compaction-sleep-interval"
}

flag "experimental-corrupt-check-time" {
  type       = "duration"
  in         = "3.3..3.6"
  deprecated = "3.6"
  default    = "0s"
  renamed_to = "corrupt-check-time"
}

flag "experimental-distributed-tracing-address" {
  type       = "string"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = "localhost:4317"
  renamed_to = "distributed-tracing-address"
}

flag "experimental-distributed-tracing-instance-id" {
  type       = "string"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = ""
  renamed_to = "distributed-tracing-instance-id"
}

flag "experimental-distributed-tracing-sampling-rate" {
  type       = "int"
  in         = "3.5.11..3.6"
  deprecated = "3.6"
  default    = "0"
  renamed_to = "distributed-tracing-sampling-rate"
}

flag "experimental-distributed-tracing-service-name" {
  type       = "string"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = "etcd"
  renamed_to = "distributed-tracing-service-name"
}

flag "experimental-downgrade-check-time" {
  type       = "duration"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = "5s"
  renamed_to = "downgrade-check-time"
}

flag "experimental-enable-distributed-tracing" {
  type       = "bool"
  in         = "3.5..3.6"
  deprecated = "3.6"
  default    = "false"
  renamed_to = "enable-distributed-tracing"
}

flag "experimental-enable-lease-checkpoint" {
  type         = "bool"
  in           = "3.4..3.6"
  default      = "false"
  feature_gate = "LeaseCheckpoint"
}

flag "experimental-enable-lease-checkpoint-persist" {
  type         = "bool"
  in           = "3.4.20..3.4, 3.5.2..3.6"
  default      = "false"
  feature_gate = "LeaseCheckpointPersist"
  advice       = "Needs the gate LeaseCheckpoint as well."
}

flag "experimental-enable-v2v3" {
  type       = "string"
  in         = "3.3..3.5"
  deprecated = "3.5"
  default    = ""
  remove     = true
  advice     = "3.6 has no v2 API."
}

flag "experimental-gRPC-addr" {
  type    = "string"
  in      = "2.3"
  default = "127.0.0.1:2378"
  remove  = true
  advice  = "From 3.0 on gRPC is served on listen-client-urls."
}

flag "experimental-initial-corrupt-check" {
  type         = "bool"
  in           = "3.3..3.6"
  default      = "false"
  feature_gate = "InitialCorruptCheck"
}

flag "experimental-memory-mlock" {
  type       = "bool"
  in         = "3.5..3.6"
  default    = "false"
  renamed_to = "memory-mlock"
}

flag "experimental-peer-skip-client-san-verification" {
  type       = "bool"
  in         = "3.2.28..3.2, 3.3.16..3.6"
  deprecated = "3.6"
  default    = "false"
  renamed_to = "peer-skip-client-san-verification"
}

flag "experimental-snapshot-catchup-entries" {
  type       = "uint64"
  in         = "3.5.14..3.6"
  deprecated = "3.6"
  default    = "5000"
  config_key = "experimental-snapshot-catch-up-entries"
  renamed_to = "snapshot-catchup-entries"
  advice     = "The config file spells the old key with one more dash: experimental-snapshot-catch-up-entries."
}

flag "experimental-stop-grpc-service-on-defrag" {
  type         = "bool"
  in           = "3.5.14..3.6"
  default      = "false"
  feature_gate = "StopGRPCServiceOnDefrag"
}

flag "experimental-txn-mode-write-with-shared-buffer" {
  type         = "bool"
  in           = "3.5..3.6"
  default      = "true"
  feature_gate = "TxnModeWriteWithSharedBuffer"
}

flag "experimental-v3demo" {
  type    = "bool"
  in      = "2.2..2.3"
  default = "false"
  remove  = true
  advice  = "The v3 API is always on from 3.0."
}

flag "experimental-warning-apply-duration" {
  type       = "duration"
  in         = "3.4.16..3.6"
  deprecated = "3.6"
  defaults = {
    "3.4..3.5" = "100ms"
    "3.6" = "0s"
  }
  renamed_to = "warning-apply-duration"
}

flag "experimental-warning-unary-request-duration" {
  type       = "duration"
  in         = "3.6"
  deprecated = "3.6"
  default    = "0s"
  renamed_to = "warning-unary-request-duration"
}

flag "experimental-watch-progress-notify-interval" {
  type       = "duration"
  in         = "3.4.11..3.6"
  deprecated = "3.6"
  default    = "0s"
  renamed_to = "watch-progress-notify-interval"
}
