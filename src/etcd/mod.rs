//! Etcd: talks to etcd members (v3 by gRPC, v2 by HTTP), and knows the snapshot file format. Facts about versions
//! come in as arguments; this room knows nothing of hosts and nothing of plans.
