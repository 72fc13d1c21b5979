# What a version can do, and how it is talked to. The code asks for these names; the ranges are here.

feature "v3-api" {
  in      = "3.0+"
  what    = "The v3 API (gRPC) is served on the client URLs, once the cluster version has it too: until then each call is answered with \"etcdserver: not capable\"."
  sources = ["code v3.0.17:etcdserver/etcdserverpb/rpc.proto", "code v3.0.17:etcdserver/api/capability.go", "observed 3.0.17 among 2.3.8"]
}

feature "v2-api" {
  in      = "2.0..3.5"
  what    = "The v2 API (HTTP) can be served: keys, members, stats."
  sources = ["observed 2.0.13 to 3.5.30", "guide v3.6/upgrades/upgrade_3_6.md"]
}

feature "v2-api-by-default" {
  in      = "2.0..3.3"
  what    = "The v2 API is served unless enable-v2=false."
  sources = ["guide upgrades/upgrade_3_4.md", "observed 3.3.27, 3.4.23"]
}

feature "version-is-json" {
  in      = "2.1+"
  what    = "GET /version answers JSON with etcdserver and etcdcluster; 2.0 answers one line of text."
  sources = ["observed 2.0.13, 2.1.3"]
}

feature "storage-version" {
  in      = "3.6+"
  what    = "The database has a version of its own; /version and Status tell it. It follows the cluster version within seconds."
  sources = ["code v3.6.14:server/storage/schema/schema.go", "observed 3.6.14, 3.7.1"]
}

feature "health-proposes-entry" {
  in      = "3.1..3.4.28"
  what    = "Each GET of /health writes a v2 read into the raft log."
  why     = "Before, it waits for the log to grow by itself; from 3.4.29 on it reads by v3, which writes nothing."
  fix     = "Ask rarely; before 3.6, let the members take a raft snapshot (leftover-v2-entries-3.6)."
  sources = ["observed 3.4.23", "code v3.0.17:etcdserver/api/v2http/client.go", "code v3.1.20:etcdserver/api/v2http/client.go", "code v3.3.27:etcdserver/api/etcdhttp/metrics.go", "code v3.4.45:etcdserver/api/etcdhttp/health.go"]
}

feature "health-proposes-entry-with-v2" {
  in      = "3.4.29..3.5"
  what    = "Where the member serves the v2 API (enable-v2), each GET of /health writes a v2 read into the raft log."
  sources = ["code v3.4.45:etcdserver/api/etcdhttp/health.go", "code v3.5.33:server/etcdserver/api/v2http/client.go", "observed 3.5.33, 3.6.14"]
}

# What a member makes of entries in the raft log. One that does not know an entry ends, and ends again at each start,
# for the entry stays in its log: so nothing may be asked of a member that makes it write an entry which a member of
# another version in the same cluster does not know.

feature "applies-v2-entries" {
  in      = "2.0..3.5"
  what    = "It applies entries of the v2 API, reads through quorum among them."
  why     = "3.6 knows only those that set a member's attributes and the cluster version, and panics on all others: \"detected disallowed v2 WAL\"."
  sources = ["code v2.1.1:etcdserver/server.go", "code v3.5.33:server/etcdserver/apply_v2.go", "code v3.6.14:server/etcdserver/apply_v2.go", "observed 3.5.33, 3.6.14"]
}

feature "applies-alarm-entries" {
  in      = "3.0+"
  what    = "It applies entries of the call Alarm; to list the alarms writes one, in every version that has the call."
  why     = "2.3 panics on it; 3.0 serves no v3 call while the cluster version is 2.3."
  sources = ["code v2.3.8:etcdserver/v3demo_server.go", "code v3.0.17:etcdserver/v3_server.go", "code v3.0.17:etcdserver/api/v3rpc/interceptor.go", "code v3.7.1:server/etcdserver/v3_server.go"]
}

feature "health-false-on-alarm" {
  in      = "3.3+"
  what    = "/health answers 503 and \"false\" on any alarm and without a leader."
  sources = ["guide upgrades/upgrade_3_3.md"]
}

feature "livez-readyz" {
  in      = "3.4.29..3.4, 3.5.11+"
  what    = "/livez and /readyz, with checks that can be asked for one by one."
  sources = ["changelog 3.4", "changelog 3.5"]
}

feature "metrics" {
  in      = "2.1+"
  what    = "GET /metrics answers in Prometheus' format. Names of 2.x differ from those of 3.x."
  sources = ["code v2.1.3:etcdserver/etcdhttp/client.go"]
}

feature "v2-leader-path" {
  in      = "2.1..3.5"
  what    = "GET /v2/members/leader names the leader."
  sources = ["code v2.1.3:etcdserver/etcdhttp/client.go"]
}

