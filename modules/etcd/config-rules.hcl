# What a version demands of a member's configuration beyond the names of its options (those are in flags/).

config_rule "listen-urls-are-ips" {
  in      = "3.2+"
  rule    = "url-hosts-are-ips"
  options = ["listen-client-urls", "listen-peer-urls"]
  effect  = "exits"
  what    = "Hosts in listen URLs are IP addresses or localhost; 3.2 exits at start on any other name (\"expected IP in URL for binding\"). 3.1 only warns."
  why     = "A name cannot be bound to; it may stand for several addresses, or for one of another host."
  fix     = "Write the address that the name stands for, such as http://10.0.0.11:2380, or 0.0.0.0 for all."
  sources = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #6336", "observed 3.2.32"]
}

config_rule "listen-metrics-urls-are-ips" {
  in      = "3.3+"
  rule    = "url-hosts-are-ips"
  options = ["listen-metrics-urls"]
  effect  = "exits"
  what    = "Hosts in listen-metrics-urls are IP addresses or localhost."
  fix     = "Write the address that the name stands for."
  sources = ["code v3.3.27:embed/config.go"]
}

config_rule "peer-certificates-name-hosts" {
  in      = "3.2+"
  rule    = "peer-certificates-name-hosts"
  unless  = "experimental-peer-skip-client-san-verification"
  effect  = "refuses-connections"
  what    = "The certificate that a member shows its peers names the address that it connects from: an IP address that matches, or a DNS name that resolves to it."
  why     = "From 3.2 on a member refuses a TLS connection whose certificate names other addresses; 3.1 did not look."
  fix     = "Issue peer certificates with the members' addresses in their subject alternative names. From 3.2.28 on experimental-peer-skip-client-san-verification turns the check off."
  sources = ["changelog 3.2", "code v3.2.32:pkg/transport/listener_tls.go"]
}

config_rule "retention-is-a-string" {
  in        = "3.3+"
  rule      = "config-key-type"
  keys      = ["auto-compaction-retention"]
  yaml_type = "string"
  effect    = "exits"
  what      = "In a config file auto-compaction-retention is a string; a number ends 3.3 at start."
  fix       = "Put it in quotes: auto-compaction-retention: \"1\"."
  sources   = ["observed 3.3.27"]
}

config_rule "log-outputs-is-a-list" {
  in        = "3.4+"
  rule      = "config-key-type"
  keys      = ["log-outputs", "log-output"]
  yaml_type = "list"
  effect    = "exits"
  what      = "In a config file log-outputs (and in 3.4 log-output) is a list; a string ends the server at start."
  fix       = "log-outputs: [stderr]."
  sources   = ["observed 3.4.23"]
}

config_rule "option-in-one-place" {
  in      = "3.4+"
  rule    = "set-in-one-place"
  effect  = "exits"
  what    = "An option that is set as an argument and in the environment ends the server at start, even when both say the same."
  why     = "Earlier versions took the argument and mentioned it at most."
  fix     = "Take it out of one of the two: look at the unit's Environment and EnvironmentFile."
  sources = ["code v3.4.45:pkg/flags/flag.go", "observed 3.4.23"]
}

config_rule "advertised-urls-have-hosts" {
  in      = "3.4+"
  rule    = "urls-have-hosts"
  options = ["advertise-client-urls", "initial-advertise-peer-urls"]
  effect  = "exits"
  what    = "URLs that a member advertises name a host: http://:2379 ends the server at start."
  fix     = "Write the address that others reach the member at."
  sources = ["observed 3.4.23"]
}

config_rule "heartbeat-and-election-above-zero" {
  in      = "3.3+"
  rule    = "above-zero"
  options = ["heartbeat-interval", "election-timeout"]
  effect  = "exits"
  what    = "heartbeat-interval and election-timeout are above zero."
  sources = ["code v3.3.27:embed/config.go"]
}

