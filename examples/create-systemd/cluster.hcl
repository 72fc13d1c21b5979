# A new cluster on three hosts where there is no etcd yet. `quorate apply` makes the account, the data directory, the
# binaries and the unit, and starts all members at once. Where anything is there that looks like a member, it refuses.

cluster "new" {
  version = "3.2.32"

  connection "ssh" {
    user = "root"
  }

  runtime "systemd" {
    unit    = "etcd.service"
    user    = "etcd"           # Made where it does not exist.
    bin_dir = "/usr/local/bin" # etcd and etcdctl go here.
  }

  member "m1" {
    address  = "10.0.0.11"
    data_dir = "/var/lib/etcd"
  }

  member "m2" {
    address  = "10.0.0.12"
    data_dir = "/var/lib/etcd"
  }

  member "m3" {
    address  = "10.0.0.13"
    data_dir = "/var/lib/etcd"
  }

  # Options of etcd, by their flag names.
  settings = {
    heartbeat-interval  = 100
    election-timeout    = 1000
    quota-backend-bytes = 4 * 1024 * 1024 * 1024
  }
}
