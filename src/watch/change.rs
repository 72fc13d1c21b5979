//! What is new since those who are told of changes were last told.

use std::collections::BTreeMap;

use crate::drift::{Check, Drift, Finding};
use crate::units::{ClusterName, MemberName};

/// What makes a finding the same one in the next look, whatever its words are: a certificate that ends in 17 days is the
/// one that ended in 18.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    pub check: Check,
    pub member: Option<MemberName>,
    pub subject: String,
}

impl Key {
    #[must_use]
    pub fn of(finding: &Finding) -> Self {
        Self { check: finding.check, member: finding.member.clone(), subject: finding.subject.clone() }
    }
}

/// What somebody was told last: the findings that there were, and whether there was a look at all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Heard {
    pub findings: BTreeMap<Key, Finding>,
    /// Why nobody could look, where the last look failed.
    pub failed: Option<String>,
}

/// Who was told what. What did not get through counts as not told: it is told after the next look.
#[derive(Debug, Clone, Default)]
pub struct Told {
    pub cluster: Option<ClusterName>,
    pub webhook: Heard,
    pub alertmanager: Heard,
    /// When each finding that is there now was first seen, RFC 3339.
    pub since: BTreeMap<Key, String>,
}

/// What is to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    pub appeared: Vec<Finding>,
    pub gone: Vec<Finding>,
    /// Looks could be taken before, and now one could not, and why; or the other way round.
    pub sight: Sight,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    AsBefore,
    Lost { why: String },
    Back,
}

impl Change {
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.appeared.is_empty() && self.gone.is_empty() && self.sight == Sight::AsBefore
    }
}

/// From what was told last to what was seen now. A look that failed says nothing of findings: they stay as they were.
#[must_use]
pub fn change(heard: &Heard, looked: Result<&Drift, &str>) -> Change {
    let drift = match (looked, &heard.failed) {
        (Err(_), Some(_)) => return Change { appeared: Vec::new(), gone: Vec::new(), sight: Sight::AsBefore },
        (Err(why), None) => {
            return Change { appeared: Vec::new(), gone: Vec::new(), sight: Sight::Lost { why: why.to_owned() } };
        }
        (Ok(drift), _) => drift,
    };
    let now: BTreeMap<Key, &Finding> = drift.findings.iter().map(|finding| (Key::of(finding), finding)).collect();
    Change {
        appeared: drift
            .findings
            .iter()
            .filter(|finding| !heard.findings.contains_key(&Key::of(finding)))
            .cloned()
            .collect(),
        gone: heard
            .findings
            .iter()
            .filter(|(key, _)| !now.contains_key(key))
            .map(|(_, finding)| finding.clone())
            .collect(),
        sight: if heard.failed.is_some() { Sight::Back } else { Sight::AsBefore },
    }
}

/// What whoever was told of this look has heard.
#[must_use]
pub fn heard(before: &Heard, looked: Result<&Drift, &str>) -> Heard {
    match looked {
        Err(why) => Heard { failed: Some(why.to_owned()), ..before.clone() },
        Ok(drift) => Heard {
            findings: drift.findings.iter().map(|finding| (Key::of(finding), finding.clone())).collect(),
            failed: None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::drift::tests::told;
    use crate::plan::tests::builders::{Situation, healthy};

    fn drift(situation: Situation) -> Drift {
        told(situation).drift()
    }

    #[test]
    fn only_what_is_new_or_gone_is_told() {
        let (well, down) = (drift(healthy("3.5.33")), drift(healthy("3.5.33").down("m3")));
        let nobody = Heard::default();
        assert!(change(&nobody, Ok(&well)).is_none());
        let first = change(&nobody, Ok(&down));
        assert_eq!((first.appeared.len(), first.gone.len()), (1, 0));
        let heard_of_it = heard(&nobody, Ok(&down));
        assert!(change(&heard_of_it, Ok(&down)).is_none());
        let back = change(&heard_of_it, Ok(&well));
        assert_eq!((back.appeared.len(), back.gone.len()), (0, 1));
        assert_eq!(back.gone[0].check, Check::MemberRunning);
    }

    #[test]
    fn other_words_for_the_same_thing_are_no_change() {
        let mut later = drift(healthy("3.5.33").down("m3"));
        let before = heard(&Heard::default(), Ok(&later));
        later.findings[0].found = "in other words".to_owned();
        assert!(change(&before, Ok(&later)).is_none());
        later.findings[0].subject = "another".to_owned();
        let change = change(&before, Ok(&later));
        assert_eq!((change.appeared.len(), change.gone.len()), (1, 1));
    }

    #[test]
    fn a_look_that_failed_is_told_once_and_makes_no_finding_go() {
        let down = drift(healthy("3.5.33").down("m3"));
        let before = heard(&Heard::default(), Ok(&down));
        let lost = change(&before, Err("no route"));
        assert_eq!(lost.sight, Sight::Lost { why: "no route".to_owned() });
        assert!(lost.gone.is_empty());
        let blind = heard(&before, Err("no route"));
        assert!(change(&blind, Err("no route, still")).is_none());
        let back = change(&blind, Ok(&down));
        assert_eq!((back.sight.clone(), back.appeared.len(), back.gone.len()), (Sight::Back, 0, 0));
        assert!(!back.is_none());
    }
}
