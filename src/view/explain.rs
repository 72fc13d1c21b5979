//! What a name stands for: a rule, a gate, a fact of etcd, an option, a rung.

use serde_json::{Value, json};

use super::json::JSON_FORMAT;
use super::page::{Page, Style, Tone, cell};
use crate::drift;
use crate::knowledge::{Explanation, Fact, FactKind, Flag, Knowledge, Rung};
use crate::plan::rules;
use crate::units::{Rule, RuleKind};
use crate::{session, spec};

const LABEL: usize = 10;

/// One name.
#[derive(Debug, Clone, Copy)]
pub enum Explained<'a> {
    Rule(&'static Rule),
    Fact(&'a Explanation<'a>),
    /// A rung is all that is known of the step.
    Rung(&'a Rung),
}

/// Those of plans, of looks, of specs, and of commands.
pub fn all_rules() -> impl Iterator<Item = &'static Rule> {
    rules::RULES.iter().chain(drift::RULES).chain(spec::RULES).chain(session::RULES)
}

#[must_use]
pub fn explain_text(explained: Explained<'_>, style: Style) -> String {
    let mut page = Page::new(style);
    match explained {
        Explained::Rule(rule) => {
            let kind = match rule.kind {
                RuleKind::Check => "a rule that plans are held to",
                RuleKind::Gate => "a gate: waited for during a run, within a bound",
                RuleKind::Drift => "a rule that clusters are held to by drift and status",
                RuleKind::Spec => "a rule that specs, and values of their variables, are held to",
                RuleKind::Command => "a rule that commands are held to",
            };
            head(&mut page, rule.name, kind);
            row(&mut page, "what", rule.what);
            row(&mut page, "why", rule.why);
            row(&mut page, "do", rule.fix);
        }
        Explained::Fact(found) => {
            match (found.fact, found.flag) {
                (Some(fact), _) => write_fact(&mut page, fact, kind(found.kind)),
                (None, Some(flag)) => write_flag(&mut page, flag),
                (None, None) => {}
            }
            if let Some(versions) = found.versions.filter(|_| found.flag.is_none()) {
                row(&mut page, "versions", &versions.to_string());
            }
        }
        Explained::Rung(rung) => write_rung(&mut page, rung),
    }
    page.finish()
}

#[must_use]
pub fn explain_json(explained: Explained<'_>) -> Value {
    let (name, what) = match explained {
        Explained::Rule(rule) => (rule.name, json!({ "rule": rule })),
        Explained::Fact(found) => (name_of(found), json!({ "fact": found })),
        Explained::Rung(rung) => (rung.fact.name.as_str(), json!({ "rung": rung })),
    };
    json!({ "type": "explanation", "format": JSON_FORMAT, "name": name, "is": what })
}

/// Every name that can be asked for, each with what it is.
#[must_use]
pub fn names_text(knowledge: &Knowledge, style: Style) -> String {
    let mut page = Page::new(style);
    let columns = all_names(knowledge).iter().map(|(name, _)| name.len()).max().unwrap_or_default() + 2;
    for (name, what) in all_names(knowledge) {
        page.row(0, &[cell(Tone::Name, name, columns)], Tone::Plain, what);
    }
    page.finish()
}

#[must_use]
pub fn names_json(knowledge: &Knowledge) -> Value {
    let names: Vec<Value> =
        all_names(knowledge).into_iter().map(|(name, what)| json!({ "name": name, "what": what })).collect();
    json!({ "type": "names", "format": JSON_FORMAT, "names": names })
}

fn all_names(knowledge: &Knowledge) -> Vec<(&str, &str)> {
    let rules = all_rules().map(|rule| (rule.name, rule.what));
    let facts = knowledge.names().into_iter().map(|name| {
        let found = knowledge.explain(name);
        (name, found.and_then(|found| found.fact).map_or("an option of etcd", |fact| fact.what.as_str()))
    });
    rules.chain(facts).collect()
}

fn name_of<'a>(found: &Explanation<'a>) -> &'a str {
    found.fact.map(|fact| fact.name.as_str()).or(found.flag.map(|flag| flag.name.as_str())).unwrap_or_default()
}

