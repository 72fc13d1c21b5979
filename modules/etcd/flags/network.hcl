# Addresses, limits of requests and connections, tokens.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "advertise-client-urls" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..2.3" = "http://localhost:2379,http://localhost:4001"
    "3.0+" = "http://localhost:2379"
  }
}

flag "auth-token" {
  type    = "string"
  in      = "3.2+"
  default = "simple"
}

flag "auth-token-ttl" {
  type    = "uint"
  in      = "3.3.23..3.3, 3.4.10+"
  default = "300"
}

flag "bcrypt-cost" {
  type    = "uint"
  in      = "3.4+"
  default = "10"
}

flag "cors" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..3.3" = ""
    "3.4+" = "*"
  }
}

flag "enable-grpc-gateway" {
  type    = "bool"
  in      = "3.4+"
  default = "true"
}

flag "grpc-keepalive-interval" {
  type    = "duration"
  in      = "3.2.10+"
  default = "2h"
}

flag "grpc-keepalive-min-time" {
  type    = "duration"
  in      = "3.2.10+"
  default = "5s"
}

flag "grpc-keepalive-timeout" {
  type    = "duration"
  in      = "3.2.10+"
  default = "20s"
}

flag "host-whitelist" {
  type    = "value"
  in      = "3.4+"
  default = "*"
}

flag "initial-advertise-peer-urls" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..2.3" = "http://localhost:2380,http://localhost:7001"
    "3.0+" = "http://localhost:2380"
  }
}

flag "listen-client-http-urls" {
  type    = "value"
  in      = "3.4.25..3.4, 3.5.8+"
  default = ""
}

flag "listen-client-urls" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..2.3" = "http://localhost:2379,http://localhost:4001"
    "3.0+" = "http://localhost:2379"
  }
}

flag "listen-peer-urls" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..2.3" = "http://localhost:2380,http://localhost:7001"
    "3.0+" = "http://localhost:2380"
  }
}

flag "max-concurrent-streams" {
  type    = "value"
  in      = "3.4.20..3.4, 3.5.5+"
  default = "4294967295"
}

flag "max-request-bytes" {
  type    = "uint"
  in      = "3.2.10+"
  default = "1572864"
}

flag "max-txn-ops" {
  type    = "uint"
  in      = "3.3+"
  default = "128"
}

flag "raft-read-timeout" {
  type    = "duration"
  in      = "3.5+"
  default = "5s"
}

flag "raft-write-timeout" {
  type    = "duration"
  in      = "3.5+"
  default = "5s"
}

flag "socket-reuse-address" {
  type    = "bool"
  in      = "3.5+"
  default = "false"
}

flag "socket-reuse-port" {
  type    = "bool"
  in      = "3.5+"
  default = "false"
}
