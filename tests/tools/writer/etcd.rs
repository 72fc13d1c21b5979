//! Talks to etcd over plain HTTP: the v2 keys API, or the JSON gateway of v3 at
//! whichever path this member has it. Knows the keys and values of this run.

use std::collections::HashMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::{Certificate, Client, Identity, Method, Response, StatusCode};
use serde_json::{Value, json};

use crate::Failure;
use crate::args::{ApiChoice, Args};

/// Where the gateway is: 3.4+, 3.3 and 3.4, up to 3.3.
const GATEWAYS: [&str; 3] = ["/v3", "/v3beta", "/v3alpha"];
const CONNECT_TIMEOUT: Duration = Duration::from_millis(500);
/// How long to ask for a version before the first write.
const FIRST_ANSWER: Duration = Duration::from_secs(30);
const FIRST_ANSWER_POLL: Duration = Duration::from_millis(50);
const READ_BACK_POLL: Duration = Duration::from_millis(100);
/// One answer: a whole worker's keys come in one with v2.
const MAX_BODY: usize = 512 << 20;
const PAGE: u64 = 5000;
/// A request that reads a whole worker's keys takes longer than a write.
const READ_BACK_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Api {
    V2,
    V3,
}

pub struct Etcd {
    http: Client,
    endpoints: Vec<Endpoint>,
    api: Api,
    timeout: Duration,
    /// Prefix and run: no two runs share a key.
    root: String,
}

struct Endpoint {
    url: String,
    gateway: AtomicUsize,
}

impl Etcd {
    pub async fn connect(args: &Args) -> Result<Self, Failure> {
        let endpoints: Vec<_> = args
            .endpoints
            .iter()
            .map(|url| Endpoint { url: url.trim_end_matches('/').to_owned(), gateway: AtomicUsize::new(0) })
            .collect();
        let mut run = [0; 6];
        getrandom::fill(&mut run)?;
        let mut etcd = Self {
            http: http_client(args)?,
            endpoints,
            api: Api::V3,
            timeout: args.timeout(),
            root: format!("{}/{}", args.prefix.trim_matches('/'), hex::encode(run)),
        };
        etcd.api = match args.api {
            ApiChoice::V2 => Api::V2,
            ApiChoice::V3 => Api::V3,
            ApiChoice::Auto => etcd.detect().await?,
        };
        Ok(etcd)
    }

    pub fn endpoints(&self) -> usize {
        self.endpoints.len()
    }

    pub fn api(&self) -> Api {
        self.api
    }

    pub fn key(&self, worker: usize, number: usize) -> String {
        format!("{}/{number}", self.folder(worker))
    }

    /// Different for each key and run, so that nothing can pass for another.
    pub fn value(&self, worker: usize, number: usize) -> String {
        format!("{}.{worker}.{number}", self.root.replace('/', "."))
    }

    fn folder(&self, worker: usize) -> String {
        format!("{}/{worker}", self.root)
    }

    /// Writes one key; the revision (v2: index) that the member acknowledged.
    pub async fn put(&self, turn: usize, worker: usize, number: usize) -> Result<u64, Failure> {
        let endpoint = self.endpoint(turn);
        let (key, value) = (self.key(worker, number), self.value(worker, number));
        match self.api {
            Api::V2 => {
                let request = self
                    .http
                    .put(format!("{}/v2/keys/{key}", endpoint.url))
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(format!("value={value}"));
                let answer = success(request.send().await?).await?;
                number_at(&answer, "/node/modifiedIndex")
            }
            Api::V3 => {
                let body = json!({"key": BASE64.encode(key), "value": BASE64.encode(value)});
                let answer = self.gateway(endpoint, "/kv/put", &body, self.timeout).await?;
                number_at(&answer, "/header/revision")
            }
        }
    }

    /// Reads one key by quorum.
    pub async fn get(&self, turn: usize, worker: usize, number: usize) -> Result<Option<String>, Failure> {
        let endpoint = self.endpoint(turn);
        let key = self.key(worker, number);
        match self.api {
            Api::V2 => {
                let answer = self.v2_get(endpoint, &key, "quorum=true", self.timeout).await?;
                Ok(answer.and_then(|node| node.pointer("/node/value")?.as_str().map(str::to_owned)))
            }
            Api::V3 => {
                let body = json!({"key": BASE64.encode(key)});
                let answer = self.gateway(endpoint, "/kv/range", &body, self.timeout).await?;
                Ok(pairs(&answer)?.pop().map(|(_, value)| value))
            }
        }
    }

    /// All keys of a worker as the cluster has them, by quorum, from whichever
    /// endpoint answers before the deadline.
    pub async fn read_back(&self, worker: usize, deadline: Instant) -> Result<HashMap<String, String>, Failure> {
        let mut turn = worker;
        loop {
            match self.folder_at(self.endpoint(turn), worker).await {
                Ok(keys) => return Ok(keys),
                Err(failure) if Instant::now() >= deadline => return Err(failure),
                Err(_) => tokio::time::sleep(READ_BACK_POLL).await,
            }
            turn += 1;
        }
    }

    async fn folder_at(&self, endpoint: &Endpoint, worker: usize) -> Result<HashMap<String, String>, Failure> {
        let folder = self.folder(worker);
        match self.api {
            Api::V2 => {
                let query = "recursive=true&quorum=true";
                Ok(match self.v2_get(endpoint, &folder, query, READ_BACK_TIMEOUT).await? {
                    Some(answer) => v2_nodes(&answer),
                    None => HashMap::new(),
                })
            }
            Api::V3 => self.v3_folder(endpoint, &folder).await,
        }
    }

