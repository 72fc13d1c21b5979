# A cluster that somebody else installed, on hosts that are reached by SSH. Units, flags, paths, owners and
# certificates stay as they are: only the binary changes when `version` does. First put the version here that
# runs now; `quorate plan` then says "No changes". Then raise it by one minor.

cluster "prod" {
  version = "3.2.32"

  connection "ssh" {
    user   = "deploy" # What ~/.ssh/config says of a host is honoured: aliases, ProxyJump, keys, ports.
    become = "sudo"   # Needs no password: `sudo -n`. Leave it out when `user` is root.
  }

  runtime "systemd" {
    unit  = "etcd.service"
    adopt = true
  }

  # The names that etcd knows the members by: --name, or ETCD_NAME.
  member "m1" { address = "10.0.0.11" }
  member "m2" { address = "10.0.0.12" }
  member "m3" { address = "10.0.0.13" }
}
