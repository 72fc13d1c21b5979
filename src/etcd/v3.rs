//! The v3 API of one member, by gRPC.

use std::time::Duration;

use http::Uri;
use tonic::Status;

use super::client::Client;
use super::error::{EtcdError, shown};
use super::grpc::{Channel, pb};
use super::{Consistency, KeyValue, MemberList, StatusAnswer};
use crate::observe::inventory::{Alarm, HashKv, ListedMember};
use crate::units::{Bytes, ClusterId, MemberId, Minor, RaftIndex, RaftTerm, Revision};

/// The first key there can be: with itself as the end of the range, every key.
pub(super) const FIRST_KEY: &[u8] = b"\0";
/// As a range end: no end.
pub(super) const NO_END: &[u8] = b"\0";
/// A member reads all of its database for a hash: 8 GB at 64 MB a second.
const HASH_TIME: Duration = Duration::from_secs(8 * 1024 / 64);
/// Most member lists and alarms that are read of one answer.
const MOST_LISTED: usize = 1000;
/// Most complaints of a member that are kept of one status.
const MOST_ERRORS: usize = 32;

impl Client {
    pub async fn status(&self) -> Result<StatusAnswer, EtcdError> {
        let told = self
            .maintenance("Status", pb::StatusRequest {}, |mut api, ask| async move { api.status(ask).await })
            .await?;
        let header = self.header("Status", told.header)?;
        let size = |bytes: i64| self.unsigned("Status", bytes).map(Bytes);
        Ok(StatusAnswer {
            member_id: MemberId(header.member_id),
            cluster_id: ClusterId(header.cluster_id),
            revision: self.revision("Status", header.revision)?,
            version: bounded(&told.version),
            db_size: size(told.db_size)?,
            db_size_in_use: Some(size(told.db_size_in_use)?).filter(|size| size.0 != 0),
            leader: Some(MemberId(told.leader)).filter(|leader| leader.0 != 0),
            raft_index: RaftIndex(told.raft_index),
            raft_term: RaftTerm(told.raft_term),
            raft_applied_index: Some(RaftIndex(told.raft_applied_index)).filter(|index| index.0 != 0),
            errors: told.errors.iter().take(MOST_ERRORS).map(|error| bounded(error)).collect(),
            is_learner: told.is_learner,
            storage_version: Some(bounded(&told.storage_version)).filter(|version| !version.is_empty()),
            downgrade_to: self.downgrade_told(told.downgrade_info)?,
        })
    }

    /// A target that cannot be read must not look like none.
    fn downgrade_told(&self, told: Option<pb::DowngradeInfo>) -> Result<Option<Minor>, EtcdError> {
        let Some(told) = told.filter(|told| told.enabled) else { return Ok(None) };
        let unread =
            |_| self.unexpected("Status", "the version that a downgrade leads to", bounded(&told.target_version));
        told.target_version.parse().map(Some).map_err(unread)
    }

    /// The member list as this member knows it, also without a quorum.
    pub async fn member_list(&self) -> Result<MemberList, EtcdError> {
        const CALL: &str = "MemberList";
        let told = self
            .call(CALL, pb::MemberListRequest { linearizable: false }, |channel, request| async move {
                pb::cluster_client::ClusterClient::with_origin(channel, origin()).member_list(request).await
            })
            .await?;
        let header = self.header(CALL, told.header)?;
        if told.members.is_empty() || told.members.len() > MOST_LISTED {
            let seen = format!("{} members", told.members.len());
            return Err(self.unexpected(CALL, "1 to 1000 members", seen));
        }
        let mut members: Vec<_> = told.members.into_iter().map(listed).collect();
        members.sort();
        Ok(MemberList { cluster_id: ClusterId(header.cluster_id), member_id: MemberId(header.member_id), members })
    }

    /// The alarms that are raised. Goes through raft as an entry that changes nothing.
    pub async fn alarms(&self) -> Result<Vec<Alarm>, EtcdError> {
        const CALL: &str = "Alarm";
        let request =
            pb::AlarmRequest { action: pb::alarm_request::AlarmAction::Get.into(), ..pb::AlarmRequest::default() };
        let told = self.maintenance(CALL, request, |mut api, request| async move { api.alarm(request).await }).await?;
        if told.alarms.len() > MOST_LISTED {
            return Err(self.unexpected(CALL, "at most 1000 alarms", format!("{} alarms", told.alarms.len())));
        }
        let mut alarms: Vec<_> = told.alarms.into_iter().filter_map(alarm).collect();
        alarms.sort();
        Ok(alarms)
    }

    /// Puts one entry into the raft log that changes nothing.
    pub async fn raft_noop(&self) -> Result<(), EtcdError> {
        self.alarms().await.map(drop)
    }