config_rule "election-timeout-fits-heartbeat" {
  in         = "all"
  rule       = "election-timeout"
  heartbeats = 5
  at_most    = "50s"
  effect     = "exits"
  what       = "The election timeout is five heartbeats at least and 50 s at most."
  sources    = ["code v3.1.20:embed/config.go", "code v3.6.14:server/embed/config.go"]
}

config_rule "advertise-with-listen" {
  in      = "all"
  rule    = "needs"
  option  = "listen-client-urls"
  needs   = "advertise-client-urls"
  effect  = "exits"
  what    = "Where listen-client-urls is set, advertise-client-urls must be set as well."
  sources = ["code v3.1.20:embed/config.go"]
}

config_rule "one-way-to-find-members" {
  in      = "all"
  rule    = "at-most-one-of"
  options = ["discovery", "initial-cluster", "discovery-srv", "discovery-endpoints"]
  effect  = "exits"
  what    = "Only one of discovery, initial-cluster, discovery-srv and (3.6+) discovery-endpoints is set."
  sources = ["code v3.6.14:server/embed/config.go"]
}

config_rule "quota-at-most-8g-3.0" {
  in      = "3.0..3.1"
  rule    = "at-most"
  option  = "quota-backend-bytes"
  limit   = 8 * 1024 * 1024 * 1024
  effect  = "takes-another"
  what    = "A quota above 8 GiB is lowered to 8 GiB."
  sources = ["code v3.0.17:etcdserver/quota.go"]
}

config_rule "quota-at-most-8g" {
  in      = "3.2+"
  rule    = "at-most"
  option  = "quota-backend-bytes"
  limit   = 8 * 1024 * 1024 * 1024
  effect  = "warns"
  what    = "A quota above 8 GiB is warned of."
  sources = ["code v3.2.32:etcdserver/quota.go", "code v3.6.14:server/storage/quota.go"]
}

config_rule "data-dir-mode-0700" {
  in      = "3.3.23..3.3.24, 3.4.10..3.4.12"
  rule    = "data-dir-mode"
  mode    = "700"
  effect  = "exits"
  what    = "The data directory has mode 0700; these patches do not start otherwise."
  fix     = "chmod 700, or a later patch."
  sources = ["changelog 3.3", "changelog 3.4"]
}

config_rule "data-dir-mode-0700-warns" {
  in      = "3.3.25..3.3, 3.4.13+"
  rule    = "data-dir-mode"
  mode    = "700"
  effect  = "warns"
  what    = "A data directory with another mode than 0700 is warned of."
  fix     = "chmod 700."
  sources = ["changelog 3.3", "changelog 3.4"]
}

config_rule "certificates-have-names" {
  in      = "3.4.19+"
  rule    = "certificates-have-names"
  effect  = "refuses-connections"
  what    = "Certificates have subject alternative names; the common name alone is no longer looked at."
  why     = "Upstream builds 3.4.19 and later, and 3.5, with a Go version (1.16) whose TLS library does so. A binary that somebody else built goes by its own Go version: from Go 1.15 on."
  fix     = "Issue certificates with subject alternative names."
  sources = ["changelog 3.4", "doc https://go.dev/doc/go1.15#commonname"]
}

config_rule "logger-not-capnslog" {
  in      = "3.5+"
  rule    = "value-refused"
  option  = "logger"
  values  = ["capnslog"]
  effect  = "exits"
  what    = "logger=capnslog is removed in 3.5: the server exits at start."
  fix     = "logger=zap, or no logger at all."
  sources = ["observed 3.5.30"]
}

config_rule "compact-hash-check-time-above-zero" {
  in      = "3.5.5+"
  rule    = "above-zero"
  options = ["experimental-compact-hash-check-time", "compact-hash-check-time"]
  effect  = "exits"
  what    = "The interval of the compact hash check is above zero."
  sources = ["code v3.5.33:server/embed/config.go"]
}

config_rule "v2-deprecation-not-yet" {
  in      = "3.6+"
  rule    = "value-one-of"
  option  = "v2-deprecation"
  values  = ["write-only", "write-only-skip-check", "write-only-drop-data", "gone"]
  effect  = "exits"
  what    = "v2-deprecation=not-yet is no longer a value: the server exits with code 2. Of the others only write-only-skip-check has an effect."
  fix     = "Take the option out."
  sources = ["code v3.6.14:server/etcdmain/config.go", "code v3.7.1:server/etcdmain/config.go"]
}

