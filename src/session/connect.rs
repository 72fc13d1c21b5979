//! Connects to the hosts, all at once. Members that share a host share its connection.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::join_all;

use crate::host::Host;
use crate::spec::model::{Cluster, Connection};
use crate::units::MemberName;

/// A connection for each member, or why there is none: that is a fact, not an error.
pub type Hosts = BTreeMap<MemberName, Result<Host, String>>;

pub async fn connect_all(cluster: &Cluster, socket_dir: &Path) -> Hosts {
    let mut different: Vec<&Connection> = Vec::new();
    for member in &cluster.members {
        if !different.contains(&&member.connection) {
            different.push(&member.connection);
        }
    }
    let opened = join_all(different.iter().map(|connection| Host::connect(connection, socket_dir))).await;
    let opened: Vec<_> = opened.into_iter().map(|host| host.map_err(|error| error.to_string())).collect();
    let host_of = |connection: &Connection| {
        different
            .iter()
            .position(|other| *other == connection)
            .and_then(|at| opened.get(at))
            .cloned()
            .unwrap_or_else(|| Err("no connection was tried".to_owned()))
    };
    cluster.members.iter().map(|member| (member.name.clone(), host_of(&member.connection))).collect()
}