    async fn v3_folder(&self, endpoint: &Endpoint, folder: &str) -> Result<HashMap<String, String>, Failure> {
        let mut keys = HashMap::new();
        let mut from = format!("{folder}/");
        // '0' comes right after '/'.
        let end = BASE64.encode(format!("{folder}0"));
        loop {
            let body = json!({"key": BASE64.encode(&from), "range_end": end, "limit": PAGE});
            let answer = self.gateway(endpoint, "/kv/range", &body, READ_BACK_TIMEOUT).await?;
            let page = pairs(&answer)?;
            let Some((last, _)) = page.last() else {
                return Ok(keys);
            };
            from = format!("{last}\0");
            keys.extend(page);
        }
    }

    fn endpoint(&self, turn: usize) -> &Endpoint {
        &self.endpoints[turn % self.endpoints.len()]
    }

    /// `None`: the member says that there is no such key.
    async fn v2_get(
        &self,
        endpoint: &Endpoint,
        key: &str,
        query: &str,
        timeout: Duration,
    ) -> Result<Option<Value>, Failure> {
        let url = format!("{}/v2/keys/{key}?{query}", endpoint.url);
        let response = self.http.get(url).timeout(timeout).send().await?;
        let status = response.status();
        let answer = parse(response).await?;
        match (status, answer.pointer("/errorCode").and_then(Value::as_u64)) {
            (StatusCode::OK, _) => Ok(Some(answer)),
            (StatusCode::NOT_FOUND, Some(100)) => Ok(None),
            _ => Err(format!("{}: {status}: {answer}", endpoint.url).into()),
        }
    }

    /// Posts to the gateway. A member that does not know the path was upgraded, or
    /// was never asked: then the next path is tried.
    async fn gateway(
        &self,
        endpoint: &Endpoint,
        path: &str,
        body: &Value,
        timeout: Duration,
    ) -> Result<Value, Failure> {
        let first = endpoint.gateway.load(Ordering::Relaxed);
        for step in 0..GATEWAYS.len() {
            let gateway = (first + step) % GATEWAYS.len();
            let response = self
                .http
                .request(Method::POST, format!("{}{}{path}", endpoint.url, GATEWAYS[gateway]))
                .header("content-type", "application/json")
                .body(body.to_string())
                .timeout(timeout)
                .send()
                .await?;
            if response.status() != StatusCode::NOT_FOUND {
                endpoint.gateway.store(gateway, Ordering::Relaxed);
                return success(response).await;
            }
        }
        Err(format!("{}: no v3 gateway", endpoint.url).into())
    }

    async fn detect(&self) -> Result<Api, Failure> {
        let deadline = Instant::now() + FIRST_ANSWER;
        let mut turn = 0;
        loop {
            let url = format!("{}/version", self.endpoint(turn).url);
            let failure: Failure = match self.http.get(url).send().await {
                Ok(response) => {
                    let version = success(response).await?;
                    let old = version["etcdserver"].as_str().is_some_and(|text| text.starts_with("2."));
                    return Ok(if old { Api::V2 } else { Api::V3 });
                }
                Err(error) => error.into(),
            };
            if Instant::now() >= deadline {
                return Err(failure);
            }
            tokio::time::sleep(FIRST_ANSWER_POLL).await;
            turn += 1;
        }
    }
}

fn http_client(args: &Args) -> Result<Client, Failure> {
    // Fails only where one is installed already, and none is.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let mut builder =
        Client::builder().no_proxy().http1_only().connect_timeout(CONNECT_TIMEOUT).timeout(args.timeout());
    if let Some(ca) = &args.ca {
        builder = builder.tls_certs_only(Certificate::from_pem_bundle(&std::fs::read(ca)?)?);
    } else {
        // Plain HTTP: no need for the machine's own authorities, nor for them to be there.
        builder = builder.tls_certs_only([]);
    }
    if let (Some(cert), Some(key)) = (&args.cert, &args.key) {
        let mut pem = std::fs::read(cert)?;
        pem.extend(std::fs::read(key)?);
        builder = builder.identity(Identity::from_pem(&pem)?);
    }
    Ok(builder.build()?)
}

async fn success(response: Response) -> Result<Value, Failure> {
    let (status, url) = (response.status(), response.url().clone());
    let answer = parse(response).await?;
    if status.is_success() { Ok(answer) } else { Err(format!("{url}: {status}: {answer}").into()) }
}

async fn parse(mut response: Response) -> Result<Value, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if body.len() + chunk.len() > MAX_BODY {
            return Err(format!("{}: more than {MAX_BODY} bytes", response.url()).into());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(serde_json::from_slice(&body).unwrap_or_else(|_| Value::String(String::from_utf8_lossy(&body).into_owned())))
}

/// The gateway writes 64-bit numbers as strings, v2 as numbers.
fn number_at(answer: &Value, pointer: &str) -> Result<u64, Failure> {
    let value = answer.pointer(pointer).unwrap_or(&Value::Null);
    value.as_u64().or_else(|| value.as_str()?.parse().ok()).ok_or_else(|| format!("no {pointer} in {answer}").into())
}

fn pairs(answer: &Value) -> Result<Vec<(String, String)>, Failure> {
    // Without a header it is no answer of etcd, so an empty one proves nothing.
    number_at(answer, "/header/revision")?;
    let text = |value: &Value| -> Result<String, Failure> {
        let encoded = value.as_str().unwrap_or_default();
        Ok(String::from_utf8(BASE64.decode(encoded)?)?)
    };
    answer["kvs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|pair| Ok((text(&pair["key"])?, text(&pair["value"])?)))
        .collect()
}

fn v2_nodes(answer: &Value) -> HashMap<String, String> {
    answer
        .pointer("/node/nodes")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(|node| {
            let key = node["key"].as_str()?.trim_start_matches('/');
            Some((key.to_owned(), node["value"].as_str()?.to_owned()))
        })
        .collect()
}
