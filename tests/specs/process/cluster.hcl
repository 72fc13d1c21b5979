# A cluster of plain processes on this machine.

variable "release" {
  type        = string
  description = "The version of etcd."
}

variable "releases" {
  type        = string
  description = "A folder as tests/fixtures/release-dir lays it out."
}

variable "ports" {
  type        = map(number)
  description = "Client and peer port of each member."
}

variable "address" {
  type    = string
  default = "127.0.0.1"
}

variable "via" {
  type    = map(string)
  default = {}
}

variable "settings" {
  type    = map(string)
  default = {}
}

variable "verify" {
  type    = string
  default = "restore"
}

variable "soak" {
  type    = string
  default = "1s"
}

variable "v2_settle" {
  type    = string
  default = "2m"
}

variable "ready_timeout" {
  type    = string
  default = "1m"
}

variable "gate_timeout" {
  type    = string
  default = "1m"
}

variable "hold_before" {
  type    = string
  default = null
}

variable "settings_policy" {
  type    = string
  default = "keep"
}

locals {
  members = toset(["m1", "m2", "m3"])
}

cluster "test" {
  version  = var.release
  via = var.via
  settings = var.settings

  connection "local" {}

  runtime "process" {
    dir = "members"
  }

  release {
    url        = "file://${var.releases}/etcd-v${version}-linux-${arch}.tar.gz"
    sha256sums = "file://${var.releases}/SHA256SUMS"
  }

  member "all" {
    for_each   = local.members
    address    = var.address
    client_url = "http://${var.address}:${var.ports["${each.key}_client"]}"
    peer_url   = "http://127.0.0.1:${var.ports["${each.key}_peer"]}"
  }

  rollout {
    soak          = var.soak
    v2_settle     = var.v2_settle
    ready_timeout = var.ready_timeout
    gate_timeout  = var.gate_timeout
    hold_before   = var.hold_before
    settings      = var.settings_policy
  }

  backup {
    verify = var.verify
  }
}
