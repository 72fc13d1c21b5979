# A cluster that quorate makes of systemd units.

variable "release" {
  type = string
}

variable "releases" {
  type = string
}

cluster "created" {
  version  = var.release
  settings = { snapshot-count = 5000 }

  connection "ssh" {
    config_file = "ssh_config"
    user        = "deploy"
    become      = "sudo"
  }

  release {
    url        = "file://${var.releases}/etcd-v${version}-linux-${arch}.tar.gz"
    sha256sums = "file://${var.releases}/SHA256SUMS"
  }

  member "all" {
    for_each = { h1 = "10.77.0.11", h2 = "10.77.0.12", h3 = "10.77.0.13" }
    address  = each.value
  }

  rollout {
    soak = "1s"
  }
}
