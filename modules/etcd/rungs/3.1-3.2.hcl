rung "3.1" "3.2" {
  what    = "From 3.1 to 3.2: listen URLs must be addresses, certificates of peers must name their hosts, more raft entries are kept in memory, limits of requests can be set."
  sources = ["guide Documentation/upgrades/upgrade_3_2.md"]

  hazard "v2-only-data-3.2" {
    hazard  = { snapshot-ahead-of-database = { refused_by = "3.1.17+" } }
    cure    = "v3-write-on-old-version"
    what    = "Where only v2 keys were ever written, 3.2 panics at start: a raft snapshot is newer than the v3 database, or the database is missing."
    why     = "3.2 takes a snapshot without its database for lost data."
    fix     = "While all members run the old version: one put and one delete of any key by the v3 API, applied on every member. Never move or delete member/snap/db."
    sources = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #9480", "observed 3.0.17, 3.1.20"]
  }

  change "snapshot-count-100000" {
    affects = "members-without"
    options = ["snapshot-count"]
    what    = "snapshot-count is 100,000 instead of 10,000 by default: more raft entries stay in memory, and a slow follower has more time to catch up."
    fix     = "Set snapshot-count=10000 to keep what was."
    sources = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #7160"]
  }

  change "request-size-limit" {
    to      = "3.2.10+"
    affects = "members-without"
    options = ["max-request-bytes"]
    what    = "Requests above 1.5 MiB are refused unless max-request-bytes says otherwise."
  }

  change "peer-certificates-are-checked" {
    affects = "members-with-peer-tls"
    what    = "A TLS connection is refused where the addresses in the other side's certificate do not match the address that it comes from; DNS names in it are looked up. 3.1 had no such check."
    why     = "From 3.2.2 on a matching IP is enough; 3.2.5 looks the other way round for wildcards; from 3.2.28 on experimental-peer-skip-client-san-verification turns it off."
    sources = ["changelog 3.2", "code v3.2.32:pkg/transport/listener_tls.go"]
  }

  change "common-name-is-the-user" {
    affects = "members-with"
    options = ["client-cert-auth"]
    what    = "With authentication on and client-cert-auth, 3.2 takes the common name of a client's certificate for its user, and does not look at the user and password that the client gives: one whose common name is no user is denied. 3.1 goes by user and password alone; 3.3 looks at those first."
    fix     = "Where authentication is on: add a user for the common name of each client's certificate, quorate's too (with the role root)."
    sources = ["observed 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.6.14"]
  }

  advisory "time-to-live-of-a-missing-lease" {
    audience = "go-clients"
    what     = "Lease.TimeToLive of a lease that does not exist answers TTL -1 and no error; before, it answered lease.ErrLeaseNotFound."
    sources  = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #7305"]
  }

  advisory "new-from-config-file-moved" {
    audience = "go-clients"
    what     = "clientv3.NewFromConfigFile is now NewConfig of the package clientv3/yaml."
  }

  advisory "grpc-1.7.5" {
    to       = "3.2.10+"
    audience = "go-clients"
    what     = "The Go client of 3.2.10 needs grpc-go 1.7.5 (before: 1.2.1)."
  }

  advisory "client-logger-v2" {
    to       = "3.2.10+"
    audience = "go-clients"
    what     = "clientv3.SetLogger takes a grpclog.LoggerV2; a log.Logger no longer fits."
  }

  advisory "dial-timeout-error" {
    to       = "3.2.10+"
    audience = "go-clients"
    what     = "A dial that times out returns context.DeadlineExceeded instead of grpc.ErrClientConnTimeout."
    sources  = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #8504"]
  }

  advisory "request-size-of-clients" {
    to       = "3.2.10+"
    audience = "go-clients"
    what     = "Servers take requests up to max-request-bytes (1.5 MiB); clients of 3.2.12 and later send up to 2 MiB and receive without a limit unless told otherwise. Clients of 3.2.10 and 3.2.11 receive 4 MiB at most."
  }

  advisory "wrapper-functions-take-the-client" {
    to       = "3.2.12+"
    audience = "go-clients"
    what     = "NewKVFromKVClient, NewClusterFromClusterClient, NewLeaseFromLeaseClient, NewMaintenanceFromMaintenanceClient and NewWatchFromWatchClient take the client as one more argument."
    sources  = ["guide Documentation/upgrades/upgrade_3_2.md", "issue #9047"]
  }

  advisory "certificates-of-clients-are-checked" {
    audience = "all-clients"
    what     = "A client certificate that names IP addresses is refused from any other address."
    sources  = ["changelog 3.2", "code v3.2.32:pkg/transport/listener_tls.go"]
  }

  advisory "new-features-wait-for-the-last-member-3.2" {
    audience = "all-clients"
    what     = "Until all members run 3.2 the cluster works as 3.1: nothing new of 3.2 can be used before."
  }

  advisory "test-in-staging-3.2" {
    audience = "operators"
    what     = "Test what relies on etcd with 3.2 in a staging place before this one."
  }

  advisory "reads-in-flight-at-a-hand-over-3.2" {
    audience = "all-clients"
    what     = "A linearizable read that is in flight through a member when leadership moves may be forgotten; it, and all that come after it through that member, then wait up to 7 s. Give clients a timeout, and let them try the next member."
    sources  = ["issue #9566", "observed 3.2.32"]
  }

  rollback "rollback-3.1-3.2" {
    mixed            = "swap-binary"
    after_completion = ["rollback-points", "restore"]
    old_binary       = "refuses"
    exit_code        = 1
    message          = "cluster cannot be downgraded"
    what             = "While one member still runs 3.1 the cluster is at 3.1: put the 3.1 binary back. Once the cluster version is 3.2: only the rollback points or a restore."
    why              = "The guide calls going back after completion not possible; 3.1 sees the cluster version at start and exits before it changes anything."
    sources          = ["guide Documentation/upgrades/upgrade_3_2.md", "observed 3.1.20, 3.2.32"]
  }
}
