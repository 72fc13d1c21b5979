//! Asks the sources one after the other, and the cache before them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::digests::DIGESTS;
use super::fetch::{self, Bounds, Miss};
use super::unpack::{self, Limits, Refusal};
use super::wanted::{Place, Sums, Wanted, find_in_sums, shown, top_folder};
use super::{ArtifactError, Attempt, Binary, Checked, Fetched, Platform, Release, cache};
use crate::spec::model::ReleaseSource;
use crate::units::{Bytes, Sha256, Version};

pub(super) struct Search<'a> {
    pub version: &'a Version,
    pub platform: &'a Platform,
    pub cache: &'a Path,
    /// Made when first needed: that takes longer than to look into the cache.
    pub client: OnceLock<reqwest::Client>,
    pub bounds: Bounds,
    pub limits: Limits,
}

/// What a source gave.
enum Outcome {
    Here(Release),
    Missing(String),
}

impl Search<'_> {
    pub(super) async fn run(
        &self,
        sources: &[ReleaseSource],
        known: &dyn Fn(&str) -> Option<Sha256>,
        progress: &(dyn Fn(Fetched) + Send + Sync),
    ) -> Result<Release, ArtifactError> {
        if !self.platform.is_known() {
            return Err(ArtifactError::UnknownPlatform(self.platform.clone()));
        }
        let all: Vec<_> =
            sources.iter().map(|source| Wanted::new(source, self.version, self.platform, known)).collect();
        if let Some(release) = self.look_in_cache(all.iter().flatten()).await? {
            return Ok(release);
        }
        let mut attempts = Vec::new();
        for wanted in all {
            let (source, seen) = match wanted {
                Ok(wanted) => match self.obtain(&wanted, progress).await? {
                    Outcome::Here(release) => return Ok(release),
                    Outcome::Missing(seen) => (wanted.name, seen),
                },
                Err(wrong) => wrong,
            };
            attempts.push(Attempt { source, seen });
        }
        Err(ArtifactError::NoSource { version: self.version.clone(), platform: self.platform.clone(), attempts })
    }

    fn client(&self) -> Result<&reqwest::Client, ArtifactError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let client = fetch::client(&self.bounds).build().map_err(|error| ArtifactError::Cache {
            path: self.cache.into(),
            reason: format!("no HTTP client: {error}"),
        })?;
        Ok(self.client.get_or_init(|| client))
    }

    pub(super) async fn in_cache(&self, sources: &[ReleaseSource]) -> Option<Release> {
        let all = sources.iter().map(|source| Wanted::new(source, self.version, self.platform, &|_| None));
        let all: Vec<_> = all.flatten().collect();
        self.look_in_cache(all.iter()).await.ok().flatten()
    }

    /// A cached release serves when it came from a source that is still declared, and still has the digest that is
    /// asked for there. What lies on this machine is compared with the cache each time.
    async fn look_in_cache(&self, wanted: impl Iterator<Item = &Wanted>) -> Result<Option<Release>, ArtifactError> {
        let place = cache::place(self.cache, self.version, self.platform);
        let (version, platform, cache) = (self.version.clone(), self.platform.clone(), self.cache.to_owned());
        let load = move || {
            DIGESTS.recall(&cache);
            Ok(cache::load(&place, &version, &platform))
        };
        let Some(mut release) = self.blocking(load).await? else { return Ok(None) };
        for wanted in wanted.filter(|wanted| wanted.name == release.source) {
            if wanted.pin.is_some() && wanted.pin != release.archive_sha256 {
                continue;
            }
            if let Place::File(path) = &wanted.place {
                let (path, known) = (path.clone(), release.clone());
                if !self.blocking(move || Ok(source_is_unchanged(&path, &known))).await? {
                    continue;
                }
            }
            if wanted.pin.is_some() {
                release.checked = Checked::Pinned;
            }
            return Ok(Some(release));
        }
        Ok(None)
    }

    async fn obtain(
        &self,
        wanted: &Wanted,
        progress: &(dyn Fn(Fetched) + Send + Sync),
    ) -> Result<Outcome, ArtifactError> {
        let cache = self.cache.to_owned();
        let workshop = self.blocking(move || cache::workshop(&cache)).await?;
        let archive = workshop.path().join("archive.part");
        let fetched = match &wanted.place {
            Place::File(path) if path.is_dir() => return self.take_folder(wanted, path, workshop).await,
            Place::File(path) => {
                let (from, to, most) = (path.clone(), archive.clone(), self.bounds.archive);
                self.blocking(move || Ok(copy_in(&from, &to, most))).await?
            }
            Place::Web(url) => {
                let mut file = tokio::fs::File::create(&archive).await.map_err(|error| self.cache_error(&error))?;
                fetch::download(self.client()?, &self.bounds, url, &mut file, progress).await.map_err(Miss::seen)
            }
        };
        let digest = match fetched {
            Ok(digest) => digest,
            Err(seen) => return Ok(Outcome::Missing(seen)),
        };
        let checked = match self.expected(wanted).await? {
            Err(seen) => return Ok(Outcome::Missing(seen)),
            Ok(None) => Checked::FirstUse,
            Ok(Some((expected, checked))) if expected == digest => {
                tracing::debug!(source = wanted.name, %digest, "the digest is as expected");
                checked
            }
            Ok(Some((expected, checked))) => return Err(wrong_digest(wanted, digest, expected, checked)),
        };
        let (top, platform, limits) = (top_folder(self.version, self.platform), self.platform.clone(), self.limits);
        let folder = workshop.path().join("release");
        let unpacking = tokio::task::spawn_blocking(move || {
            std::fs::create_dir(&folder).map_err(Refusal::Local)?;
            let archive = std::fs::File::open(&archive).map_err(Refusal::Local)?;
            unpack::unpack(archive, &top, &platform, &folder, limits)
        });
        let binaries = self.unrefused(wanted, unpacking.await)?;
        self.install(wanted, workshop, binaries, Some(digest), checked).await.map(Outcome::Here)
    }

    async fn take_folder(
        &self,
        wanted: &Wanted,
        path: &Path,
        workshop: tempfile::TempDir,
    ) -> Result<Outcome, ArtifactError> {
        if wanted.pin.is_some() || wanted.sums != Sums::None {
            return Err(ArtifactError::Refused {
                source_name: wanted.name.clone(),
                reason: "it is a folder, and `sha256` is the digest of an archive".into(),
                fix: "name the .tar.gz, or take `sha256` and `sha256sums` out".into(),
            });
        }
        let (path, platform, limits) = (path.to_owned(), self.platform.clone(), self.limits);
        let folder = workshop.path().join("release");
        let taking = tokio::task::spawn_blocking(move || {
            std::fs::create_dir(&folder).map_err(Refusal::Local)?;
            unpack::take_folder(&path, &platform, &folder, limits)
        });
        let binaries = self.unrefused(wanted, taking.await)?;
        self.install(wanted, workshop, binaries, None, Checked::FirstUse).await.map(Outcome::Here)
    }

    async fn install(
        &self,
        wanted: &Wanted,
        workshop: tempfile::TempDir,
        binaries: BTreeMap<String, Binary>,
        archive_sha256: Option<Sha256>,
        checked: Checked,
    ) -> Result<Release, ArtifactError> {
        let release = Release {
            version: self.version.clone(),
            platform: self.platform.clone(),
            dir: PathBuf::new(),
            binaries,
            source: wanted.name.clone(),
            archive_sha256,
            checked,
        };
        let place = cache::place(self.cache, self.version, self.platform);
        self.blocking(move || {
            let place = match place.parent().map(Path::canonicalize) {
                Some(Ok(parent)) => parent.join(place.file_name().unwrap_or_default()),
                _ => place,
            };
            cache::install(&workshop.path().join("release"), &place, release)
        })
        .await
    }

    /// The digest that the archive must have, and who says so; `None` when nobody does. An inner error is what was
    /// seen instead of an answer.
    async fn expected(&self, wanted: &Wanted) -> Result<Result<Option<(Sha256, Checked)>, String>, ArtifactError> {
        if let Some(pin) = wanted.pin {
            return Ok(Ok(Some((pin, Checked::Pinned))));
        }
        let (text, sums_name) = match &wanted.sums {
            Sums::None => return Ok(Ok(None)),
            Sums::Perhaps(url) => match fetch::download_text(self.client()?, &self.bounds, url).await {
                Ok(text) => (text, shown(url)),
                Err(Miss::NotThere(_)) => return Ok(Ok(None)),
                Err(miss) => return Ok(Err(format!("{}: {}", shown(url), miss.seen()))),
            },
            Sums::Declared(Place::Web(url)) => match fetch::download_text(self.client()?, &self.bounds, url).await {
                Ok(text) => (text, shown(url)),
                Err(miss) => return Ok(Err(format!("{}: {}", shown(url), miss.seen()))),
            },
            Sums::Declared(Place::File(path)) => match read_sums(path, self.bounds.sums).await {
                Ok(text) => (text, path.display().to_string()),
                Err(error) => return Ok(Err(format!("{}: {error}", path.display()))),
            },
        };
        // A mirror may have renamed the archive: its sums may name it either way.
        let upstream = format!("{}.tar.gz", top_folder(self.version, self.platform));
        let own = wanted.name.rsplit('/').next().unwrap_or_default();
        match find_in_sums(&text, own).or_else(|| find_in_sums(&text, &upstream)) {
            Some(digest) => Ok(Ok(Some((digest, Checked::Sums)))),
            None => Err(ArtifactError::Refused {
                source_name: wanted.name.clone(),
                reason: format!("{sums_name} does not name {own}"),
                fix: "see whether the file belongs to this release; or pin its digest: `sha256` in the release block"
                    .into(),
            }),
        }
    }

    fn unrefused(
        &self,
        wanted: &Wanted,
        result: Result<Result<BTreeMap<String, Binary>, Refusal>, tokio::task::JoinError>,
    ) -> Result<BTreeMap<String, Binary>, ArtifactError> {
        match result {
            Ok(Ok(binaries)) => Ok(binaries),
            Ok(Err(Refusal::Content(reason))) => Err(ArtifactError::Refused {
                source_name: wanted.name.clone(),
                reason,
                fix: format!("see what is served there: it must be etcd {} for {}", self.version, self.platform),
            }),
            Ok(Err(Refusal::Local(error))) => Err(self.cache_error(&error)),
            Err(error) => Err(self.cache_error(&std::io::Error::other(error))),
        }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
    ) -> Result<T, ArtifactError> {
        match tokio::task::spawn_blocking(work).await {
            Ok(result) => result.map_err(|error| self.cache_error(&error)),
            Err(error) => Err(self.cache_error(&std::io::Error::other(error))),
        }
    }

    fn cache_error(&self, error: &std::io::Error) -> ArtifactError {
        ArtifactError::Cache { path: self.cache.to_owned(), reason: format!("the release cannot be kept: {error}") }
    }
}

