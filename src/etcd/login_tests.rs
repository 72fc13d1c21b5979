//! Logging in, against a member that is a script: what it is told, how often, and what its refusals become.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;

use super::grpc::pb;
use super::testing::{dialer, serve};
use super::{AuthState, Client, Denial, Endpoint, EtcdError, Login};

const PASSWORD: &str = "correct horse battery";

/// A member with authentication, of which one user is known: `root`, or one that may do nothing.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    On,
    /// Tokens that it gives are of no use.
    Forgetful,
    /// Its user may do nothing.
    Strict,
    /// Authentication is off; tokens of before are refused all the same, as etcd does.
    Off,
}

struct Books {
    kind: Kind,
    logins: u32,
    calls: u32,
    /// The one token that is good.
    token: Option<String>,
}

struct Script {
    books: Arc<Mutex<Books>>,
    client: Client,
}

impl Script {
    async fn begin(kind: Kind, password: Option<&str>) -> Self {
        let books = Arc::new(Mutex::new(Books { kind, logins: 0, calls: 0, token: None }));
        let of_server = books.clone();
        let port = serve(move |stream: TcpStream| {
            let books = of_server.clone();
            async move {
                let service = hyper::service::service_fn(move |request| answer(books.clone(), request));
                let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            }
        })
        .await;
        let login = password.map(|password| Login { user: "root".to_owned(), password: password.to_owned() });
        Self { books, client: client(port, login) }
    }

    fn counted(&self) -> (u32, u32) {
        let books = self.books.lock().unwrap();
        (books.logins, books.calls)
    }

    fn forget_tokens(&self) {
        self.books.lock().unwrap().token = None;
    }

    fn turn_off(&self) {
        self.forget_tokens();
        self.books.lock().unwrap().kind = Kind::Off;
    }
}

fn client(port: u16, login: Option<Login>) -> Client {
    let deadline = Duration::from_secs(5);
    Client::new(Endpoint { label: "m1 (test)".to_owned(), dial: dialer(port), tls: None, login, deadline })
}

type Answer = Response<http_body_util::combinators::BoxBody<Bytes, std::convert::Infallible>>;

async fn answer(books: Arc<Mutex<Books>>, request: Request<Incoming>) -> Result<Answer, hyper::Error> {
    let path = request.uri().path().to_owned();
    let token = request.headers().get("token").map(|token| token.to_str().unwrap().to_owned());
    let body = request.into_body().collect().await?.to_bytes();
    let mut books = books.lock().unwrap();
    let kind = books.kind;
    if path == "/etcdserverpb.Auth/Authenticate" {
        books.logins += 1;
        let asked = pb::AuthenticateRequest::decode(&body[5..]).unwrap();
        if kind == Kind::Off {
            return Ok(refusal(9, "etcdserver: authentication is not enabled"));
        }
        if (asked.name.as_str(), asked.password.as_str()) != ("root", PASSWORD) {
            return Ok(refusal(3, "etcdserver: authentication failed, invalid user ID or password"));
        }
        let given = format!("token.{}", books.logins);
        if kind != Kind::Forgetful {
            books.token = Some(given.clone());
        }
        return Ok(message(&pb::AuthenticateResponse { header: None, token: given }));
    }
    books.calls += 1;
    match (token, kind) {
        (None, Kind::Off) => {}
        (None, Kind::On | Kind::Forgetful | Kind::Strict) => {
            return Ok(refusal(3, "etcdserver: user name is empty"));
        }
        (Some(token), _) if books.token.as_ref() != Some(&token) => {
            return Ok(refusal(16, "etcdserver: invalid auth token"));
        }
        (Some(_), Kind::Strict) => return Ok(refusal(7, "etcdserver: permission denied")),
        (Some(_), Kind::On | Kind::Forgetful | Kind::Off) => {}
    }
    let header = Some(pb::ResponseHeader { revision: 7, ..pb::ResponseHeader::default() });
    Ok(message(&pb::RangeResponse { header, count: 3, ..pb::RangeResponse::default() }))
}

