//! Gets the releases that a plan needs, and pins them.

use std::collections::BTreeMap;
use std::sync::Mutex;

use futures_util::future::join_all;

use crate::artifact::{Checked, Fetched, Platform, Release, resolve};
use crate::execute::event::Event;
use crate::plan::model::{PinnedBinary, ReleasePin, StepId};
use crate::session::{Events, Session, SessionError};
use crate::units::Version;

/// What could be had, and why the rest could not.
#[derive(Default)]
pub struct Found {
    pub releases: Vec<Release>,
    pub missing: Vec<String>,
}

impl Found {
    pub fn pins(&self) -> Vec<ReleasePin> {
        self.releases.iter().map(pin).collect()
    }
}

pub async fn get(
    session: &Session,
    wanted: impl IntoIterator<Item = (Version, String)>,
    events: Events<'_>,
) -> Result<Found, SessionError> {
    let cache = session.state.cache_dir()?;
    let each = wanted.into_iter().map(|(version, arch)| {
        let cache = cache.clone();
        async move {
            let told = Mutex::new(0);
            let progress = |fetched: Fetched| {
                // A line for each megabyte is enough for anybody.
                let Ok(mut told) = told.lock() else { return };
                if fetched.done.0 >> 20 > *told || Some(fetched.done) == fetched.total {
                    *told = fetched.done.0 >> 20;
                    let what = format!("etcd {version} for linux-{arch}");
                    let (done, total) = (fetched.done, fetched.total);
                    events(Event::Progress { step: StepId(0), member: None, what, done, total });
                }
            };
            let platform = Platform::linux(&arch);
            let sources = &session.cluster.releases;
            resolve(sources, &version, &platform, &cache, |_| None, &progress).await
        }
    });
    let mut found = Found::default();
    for release in join_all(each).await {
        match release {
            Ok(release) => found.releases.push(release),
            Err(error) => found.missing.push(one_line(&error.to_string())),
        }
    }
    Ok(found)
}

/// What was seen, without the advice: a refusal has its own place for that.
fn one_line(error: &str) -> String {
    let seen = error.split("\n  do: ").next().unwrap_or(error);
    seen.lines().map(str::trim).collect::<Vec<_>>().join("; ")
}

pub fn pin(release: &Release) -> ReleasePin {
    let checked = match release.checked {
        Checked::Pinned => "pinned",
        Checked::Sums => "sums",
        Checked::FirstUse => "first-use",
    };
    let binaries: BTreeMap<String, PinnedBinary> = release
        .binaries
        .iter()
        .map(|(program, binary)| (program.clone(), PinnedBinary { sha256: binary.sha256, size: binary.size }))
        .collect();
    ReleasePin {
        version: release.version.clone(),
        arch: release.platform.arch.clone(),
        source: release.source.clone(),
        archive_sha256: release.archive_sha256,
        checked: checked.to_owned(),
        binaries,
    }
}
