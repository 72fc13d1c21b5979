# Finding the other members when a cluster is made. Without effect on a member that has run.

sources = ["code v2.0.13 to v3.7.1 and v3.8.0-alpha.0:etcdmain/config.go, embed/config.go", "observed each option on 2.1.1, 2.2.5, 2.3.8, 3.0.17, 3.1.20, 3.2.32, 3.3.27, 3.4.23, 3.5.33, 3.6.14, 3.7.1"]

flag "discovery" {
  type       = "string"
  in         = "2.0..3.6"
  deprecated = "3.6"
  default    = ""
  remove     = true
  advice     = "The v2 discovery service is gone. A member that has run does not need it; for a new one, discovery-endpoints and discovery-token."
}

flag "discovery-cacert" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "discovery-cert" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "discovery-dial-timeout" {
  type    = "duration"
  in      = "3.6+"
  default = "2s"
}

flag "discovery-endpoints" {
  type    = "value"
  in      = "3.6+"
  default = ""
}

flag "discovery-fallback" {
  type = "value"
  in   = "all"
  defaults = {
    "2.0..3.5" = "proxy"
    "3.6+" = "exit"
  }
  advice = "From 3.6 on \"proxy\" is refused at start; \"exit\" is left."
}

flag "discovery-insecure-skip-tls-verify" {
  type    = "bool"
  in      = "3.6+"
  default = "false"
}

flag "discovery-insecure-transport" {
  type    = "bool"
  in      = "3.6+"
  default = "true"
}

flag "discovery-keepalive-time" {
  type    = "duration"
  in      = "3.6+"
  default = "2s"
}

flag "discovery-keepalive-timeout" {
  type    = "duration"
  in      = "3.6+"
  default = "6s"
}

flag "discovery-key" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "discovery-password" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "discovery-proxy" {
  type       = "string"
  in         = "2.0..3.6"
  deprecated = "3.6"
  default    = ""
  remove     = true
  advice     = "It belongs to the v2 discovery service, which is gone."
}

flag "discovery-request-timeout" {
  type    = "duration"
  in      = "3.6+"
  default = "5s"
}

flag "discovery-srv" {
  type    = "string"
  in      = "all"
  default = ""
}

flag "discovery-srv-name" {
  type    = "string"
  in      = "3.4+"
  default = ""
}

flag "discovery-token" {
  type    = "string"
  in      = "3.6+"
  default = ""
}

flag "discovery-user" {
  type    = "string"
  in      = "3.6+"
  default = ""
}
