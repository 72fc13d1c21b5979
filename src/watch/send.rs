//! Sends notices: within bounds, some times over, and never the URL into a log, for it may hold a token.

use std::time::Duration;

use serde_json::Value;
use time::format_description::well_known::Rfc3339;

use crate::drift::{Drift, Finding};
use crate::spec::model::{DriftPolicy, NoticeUrl};
use crate::units::Span;
use crate::view::{Alert, alerts_json, change_json, json_line};
use crate::watch::change::{Heard, Key, Told, change, heard};
use crate::watch::{Counts, Last, WatchError, schedule};

/// For one try, from the first byte to the last.
const TRY_WITHIN: Duration = Duration::from_secs(10);
const MOST_TRIES: u32 = 3;
/// Before the second try; twice that before the third.
const PAUSE: Duration = Duration::from_secs(1);
/// Where an Alertmanager takes alerts.
const ALERTS: &str = "api/v2/alerts";

pub struct Sender {
    client: reqwest::Client,
}

impl Sender {
    pub fn new() -> Result<Self, WatchError> {
        crate::crypto::install();
        let client = reqwest::Client::builder()
            .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")))
            .timeout(TRY_WITHIN)
            .referer(false)
            // A notice goes where the spec says, and nowhere else.
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(|error| WatchError::Client { reason: error.to_string() })?;
        Ok(Self { client })
    }

    /// Tells whoever the spec names what changed. What does not get through is told after the next look. Returns what went
    /// wrong, a sentence each.
    pub async fn tell(
        &self,
        policy: &DriftPolicy,
        told: &mut Told,
        last: &Last,
        every: Span,
        counts: &mut Counts,
    ) -> Vec<String> {
        let Some(cluster) = last.cluster.clone() else { return Vec::new() };
        if told.cluster.as_ref().is_some_and(|before| *before != cluster) {
            *told = Told::default();
        }
        told.cluster = Some(cluster.clone());
        remember_since(told, last);
        let looked = looked(last);
        let mut problems = Vec::new();
        let mut count = |result: Result<(), String>| {
            counts.notices += 1;
            let Err(why) = result else { return true };
            counts.failed_notices += 1;
            problems.push(why);
            false
        };
        if let Some(url) = &policy.webhook {
            let change = change(&told.webhook, looked);
            if !change.is_none() {
                let body = change_json(cluster.as_str(), last.at, looked.ok(), &change);
                if count(self.post(url, None, &body, "the webhook").await) {
                    told.webhook = heard(&told.webhook, looked);
                }
            }
        }
        if let Some(url) = &policy.alertmanager
            && let Some(body) = alerts(told, last, every)
            && count(self.post(url, Some(ALERTS), &body, "the Alertmanager").await)
        {
            told.alertmanager = heard(&told.alertmanager, looked);
        }
        problems
    }

    /// Sends it; a few times, where it does not get through. `whom` is how the other side is called.
    async fn post(&self, url: &NoticeUrl, below: Option<&str>, body: &Value, whom: &str) -> Result<(), String> {
        let address = match below {
            Some(path) => format!("{}/{path}", url.0.trim_end_matches('/')),
            None => url.0.clone(),
        };
        let text = json_line(body);
        let mut tries = 0;
        loop {
            tries += 1;
            let request = self.client.post(&address).header("content-type", "application/json").body(text.clone());
            let why = match request.send().await {
                Ok(answer) if answer.status().is_success() => return Ok(()),
                Ok(answer) => format!("it answers {}", answer.status()),
                Err(error) => reason(error),
            };
            if tries >= MOST_TRIES {
                return Err(format!("{whom} was not told: {why} (tried {tries} times)"));
            }
            tokio::time::sleep(PAUSE * tries).await;
        }
    }
}

/// Without the URL.
fn reason(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(inner) = source {
        text.push_str(&format!(": {inner}"));
        source = inner.source();
    }
    text
}

fn looked(last: &Last) -> Result<&Drift, &str> {
    last.drift.as_ref().map_err(String::as_str)
}

/// When each finding was first seen.
fn remember_since(told: &mut Told, last: &Last) {
    let Ok(drift) = &last.drift else { return };
    let at = last.at.format(&Rfc3339).unwrap_or_default();
    let since = std::mem::take(&mut told.since);
    let of = |finding: &Finding| {
        let key = Key::of(finding);
        let seen = since.get(&key).cloned().unwrap_or_else(|| at.clone());
        (key, seen)
    };
    // Those that are gone are kept as long as an Alertmanager has still to be told of their end.
    told.since = told.alertmanager.findings.values().chain(&drift.findings).map(of).collect();
}

/// Alerts that hold, told again with each look as an Alertmanager expects it; those that are over, once. `None` where there
/// is nothing to say.
fn alerts(told: &Told, last: &Last, every: Span) -> Option<Value> {
    let Told { alertmanager: Heard { findings: before, failed }, since, cluster, .. } = told;
    let at = last.at.format(&Rfc3339).unwrap_or_default();
    let alert = |finding| Alert::Finding { finding, since: since.get(&Key::of(finding)).unwrap_or(&at) };
    let (mut active, mut over): (Vec<Alert<'_>>, Vec<Alert<'_>>) = (Vec::new(), Vec::new());
    match &last.drift {
        Ok(drift) => {
            let now: Vec<Key> = drift.findings.iter().map(Key::of).collect();
            active.extend(drift.findings.iter().map(alert));
            over.extend(before.iter().filter(|(key, _)| !now.contains(key)).map(|(_, finding)| alert(finding)));
            over.extend(failed.as_ref().map(|why| Alert::Blind { why, since: &at }));
        }
        // What there was is not known to be over.
        Err(why) => {
            active.extend(before.values().map(alert));
            active.push(Alert::Blind { why, since: &at });
        }
    }
    if active.is_empty() && over.is_empty() {
        return None;
    }
    let holds = time::Duration::try_from(schedule::stale_after(every)).unwrap_or(time::Duration::DAY);
    Some(alerts_json(cluster.as_ref()?.as_str(), last.at, &active, &over, holds))
}
