//! Host: talks to one machine, by SSH or locally. Commands are argument lists; nothing that comes from a spec or a
//! host is ever pasted into shell text. This room knows nothing of etcd and nothing of plans.
