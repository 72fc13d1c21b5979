# Lines that belong to the moments when a member is down, comes back, or when versions are mixed.

sources = ["guide Documentation/upgrade_2_2.md", "guide Documentation/upgrades/upgrade_3_2.md", "observed 2.1.1 to 3.7.1"]

log "peer-connection-lost" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "lost the TCP streaming connection with (peer|remote peer)|lost TCP streaming connection with (remote )?peer|closed an existing TCP streaming connection|closed TCP streaming connection"
  what   = "A stream from or to a peer was cut because one side was stopped."
}

log "peer-stream-read-failed" {
  in     = "2.0..3.5"
  class  = "expected"
  moment = "member-down"
  regex  = "failed to (read|write|heartbeat) [0-9a-f]+ on (stream|pipeline)"
  what   = "A message to or from a peer was under way when one side was stopped."
}

log "peer-dial-refused" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "failed to dial [0-9a-f]+ on stream .*(connection refused|connection reset|EOF|request canceled|context canceled|operation was canceled|i/o timeout)"
  what   = "The peer does not listen: it is down, or just starting."
}

log "peer-does-not-know-us-yet" {
  in     = "all"
  class  = "expected"
  moment = "member-starts"
  regex  = "failed to find (local node|member|remote peer) [0-9a-f]+ in cluster|failed to find local node [0-9a-f]+|failed to find remote peer in cluster|failed to dial [0-9a-f]+ on stream .*(failed to find local node|could not recognize local member)"
  what   = "Two members met before one of them had read the member list from its own data. It tries again at once."
}

log "peer-inactive" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "(peer|the connection with) [0-9a-f]+ became (in)?active|peer became (in)?active"
  what   = "A member saw a peer go, or come back."
}

log "peer-version-not-reached" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "failed to reach the peer ?URL|cannot get the version of member|failed to get version of member|failed to get version"
  what   = "The leader asks members for their versions; the one that is down does not answer."
}

log "peer-unhealthy-probe" {
  in     = "2.2+"
  class  = "expected"
  moment = "member-down"
  regex  = "health check for peer [0-9a-f]+ could not connect|prober detected unhealthy status"
  what   = "The health probe between members does not reach the one that is down."
}

log "old-peer-has-no-probe" {
  in     = "2.2"
  class  = "expected"
  moment = "mixed-versions"
  regex  = "the connection to peer [0-9a-f]+ is unhealthy"
  what   = "A 2.2 member probes its peers' health; a 2.1 peer knows no such probe."
  sources = ["guide Documentation/upgrade_2_2.md"]
}

log "higher-version-seen" {
  in     = "all"
  class  = "expected"
  moment = "mixed-versions"
  regex  = "the (local )?etcd version [0-9.+a-z-]+ is not up-to-date|member [0-9a-f]+ has a higher version|leader found higher[- ]versioned member|local etcd version is not up-to-date"
  what   = "The old leader sees members of a newer version. It ends with the last upgrade."
}

log "downgrade-not-over-yet" {
  in     = "3.5+"
  class  = "expected"
  moment = "mixed-versions"
  regex  = "remotes server has mismatching etcd version|failed to cancel downgrade|failed to update storage version"
  what   = "On a way down: the leader sees members that are not down yet, or ends what was ended already; a member's storage follows with its next look."
  sources = ["code v3.6.14:server/etcdserver/version/monitor.go", "code v3.5.33:server/etcdserver/cluster_util.go", "observed 3.5.33, 3.6.14"]
}

log "leader-lost" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "lost leader [0-9a-f]+ at term|elected leader [0-9a-f]+ at term|became (follower|candidate|pre-candidate|leader) at term|is starting a new election|received MsgTimeoutNow|lost leader|elected leader"
  what   = "Leadership moved, because the leader was stopped."
}

log "handover" {
  in     = "3.1+"
  class  = "expected"
  moment = "member-down"
  regex  = "starts leadership transfer|finished leadership transfer|skipped leadership transfer|sent MsgTimeoutNow to|leadership transfer (starting|starts|finished)|starts to transfer leadership"
  what   = "A member that stops hands leadership over, or says that it had none."
}

log "stopped-by-signal" {
  in     = "all"
  class  = "expected"
  moment = "member-down"
  regex  = "received (terminated|interrupt) signal|received signal; shutting down|closing etcd server|closed etcd server"
  what   = "A member was told to stop."
}

log "own-client-cut-at-stop" {
  in     = "3.0+"
  class  = "expected"
  moment = "member-down"
  regex  = "grpc: addrConn[.](transportMonitor|resetTransport|createTransport)|grpc: Server[.](Serve|processUnaryRPC).*(transport is closing|use of closed|closed network connection|context canceled)|transport: loopyWriter|transport: http2Server[.]HandleStreams"
  what   = "The gRPC library of a member lost a connection because that member, or the one at the other end, was stopped."
}

log "listener-closed-at-stop" {
  in     = "3.1+"
  class  = "expected"
  moment = "member-down"
  regex  = "stopping (insecure|secure) (grpc server|peer|grpc|HTTP)|use of closed network connection|accept tcp .* closed|http: Server closed|server closed|stopped (serving|listening)"
  what   = "A member closed its listeners because it was stopped."
}

log "proposal-dropped-at-handover" {
  in     = "3.0+"
  class  = "expected"
  moment = "member-down"
  regex  = "not forwarding to leader|dropping proposal|raft proposal dropped|no leader at term [0-9]+; dropping"
  what   = "A proposal came while there was no leader; its client was told, and tries again."
}

log "request-ended-by-the-stop" {
  in      = "2.0..2.3"
  class   = "expected"
  moment  = "member-down"
  regex   = "etcdhttp: got unexpected response error \\(etcdserver: server stopped\\)"
  what    = "A client's request was under way when the member was stopped. Clients go on with another endpoint."
  sources = ["observed 2.1.1"]
}