/// Copies an archive that lies on this machine, so that what is checked is what is unpacked. An error is what was seen.
fn copy_in(from: &Path, to: &Path, most: Bytes) -> Result<Sha256, String> {
    let meta = std::fs::metadata(from).map_err(|error| error.to_string())?;
    if !meta.is_file() {
        return Err("it is neither a file nor a folder".into());
    }
    if meta.len() > most.0 {
        return Err(format!("it is larger than {most}, which no release of etcd is"));
    }
    std::fs::copy(from, to).and_then(|_| DIGESTS.of(to)).map_err(|error| error.to_string())
}

async fn read_sums(path: &Path, most: Bytes) -> std::io::Result<String> {
    use tokio::io::AsyncReadExt;
    let mut text = String::new();
    tokio::fs::File::open(path).await?.take(most.0).read_to_string(&mut text).await?;
    Ok(text)
}

/// Whether what lies at `path` is what `release` was made from. A source that is gone says nothing against the cache.
fn source_is_unchanged(path: &Path, release: &Release) -> bool {
    match release.archive_sha256 {
        Some(digest) => DIGESTS.of(path).map_or(!path.exists(), |now| now == digest),
        None if !path.exists() => true,
        None => unpack::PROGRAMS.iter().all(|(program, _)| match release.binaries.get(*program) {
            Some(binary) => DIGESTS.of(&path.join(program)).is_ok_and(|now| now == binary.sha256),
            None => !path.join(program).exists(),
        }),
    }
}

fn wrong_digest(wanted: &Wanted, seen: Sha256, expected: Sha256, checked: Checked) -> ArtifactError {
    let who = match checked {
        Checked::Pinned => "the pinned digest",
        Checked::Sums | Checked::FirstUse => "its SHA256SUMS",
    };
    ArtifactError::Refused {
        source_name: wanted.name.clone(),
        reason: format!("its sha256 is {seen}, {who} says {expected}: it was damaged, cut short or replaced"),
        fix: "compare with the digest that etcd's release page shows; fetch again, or name another source".into(),
    }
}
