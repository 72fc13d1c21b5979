# What a member is and how it takes part in raft.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "config-file" {
  type    = "string"
  in      = "3.0+"
  default = ""
}

flag "data-dir" {
  type    = "string"
  in      = "all"
  default = ""
}

flag "election-timeout" {
  type    = "uint"
  in      = "all"
  default = "1000"
}

flag "feature-gates" {
  type    = "value"
  in      = "3.6+"
  default = ""
}

flag "force-new-cluster" {
  type    = "bool"
  in      = "all"
  default = "false"
}

flag "heartbeat-interval" {
  type    = "uint"
  in      = "all"
  default = "100"
}

flag "initial-cluster" {
  type = "string"
  in   = "all"
  defaults = {
    "2.0..3.0" = "default=http://localhost:2380,default=http://localhost:7001"
    "3.1+" = "default=http://localhost:2380"
  }
}

flag "initial-cluster-state" {
  type    = "value"
  in      = "all"
  default = "new"
}

flag "initial-cluster-token" {
  type    = "string"
  in      = "all"
  default = "etcd-cluster"
}

flag "initial-election-tick-advance" {
  type    = "bool"
  in      = "3.1.14..3.1, 3.2.19..3.2, 3.3.4+"
  default = "true"
}

flag "max-learners" {
  type    = "int"
  in      = "3.6+"
  default = "1"
}

flag "name" {
  type    = "string"
  in      = "all"
  default = "default"
}

flag "pre-vote" {
  type = "bool"
  in   = "3.4+"
  defaults = {
    "3.4" = "false"
    "3.5+" = "true"
  }
}

flag "strict-reconfig-check" {
  type = "bool"
  in   = "2.3+"
  defaults = {
    "2.3..3.0" = "false"
    "3.1+" = "true"
  }
}

flag "unsafe-no-fsync" {
  type    = "bool"
  in      = "3.4.10+"
  default = "false"
}

flag "wal-dir" {
  type    = "string"
  in      = "2.2+"
  default = ""
}
