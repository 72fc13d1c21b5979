# A cluster that somebody else installed: what most specs look like.
variable "release" { type = string }
variable "releases" { type = string }

cluster "adopted" {
  version = var.release
  connection "ssh" { config_file = "ssh_config" }
  runtime "systemd" { adopt = true }
  release { url = "file://${var.releases}/etcd-v${version}-linux-${arch}.tar.gz" }
  rollout { soak = "1s" }
  member "h1" { address = "10.77.0.11" }
  member "h2" { address = "10.77.0.12" }
  member "h3" { address = "10.77.0.13" }
}
