# An existing cluster with TLS and client certificates, where quorate uses a certificate of its own. Without the
# `client` block, each member is talked to with the member's own certificate, read on its host.

variable "etcd_version" {
  type    = string
  default = "3.2.32"
}

locals {
  hosts = {
    m1 = "10.0.0.11"
    m2 = "10.0.0.12"
    m3 = "10.0.0.13"
  }
}

cluster "prod" {
  version = var.etcd_version

  connection "ssh" {
    user   = "deploy"
    become = "sudo"
  }

  runtime "systemd" {
    unit  = "etcd.service"
    adopt = true
  }

  # Paths on the members' hosts. `file("client.crt")` would stand for a file beside this spec: its content is
  # used from here, goes to no host and into no plan.
  client {
    ca   = "/etc/etcd/pki/ca.crt"
    cert = "/etc/etcd/pki/quorate.crt"
    key  = "/etc/etcd/pki/quorate.key"
  }

  # URLs of members that exist are taken from what etcd says.
  member "all" {
    for_each = local.hosts
    address  = each.value
  }

  rollout {
    soak        = "30s"
    hold_before = "no-return" # Stops while the way back is still open; apply again to go on.
  }

  backup {
    to   = "/var/backups/quorate"
    keep = 14
  }
}
