# The v2 API, its proxy, and the two switches of its end.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "enable-v2" {
  type       = "bool"
  in         = "3.2..3.5"
  deprecated = "3.5"
  defaults = {
    "3.2..3.3" = "true"
    "3.4..3.5" = "false"
  }
  remove = true
  advice = "3.6 has no v2 API. See the requirement no-v2-content of the rung 3.5-3.6 before it is taken away."
}

flag "next-cluster-version-compatible" {
  type    = "bool"
  in      = "3.4.31..3.4"
  default = "false"
  remove  = true
  advice  = "Only for going down to 3.4. It must go before 3.5 is started."
}

flag "proxy" {
  type    = "value"
  in      = "2.0..3.5"
  default = "off"
  remove  = true
  advice  = "The v2 proxy is gone; a gRPC proxy is a program of its own (etcd grpc-proxy)."
}

flag "proxy-dial-timeout" {
  type       = "uint"
  in         = "2.1..3.5"
  deprecated = "3.5"
  defaults = {
    "2.1..3.4" = "1000"
    "3.5" = "0"
  }
  remove = true
}

flag "proxy-failure-wait" {
  type       = "uint"
  in         = "2.1..3.5"
  deprecated = "3.5"
  defaults = {
    "2.1..3.4" = "5000"
    "3.5" = "0"
  }
  remove = true
}

flag "proxy-read-timeout" {
  type       = "uint"
  in         = "2.1..3.5"
  deprecated = "3.5"
  default    = "0"
  remove     = true
}

flag "proxy-refresh-interval" {
  type       = "uint"
  in         = "2.1..3.5"
  deprecated = "3.5"
  defaults = {
    "2.1..3.4" = "30000"
    "3.5" = "0"
  }
  remove = true
}

flag "proxy-write-timeout" {
  type       = "uint"
  in         = "2.1..3.5"
  deprecated = "3.5"
  defaults = {
    "2.1..3.4" = "5000"
    "3.5" = "0"
  }
  remove = true
}

flag "v2-deprecation" {
  type       = "value"
  in         = "3.5+"
  deprecated = "3.6+"
  defaults = {
    "3.5" = "not-yet"
    "3.6+" = "write-only"
  }
  advice = "3.6 and 3.7 take no heed of its value, but for write-only-skip-check (3.6.13+)."
}
