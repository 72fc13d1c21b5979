# A cluster that somebody else installed: what most specs look like.
variable "release" { type = string }
variable "releases" { type = string }
variable "settings_policy" {
  type    = string
  default = "keep"
}
variable "hold_before" {
  type    = string
  default = null
}

cluster "adopted" {
  version = var.release
  connection "ssh" { config_file = "ssh_config" }
  runtime "systemd" { adopt = true }
  release { url = "file://${var.releases}/etcd-v${version}-linux-${arch}.tar.gz" }
  rollout {
    soak        = "1s"
    settings    = var.settings_policy
    hold_before = var.hold_before
  }
  member "h1" { address = "10.77.0.11" }
  member "h2" { address = "10.77.0.12" }
  member "h3" { address = "10.77.0.13" }
}
