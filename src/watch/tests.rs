//! The service as a whole, on loopback: what it serves, whom it tells, how it ends.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::*;
use crate::drift::tests::told;
use crate::plan::tests::builders::{Situation, healthy};
use crate::spec::model::NoticeUrl;

const WITHIN: Duration = Duration::from_secs(20);

fn look(situation: Situation, policy: &DriftPolicy) -> Look {
    let drift = told(situation).drift();
    Look { cluster: Some(drift.cluster.clone()), policy: Some(policy.clone()), drift: Ok(drift) }
}

fn blind() -> Look {
    Look { cluster: None, policy: None, drift: Err("no host can be looked at <b>".to_owned()) }
}

/// A port that was free a moment ago.
async fn free_address() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

/// What one request gets back, head and body.
async fn asked(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).await.unwrap();
    text
}

async fn get(address: SocketAddr, path: &str) -> String {
    asked(address, &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).await
}

/// Someone who is told: keeps each request's path and body, and answers with the statuses in turn, then with 200.
struct Listener {
    url: String,
    got: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Listener {
    async fn start(statuses: &[u16]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let got = Arc::<Mutex<Vec<(String, Value)>>>::default();
        let (kept, mut statuses) = (got.clone(), VecDeque::from(statuses.to_vec()));
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (path, body) = request(&mut stream).await;
                let status = statuses.pop_front().unwrap_or(200);
                if status == 200 {
                    kept.lock().unwrap().push((path, serde_json::from_str(&body).unwrap()));
                }
                let answer = format!("HTTP/1.1 {status} X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { url, got }
    }

    fn url(&self, path: &str) -> Option<NoticeUrl> {
        Some(NoticeUrl(format!("{}{path}", self.url)))
    }

    fn got(&self) -> Vec<(String, Value)> {
        self.got.lock().unwrap().clone()
    }
}

async fn request(stream: &mut TcpStream) -> (String, String) {
    let mut bytes = Vec::new();
    loop {
        let mut part = [0; 4096];
        let read = stream.read(&mut part).await.unwrap();
        bytes.extend_from_slice(&part[..read]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length =
                head.lines().find_map(|line| line.to_lowercase().strip_prefix("content-length: ")?.parse().ok());
            if body.len() >= length.unwrap_or(0) || read == 0 {
                assert!(head.to_lowercase().contains("content-type: application/json"), "{head}");
                return (head.split(' ').nth(1).unwrap_or_default().to_owned(), body.to_owned());
            }
        }
    }
}

/// Runs the looks in turn, the last one again and again, until `done` holds; what was said of each.
async fn watched(
    looks: Vec<Look>,
    listen: Option<SocketAddr>,
    until: impl AsyncFn(usize) -> bool,
) -> Vec<(Last, Vec<String>)> {
    let (stop, stopped) = watch::channel(None);
    let said = Mutex::new(Vec::new());
    let looks = Mutex::new(VecDeque::from(looks));
    let next = async || {
        let mut looks = looks.lock().unwrap();
        if looks.len() > 1 { looks.pop_front().unwrap() } else { looks[0].clone() }
    };
    let tell = |last: &Last, problems: &[String]| said.lock().unwrap().push((last.clone(), problems.to_vec()));
    let options = Options { every: Span::from_millis(10), listen };
    let watching = async {
        let deadline = Instant::now() + WITHIN;
        loop {
            let number = said.lock().unwrap().len();
            if until(number).await {
                break;
            }
            assert!(Instant::now() < deadline, "not within {WITHIN:?}; {number} looks");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        stop.send(Some("SIGTERM".to_owned())).unwrap();
    };
    let (ended, ()) = tokio::join!(run(options, next, tell, stopped), watching);
    ended.unwrap();
    said.into_inner().unwrap()
}

#[tokio::test]
async fn serves_what_the_last_look_saw_and_ends_when_asked_to() {
    let address = free_address().await;
    let answers = Mutex::new(Vec::new());
    watched(vec![look(healthy("3.5.33").down("m3"), &DriftPolicy::default())], Some(address), async |looks| {
        if looks == 0 {
            return false;
        }
        let mut all = Vec::new();
        for path in ["/metrics", "/healthz", "/", "/nothing"] {
            all.push(get(address, path).await);
        }
        all.push(asked(address, "POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n").await);
        *answers.lock().unwrap() = all;
        true
    })
    .await;
    let answers = answers.into_inner().unwrap();
    assert!(answers[0].contains("\nquorate_drift_up{cluster=\"prod\"} 1\n"), "{}", answers[0]);
    assert!(answers[0].contains("\nquorate_drift_looks_total 1\n"), "{}", answers[0]);
    assert!(answers[0].contains("text/plain; version=0.0.4"), "{}", answers[0]);
    assert!(answers[1].starts_with("HTTP/1.1 200") && answers[1].ends_with("ok\n"), "{}", answers[1]);
    assert!(
        answers[2].contains("<td>member-running</td>") && answers[2].contains("default-src 'none'"),
        "{}",
        answers[2]
    );
    assert!(answers[3].starts_with("HTTP/1.1 404"), "{}", answers[3]);
    assert!(answers[4].starts_with("HTTP/1.1 405"), "{}", answers[4]);
    assert!(TcpStream::connect(address).await.is_err(), "it has ended, and listens on");
}

#[tokio::test]
async fn who_connects_and_asks_nothing_keeps_nobody_from_being_served() {
    let address = free_address().await;
    let silent = Mutex::new(Vec::new());
    watched(vec![look(healthy("3.5.33"), &DriftPolicy::default())], Some(address), async |looks| {
        if looks == 0 {
            return false;
        }
        for _ in 0..200 {
            let connection = TcpStream::connect(address).await.unwrap();
            silent.lock().unwrap().push(connection);
        }
        // Sooner than enough of them were given up for their silence: that would take half a minute.
        let answer = tokio::time::timeout(WITHIN, get(address, "/healthz")).await.unwrap();
        assert!(answer.ends_with("ok\n"), "{answer}");
        true
    })
    .await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_an_error() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = Options { every: Span::from_secs(1), listen: Some(taken.local_addr().unwrap()) };
    let (_stop, stopped) = watch::channel(None);
    let error = run(options, async || blind(), |_, _| (), stopped).await.unwrap_err();
    assert!(error.to_string().contains("cannot be listened on"), "{error}");
}

#[tokio::test]
async fn a_webhook_is_told_of_changes_only() {
    let hook = Listener::start(&[]).await;
    let policy = DriftPolicy { webhook: hook.url("/hook?token=secret"), ..DriftPolicy::default() };
    let (well, down) = (look(healthy("3.5.33"), &policy), look(healthy("3.5.33").down("m3"), &policy));
    let looks = vec![well.clone(), down.clone(), down, blind(), blind(), well.clone(), well];
    watched(looks, None, async |looks| looks >= 8).await;
    let got = hook.got();
    let told: Vec<_> = got
        .iter()
        .map(|(path, body)| {
            assert_eq!(path, "/hook?token=secret");
            assert_eq!(
                (&body["type"], &body["format"], &body["cluster"]),
                (&"drift-change".into(), &1.into(), &"prod".into())
            );
            let number = |name: &str| body[name].as_array().unwrap().len();
            (number("appeared"), number("gone"), body["sight"].as_str().unwrap())
        })
        .collect();
    assert_eq!(told, [(1, 0, "as-before"), (0, 0, "lost"), (0, 1, "back")]);
    assert_eq!(got[0].1["appeared"][0]["check"], "member-running");
    assert!(
        got[0].1["text"].as_str().unwrap().contains("New: m3 on deploy@10.0.0.13: member-running."),
        "{}",
        got[0].1
    );
}

#[tokio::test]
async fn what_does_not_get_through_is_told_after_the_next_look_and_the_url_is_never_said() {
    // Three tries fail, the next look's first does not.
    let hook = Listener::start(&[500, 500, 500]).await;
    let policy = DriftPolicy { webhook: hook.url("/?token=secret"), ..DriftPolicy::default() };
    let said = watched(vec![look(healthy("3.5.33").down("m3"), &policy)], None, async |looks| looks >= 3).await;
    assert_eq!(hook.got().len(), 1);
    let problems: Vec<&String> = said.iter().flat_map(|(_, problems)| problems).collect();
    assert_eq!(problems, ["the webhook was not told: it answers 500 Internal Server Error (tried 3 times)"]);
    let counts = said.last().unwrap().0.counts;
    assert_eq!((counts.notices, counts.failed_notices), (2, 1));
    let nobody = DriftPolicy { webhook: Some(NoticeUrl("http://127.0.0.1:1/?token=secret".to_owned())), ..policy };
    let said = watched(vec![look(healthy("3.5.33").down("m3"), &nobody)], None, async |looks| looks >= 1).await;
    let problem = &said[0].1[0];
    assert!(problem.contains("refused") && !problem.contains("secret"), "{problem}");
}

#[tokio::test]
async fn an_alertmanager_hears_of_what_holds_and_of_its_end() {
    let manager = Listener::start(&[]).await;
    let policy = DriftPolicy { alertmanager: manager.url("/alerts/"), ..DriftPolicy::default() };
    let (well, down) = (look(healthy("3.5.33"), &policy), look(healthy("3.5.33").down("m3"), &policy));
    watched(vec![well.clone(), down.clone(), down, blind(), well.clone(), well], None, async |looks| looks >= 7).await;
    let got = manager.got();
    assert!(got.iter().all(|(path, _)| path == "/alerts/api/v2/alerts"), "{got:?}");
    let alerts: Vec<Vec<(String, bool)>> = got
        .iter()
        .map(|(_, body)| {
            let each = body.as_array().unwrap().iter().map(|alert| {
                let time = |name: &str| {
                    let text = alert[name].as_str().unwrap();
                    OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
                };
                assert!(time("endsAt") >= time("startsAt"), "{alert}");
                for labels in [&alert["labels"], &alert["annotations"]] {
                    assert!(
                        labels
                            .as_object()
                            .unwrap()
                            .values()
                            .all(|value| value.as_str().is_some_and(|text| !text.is_empty()))
                    );
                }
                (alert["labels"]["alertname"].as_str().unwrap().to_owned(), time("endsAt") > OffsetDateTime::now_utc())
            });
            each.collect()
        })
        .collect();
    let finding = |holds| ("QuorateDrift".to_owned(), holds);
    let failed = |holds| ("QuorateLookFailed".to_owned(), holds);
    let wanted = [
        vec![finding(true)],
        vec![finding(true)],
        vec![finding(true), failed(true)],
        vec![finding(false), failed(false)],
    ];
    assert_eq!(alerts, wanted);
    assert_eq!(got[0].1[0]["startsAt"], got[1].1[0]["startsAt"], "it began when it was first seen");
    assert_eq!(got[0].1[0]["labels"]["member"], "m3");
}