feature "hash-kv" {
  in      = "3.3+"
  what    = "HashKV: a hash over the keys at a revision, equal on all members of whatever minor, and on a restored backup."
  sources = ["code v3.3.27:etcdserver/etcdserverpb/rpc.proto", "observed 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]
}

feature "login-tells-off" {
  in      = "3.2.32+"
  what    = "To a login, Authenticate says that authentication is off before it looks for the user."
  why     = "3.1.20 says of a user that is not there that the password is wrong, on or off. Patches of 3.2 before this one were not tried."
  sources = ["observed 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]
}

feature "unix-client-sockets" {
  in      = "3.1+"
  what    = "listen-client-urls takes unix:// sockets."
  sources = ["changelog 3.1", "observed 3.1.20 to 3.7.1"]
}

feature "move-leader" {
  in      = "3.3+"
  what    = "MoveLeader hands leadership to a named member; it must be sent to the leader."
  sources = ["code v3.3.27:etcdserver/etcdserverpb/rpc.proto"]
}

feature "hands-over-at-stop" {
  in      = "3.1+"
  what    = "A leader that is told to stop (SIGTERM) hands leadership to another member first."
  sources = ["changelog 3.1", "observed 3.1.20 to 3.5.30"]
}

feature "learners" {
  in      = "3.4+"
  what    = "Members without a vote, and their promotion."
  sources = ["code v3.4.45:etcdserver/etcdserverpb/rpc.proto"]
}

feature "applied-index-in-status" {
  in      = "3.4+"
  what    = "Status tells the applied raft index, errors, the size in use, and whether the member is a learner."
  sources = ["code v3.4.45:etcdserver/etcdserverpb/rpc.proto"]
}

feature "lease-time-to-live" {
  in      = "3.1+"
  what    = "LeaseTimeToLive."
  sources = ["code v3.1.20:etcdserver/etcdserverpb/rpc.proto"]
}

feature "linearizable-member-list" {
  in      = "3.5+"
  what    = "The member list can be read through quorum, and is by default."
  sources = ["guide upgrades/upgrade_3_5.md", "code v3.5.33:api/etcdserverpb/rpc.proto"]
}

feature "corrupt-alarm" {
  in      = "3.3+"
  what    = "The alarm CORRUPT exists beside NOSPACE."
  sources = ["code v3.3.27:etcdserver/etcdserverpb/rpc.proto"]
}

feature "downgrade-api" {
  in      = "3.6+"
  what    = "The Downgrade call can be used. 3.5 has it and must not be sent it: 3.4 members panic on its raft entry."
  sources = ["doc v3.7/downgrades/downgrade_3_6.md", "code v3.4.45:etcdserver/apply.go"]
}

feature "version-bump-on-new-term" {
  in      = "3.4+"
  what    = "The leader looks at the members' versions on the first commit of its term as well, not only by the clock."
  sources = ["code v3.4.45:etcdserver/server.go"]
}

feature "pre-vote-by-default" {
  in      = "3.5+"
  what    = "pre-vote is on unless told otherwise."
  sources = ["code v3.5.33:server/embed/config.go"]
}

feature "config-file" {
  in      = "3.0+"
  what    = "--config-file: where it is given, all other options and the environment count for nothing."
  sources = ["observed 3.2.32 to 3.5.30"]
}

feature "config-file-from-environment" {
  in      = "3.4+"
  what    = "ETCD_CONFIG_FILE is heeded."
  sources = ["code v3.4.45:etcdmain/config.go"]
}

feature "etcdutl" {
  in      = "3.5+"
  what    = "The release has etcdutl, for work on files without a server."
  sources = ["changelog 3.5"]
}

feature "bump-revision" {
  in      = "3.4.27..3.4, 3.5.10+"
  what    = "snapshot restore takes --bump-revision and --mark-compacted: revisions do not go back, and watchers notice."
  sources = ["changelog 3.4", "changelog 3.5"]
}

feature "members-by-database" {
  in      = "3.6+"
  what    = "Who is a member, and who was removed, is what the v3 database says; before, what the v2 store says."
  sources = ["guide v3.6/upgrades/upgrade_3_6.md", "code v3.5.33:server/etcdserver/api/membership/cluster.go", "observed 3.5.33, 3.6.14"]
}

feature "snapshot-restore-in-etcdctl" {
  in      = "3.0..3.5"
  what    = "etcdctl snapshot restore and status exist; from 3.6 on only those of etcdutl."
  sources = ["guide v3.6/upgrades/upgrade_3_6.md"]
}

feature "gateway-v3alpha" {
  in      = "3.0..3.3"
  what    = "The JSON gateway answers at /v3alpha/ (in 3.3 as another name of /v3beta/)."
  sources = ["code v3.2.32:embed/serve.go", "code v3.3.27:embed/serve.go"]
}

feature "gateway-v3beta" {
  in      = "3.3..3.4"
  what    = "The JSON gateway answers at /v3beta/ (in 3.4 as another name of /v3/)."
  sources = ["code v3.3.27:embed/serve.go", "code v3.4.45:embed/serve.go"]
}

feature "gateway-v3" {
  in      = "3.4+"
  what    = "The JSON gateway answers at /v3/."
  sources = ["code v3.4.45:embed/serve.go"]
}

feature "json-logs-by-default" {
  in      = "3.5+"
  what    = "Log lines are JSON objects (zap)."
  sources = ["observed 3.4.23, 3.5.30"]
}

feature "needs-unsupported-arch-switch" {
  in      = "2.0..3.1"
  what    = "On any architecture but amd64 the server starts only with ETCD_UNSUPPORTED_ARCH set. (ppc64le is free of it from 3.2 on, arm64 and s390x from 3.5 on.)"
  sources = ["code v3.2.32:etcdmain/etcd.go", "code v3.5.33:server/etcdmain/etcd.go"]
}
