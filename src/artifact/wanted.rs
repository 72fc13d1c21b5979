//! What a source would have to serve: pure, from the spec to a place and what is known of it.

use std::path::PathBuf;

use reqwest::Url;

use super::Platform;
use crate::spec::model::{ReleaseSource, UrlSource};
use crate::units::{Sha256, Version};

const UPSTREAM: &str = "https://github.com/etcd-io/etcd/releases/download";

/// One source, filled in for one release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wanted {
    /// For messages and records: the URL without user, password and query.
    pub name: String,
    pub place: Place,
    /// What the archive's digest must be.
    pub pin: Option<Sha256>,
    pub sums: Sums,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    Web(Url),
    /// A .tar.gz or a folder on this machine.
    File(PathBuf),
}

/// Where a file with digests is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Sums {
    None,
    /// Early releases have none (before late 3.4): its absence is no error.
    Perhaps(Url),
    Declared(Place),
}

impl Wanted {
    /// `known` gives the digest of an upstream file by its name, where quorate's own knowledge has it. An error is what
    /// is wrong with the source as declared.
    pub(super) fn new(
        source: &ReleaseSource,
        version: &Version,
        platform: &Platform,
        known: &dyn Fn(&str) -> Option<Sha256>,
    ) -> Result<Self, (String, String)> {
        match source {
            ReleaseSource::Upstream => {
                let file = format!("{}.tar.gz", top_folder(version, platform));
                let base = format!("{UPSTREAM}/v{version}");
                let parse = |text: &str| Url::parse(text).map_err(|error| (text.to_owned(), error.to_string()));
                let (url, sums) = (parse(&format!("{base}/{file}"))?, parse(&format!("{base}/SHA256SUMS"))?);
                Ok(Self { name: shown(&url), place: Place::Web(url), pin: known(&file), sums: Sums::Perhaps(sums) })
            }
            ReleaseSource::Url(source) => Self::declared(source, version, platform),
        }
    }

    fn declared(source: &UrlSource, version: &Version, platform: &Platform) -> Result<Self, (String, String)> {
        let expand = |template: &str| UrlSource::expand(template, version, &platform.arch, &platform.os);
        let (name, place) = place(&expand(&source.url))?;
        let by_arch = source.sha256.get(&format!("{version}-{}", platform.arch));
        let pin = by_arch.or_else(|| source.sha256.get(&version.to_string())).copied();
        if matches!(&place, Place::Web(url) if url.scheme() == "http") && pin.is_none() {
            return Err((
                name,
                format!("http:// is accepted only with a pinned digest: `sha256 = {{ \"{version}\" = … }}`"),
            ));
        }
        let sums = match &source.sha256sums {
            None => Sums::None,
            Some(template) => {
                let (sums_name, sums) = self::place(&expand(template))?;
                if matches!(&sums, Place::Web(url) if url.scheme() == "http") && pin.is_none() {
                    return Err((
                        sums_name,
                        "digests that come by http:// prove nothing: use https:// or file://".into(),
                    ));
                }
                Sums::Declared(sums)
            }
        };
        Ok(Self { name, place, pin, sums })
    }
}

/// The one folder that an archive of etcd holds.
pub(super) fn top_folder(version: &Version, platform: &Platform) -> String {
    format!("etcd-v{version}-{}-{}", platform.os, platform.arch)
}

fn place(text: &str) -> Result<(String, Place), (String, String)> {
    let url = Url::parse(text).map_err(|error| (text.chars().take(200).collect(), format!("no URL: {error}")))?;
    let name = shown(&url);
    match url.scheme() {
        "http" | "https" => Ok((name, Place::Web(url))),
        "file" => match url.to_file_path() {
            Ok(path) => Ok((name, Place::File(path))),
            Err(()) => Err((name, "a file:// URL needs an absolute path: file:///srv/etcd.tar.gz".into())),
        },
        other => Err((name, format!("{other}:// is not understood: use https://, http:// or file://"))),
    }
}

