//! Downloads: streamed to a file, with a bound on everything, and tried again a few times where that may help.

use std::io;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{Client, Response, StatusCode, Url};
use sha2::Digest;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::Fetched;
use crate::units::{Bytes, Sha256};

/// What a download may cost. Tests set smaller ones.
#[derive(Debug, Clone)]
pub(super) struct Bounds {
    /// To be connected.
    pub connect: Duration,
    /// Without a byte.
    pub stall: Duration,
    /// In all, for one try.
    pub total: Duration,
    /// An archive of etcd has 10 to 25 MB.
    pub archive: Bytes,
    pub sums: Bytes,
    pub tries: u32,
    /// Before the second try; twice that before the third.
    pub pause: Duration,
}

impl Default for Bounds {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(15),
            stall: Duration::from_secs(30),
            total: Duration::from_secs(30 * 60),
            archive: Bytes::mebi(256),
            sums: Bytes::mebi(1),
            tries: 3,
            pause: Duration::from_secs(1),
        }
    }
}

/// Release pages redirect once or twice.
const MOST_REDIRECTS: usize = 5;

/// Why a download gave nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Miss {
    /// The source says that it does not have it.
    NotThere(String),
    /// It may have it; what was seen in the last try.
    Failed(String),
}

impl Miss {
    pub(super) fn seen(self) -> String {
        match self {
            Self::NotThere(seen) | Self::Failed(seen) => seen,
        }
    }
}

pub(super) fn client(bounds: &Bounds) -> reqwest::ClientBuilder {
    crate::crypto::install();
    let redirects = reqwest::redirect::Policy::custom(|attempt| {
        let from_https = attempt.previous().last().is_some_and(|url| url.scheme() == "https");
        if from_https && attempt.url().scheme() != "https" {
            attempt.error("it redirects from https to something less")
        } else if attempt.previous().len() > MOST_REDIRECTS {
            attempt.error("it redirects too often")
        } else {
            attempt.follow()
        }
    });
    Client::builder()
        .user_agent(concat!("quorate/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(bounds.connect)
        .read_timeout(bounds.stall)
        .referer(false)
        .redirect(redirects)
}

/// Streams what `url` serves into `file`, from its start, and returns its digest.
pub(super) async fn download(
    client: &Client,
    bounds: &Bounds,
    url: &Url,
    file: &mut File,
    progress: &(dyn Fn(Fetched) + Send + Sync),
) -> Result<Sha256, Miss> {
    let mut tries = 0;
    loop {
        tries += 1;
        let once = download_once(client, bounds, url, file, progress);
        let failure = match tokio::time::timeout(bounds.total, once).await {
            Ok(Ok(digest)) => return Ok(digest),
            Ok(Err(failure)) => failure,
            Err(_) => Failure::Final(Miss::Failed(format!("not done after {:?}", bounds.total))),
        };
        match failure {
            Failure::Final(miss) => return Err(miss),
            Failure::Passing(seen) if tries >= bounds.tries => {
                return Err(Miss::Failed(format!("{seen} (tried {tries} times)")));
            }
            Failure::Passing(_) => tokio::time::sleep(bounds.pause * tries).await,
        }
    }
}

/// A short text, such as SHA256SUMS.
pub(super) async fn download_text(client: &Client, bounds: &Bounds, url: &Url) -> Result<String, Miss> {
    let local = |error: io::Error| Miss::Failed(format!("cannot be kept: {error}"));
    let bounds = Bounds { archive: bounds.sums, ..bounds.clone() };
    let mut file = File::from_std(tempfile::tempfile().map_err(local)?);
    download(client, &bounds, url, &mut file, &|_| {}).await?;
    let mut text = String::new();
    tokio::io::AsyncSeekExt::rewind(&mut file).await.map_err(local)?;
    tokio::io::AsyncReadExt::read_to_string(&mut file, &mut text)
        .await
        .map_err(|_| Miss::Failed("it is no text".into()))?;
    Ok(text)
}

enum Failure {
    /// Trying again changes nothing.
    Final(Miss),
    Passing(String),
}

async fn download_once(
    client: &Client,
    bounds: &Bounds,
    url: &Url,
    file: &mut File,
    progress: &(dyn Fn(Fetched) + Send + Sync),
) -> Result<Sha256, Failure> {
    let response = client.get(url.clone()).send().await.map_err(|error| classify(&error))?;
    check_status(&response)?;
    let total = response.content_length().map(Bytes);
    let too_big =
        || Failure::Final(Miss::Failed(format!("it is larger than {}, which no release of etcd is", bounds.archive)));
    if total.is_some_and(|total| total > bounds.archive) {
        return Err(too_big());
    }
    let local = |error: io::Error| Failure::Final(Miss::Failed(format!("cannot be kept: {error}")));
    // What an earlier try has left is written over.
    file.set_len(0).await.map_err(local)?;
    tokio::io::AsyncSeekExt::rewind(file).await.map_err(local)?;
    let mut hasher = sha2::Sha256::new();
    let mut done = 0;
    let mut body = response.bytes_stream();
    while let Some(piece) = body.next().await {
        let piece = piece.map_err(|error| classify(&error))?;
        done += piece.len() as u64;
        if Bytes(done) > bounds.archive {
            return Err(too_big());
        }
        hasher.update(&piece);
        file.write_all(&piece).await.map_err(local)?;
        progress(Fetched { done: Bytes(done), total });
    }
    file.flush().await.map_err(local)?;
    Ok(Sha256(hasher.finalize().into()))
}

fn check_status(response: &Response) -> Result<(), Failure> {
    let status = response.status();
    if status == StatusCode::OK {
        return Ok(());
    }
    let seen = format!("it answers {status}");
    Err(match status {
        StatusCode::NOT_FOUND | StatusCode::GONE => Failure::Final(Miss::NotThere(seen)),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Failure::Passing(seen),
        status if status.is_server_error() => Failure::Passing(seen),
        _ => Failure::Final(Miss::Failed(seen)),
    })
}

fn classify(error: &reqwest::Error) -> Failure {
    // reqwest's own text repeats the URL, which may hold a secret; its causes do not.
    let mut seen = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(inner) = cause {
        seen.push(inner.to_string());
        cause = inner.source();
    }
    let seen = match (error.is_timeout(), seen.last()) {
        (true, _) => "nothing came for too long".to_owned(),
        (false, Some(deepest)) => deepest.chars().take(300).collect(),
        (false, None) => "the request failed".to_owned(),
    };
    if error.is_redirect() { Failure::Final(Miss::Failed(seen)) } else { Failure::Passing(seen) }
}
