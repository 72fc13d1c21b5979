//! `release` blocks: where releases of etcd come from.

use std::collections::BTreeMap;

use hcl_edit::structure::Block;

use super::super::eval::Cx;
use super::super::model::{ReleaseSource, UrlSource};
use super::super::rule::SpecRule;
use super::super::section::{Known, Placed, Section, check_characters, wrong_type};
use super::super::source::{FileId, Site};
use super::super::text;
use super::super::value::Value;
use crate::units::{Sha256, Version};

const KNOWN: Known = Known { attributes: &["url", "sha256", "sha256sums"], blocks: &[] };
/// Names that stand for what is wanted of a release, filled in when one is fetched.
const NAMES: [&str; 3] = ["version", "arch", "os"];

pub fn read(file: FileId, block: &Block, version: Option<&Version>, cx: &mut Cx) -> Option<ReleaseSource> {
    let section = Section::of_block(file, block, "release block", cx);
    if !block.labels.is_empty() {
        cx.reports.error(
            SpecRule::Label,
            section.site,
            "Label on release",
            "A release block has no label: release { url = … }.",
        );
    }
    let mark = cx.scope.mark();
    for name in NAMES {
        cx.scope.bind(name, Value::String(UrlSource::placeholder(name)));
    }
    section.expect(&KNOWN, cx);
    section.require("url", "url = \"https://mirror.example/etcd-v${version}-linux-${arch}.tar.gz\"", cx);
    let url = template(&section, "url", cx);
    let sums = template(&section, "sha256sums", cx);
    cx.scope.unbind_to(mark);
    let sha256 = digests(&section, version, cx);
    let Placed { value: url, site } = url?;
    let pinned = section.has("sha256") || section.has("sha256sums");
    if url.starts_with("http://") && !pinned {
        let detail = "Over plain http anybody on the way can change what arrives. Use https, or pin sha256.";
        cx.reports.error(SpecRule::Release, site, "Release without a checksum", detail);
    }
    if !NAMES.iter().any(|name| url.contains(&UrlSource::placeholder(name))) {
        let detail = "It holds neither ${version} nor ${arch}: it serves one release only.";
        cx.reports.warning(SpecRule::Release, Some(site), "The URL is the same for every version", detail);
    }
    Some(ReleaseSource::Url(UrlSource { url, sha256, sha256sums: sums.map(|sums| sums.value) }))
}

/// A URL in which the three names may stand. It goes into plans, so a secret in it is refused.
fn template(section: &Section, name: &str, cx: &mut Cx) -> Option<Placed<String>> {
    let Placed { value, site } = section.plain_value(name, cx)?;
    let Some(url) = value.to_text() else {
        wrong_type(site, name, "a string", &value, cx);
        return None;
    };
    let without_names = NAMES
        .iter()
        .fold(url.clone(), |url, known| url.replace(&UrlSource::placeholder(known), &format!("${{{known}}}")));
    check_characters(site, name, &without_names, cx).ok()?;
    match check_url(&without_names) {
        Ok(()) => Some(Placed { value: url, site }),
        Err(why) => {
            cx.reports.error(SpecRule::Value, site, "Bad URL", why);
            None
        }
    }
}

fn check_url(url: &str) -> Result<(), String> {
    let shown = text::quoted(url);
    if let Some(path) = url.strip_prefix("file://") {
        return if path.starts_with('/') {
            Ok(())
        } else {
            Err(format!(
                "{shown} is not absolute: write file:// and an absolute path; ${{path.module}} is where the spec is."
            ))
        };
    }
    let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let rest = rest.ok_or_else(|| format!("{shown} does not start with https://, http:// or file://."))?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    if host.is_empty() {
        return Err(format!("{shown} names no host."));
    }
    if host.contains('@') {
        return Err("It holds a user or password, which would stand in plans and journals.".to_owned());
    }
    if rest.contains(char::is_whitespace) {
        return Err(format!("{shown} holds a space: write %20."));
    }
    Ok(())
}

/// `sha256`: a map by version and architecture, or one digest, for the version of the cluster.
fn digests(section: &Section, version: Option<&Version>, cx: &mut Cx) -> BTreeMap<String, Sha256> {
    let mut digests = BTreeMap::new();
    let Some(Placed { value, site }) = section.plain_value("sha256", cx) else { return digests };
    if let Value::String(text) = &value {
        if let (Some(digest), Some(version)) = (digest(text, site, cx), version) {
            digests.insert(version.to_string(), digest);
        }
        return digests;
    }
    let Value::Map(_) = value else {
        wrong_type(site, "sha256", "a digest, or a map of digests by \"VERSION-ARCH\"", &value, cx);
        return digests;
    };
    for (key, Placed { value, site }) in section.map("sha256", cx).unwrap_or_default() {
        let (release, arch) = key.split_once('-').map_or((key.as_str(), None), |(release, arch)| (release, Some(arch)));
        let arch_is_plain =
            arch.is_none_or(|arch| !arch.is_empty() && arch.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        if let Err(why) = release.parse::<Version>() {
            cx.reports.error(
                SpecRule::Value,
                site,
                "Bad version",
                format!("In the key {}: {why}.", text::quoted(&key)),
            );
        } else if !arch_is_plain {
            let detail = format!("{} is not \"VERSION-ARCH\", such as \"3.2.32-amd64\".", text::quoted(&key));
            cx.reports.error(SpecRule::Value, site, "Bad key", detail);
        }
        match value.to_text() {
            Some(text) => digests.extend(digest(&text, site, cx).map(|digest| (key, digest))),
            None => {
                wrong_type(site, "a digest", "a string", &value, cx);
            }
        }
    }
    digests
}

fn digest(text: &str, site: Site, cx: &mut Cx) -> Option<Sha256> {
    let digest = text.parse();
    if digest.is_err() {
        let detail = format!(
            "{} is not a SHA-256 digest: 64 hexadecimal digits; this has {} characters.",
            text::quoted(text),
            text.chars().count()
        );
        cx.reports.error(SpecRule::Value, site, "Bad digest", detail);
    }
    digest.ok()
}
