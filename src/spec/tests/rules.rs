//! Whatever is reported names a rule, and each rule is one that some spec breaks.

use std::collections::BTreeSet;

use super::super::{RULES, SpecRule};
use super::{Fixture, cluster_with, setting};

/// A spec whose setting is a variable, declared so.
fn variable(body: &str) -> Fixture {
    setting("var.x").file("variables.hcl", format!("variable \"x\" {{\n{body}\n}}\n"))
}

/// For each rule a spec that breaks it; none breaks `Internal`.
fn one_of_each() -> Vec<(SpecRule, Fixture)> {
    let slo = "  rollout {\n    availability = \"off\"\n    slo {\n      max_stall = \"2s\"\n    }\n  }";
    let condition = "  validation {\n    condition = var.x < 10\n    error_message = \"At most nine.\"\n  }";
    vec![
        (SpecRule::Files, Fixture::empty()),
        (SpecRule::Syntax, Fixture::new("cluster \"p\" {\n")),
        (SpecRule::Characters, Fixture::new("# \u{202e}\n")),
        (SpecRule::Limits, setting(&format!("\"{}\"", "a".repeat(5000)))),
        (SpecRule::UnknownSetting, cluster_with("  verison = \"3.2.32\"")),
        (SpecRule::Label, Fixture::new("cluster {\n}\n")),
        (SpecRule::UnknownName, setting("nope")),
        (SpecRule::Missing, Fixture::new("cluster \"p\" {\n}\n")),
        (SpecRule::Duplicate, cluster_with("  member \"m1\" { address = \"10.0.0.12\" }")),
        (SpecRule::Type, cluster_with("  settings = \"x\"")),
        (SpecRule::Value, cluster_with("  backup {\n    to = \"s3://bucket\"\n  }")),
        (SpecRule::Name, cluster_with("  member \"a b\" { address = \"10.0.0.12\" }")),
        (SpecRule::Hosts, cluster_with("  member \"m2\" { address = \"10.0.0.11\" }")),
        (SpecRule::Secret, variable("  sensitive = true").var("x", "hunter2")),
        (SpecRule::Expression, setting("1 / 0")),
        (SpecRule::Release, cluster_with("  release {\n    url = \"http://m.example/$${version}\"\n  }")),
        (SpecRule::NoEffect, cluster_with(slo)),
        (SpecRule::RequiredVersion, setting("1").file("tool.hcl", "quorate {\n  required_version = \"> 99\"\n}\n")),
        (SpecRule::VariableType, variable("  type = strin")),
        (SpecRule::VariableNotSet, variable("")),
        (SpecRule::VariableValue, variable("  type = number").var("x", "many")),
        (SpecRule::VariableUndeclared, variable("  default = 1").var("xx", "2")),
        (SpecRule::VariableCondition, variable(&format!("  default = 50\n{condition}"))),
        (SpecRule::VariableFile, variable("  default = 1").file("v.json", "[1]").var_file("v.json")),
    ]
}

#[test]
fn each_rule_is_broken_by_some_spec_and_shown_by_its_name() {
    let specs = one_of_each();
    for (rule, fixture) in &specs {
        let errors = fixture.errors();
        let named: BTreeSet<SpecRule> = errors.iter().map(|error| error.rule).collect();
        assert!(named.contains(rule), "{rule:?}, not {named:?}: {}", fixture.render(&errors));
        let shown = fixture.render(&errors);
        assert!(shown.lines().any(|line| line == rule.name()), "{rule:?} is not named: {shown}");
    }
    let broken: BTreeSet<SpecRule> = specs.into_iter().map(|(rule, _)| rule).chain([SpecRule::Internal]).collect();
    let all: BTreeSet<SpecRule> = SpecRule::ALL.iter().copied().collect();
    assert_eq!(broken, all);
}

#[test]
fn each_rule_has_a_name_of_its_own_and_says_what_why_and_what_to_do() {
    let names: BTreeSet<&str> = SpecRule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(names.len(), SpecRule::ALL.len());
    assert!(SpecRule::ALL.iter().map(|rule| rule.name()).eq(RULES.iter().map(|rule| rule.name)));
    for rule in RULES {
        assert!(rule.name.starts_with("spec-") || rule.name.starts_with("variable-"), "{}", rule.name);
        for text in [rule.what, rule.why, rule.fix] {
            assert!(text.len() > 20 && text.ends_with('.'), "{}: {text}", rule.name);
        }
    }
}
