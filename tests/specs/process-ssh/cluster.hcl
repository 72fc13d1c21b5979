# A cluster of plain processes on a machine that is reached by SSH.

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

variable "reconnect_for" {
  type    = string
  default = "30s"
}

variable "ssh_config" {
  type = string
}

variable "dir" {
  type        = string
  description = "Where the members are on the host."
}

locals {
  members = toset(["m1", "m2", "m3"])
}

cluster "test" {
  version  = var.release
  settings = var.settings

  connection "ssh" {
    config_file   = var.ssh_config
    reconnect_for = var.reconnect_for
  }

  runtime "process" {
    dir = var.dir
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
    connection "ssh" {
      host = each.key
    }
  }

  rollout {
    soak          = var.soak
    v2_settle     = var.v2_settle
    ready_timeout = var.ready_timeout
    gate_timeout  = var.gate_timeout
  }

  backup {
    verify = var.verify
  }
}