    /// The hash over all keys and their history up to `revision` (3.3+).
    pub async fn hash_kv(&self, revision: Revision) -> Result<HashKv, EtcdError> {
        const CALL: &str = "HashKV";
        let request = pb::HashKvRequest { revision: self.signed(CALL, revision)? };
        let deadline = self.inner.endpoint.deadline + HASH_TIME;
        let call = |channel, request| async move {
            pb::maintenance_client::MaintenanceClient::with_origin(channel, origin()).hash_kv(request).await
        };
        let (told, _) = self.begin(CALL, request, deadline, call).await.map_err(|error| error.about(revision))?;
        // 0 asks for the newest; the answer of 3.6 says which it was, the header of older ones holds it.
        let newest = self.header(CALL, told.header)?.revision;
        let hashed = match (revision.0, told.hash_revision) {
            (0, 0) => self.revision(CALL, newest)?,
            (0, told) => self.revision(CALL, told)?,
            _ => revision,
        };
        // -1 where the key space was never compacted.
        let compact_revision = Revision(u64::try_from(told.compact_revision).unwrap_or(0));
        Ok(HashKv { revision: hashed, hash: told.hash, compact_revision })
    }

    /// How many keys there are now.
    pub async fn count_keys(&self, consistency: Consistency) -> Result<u64, EtcdError> {
        let request = pb::RangeRequest {
            key: FIRST_KEY.to_vec(),
            range_end: NO_END.to_vec(),
            count_only: true,
            serializable: consistency == Consistency::Serializable,
            ..pb::RangeRequest::default()
        };
        let told = self.range("Range (count)", request, self.inner.endpoint.deadline).await?;
        self.unsigned("Range (count)", told.count)
    }

    /// A barrier: when it returns, this member has applied everything that was acknowledged before the call. Returns
    /// the revision.
    pub async fn linearizable_read(&self) -> Result<Revision, EtcdError> {
        const CALL: &str = "Range (barrier)";
        let request = pb::RangeRequest { key: FIRST_KEY.to_vec(), ..pb::RangeRequest::default() };
        let told = self.range(CALL, request, self.inner.endpoint.deadline).await.map_err(EtcdError::of_quorum_read)?;
        let header = self.header(CALL, told.header)?;
        self.revision(CALL, header.revision)
    }

    /// Asks the leader, which must be this member, to hand over (3.3+).
    pub async fn move_leader(&self, to: MemberId) -> Result<(), EtcdError> {
        let request = pb::MoveLeaderRequest { target_id: to.0 };
        let told =
            self.maintenance("MoveLeader", request, |mut api, request| async move { api.move_leader(request).await });
        told.await.map(drop)
    }

    /// Whether the cluster could be told to go down to this minor now. Changes nothing.
    pub async fn downgrade_validate(&self, target: Minor) -> Result<(), EtcdError> {
        self.downgrade("Downgrade (validate)", pb::downgrade_request::DowngradeAction::Validate, Some(target)).await
    }

    /// Tells the cluster to go down to this minor.
    pub async fn downgrade_enable(&self, target: Minor) -> Result<(), EtcdError> {
        self.downgrade("Downgrade (enable)", pb::downgrade_request::DowngradeAction::Enable, Some(target)).await
    }

    /// Ends that. etcd answers success also where it failed: what the members' status says afterwards counts.
    pub async fn downgrade_cancel(&self) -> Result<(), EtcdError> {
        self.downgrade("Downgrade (cancel)", pb::downgrade_request::DowngradeAction::Cancel, None).await
    }

    async fn downgrade(
        &self,
        name: &'static str,
        action: pb::downgrade_request::DowngradeAction,
        target: Option<Minor>,
    ) -> Result<(), EtcdError> {
        let version = target.map(|minor| minor.to_string()).unwrap_or_default();
        let request = pb::DowngradeRequest { action: action.into(), version };
        self.maintenance(name, request, |mut api, request| async move { api.downgrade(request).await }).await.map(drop)
    }

    /// Sets one key; returns the revision that it made.
    pub async fn put(&self, key: &[u8], value: &[u8]) -> Result<Revision, EtcdError> {
        let request = pb::PutRequest { key: key.to_vec(), value: value.to_vec(), lease: 0 };
        let told = self
            .call("Put", request, |channel, request| async move {
                pb::kv_client::KvClient::with_origin(channel, origin()).put(request).await
            })
            .await?;
        let header = self.header("Put", told.header)?;
        self.revision("Put", header.revision)
    }

    /// Reads one key, linearizable.
    pub async fn get(&self, key: &[u8]) -> Result<Option<KeyValue>, EtcdError> {
        let request = pb::RangeRequest { key: key.to_vec(), ..pb::RangeRequest::default() };
        let told = self.range("Range", request, self.inner.endpoint.deadline).await?;
        let found = told.kvs.into_iter().next();
        found
            .map(|kv| {
                let modified = self.revision("Range", kv.mod_revision)?;
                Ok(KeyValue { key: kv.key, value: kv.value, modified })
            })
            .transpose()
    }

