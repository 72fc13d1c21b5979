rung "3.3" "3.4" {
  what    = "From 3.3 to 3.4: the v2 API is off unless turned on, an option may be set in one place only, learners appear, old names of CA options are gone."
  sources = ["guide upgrades/upgrade_3_4.md"]

  requirement "v2-users-set-enable-v2" {
    check    = "v2-users-set-option"
    option   = "enable-v2"
    severity = "refuse"
    what     = "Where v2 keys or v2 clients are in use, enable-v2=true is set on every member before the rung."
    why      = "3.4 turns the v2 API off by default: /v2/keys, /v2/members and /v2/stats answer 404 then."
    fix      = "Set enable-v2=true (3.2 and 3.3 know it), or move the clients to v3 first."
    sources  = ["guide upgrades/upgrade_3_4.md", "observed 3.4.23"]
  }

  requirement "lease-checkpoint-off-while-mixed" {
    check   = "option-off"
    option  = "experimental-enable-lease-checkpoint"
    what    = "experimental-enable-lease-checkpoint stays off until all members run 3.4."
    why     = "It writes a raft entry that 3.3 does not know, and 3.3 panics on what it does not know."
    fix     = "Turn it on after the rung."
    sources = ["issue #10797"]
  }

  hazard "lease-checkpoint-entries" {
    hazard  = { new-raft-entry = { option = "experimental-enable-lease-checkpoint" } }
    cure    = "abstain"
    what    = "Lease checkpoints written by a 3.4 leader make 3.3 members panic."
    sources = ["issue #10797"]
  }

  change "v2-api-off-by-default" {
    affects = "v2-users"
    what    = "enable-v2 is false by default; only /version, /health and /metrics are left on HTTP, the rest is gRPC."
    fix     = "enable-v2=true while v2 is in use."
    sources = ["guide upgrades/upgrade_3_4.md", "observed 3.4.23"]
  }

  change "cors-allows-all" {
    affects = "members-without"
    options = ["cors"]
    what    = "cors is '*' by default instead of empty."
    sources = ["code v3.4.45:embed/config.go"]
  }

  change "log-options-deprecated" {
    affects = "members-with"
    options = ["debug", "log-output", "log-package-levels"]
    what    = "debug, log-output and log-package-levels are deprecated; 3.5 does not know them."
    fix     = "log-level and log-outputs; logger=zap with log-outputs=stderr is ready for 3.5."
  }

  change "snapshot-file-mode-0600" {
    affects = "every-member"
    what    = "Snapshot files are written with mode 0600."
    sources = ["changelog 3.4"]
  }

  advisory "v2-api-answers-404" {
    audience = "all-clients"
    what     = "The v2 API is off unless enable-v2=true is set."
  }

  advisory "etcdctl-defaults-to-v3" {
    audience = "command-line"
    what     = "etcdctl speaks v3 unless ETCDCTL_API=2 is set; etcdctl snapshot ends with exit code 1 on errors."
  }

  advisory "go-client-3.4" {
    audience = "go-clients"
    what     = "A blocking dial needs grpc.WithBlock; ErrClientConnClosing is gone; reads may fail with ErrLeaderChanged, proposals with ErrProposalDropped while leadership moves: try again."
  }

  advisory "gateway-moves-to-v3" {
    audience = "all-clients"
    what     = "The JSON gateway is at /v3 (/v3beta is redirected, /v3alpha is gone)."
  }

  advisory "debugging-metrics-deprecated" {
    audience = "monitoring"
    what     = "etcd_debugging_mvcc_* metrics have new names; the old ones go in 3.5."
  }

  advisory "container-tags-3.4" {
    audience = "operators"
    what     = "Container tags like latest and v3.3 are no longer moved; there is no ACI image."
  }

  rollback "rollback-3.3-3.4" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "cluster cannot be downgraded"
    what             = "While one member still runs 3.3: put the 3.3 binary back. Afterwards 3.3 refuses to start, and leaves the data as it is."
    sources          = ["observed 3.3.27, 3.4.23"]
  }
}