fn refusal(code: u8, said: &'static str) -> Answer {
    let empty = Full::new(Bytes::new()).boxed();
    Response::builder()
        .header("content-type", "application/grpc")
        .header("grpc-status", code.to_string())
        .header("grpc-message", said)
        .body(empty)
        .unwrap()
}

fn message(message: &impl prost::Message) -> Answer {
    let bytes = message.encode_to_vec();
    let mut framed = vec![0];
    framed.extend(u32::try_from(bytes.len()).unwrap().to_be_bytes());
    framed.extend(bytes);
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    let body = Full::new(Bytes::from(framed)).with_trailers(async { Some(Ok(trailers)) }).boxed();
    Response::builder().header("content-type", "application/grpc").body(body).unwrap()
}

/// What a denied request says, and of what kind it is; the password is never part of it.
async fn denied(script: &Script) -> (Denial, String) {
    let error = script.client.linearizable_read().await.unwrap_err();
    let text = format!("{error} {error:?}");
    assert!(!text.contains(PASSWORD), "{text}");
    let EtcdError::Denied { denial, .. } = error else { panic!("{error}") };
    (denial, text)
}

// faults: E10
#[tokio::test]
async fn one_login_serves_all_requests_also_those_at_once() {
    let script = Script::begin(Kind::On, Some(PASSWORD)).await;
    let client = &script.client;
    let (one, two, three) = tokio::join!(
        client.linearizable_read(),
        client.linearizable_read(),
        client.count_keys(super::Consistency::Serializable)
    );
    assert_eq!((one.unwrap().0, two.unwrap().0, three.unwrap()), (7, 7, 3));
    client.linearizable_read().await.unwrap();
    let (logins, calls) = script.counted();
    assert_eq!(logins, 1);
    // Three that were denied at first at most, their second tries, and the last one.
    assert!((5..=7).contains(&calls), "{calls}");
    client.close().await;
    client.linearizable_read().await.unwrap();
    assert_eq!(script.counted(), (2, calls + 2), "a token is of no use on another connection");
}

// faults: E10
#[tokio::test]
async fn a_token_that_has_run_out_is_followed_by_one_more_login() {
    let script = Script::begin(Kind::On, Some(PASSWORD)).await;
    script.client.linearizable_read().await.unwrap();
    script.forget_tokens();
    script.client.linearizable_read().await.unwrap();
    assert_eq!(script.counted(), (2, 4));
}

#[tokio::test]
async fn a_member_that_takes_no_token_is_asked_twice_and_not_for_ever() {
    let script = Script::begin(Kind::Forgetful, Some(PASSWORD)).await;
    let (denial, text) = denied(&script).await;
    assert_eq!(denial, Denial::StaleToken);
    assert!(text.contains("invalid auth token"), "{text}");
    assert_eq!(script.counted(), (1, 2));
}

// faults: E10
#[tokio::test]
async fn a_wrong_password_is_told_as_such_and_not_shown() {
    let script = Script::begin(Kind::On, Some("something else")).await;
    let (denial, text) = denied(&script).await;
    assert_eq!(denial, Denial::WrongLogin);
    assert!(text.contains("m1 (test): Authenticate: denied to user \"root\""), "{text}");
    assert!(text.contains("check `user` and `password`") && !text.contains("something else"), "{text}");
    assert_eq!(script.counted(), (1, 1));
}

// faults: E10
#[tokio::test]
async fn a_user_without_the_right_is_told_which_one_is_missing() {
    let script = Script::begin(Kind::Strict, Some(PASSWORD)).await;
    let (denial, text) = denied(&script).await;
    assert_eq!(denial, Denial::NotPermitted);
    assert!(text.contains("denied to user \"root\": \"etcdserver: permission denied\""), "{text}");
    assert!(text.contains("etcdctl user grant-role root root"), "{text}");
    assert_eq!(script.counted(), (1, 2), "another login would change nothing");
}

