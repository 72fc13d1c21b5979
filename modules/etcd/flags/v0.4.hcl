# Options of etcd 0.4 that later versions still take on their command line, most of them without effect, and those that Go's own
# test and log packages bring along.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "addr" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4. Set advertise-client-urls (a URL) instead."
}

flag "bind-addr" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4. Set listen-client-urls (a URL) instead."
}

flag "cluster-active-size" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "cluster-remove-delay" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "cluster-sync-interval" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "config" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "force" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "max-result-buffer" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "max-retry-attempts" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "peer-addr" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4. Set initial-advertise-peer-urls (a URL) instead."
}

flag "peer-bind-addr" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4. Set listen-peer-urls (a URL) instead."
}

flag "peer-election-timeout" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "peer-heartbeat-interval" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "peers" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4, refused already at start. initial-cluster names the members."
}

flag "peers-file" {
  type       = "value"
  in         = "2.0..2.3"
  deprecated = "2.0..2.3"
  advice     = "A name of v0.4, refused already at start. initial-cluster names the members."
}

flag "retry-interval" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "snapshot" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "test.coverprofile" {
  type    = "ignored"
  in      = "3.2+"
  ignored = "3.2+"
}

flag "test.outputdir" {
  type    = "ignored"
  in      = "3.2+"
  ignored = "3.2+"
}

flag "v" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}

flag "vv" {
  type    = "ignored"
  in      = "all"
  ignored = "all"
}