    /// Removes one key; returns the revision after it.
    pub async fn delete(&self, key: &[u8]) -> Result<Revision, EtcdError> {
        let request = pb::DeleteRangeRequest { key: key.to_vec(), range_end: Vec::new() };
        let told = self
            .call("DeleteRange", request, |channel, request| async move {
                pb::kv_client::KvClient::with_origin(channel, origin()).delete_range(request).await
            })
            .await?;
        let header = self.header("DeleteRange", told.header)?;
        self.revision("DeleteRange", header.revision)
    }

    /// Drops the history up to `revision`.
    pub async fn compact(&self, revision: Revision) -> Result<(), EtcdError> {
        let request = pb::CompactionRequest { revision: self.signed("Compact", revision)?, physical: true };
        self.call("Compact", request, |channel, request| async move {
            pb::kv_client::KvClient::with_origin(channel, origin()).compact(request).await
        })
        .await
        .map(drop)
    }

    pub(super) async fn range(
        &self,
        name: &str,
        request: pb::RangeRequest,
        deadline: Duration,
    ) -> Result<pb::RangeResponse, EtcdError> {
        self.begin(name, request, deadline, |channel, request| async move {
            pb::kv_client::KvClient::with_origin(channel, origin())
                .max_decoding_message_size(super::digest::PAGE_LIMIT.0 as usize)
                .range(request)
                .await
        })
        .await
        .map(|(told, _)| told)
    }

    async fn maintenance<R, T, F>(
        &self,
        name: &str,
        request: R,
        call: impl Fn(pb::maintenance_client::MaintenanceClient<Channel>, R) -> F,
    ) -> Result<T, EtcdError>
    where
        R: Clone,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        let api = |channel| pb::maintenance_client::MaintenanceClient::with_origin(channel, origin());
        self.call(name, request, |channel, request| call(api(channel), request)).await
    }

    async fn call<R, T, F>(&self, name: &str, request: R, call: impl Fn(Channel, R) -> F) -> Result<T, EtcdError>
    where
        R: Clone,
        F: Future<Output = Result<tonic::Response<T>, Status>>,
    {
        self.begin(name, request, self.inner.endpoint.deadline, call).await.map(|(told, _)| told)
    }

    pub(super) fn header(
        &self,
        request: &str,
        header: Option<pb::ResponseHeader>,
    ) -> Result<pb::ResponseHeader, EtcdError> {
        header.ok_or_else(|| self.unexpected(request, "an answer with a header", "one without".to_owned()))
    }

    pub(super) fn revision(&self, request: &str, number: i64) -> Result<Revision, EtcdError> {
        self.unsigned(request, number).map(Revision)
    }

    fn unsigned(&self, request: &str, number: i64) -> Result<u64, EtcdError> {
        u64::try_from(number).map_err(|_| self.unexpected(request, "a number of 0 or more", number.to_string()))
    }

    pub(super) fn signed(&self, request: &str, revision: Revision) -> Result<i64, EtcdError> {
        i64::try_from(revision.0).map_err(|_| self.unexpected(request, "a revision below 2^63", revision.to_string()))
    }

    pub(super) fn unexpected(&self, request: &str, expected: &'static str, seen: String) -> EtcdError {
        let (endpoint, request) = (self.inner.endpoint.label.clone(), request.to_owned());
        EtcdError::Malformed { endpoint, request, expected, seen }
    }
}

/// tonic wants a scheme and an authority; etcd looks at neither.
pub(super) fn origin() -> Uri {
    Uri::from_static("http://etcd")
}

fn listed(member: pb::Member) -> ListedMember {
    ListedMember {
        id: MemberId(member.id),
        name: member.name,
        peer_urls: member.peer_ur_ls,
        client_urls: member.client_ur_ls,
        is_learner: member.is_learner,
    }
}

fn alarm(raised: pb::AlarmMember) -> Option<Alarm> {
    let kind = match pb::AlarmType::try_from(raised.alarm) {
        Ok(pb::AlarmType::None) => return None,
        Ok(pb::AlarmType::Nospace) => "NOSPACE".to_owned(),
        Ok(pb::AlarmType::Corrupt) => "CORRUPT".to_owned(),
        // Newer than this program: still an alarm.
        Err(_) => format!("alarm {}", raised.alarm),
    };
    Some(Alarm { member: MemberId(raised.member_id), kind })
}

/// A text of an answer as it is kept: short, and without control characters.
fn bounded(text: &str) -> String {
    let shown = shown(text.as_bytes());
    if text.is_empty() { String::new() } else { shown.trim_matches('"').to_owned() }
}
