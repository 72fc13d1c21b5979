# Three members on this machine, as plain processes, without root.
# `./run` beside this file goes through it all; by hand:
#
#   quorate apply -var etcd_version=3.1.20      creates the cluster
#   quorate apply -var etcd_version=3.2.32      upgrades it

variable "etcd_version" {
  type        = string
  default     = "3.1.20"
  description = "What all members shall run."
}

variable "releases" {
  type        = string
  default     = ""
  description = "A folder with etcd-vVERSION-linux-ARCH.tar.gz and SHA256SUMS, where upstream cannot be reached."
}

variable "ports" {
  type        = list(number)
  default     = [12379, 12380, 22379, 22380, 32379, 32380]
  description = "Client and peer port of each member, by turns."

  validation {
    condition     = length(var.ports) == 6
    error_message = "Six ports are needed: a client and a peer port for each of three members."
  }
}

locals {
  upstream = var.releases == ""
  members = {
    m1 = { client = var.ports[0], peer = var.ports[1] }
    m2 = { client = var.ports[2], peer = var.ports[3] }
    m3 = { client = var.ports[4], peer = var.ports[5] }
  }
}

cluster "quickstart" {
  version = var.etcd_version

  connection "local" {}

  runtime "process" {
    dir = "members"
  }

  release {
    url        = local.upstream ? "https://github.com/etcd-io/etcd/releases/download/v${version}/etcd-v${version}-${os}-${arch}.tar.gz" : "file://${var.releases}/etcd-v${version}-${os}-${arch}.tar.gz"
    sha256sums = local.upstream ? "https://github.com/etcd-io/etcd/releases/download/v${version}/SHA256SUMS" : "file://${var.releases}/SHA256SUMS"
  }

  member "all" {
    for_each   = local.members
    address    = "127.0.0.1"
    client_url = "http://127.0.0.1:${each.value.client}"
    peer_url   = "http://127.0.0.1:${each.value.peer}"
  }

  rollout {
    soak = "3s"
  }
}