config_rule "discovery-fallback-not-proxy" {
  in      = "3.6+"
  rule    = "value-refused"
  option  = "discovery-fallback"
  values  = ["proxy"]
  effect  = "exits"
  what    = "discovery-fallback=proxy is refused: there is no proxy any more."
  fix     = "discovery-fallback=exit, or no such option."
  sources = ["code v3.6.14:server/embed/config.go"]
}

config_rule "auto-compaction-mode-not-empty" {
  in      = "3.6+"
  rule    = "value-refused"
  option  = "auto-compaction-mode"
  values  = [""]
  effect  = "exits"
  what    = "An empty auto-compaction-mode is an error."
  fix     = "periodic or revision."
  sources = ["code v3.6.14:server/embed/config.go"]
}

config_rule "old-and-new-name-together" {
  in      = "3.6"
  rule    = "one-name-of-a-renamed-option"
  effect  = "exits"
  what    = "A renamed option that is set under its old and its new name is an error."
  fix     = "Keep the new name."
  sources = ["code v3.6.14:server/embed/config.go"]
}

config_rule "option-and-feature-gate-together" {
  in      = "3.6"
  rule    = "option-or-its-feature-gate"
  effect  = "exits"
  what    = "An experimental option that became a feature gate is not set beside that gate."
  fix     = "Keep the gate."
  sources = ["code v3.6.14:server/embed/config.go"]
}

config_rule "feature-gates-3.6" {
  in      = "3.6"
  rule    = "feature-gates-known"
  gates   = ["AllAlpha", "AllBeta", "StopGRPCServiceOnDefrag", "TxnModeWriteWithSharedBuffer", "InitialCorruptCheck", "CompactHashCheck", "LeaseCheckpoint", "LeaseCheckpointPersist", "SetMemberLocalAddr"]
  effect  = "exits"
  what    = "Names in feature-gates are known to the version, upper and lower case as written; an unknown one ends the server at start."
  sources = ["code v3.6.14:server/features/etcd_features.go", "code v3.6.14:pkg/featuregate/feature_gate.go"]
}

config_rule "feature-gates-3.7" {
  in      = "3.7+"
  rule    = "feature-gates-known"
  gates   = ["AllAlpha", "AllBeta", "StopGRPCServiceOnDefrag", "TxnModeWriteWithSharedBuffer", "InitialCorruptCheck", "CompactHashCheck", "LeaseCheckpoint", "LeaseCheckpointPersist", "SetMemberLocalAddr", "FastLeaseKeepAlive", "PriorityRequest"]
  effect  = "exits"
  what    = "Names in feature-gates are known to the version; 3.7 adds FastLeaseKeepAlive and PriorityRequest, which 3.6 does not know."
  sources = ["code v3.7.1:server/features/etcd_features.go"]
}

config_rule "name-is-not-default" {
  in      = "3.6+"
  rule    = "value-refused"
  option  = "name"
  values  = ["default"]
  effect  = "warns"
  what    = "A member named \"default\" is warned of; several of that name are dangerous when members are added."
  sources = ["issue #13757"]
}

config_rule "unknown-config-keys-are-silent" {
  in      = "3.0+"
  rule    = "unknown-config-keys"
  effect  = "takes-another"
  what    = "Keys of a config file that the version does not know are ignored without a word: a removed option just loses its effect."
  fix     = "Rename the key, or take it out."
  sources = ["observed 3.2.32 to 3.5.30", "code v3.7.1:server/embed/config.go"]
}

config_rule "unknown-environment-is-silent" {
  in      = "all"
  rule    = "unknown-environment"
  effect  = "takes-another"
  what    = "ETCD_ variables that the version does not know are at most warned of: a removed option just loses its effect."
  fix     = "Rename the variable, or take it out."
  sources = ["observed 3.2.32 to 3.5.30"]
}
