//! The client of one member: `/version` and `/health`, and the connections that everything else uses.

use std::sync::Arc;

use http::StatusCode;

use super::answers::{self, Expected};
use super::error::{EtcdError, shown};
use super::grpc::Grpc;
use super::http::{Answer, Http, Question, Streamed, unexpected_status};
use super::login::{Login, Pass};
use super::{Endpoint, Health, VersionAnswer};

/// Talks to one member. Cheap to clone: clones share their connections, which are opened by the first request.
#[derive(Clone)]
pub struct Client {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub endpoint: Endpoint,
    pub grpc: Grpc,
    pub http: Http,
    pub pass: Pass,
}

impl Client {
    #[must_use]
    pub fn new(endpoint: Endpoint) -> Self {
        let (grpc, http, pass) = (Grpc::default(), Http::default(), Pass::default());
        Self { inner: Arc::new(Inner { endpoint, grpc, http, pass }) }
    }

    /// Another one of the same member, with connections, a login and a deadline of its own: what becomes of its requests is
    /// nothing to those of this one.
    #[must_use]
    pub fn apart(&self, deadline: std::time::Duration) -> Self {
        Self::new(Endpoint { deadline, ..self.inner.endpoint.clone() })
    }

    /// For messages: `m1 (https://10.0.0.11:2379)`.
    #[must_use]
    pub fn label(&self) -> &str {
        &self.inner.endpoint.label
    }

    /// The user that it asks as where authentication is on.
    #[must_use]
    pub fn login(&self) -> Option<&Login> {
        self.inner.endpoint.login.as_ref()
    }

    /// Closes the connections now; calls under way on them fail. The next request opens new ones.
    pub async fn close(&self) {
        self.inner.http.close().await;
        self.inner.grpc.close().await;
    }

    pub async fn version(&self) -> Result<VersionAnswer, EtcdError> {
        let question = Question::get("/version");
        let answer = self.ask_for_ok(&question).await?;
        self.read(&question, &answer.body, answers::version)
    }

    /// What `/health` says. On many versions each call puts an entry into the raft log (`health-proposes-entry` in the
    /// knowledge): callers decide whether, and how often.
    pub async fn health(&self) -> Result<Health, EtcdError> {
        let question = Question::get("/health");
        let answer = self.ask(&question).await?;
        match (answer.status, answers::health(&answer.body)) {
            // An unhealthy member answers 503 with the same JSON; another 503 is a proxy's.
            (StatusCode::OK | StatusCode::SERVICE_UNAVAILABLE, Ok(health)) => Ok(health),
            (StatusCode::OK, Err(expected)) => Err(self.malformed(&question, &answer.body, expected)),
            (status, _) => Err(unexpected_status(&self.inner.endpoint, &question, status, &answer.body)),
        }
    }

    /// Asks, and once more with the user's password where the member wants one.
    pub(super) async fn ask(&self, question: &Question<'_>) -> Result<Answer, EtcdError> {
        let Inner { endpoint, http, pass, .. } = &*self.inner;
        let basic = pass.basic(endpoint);
        let went_without = basic.is_none();
        let answer = http.ask(endpoint, question, basic).await?;
        if answer.status == StatusCode::UNAUTHORIZED && went_without && pass.start_basic(endpoint) {
            return http.ask(endpoint, question, pass.basic(endpoint)).await;
        }
        Ok(answer)
    }

    /// The same for an answer that is too large to hold.
    pub(super) async fn ask_for_stream(&self, question: &Question<'_>) -> Result<Streamed, EtcdError> {
        let Inner { endpoint, http, pass, .. } = &*self.inner;
        let basic = pass.basic(endpoint);
        let went_without = basic.is_none();
        match http.stream(endpoint, question, basic).await {
            Err(EtcdError::Denied { .. }) if went_without && pass.start_basic(endpoint) => {
                http.stream(endpoint, question, pass.basic(endpoint)).await
            }
            streamed => streamed,
        }
    }

    pub(super) async fn ask_for_ok(&self, question: &Question<'_>) -> Result<Answer, EtcdError> {
        let answer = self.ask(question).await?;
        if answer.status == StatusCode::OK {
            return Ok(answer);
        }
        Err(unexpected_status(&self.inner.endpoint, question, answer.status, &answer.body))
    }

    pub(super) fn read<T>(
        &self,
        question: &Question<'_>,
        body: &[u8],
        parser: impl FnOnce(&[u8]) -> Result<T, Expected>,
    ) -> Result<T, EtcdError> {
        parser(body).map_err(|expected| self.malformed(question, body, expected))
    }

    pub(super) fn malformed(&self, question: &Question<'_>, body: &[u8], expected: Expected) -> EtcdError {
        EtcdError::Malformed {
            endpoint: self.inner.endpoint.label.clone(),
            request: question.label(),
            expected,
            seen: shown(body),
        }
    }
}