/// A URL without what may be secret in it.
pub(super) fn shown(url: &Url) -> String {
    let mut url = url.clone();
    // Fails only for URLs that can have neither, such as file:///x.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    url.to_string()
}

/// The digest of `file` in a `SHA256SUMS` text: lines of a digest and a name, which may have a `*` before it.
pub(super) fn find_in_sums(text: &str, file: &str) -> Option<Sha256> {
    text.lines().find_map(|line| {
        let (digest, name) = line.trim().split_once(char::is_whitespace)?;
        let name = name.trim_start().trim_start_matches('*').trim_start_matches("./");
        (name == file).then(|| digest.parse().ok()).flatten()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> UrlSource {
        UrlSource { url: url.into(), sha256: [].into(), sha256sums: None }
    }

    fn wanted(source: UrlSource) -> Result<Wanted, (String, String)> {
        Wanted::new(&ReleaseSource::Url(source), &Version::new(3, 2, 32), &Platform::linux("amd64"), &|_| None)
    }

    #[test]
    fn upstream_is_named_as_it_names_itself() {
        let digest = Sha256::of(b"x");
        let known = |file: &str| (file == "etcd-v3.2.32-linux-arm64.tar.gz").then_some(digest);
        let version = Version::new(3, 2, 32);
        let wanted = Wanted::new(&ReleaseSource::Upstream, &version, &Platform::linux("arm64"), &known).unwrap();
        assert_eq!(
            wanted.name,
            "https://github.com/etcd-io/etcd/releases/download/v3.2.32/etcd-v3.2.32-linux-arm64.tar.gz"
        );
        assert_eq!(wanted.pin, Some(digest));
    }

    #[test]
    fn a_declared_source_is_filled_in_and_its_pin_found() {
        let [version, arch] = ["version", "arch"].map(UrlSource::placeholder);
        let mut source = url(&format!("https://u:secret@mirror.example/{version}/{arch}.tgz?token=secret"));
        source.sha256 = [("3.2.32".into(), Sha256::of(b"all")), ("3.2.32-amd64".into(), Sha256::of(b"amd64"))].into();
        let found = wanted(source).unwrap();
        assert_eq!(found.name, "https://mirror.example/3.2.32/amd64.tgz");
        assert_eq!(found.pin, Some(Sha256::of(b"amd64")));
        assert!(matches!(found.place, Place::Web(url) if url.query() == Some("token=secret")));
    }

    #[test]
    fn http_needs_a_pin_and_other_schemes_are_refused() {
        assert!(wanted(url("http://mirror/etcd.tar.gz")).unwrap_err().1.contains("pinned"));
        let mut pinned = url("http://mirror/etcd.tar.gz");
        pinned.sha256 = [("3.2.32".into(), Sha256::of(b""))].into();
        assert!(wanted(pinned).is_ok());
        let mut sums = url("https://mirror/etcd.tar.gz");
        sums.sha256sums = Some("http://mirror/SHA256SUMS".into());
        assert!(wanted(sums).unwrap_err().1.contains("prove nothing"));
        for bad in ["ftp://mirror/x", "etcd.tar.gz", "", "file://host/etcd.tar.gz", "javascript:alert(1)"] {
            assert!(wanted(url(bad)).is_err(), "{bad}");
        }
    }

    #[test]
    fn reads_sums_as_release_pages_have_them() {
        let (a, b) = (Sha256::of(b"a"), Sha256::of(b"b"));
        let text = format!("{a}  etcd-a.tar.gz\r\n{b} *./etcd-b.tar.gz\nnonsense\nabcd  etcd-c.tar.gz\n");
        assert_eq!(find_in_sums(&text, "etcd-a.tar.gz"), Some(a));
        assert_eq!(find_in_sums(&text, "etcd-b.tar.gz"), Some(b));
        assert_eq!(find_in_sums(&text, "etcd-c.tar.gz"), None);
        assert_eq!(find_in_sums(&text, "a.tar.gz"), None);
    }
}