fn kind(kind: FactKind) -> &'static str {
    match kind {
        FactKind::Rung => "a rung: the step from one minor to the next",
        FactKind::Requirement => "a requirement: it holds before the first member is stopped",
        FactKind::Hazard => "a hazard: something in the data or the cluster that ends members",
        FactKind::Change => "a change that comes without a word",
        FactKind::Advisory => "an advisory for those who use the cluster",
        FactKind::Proof => "a proof that a rung is done",
        FactKind::Rollback => "the way back from a rung",
        FactKind::Downgrade => "the way down that etcd itself has",
        FactKind::Defect => "a defect of releases",
        FactKind::Feature => "what some versions can",
        FactKind::ConfigRule => "a rule for options",
        FactKind::LogPattern => "a line of etcd's log",
        FactKind::Backup => "how a backup is taken",
        FactKind::Restore => "what a backup can be restored into",
        FactKind::Timing => "how long something takes",
        FactKind::Note => "a fact",
        FactKind::Option => "an option of etcd",
    }
}

fn head(page: &mut Page, name: &str, kind: &str) {
    page.text(0, Tone::Strong, &format!("{name}: {kind}"));
}

fn row(page: &mut Page, label: &str, text: &str) {
    if !text.is_empty() {
        page.row(2, &[cell(Tone::Faint, label, LABEL)], Tone::Plain, text);
    }
}

fn write_fact(page: &mut Page, fact: &Fact, kind: &str) {
    head(page, &fact.name, kind);
    row(page, "what", &fact.what);
    row(page, "why", fact.why.as_deref().unwrap_or_default());
    row(page, "do", fact.fix.as_deref().unwrap_or_default());
    row(page, "source", &fact.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
}

fn write_flag(page: &mut Page, flag: &Flag) {
    head(page, &flag.name, kind(FactKind::Option));
    row(page, "known to", &flag.versions.to_string());
    row(page, "variable", &flag.env);
    row(page, "file key", flag.config_key.as_deref().unwrap_or_default());
    row(page, "ignored", &flag.ignored.as_ref().map(ToString::to_string).unwrap_or_default());
    row(page, "deprecated", &flag.deprecated.as_ref().map(ToString::to_string).unwrap_or_default());
    let defaults: Vec<String> =
        flag.defaults.iter().map(|default| format!("{:?} ({})", default.value, default.versions)).collect();
    row(page, "default", &defaults.join(" · "));
    row(page, "guards", flag.guards.as_deref().unwrap_or_default());
    row(page, "do", flag.advice.as_deref().unwrap_or_default());
    row(page, "source", &flag.sources.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "));
}

fn write_rung(page: &mut Page, rung: &Rung) {
    write_fact(page, &rung.fact, kind(FactKind::Rung));
    let parts: [(&str, Vec<&Fact>); 6] = [
        ("requirements", rung.requirements.iter().map(|x| &x.fact).collect()),
        ("hazards", rung.hazards.iter().map(|x| &x.fact).collect()),
        ("changes", rung.changes.iter().map(|x| &x.fact).collect()),
        ("advisories", rung.advisories.iter().map(|x| &x.fact).collect()),
        ("the way back", vec![&rung.rollback.fact]),
        ("the way down", rung.downgrade.iter().map(|x| &x.fact).collect()),
    ];
    for (title, facts) in parts {
        if facts.is_empty() {
            continue;
        }
        page.blank();
        page.text(2, Tone::Strong, title);
        for fact in facts {
            page.text(4, Tone::Plain, &format!("{} ({})", fact.what, fact.name));
        }
    }
}

#[cfg(test)]
mod tests {
    use insta::assert_snapshot;

    use super::*;
    use crate::plan::testing::KNOWLEDGE;

    fn style() -> Style {
        Style { color: super::super::page::Color::Off, width: 100 }
    }

    fn fact(name: &str) -> String {
        let found = KNOWLEDGE.explain(name).unwrap();
        explain_text(Explained::Fact(&found), style())
    }

    #[test]
    fn a_rule_a_gate_a_hazard_an_option_and_a_rung() {
        let rule = |name: &str| explain_text(Explained::Rule(rules::find(name).unwrap()), style());
        let rung = KNOWLEDGE.rungs().iter().find(|rung| rung.fact.name == "3.1-3.2").unwrap();
        let all = [
            rule("binary-on-disk"),
            rule("caught-up"),
            fact("leftover-v2-entries-3.6"),
            fact("enable-v2"),
            explain_text(Explained::Rung(rung), style()),
        ];
        assert_snapshot!(all.join("\n"));
    }

    /// Nothing that can be named ends in silence.
    #[test]
    fn every_name_has_words_and_json() {
        for (name, what) in all_names(&KNOWLEDGE) {
            assert!(!what.is_empty(), "{name}");
            if let Some(found) = KNOWLEDGE.explain(name) {
                assert!(fact(name).lines().count() >= 2, "{name}");
                assert_eq!(explain_json(Explained::Fact(&found))["name"], name);
            }
        }
    }
}
