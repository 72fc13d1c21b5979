//! The probe of one member, against a made-up etcd 2.2.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, AtomicUsize, Ordering};

use http::{Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper_util::rt::TokioIo;

use super::*;
use crate::etcd::testing::{client, dialer, eventually, serve};
use crate::etcd::{Endpoint, Login};
use crate::execute::availability::Quiet;

const NOT_FOUND: &str = r#"{"errorCode":100,"message":"Key not found","cause":"/quorate-availability","index":3}"#;

/// Tells its version, and answers each read with the status that `now` holds. `asked` counts them.
#[derive(Clone, Default)]
struct Member {
    now: Arc<AtomicU16>,
    asked: Arc<AtomicUsize>,
}

impl Member {
    async fn start(&self, status: StatusCode) -> u16 {
        self.now.store(status.as_u16(), Ordering::SeqCst);
        let member = self.clone();
        serve(move |stream| {
            let member = member.clone();
            async move {
                let service = hyper::service::service_fn(move |request| {
                    let answer = member.answer(&request);
                    async move { Ok::<_, std::convert::Infallible>(answer) }
                });
                let _ =
                    hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            }
        })
        .await
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let (status, body) = match (request.uri().path(), request.uri().query()) {
            ("/version", _) => (StatusCode::OK, r#"{"etcdserver":"2.2.5","etcdcluster":"2.2.0"}"#),
            ("/v2/keys/quorate-availability", Some("quorum=true")) => {
                self.asked.fetch_add(1, Ordering::SeqCst);
                (StatusCode::from_u16(self.now.load(Ordering::SeqCst)).unwrap(), NOT_FOUND)
            }
            _ => (StatusCode::BAD_REQUEST, "no such question is expected"),
        };
        Response::builder().status(status).body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap()
    }
}

fn one(shared: &Arc<Shared>, name: MemberName, client: Client, quiet: &Quiet) -> One {
    let away = quiet.begin(&client);
    let asker = Asker { client, probe: Probe::Read, api: None, is_connected: false };
    One { shared: shared.clone(), name, asker, away, pause: Duration::from_millis(5), has_bound: false, turn: 0.0 }
}

/// Watches one member at that port, as [`Watcher`] does; ends with the test.
fn watch(port: u16, quiet: &Quiet) -> Arc<Shared> {
    let name: MemberName = "m1".parse().unwrap();
    let shared = Arc::new(Shared {
        record: Mutex::new(Record::new(Probe::Read, [name.clone()], None)),
        begun: Instant::now(),
        denied: watch::Sender::new(None),
        knowledge: Knowledge::embedded().unwrap(),
    });
    let client = client(port, None, CONNECT_BOUND);
    let one = one(&shared, name, client, quiet);
    tokio::spawn(one.ask_on());
    shared
}

async fn until(what: &str, shared: &Shared, holds: impl Fn(&Answers) -> bool) -> Answers {
    eventually(what, Duration::from_secs(30), || {
        let answers = shared.record().whole();
        std::future::ready(answers.filter(|answers| holds(answers)).ok_or("not yet"))
    })
    .await
}

#[tokio::test]
async fn that_there_is_no_such_key_is_an_answer() {
    let port = Member::default().start(StatusCode::NOT_FOUND).await;
    let shared = watch(port, &Quiet::default());
    let answers = until("three answers", &shared, |answers| answers.cluster.tries >= 3).await;
    assert_eq!(answers.cluster.errors, 0, "{answers:?}");
}

#[tokio::test]
async fn an_error_of_etcd_and_a_port_where_nobody_listens_are_told_apart() {
    let shared = watch(Member::default().start(StatusCode::INTERNAL_SERVER_ERROR).await, &Quiet::default());
    let refused = until("a failure", &shared, |answers| answers.cluster.errors > 0).await;
    assert!(refused.cluster.causes.refused > 0 && refused.cluster.causes.unreachable == 0, "{refused:?}");
    let shared = watch(crate::etcd::testing::free_port(), &Quiet::default());
    let unreachable = until("a failure", &shared, |answers| answers.cluster.errors > 0).await;
    assert!(unreachable.cluster.causes.unreachable > 0, "{unreachable:?}");
}

#[tokio::test]
async fn a_user_who_may_not_read_is_told_once_and_nobody_is_asked_any_more() {
    let member = Member::default();
    let shared = watch(member.start(StatusCode::UNAUTHORIZED).await, &Quiet::default());
    let told = Mutex::new(Vec::new());
    let keep = |event: Event| told.lock().unwrap().push(event);
    let teller = Teller { shared: Some(shared.clone()) };
    let notice = || told.lock().unwrap().iter().filter(|event| matches!(event, Event::Notice { .. })).count();
    tokio::select! {
        never = teller.tell(&keep) => match never {},
        () = eventually("a notice", Duration::from_secs(30), || {
            std::future::ready((notice() == 1).then_some(()).ok_or("not yet"))
        }) => {}
    }
    let told = told.into_inner().unwrap();
    let Some(Event::Notice { text }) = told.last() else { panic!("{told:?}") };
    assert!(text.contains("is not watched from here on") && text.contains("denied"), "{text}");
    assert_eq!(member.asked.load(Ordering::SeqCst), MOST_DENIALS as usize);
}

/// A moment in which it was not let in, as while users are changed, ends nothing.
#[tokio::test]
async fn one_who_is_let_in_again_goes_on() {
    let member = Member::default();
    let shared = watch(member.start(StatusCode::NOT_FOUND).await, &Quiet::default());
    until("an answer", &shared, |answers| answers.cluster.tries > answers.cluster.errors).await;
    member.now.store(503, Ordering::SeqCst);
    until("failures", &shared, |answers| answers.cluster.errors > u64::from(MOST_DENIALS)).await;
    member.now.store(404, Ordering::SeqCst);
    let seen = shared.record().whole().unwrap().cluster;
    let before = seen.tries - seen.errors;
    until("answers again", &shared, |answers| answers.cluster.tries - answers.cluster.errors > before).await;
    assert_eq!(*shared.denied.borrow(), None);
}

#[tokio::test]
async fn nobody_asks_a_member_that_is_being_stopped() {
    let member = Member::default();
    let quiet = Quiet::default();
    let port = member.start(StatusCode::NOT_FOUND).await;
    let shared = watch(port, &quiet);
    until("an answer", &shared, |answers| answers.cluster.tries > 0).await;
    let away = quiet.keep_away().await;
    let asked = member.asked.load(Ordering::SeqCst);
    // Somebody else is answered a hundred times meanwhile.
    let other = client(port, None, CONNECT_BOUND);
    for _ in 0..100 {
        other.version().await.unwrap();
    }
    assert!(member.asked.load(Ordering::SeqCst) <= asked + 1);
    drop(away);
    eventually("it is asked again", Duration::from_secs(30), || {
        let more = member.asked.load(Ordering::SeqCst) > asked + 1;
        std::future::ready(more.then_some(()).ok_or("not yet"))
    })
    .await;
}

#[test]
fn a_user_of_the_v2_api_is_not_asked_for_its_password_all_the_time() {
    let shared = Arc::new(Shared {
        record: Mutex::new(Record::new(Probe::Read, [], None)),
        begun: Instant::now(),
        denied: watch::Sender::new(None),
        knowledge: Knowledge::embedded().unwrap(),
    });
    let login = Login { user: "root".to_owned(), password: "hush".to_owned() };
    let pauses = |api, login: Option<Login>, has_bound| {
        let client = Client::new(Endpoint {
            label: "m1".to_owned(),
            dial: dialer(1),
            tls: None,
            login,
            deadline: CONNECT_BOUND,
        });
        let mut one = one(&shared, "m1".parse().unwrap(), client, &Quiet::default());
        (one.asker.api, one.has_bound) = (Some(api), has_bound);
        one.longer_pause(0)
    };
    assert_eq!(pauses(ClientApi::V2, Some(login.clone()), false), COSTLY_PAUSE);
    // A bound is held to by reads that come often.
    assert_eq!(pauses(ClientApi::V2, Some(login.clone()), true), Duration::ZERO);
    assert_eq!(pauses(ClientApi::V2, None, false), Duration::ZERO);
    assert_eq!(pauses(ClientApi::V3, Some(login), false), Duration::ZERO);
}
