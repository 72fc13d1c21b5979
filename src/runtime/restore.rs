//! Restores a backup beside a member's data directory, while the member still runs: afterwards `DATA.quorate-in-ID` is what
//! can take the place of `DATA`, with the owner, mode and label that it has.

use std::path::Path;
use std::time::Duration;

use crate::host::Host;
use crate::units::{Bytes, MemberName, Sha256};

use super::answer::ask;
use super::error::RuntimeError;
use super::scripts;
use super::site::{Site, check_path};

const SHORT: Duration = Duration::from_secs(60);

/// For a restore of whatever size, and more for each of these bytes.
const LEAST: Duration = Duration::from_secs(120);
const BYTES_A_SECOND: u64 = 4 * 1024 * 1024;

/// What etcd lays out at its first start, whatever the data: a WAL file and the one after it.
pub const FIRST_LOG: Bytes = Bytes::mebi(2 * 64);

/// A member's data to be restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RestoreRequest<'a> {
    /// Names what is made: the id of the run.
    pub id: &'a str,
    /// Whom it shall belong to where there is no data directory yet.
    pub user: Option<&'a str>,
    pub from: RestoreFrom<'a>,
    /// What is sent: a file on the controller.
    pub file: &'a Path,
    pub size: Bytes,
    pub sha256: Sha256,
}

/// What the sent file is, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreFrom<'a> {
    /// A v3 snapshot, restored with a tool of the release on the host.
    Snapshot { tool: &'a str, identity: Identity<'a>, unsupported_arch: Option<&'a str> },
    /// A packed data directory, only to be unpacked.
    DataDir,
}

/// Who the member will be in the restored cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity<'a> {
    pub name: &'a MemberName,
    /// All members with their peer URLs.
    pub initial_cluster: &'a [(MemberName, Vec<String>)],
    pub token: &'a str,
}

/// What lies ready.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LaidReady {
    pub path: String,
    pub size: Bytes,
    /// Files and folders of others in the data directory that are too large to be taken along.
    pub left: Vec<String>,
    /// It lay there already, whole, by an earlier try of the same run.
    pub already: bool,
}

/// Sends the backup and restores it beside the member's data directory. Can be done again.
pub async fn restore_beside(
    host: &Host,
    site: &Site,
    request: &RestoreRequest<'_>,
    progress: &(dyn Fn(Bytes) + Send + Sync),
) -> Result<LaidReady, RuntimeError> {
    let id = check_id(request.id)?;
    let user = request.user.unwrap_or_default();
    let wal = site.wal_dir.as_deref().unwrap_or_default();
    let need = (needed(request.size).0 / 1024).to_string();
    let room = ask(host, scripts::RESTORE_ROOM, &[&site.data_dir, wal, id, &need, user], SHORT).await?;
    if room.need("state")? != "already" {
        let folder = check_path("folder", room.need("room")?)?;
        let name = match request.from {
            RestoreFrom::Snapshot { .. } => "snapshot.db",
            RestoreFrom::DataDir => "data.tar.gz",
        };
        host.send_file(request.file, &format!("{folder}/{name}"), 0o600, request.sha256, progress).await?;
    }
    let deadline = LEAST + Duration::from_secs(request.size.0 / BYTES_A_SECOND);
    let answer = match &request.from {
        RestoreFrom::Snapshot { tool, identity, unsupported_arch } => {
            let tool = check_path("tool", tool)?;
            let (initial, own) = identity.as_options()?;
            let arch = unsupported_arch.unwrap_or_default();
            let name = identity.name.as_str();
            let args = [site.data_dir.as_str(), wal, id, user, &tool, name, &initial, identity.token, &own, arch];
            ask(host, scripts::RESTORE_SNAPSHOT, &args, deadline).await?
        }
        RestoreFrom::DataDir => ask(host, scripts::UNPACK_DATA, &[&site.data_dir, wal, id, user], deadline).await?,
    };
    Ok(LaidReady {
        path: answer.need("path")?.to_owned(),
        size: Bytes(answer.need_number::<u64>("size")?.saturating_mul(1024)),
        left: answer.texts("left"),
        already: answer.need("state")? == "already",
    })
}

/// What a restore of so many bytes takes beside the data directory: the file that is sent, what is made of it, and what
/// etcd adds at its start.
#[must_use]
pub fn needed(size: Bytes) -> Bytes {
    Bytes(size.0.saturating_mul(2).saturating_add(FIRST_LOG.0))
}

impl Identity<'_> {
    /// `--initial-cluster`, and the member's own `--initial-advertise-peer-urls`.
    fn as_options(&self) -> Result<(String, String), RuntimeError> {
        let mut initial = Vec::new();
        let mut own = Vec::new();
        for (name, urls) in self.initial_cluster {
            for url in urls {
                let plain = url.contains("://") && !url.contains([',', '=']) && !url.chars().any(char::is_control);
                if !plain {
                    let value = url.chars().take(200).collect();
                    return Err(RuntimeError::Value { what: "peer URL", value, rule: "is not a plain URL" });
                }
                initial.push(format!("{name}={url}"));
            }
            if name == self.name {
                own.clone_from(urls);
            }
        }
        if own.is_empty() {
            let value = self.name.to_string();
            return Err(RuntimeError::Value { what: "member", value, rule: "has no peer URL" });
        }
        Ok((initial.join(","), own.join(",")))
    }
}

fn check_id(id: &str) -> Result<&str, RuntimeError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    if !id.is_empty() && id.len() <= 64 && id.chars().all(plain) {
        return Ok(id);
    }
    let value = id.chars().take(80).collect();
    Err(RuntimeError::Value { what: "run id", value, rule: "is not made of letters, digits, - and _" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_member_is_named_with_all_its_peers() {
        let name = |text: &str| text.parse::<MemberName>().unwrap();
        let peers = vec![
            (name("m1"), vec!["http://10.0.0.11:2380".to_owned(), "http://10.1.0.11:2380".to_owned()]),
            (name("m2"), vec!["http://10.0.0.12:2380".to_owned()]),
        ];
        let m1 = name("m1");
        let (initial, own) = Identity { name: &m1, initial_cluster: &peers, token: "t" }.as_options().unwrap();
        assert_eq!(initial, "m1=http://10.0.0.11:2380,m1=http://10.1.0.11:2380,m2=http://10.0.0.12:2380");
        assert_eq!(own, "http://10.0.0.11:2380,http://10.1.0.11:2380");
        let stranger = name("m9");
        assert!(Identity { name: &stranger, initial_cluster: &peers, token: "t" }.as_options().is_err());
        for bad in ["10.0.0.1:2380", "http://a,b=http://c", "http://a\nb"] {
            let peers = vec![(name("m1"), vec![bad.to_owned()])];
            assert!(Identity { name: &m1, initial_cluster: &peers, token: "t" }.as_options().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn ids_never_lead_out_of_the_folder() {
        for bad in ["", "../x", "a b", "a/b", &"x".repeat(65)] {
            assert!(check_id(bad).is_err(), "{bad:?}");
        }
        assert!(check_id("20261121T120000Z-0a1b2c3d").is_ok());
    }
}
