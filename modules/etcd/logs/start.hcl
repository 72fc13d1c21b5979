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