// faults: E10
#[tokio::test]
async fn a_client_without_a_user_is_told_to_have_one() {
    let script = Script::begin(Kind::On, None).await;
    let (denial, text) = denied(&script).await;
    assert_eq!(denial, Denial::NoUser);
    assert!(text.contains("denied to a client without a user") && text.contains("set `user` and `password`"), "{text}");
    assert_eq!(script.counted(), (0, 1));
    assert_eq!(script.client.auth_state().await.unwrap(), AuthState::On);
}

#[tokio::test]
async fn where_authentication_is_off_nobody_logs_in() {
    let script = Script::begin(Kind::Off, Some(PASSWORD)).await;
    assert_eq!(script.client.linearizable_read().await.unwrap().0, 7);
    assert_eq!(script.client.auth_state().await.unwrap(), AuthState::Off);
    assert_eq!(script.counted(), (0, 2));
}

#[tokio::test]
async fn authentication_that_is_turned_off_meanwhile_needs_no_token_any_more() {
    let script = Script::begin(Kind::On, Some(PASSWORD)).await;
    script.client.linearizable_read().await.unwrap();
    script.turn_off();
    // The old token is refused, the login is as well, and without either it goes on.
    script.client.linearizable_read().await.unwrap();
    assert_eq!(script.counted(), (2, 4));
    script.client.linearizable_read().await.unwrap();
    assert_eq!(script.counted(), (2, 5));
}

/// A v2 API that wants a password answers 401 without one.
async fn v2_member(books: Arc<Mutex<Vec<Option<String>>>>) -> u16 {
    let wanted = format!("Basic {}", base64::engine::general_purpose::STANDARD.encode(format!("root:{PASSWORD}")));
    serve(move |stream: TcpStream| {
        let (books, wanted) = (books.clone(), wanted.clone());
        async move {
            let service = hyper::service::service_fn(move |request: Request<Incoming>| {
                let given = request.headers().get("authorization").map(|text| text.to_str().unwrap().to_owned());
                let good = given.as_ref() == Some(&wanted);
                books.lock().unwrap().push(given);
                async move {
                    let (status, body) = if good {
                        (200, r#"{"action":"get","node":{"dir":true,"nodes":[{"key":"/a","value":"b"}]}}"#)
                    } else {
                        (401, r#"{"errorCode":110,"message":"The request requires user authentication","cause":"Insufficient credentials","index":0}"#)
                    };
                    let answer = Response::builder().status(status).header("X-Etcd-Index", "3");
                    Ok::<_, std::convert::Infallible>(answer.body(Full::new(Bytes::from_static(body.as_bytes()))).unwrap())
                }
            });
            let _ = hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await
}

// faults: E10
#[tokio::test]
async fn the_v2_api_gets_the_password_once_it_has_asked_for_it() {
    let books = Arc::new(Mutex::new(Vec::new()));
    let port = v2_member(books.clone()).await;
    let with = |password: &str| client(port, Some(Login { user: "root".to_owned(), password: password.to_owned() }));
    let good = with(PASSWORD);
    assert_eq!(good.v2_count().await.unwrap(), 1);
    good.v2_barrier().await.unwrap();
    let asked = books.lock().unwrap().drain(..).map(|given: Option<String>| given.is_some()).collect::<Vec<_>>();
    assert_eq!(asked, [false, true, true, true]);
    for (client, words) in [(with("other"), "denied to user \"root\""), (client(port, None), "a client without a user")]
    {
        for error in [client.v2_count().await.unwrap_err(), client.v2_barrier().await.unwrap_err()] {
            let text = error.to_string();
            assert!(matches!(&error, EtcdError::Denied { .. }) && text.contains(words), "{text}");
        }
    }
}
