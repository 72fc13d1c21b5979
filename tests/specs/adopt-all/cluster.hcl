# A cluster that somebody else installed in unusual places.

variable "release" {
  type = string
}

variable "releases" {
  type = string
}

variable "unit" {
  type    = string
  default = "etcd.service"
}

variable "user" {
  type    = string
  default = "root"
}

variable "become" {
  type    = string
  default = "no"
}

variable "client" {
  type    = object({ ca = optional(string), cert = optional(string), key = optional(string) })
  default = {}
}

variable "pki" {
  type        = string
  default     = null
  description = "A folder on the controller with ca.crt, client.crt and client.key."
}

variable "data_dir" {
  type    = string
  default = null
}

variable "hold_before" {
  type    = string
  default = null
}

cluster "adopted" {
  version = var.release

  connection "ssh" {
    config_file = "ssh_config"
    user        = var.user
    become      = var.become
  }

  runtime "systemd" {
    unit  = var.unit
    adopt = true
  }

  release {
    url        = "file://${var.releases}/etcd-v${version}-linux-${arch}.tar.gz"
    sha256sums = "file://${var.releases}/SHA256SUMS"
  }

  client {
    ca   = var.pki == null ? var.client.ca : file("${var.pki}/ca.crt")
    cert = var.pki == null ? var.client.cert : file("${var.pki}/client.crt")
    key  = var.pki == null ? var.client.key : file("${var.pki}/client.key")
  }

  member "all" {
    for_each = { h1 = "10.77.0.11", h2 = "10.77.0.12", h3 = "10.77.0.13" }
    address  = each.value
    data_dir = var.data_dir
  }

  rollout {
    hold_before = var.hold_before
    soak        = "1s"
  }
}
