//! Knowledge: what is known of etcd's versions, read from `modules/etcd/*.hcl` and typed: rungs, their requirements,
//! waits, hazards, advisories, flags, releases. This room reads data and answers questions; it decides nothing.
