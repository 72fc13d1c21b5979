//! Changes of the member list by the v2 API: how a restored member gets its peers, and how one leaves and joins again.

use http::{Method, StatusCode};

use super::client::Client;
use super::error::EtcdError;
use super::http::Question;
use crate::units::MemberId;

impl Client {
    /// Adds a member that has not started yet. Refused by a member that sees no leader.
    pub async fn v2_add_member(&self, peer_urls: &[String]) -> Result<(), EtcdError> {
        let question =
            Question { method: Method::POST, path: "/v2/members", form: None, json: Some(peers_json(peer_urls)) };
        self.expect(&question, StatusCode::CREATED).await
    }

    /// Gives a member other peer URLs.
    pub async fn v2_update_member(&self, member: MemberId, peer_urls: &[String]) -> Result<(), EtcdError> {
        let path = format!("/v2/members/{member}");
        let question = Question { method: Method::PUT, path: &path, form: None, json: Some(peers_json(peer_urls)) };
        self.expect(&question, StatusCode::NO_CONTENT).await
    }

    /// Takes a member off the list, for good: its id never comes back. Fine where that was done before.
    pub async fn v2_remove_member(&self, member: MemberId) -> Result<(), EtcdError> {
        let path = format!("/v2/members/{member}");
        let question = Question { method: Method::DELETE, path: &path, form: None, json: None };
        let answer = self.ask(&question).await?;
        match answer.status {
            StatusCode::NO_CONTENT | StatusCode::GONE => Ok(()),
            _ => Err(self.v2_refusal(&question, &answer)),
        }
    }

    async fn expect(&self, question: &Question<'_>, wanted: StatusCode) -> Result<(), EtcdError> {
        let answer = self.ask(question).await?;
        if answer.status == wanted { Ok(()) } else { Err(self.v2_refusal(question, &answer)) }
    }
}

fn peers_json(peer_urls: &[String]) -> String {
    serde_json::json!({ "peerURLs": peer_urls }).to_string()
}
