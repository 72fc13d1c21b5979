//! Connects to the hosts, all at once. Members that share a host share its connection.

use std::collections::BTreeMap;
use std::path::Path;

use futures_util::future::try_join_all;

use crate::host::Host;
use crate::spec::model::{Cluster, Connection};
use crate::units::MemberName;

/// A connection for each member, or why there is none: that is a fact, not an error.
pub type Hosts = BTreeMap<MemberName, Result<Host, String>>;

/// Opens each different connection, and does `then` with each as soon as it is open, not when all are. What that came to
/// is given back for those that could be opened; its first error is the end of all.
pub async fn connect_each<T, E>(
    cluster: &Cluster,
    socket_dir: &Path,
    then: impl AsyncFn(&Connection, &Host) -> Result<T, E>,
) -> Result<(Hosts, Vec<T>), E> {
    let mut different: Vec<&Connection> = Vec::new();
    for member in &cluster.members {
        if !different.contains(&&member.connection) {
            different.push(&member.connection);
        }
    }
    let each = different.iter().map(async |connection| match Host::connect(connection, socket_dir).await {
        Ok(host) => then(connection, &host).await.map(|done| (Ok(host), Some(done))),
        Err(error) => Ok((Err(error.to_string()), None)),
    });
    let (opened, done): (Vec<_>, Vec<_>) = try_join_all(each).await?.into_iter().unzip();
    let host_of = |connection: &Connection| {
        different
            .iter()
            .position(|other| *other == connection)
            .and_then(|at| opened.get(at))
            .cloned()
            .unwrap_or_else(|| Err("no connection was tried".to_owned()))
    };
    let hosts = cluster.members.iter().map(|member| (member.name.clone(), host_of(&member.connection))).collect();
    Ok((hosts, done.into_iter().flatten().collect()))
}
