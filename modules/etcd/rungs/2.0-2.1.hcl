rung "2.0" "2.1" {
  what    = "From 2.0 to 2.1: /version becomes JSON, the cluster version is introduced, v2 authentication and metrics appear. No option is removed, no default changes."
  sources = ["guide v2.3.8:Documentation/upgrade_2_1.md"]

  requirement "patch-2.0.3" {
    check    = "minimum-patch"
    at_least = "2.0.3"
    when     = "always"
    what     = "All members run 2.0.3 or later."
    why      = "2.0.0 to 2.0.2 may panic in a rolling upgrade."
    fix      = "Take all members to 2.0.13 first."
  }

  change "ca-file-deprecated" {
    affects = "members-with"
    options = ["ca-file", "peer-ca-file"]
    what    = "ca-file and peer-ca-file are deprecated; they go in 3.4."
    fix     = "Set trusted-ca-file and client-cert-auth (peer-trusted-ca-file and peer-client-cert-auth) instead."
    sources = ["code v2.1.3:etcdmain/config.go"]
  }

  advisory "v2-auth-exists" {
    audience = "all-clients"
    what     = "2.1 has an API for users and roles (off until it is turned on). It must not be used before all members run 2.1."
  }

  advisory "version-is-json-now" {
    audience = "monitoring"
    what     = "GET /version answers JSON instead of one line of text; /metrics and /debug/vars are new."
    sources  = ["code v2.0.13:etcdserver/etcdhttp/client.go", "observed 2.0.13, 2.1.3"]
  }

  rollback "rollback-2.0-2.1" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "starts-silently"
    what             = "While one member still runs 2.0: put the 2.0 binary back. Once the cluster version is 2.1: only the rollback points or a restore."
    why              = "2.0 has no guard: started in a completed 2.1 cluster it serves as if nothing were wrong, and nobody has tested whether it stays consistent."
    sources          = ["observed 2.0.13, 2.1.3", "guide v2.3.8:Documentation/upgrade_2_1.md"]
  }
}
