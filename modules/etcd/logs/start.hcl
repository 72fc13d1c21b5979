# Lines of an ordinary start that carry the level of a warning.

sources = ["observed 2.1.1 to 3.7.1"]

log "starting" {
  in     = "all"
  class  = "expected"
  moment = "member-starts"
  regex  = "starting server[.][.][.] \\[version|starting an etcd server|restarting member|the server is already initialized as member before"
  what   = "A member starts on the data that it has."
}

log "member-list-read" {
  in     = "all"
  class  = "expected"
  moment = "member-starts"
  regex  = "added (local )?member [0-9a-f]+|set the initial cluster version|set initial cluster version|set cluster version from store|enabled capabilities for version"
  what   = "A member reads the member list and the cluster version from its data."
}

log "published-too-early" {
  in      = "3.4+"
  class   = "expected"
  moment  = "member-starts"
  regex   = "failed to publish local member to cluster through raft.*too many requests"
  what    = "A member that starts has not applied its log yet, and is more than 5,000 entries behind what it knows to be committed: it tries again until it has."
  sources = ["observed 3.6.14, 3.7.1", "code v3.6.14:server/etcdserver/server.go"]
}

log "serves-plain-http" {
  in     = "all"
  class  = "expected"
  moment = "member-starts"
  regex  = "serving (insecure client requests|client traffic insecurely)"
  what   = "Clients may come without TLS: so it is configured."
}

log "simple-tokens" {
  in     = "3.2+"
  class  = "expected"
  moment = "member-starts"
  regex  = "simple token is not cryptographically signed"
  what   = "The default kind of authentication token is in use; no matter while authentication is off."
}

log "unknown-environment-variable" {
  in     = "all"
  class  = "expected"
  moment = "member-starts"
  regex  = "unrecognized environment variable"
  what   = "An ETCD_ variable that this version does not know is set; it has no effect."
}

log "capnslog-deprecated" {
  in     = "3.4"
  class  = "expected"
  moment = "member-starts"
  regex  = "Deprecated '--logger=capnslog' flag is set"
  what   = "3.4 says so whenever logger is not set to zap, by its own default too."
}

log "one-port-for-http-and-grpc" {
  in     = "3.4.25+"
  class  = "expected"
  moment = "member-starts"
  regex  = "Running http and grpc server on single port"
  what   = "HTTP and gRPC share the client port, as they always did; listen-client-http-urls would part them."
}

log "storage-version-not-yet-known" {
  in     = "3.6+"
  class  = "expected"
  moment = "completion"
  regex  = "[Ff]ailed to (detect schema version|update storage version).*missing term information"
  what   = "The cluster version has moved and the database of a 3.5 member has not seen a term yet; it gets its storage version a few seconds later."
  sources = ["observed 3.6.14"]
}
