# Lines that show that something has been reached. Gates look at the members' answers first; these are for people.

sources = ["guide Documentation/upgrade_2_2.md", "guide Documentation/upgrades/upgrade_3_2.md", "observed 2.1.1 to 3.7.1"]

log "member-published" {
  in     = "all"
  class  = "success"
  moment = "member-starts"
  regex  = "published [{]Name:|published local member to cluster through raft"
  what   = "A member is back: it has told the cluster who it is."
}

log "ready-to-serve" {
  in     = "3.0+"
  class  = "success"
  moment = "member-starts"
  regex  = "ready to serve client requests"
  what   = "A member serves clients."
}

log "cluster-version-updated" {
  in     = "all"
  class  = "success"
  moment = "completion"
  regex  = "updated the cluster version from|updated cluster version|cluster version is updated|updating the cluster version from|updating cluster version"
  what   = "The cluster version moved: the rung is complete."
}

log "storage-version-updated" {
  in     = "3.6+"
  class  = "success"
  moment = "completion"
  regex  = "updated storage version"
  what   = "The database took its new version."
}

log "downgrade-ready" {
  in     = "3.5+"
  class  = "success"
  moment = "any-time"
  regex  = "The server is ready to downgrade|the cluster has been downgraded|Cluster version downgrade detected, forcing snapshot"
  what   = "A way down that was asked for goes on."
  sources = ["code v3.6.14:server/etcdserver/version/monitor.go", "observed 3.6.14"]
}
