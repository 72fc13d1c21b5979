//! Digests and versions of programs on hosts, kept from look to look: to read every binary of every member each time is
//! most of the work of a look. A file is known by its print: device, inode, size, and times, of which nobody but the
//! system sets the last. What was read more than a day ago is read again.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use time::{Duration, OffsetDateTime};

use crate::observe::answer::Answer;
use crate::units::{MemberName, Sha256};

/// For how long a digest is believed.
const BELIEVED: Duration = Duration::days(1);

/// The clock that took the time of an entry may have been ahead of this one by so much.
const CLOCKS_DIFFER: Duration = Duration::minutes(5);

/// Most files of one host that are remembered: they are arguments of the probe.
const MOST_FILES: usize = 48;

/// The form of what is kept. Another number is another quorate's: all is read again.
const FORM: u32 = 1;

/// What is known of files on the hosts of members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenFiles {
    form: u32,
    /// By member, then by print.
    members: BTreeMap<MemberName, BTreeMap<String, SeenFile>>,
}

/// One file that was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct SeenFile {
    sha256: Sha256,
    /// First line of `--version`, where it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(with = "time::serde::rfc3339")]
    read_at: OffsetDateTime,
}

impl SeenFile {
    fn is_believed(&self, now: OffsetDateTime) -> bool {
        let age = now - self.read_at;
        age < BELIEVED && age > -CLOCKS_DIFFER
    }
}

impl SeenFiles {
    /// What an earlier look has kept; nothing where it cannot be read.
    pub fn read(text: &[u8]) -> Self {
        serde_json::from_slice(text).ok().filter(|seen: &Self| seen.form == FORM).unwrap_or_default()
    }

    pub fn text(&self) -> Vec<u8> {
        serde_json::to_vec(&Self { form: FORM, members: self.members.clone() }).unwrap_or_default()
    }

    fn believed(&self, member: &MemberName, now: OffsetDateTime) -> impl Iterator<Item = (&String, &SeenFile)> {
        self.members.get(member).into_iter().flatten().filter(move |(_, file)| file.is_believed(now))
    }

    /// The arguments of a probe: what it need not read again.
    pub(super) fn arguments(&self, member: &MemberName, now: OffsetDateTime) -> Vec<String> {
        let of_file = |(print, file): (&String, &SeenFile)| {
            let version = file.version.is_some().then(|| format!("version-of={print}"));
            std::iter::once(format!("digest-of={print}")).chain(version).collect::<Vec<_>>()
        };
        self.believed(member, now).take(MOST_FILES).flat_map(of_file).collect()
    }

    /// Adds to an answer what the probe left out because it is known.
    pub(super) fn complete(&self, member: &MemberName, now: OffsetDateTime, answer: &mut Answer) {
        let known: BTreeMap<&String, &SeenFile> = self.believed(member, now).collect();
        for (inode, print) in &answer.prints {
            let Some(file) = known.get(print) else { continue };
            answer.digests.entry(inode.clone()).or_insert(file.sha256);
            if let Some(version) = &file.version {
                answer.versions.entry(inode.clone()).or_insert_with(|| version.clone());
            }
        }
    }

    /// With what a later look has learned; what it says of a member replaces what was known.
    #[must_use]
    pub fn with(mut self, later: &Self) -> Self {
        self.members.extend(later.members.clone());
        self
    }

    /// What an answer, completed by `before`, says of a host's files. Files that it does not tell of are forgotten.
    pub(super) fn learn(&mut self, member: &MemberName, now: OffsetDateTime, answer: &Answer, before: &Self) {
        let known: BTreeMap<&String, &SeenFile> = before.believed(member, now).collect();
        let files = answer.prints.iter().filter_map(|(inode, print)| {
            let (sha256, version) = (*answer.digests.get(inode)?, answer.versions.get(inode).cloned());
            let unchanged = known.get(print).filter(|file| file.sha256 == sha256 && file.version == version);
            let read_at = unchanged.map_or(now, |file| file.read_at);
            Some((print.clone(), SeenFile { sha256, version, read_at }))
        });
        self.members.insert(member.clone(), files.take(MOST_FILES).collect());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const NOW: OffsetDateTime = datetime!(2026-03-01 12:00 UTC);
    const PRINT: &str = "65024:77:16000000:2026-02-01 10:00:00.123456789 +0000:2026-02-01 10:00:01.000000001 +0000";

    fn answer(version: Option<&str>) -> Answer {
        let mut answer = Answer::default();
        answer.prints.insert("65024:77".into(), PRINT.into());
        answer.digests.insert("65024:77".into(), Sha256([7; 32]));
        answer.versions.extend(version.map(|version| ("65024:77".to_owned(), version.to_owned())));
        answer
    }

    fn learned(version: Option<&str>) -> SeenFiles {
        let mut seen = SeenFiles::default();
        seen.learn(&"m1".parse().unwrap(), NOW, &answer(version), &SeenFiles::default());
        seen
    }

    #[test]
    fn what_was_read_is_not_asked_for_again_for_a_day() {
        let member = "m1".parse().unwrap();
        let seen = SeenFiles::read(&learned(Some("etcd Version: 3.1.20")).text());
        let arguments = [format!("digest-of={PRINT}"), format!("version-of={PRINT}")];
        let later = NOW + Duration::hours(23);
        assert_eq!(seen.arguments(&member, later), arguments);
        let mut answer = Answer::default();
        answer.prints.insert("65024:77".into(), PRINT.into());
        seen.complete(&member, later, &mut answer);
        assert_eq!(answer.digests["65024:77"], Sha256([7; 32]));
        assert_eq!(answer.versions["65024:77"], "etcd Version: 3.1.20");
        // It was not read at that look: its day began with the first.
        let mut again = SeenFiles::default();
        again.learn(&member, later, &answer, &seen);
        assert_eq!(again.members, seen.members);
        for late in [NOW + Duration::hours(25), NOW - Duration::hours(1)] {
            assert_eq!(seen.arguments(&member, late), Vec::<String>::new());
            let mut answer = Answer { prints: answer.prints.clone(), ..Answer::default() };
            seen.complete(&member, late, &mut answer);
            assert!(answer.digests.is_empty() && answer.versions.is_empty());
        }
    }

    #[test]
    fn a_version_that_was_not_asked_for_is_asked_for() {
        let member = "m1".parse().unwrap();
        assert_eq!(learned(None).arguments(&member, NOW), [format!("digest-of={PRINT}")]);
        assert_eq!(learned(None).arguments(&"m2".parse().unwrap(), NOW), Vec::<String>::new());
    }

    #[test]
    fn another_file_is_not_taken_for_it() {
        let mut other = Answer::default();
        other.prints.insert("65024:77".into(), PRINT.replace("16000000", "16000001"));
        learned(None).complete(&"m1".parse().unwrap(), NOW, &mut other);
        assert!(other.digests.is_empty());
    }

    #[test]
    fn what_is_damaged_or_of_another_form_is_nothing() {
        let text = String::from_utf8(learned(None).text()).unwrap();
        assert_eq!(SeenFiles::read(text.as_bytes()).members.len(), 1);
        for text in ["", "{}", &text[..40], &text.replace("\"form\":1", "\"form\":2")] {
            assert_eq!(SeenFiles::read(text.as_bytes()), SeenFiles::default());
        }
    }
}
