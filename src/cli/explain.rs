//! `quorate explain`: what a name in a plan, a refusal or a journal stands for.

use std::collections::BTreeSet;
use std::path::Path;

use super::args::ExplainArgs;
use super::context::{Format, Screen};
use super::exit::Exit;
use super::failure::Failure;
use super::session::failure_of;
use crate::knowledge::Knowledge;
use crate::session::{CommandRule, knowledge_of};
use crate::spec::did_you_mean;
use crate::view::{Explained, all_rules, explain_json, explain_text, json_line, names_json, names_text};

pub fn run(args: &ExplainArgs, screen: &Screen) -> Result<Exit, Failure> {
    let knowledge = knowledge_of(args.modules.as_deref()).map_err(failure_of)?;
    let Some(name) = &args.name else {
        screen.out.write(&match screen.format {
            Format::Json => json_line(&names_json(&knowledge)),
            Format::Human => names_text(&knowledge, screen.style()),
        });
        return Ok(Exit::Success);
    };
    let mut place = 0;
    let written = found(name, &knowledge, |explained| {
        place += 1;
        match screen.format {
            Format::Json => json_line(&explain_json(explained)),
            Format::Human if place > 1 => format!("\n{}", explain_text(explained, screen.style())),
            Format::Human => explain_text(explained, screen.style()),
        }
    });
    if written.is_empty() {
        return Err(unknown(name, &knowledge));
    }
    for text in written {
        screen.out.write(&text);
    }
    Ok(Exit::Success)
}

/// All that has this name, each as it is shown: a rule may have the name of the option that it is about.
fn found(name: &str, knowledge: &Knowledge, show: impl FnMut(Explained<'_>) -> String) -> Vec<String> {
    let found = knowledge.explain(name);
    let rule = all_rules().find(|rule| rule.name == name).map(Explained::Rule);
    let fact = found.as_ref().map(|fact| {
        let rung = knowledge.rungs().iter().find(|rung| rung.fact.name == name);
        rung.map_or(Explained::Fact(fact), Explained::Rung)
    });
    rule.into_iter().chain(fact).map(show).collect()
}

/// Every name that is explained, in order.
pub(super) fn names(modules: Option<&Path>) -> Result<Vec<String>, Failure> {
    let knowledge = knowledge_of(modules).map_err(failure_of)?;
    let names = all_rules().map(|rule| rule.name).chain(knowledge.names());
    let names: BTreeSet<&str> = names.collect();
    Ok(names.into_iter().map(str::to_owned).collect())
}

fn unknown(name: &str, knowledge: &Knowledge) -> Failure {
    let names = all_rules().map(|rule| rule.name).chain(knowledge.names());
    let near = did_you_mean(name, names).map(|near| format!("did you mean {near}?"));
    Failure::Ruled {
        rule: CommandRule::CommandLine,
        message: format!("nothing here is called \"{name}\""),
        todo: near.into_iter().chain(["`quorate explain` lists all names".to_owned()]).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::spec::SpecRule;
    use crate::view::{Style, names_json};

    /// All that stands in a plan, a refusal, a journal or an error under a name of its own.
    #[test]
    fn all_names_are_explained_as_text_and_as_json() {
        let knowledge = knowledge_of(None).unwrap();
        let names = names_json(&knowledge);
        let names: BTreeSet<&str> =
            names["names"].as_array().unwrap().iter().map(|name| name["name"].as_str().unwrap()).collect();
        assert!(names.len() > 300);
        for name in names {
            let all = found(name, &knowledge, |explained| {
                let text = explain_text(explained, Style::plain(100));
                assert!(text.lines().count() > 1, "{name}: {text}");
                // Held against its schema as it is written.
                json_line(&explain_json(explained))
            });
            assert!(!all.is_empty(), "{name} is listed and not explained");
        }
    }

    /// What an error names can be asked for.
    #[test]
    fn every_rule_of_a_spec_and_of_a_command_is_explained() {
        let of_specs = SpecRule::ALL.iter().map(|rule| rule.name());
        for name in of_specs.chain(CommandRule::ALL.iter().map(|rule| rule.name())) {
            assert!(all_rules().any(|rule| rule.name == name), "{name} is explained nowhere");
        }
    }

    #[test]
    fn a_rule_has_one_name_and_a_name_one_rule() {
        let mut names = BTreeSet::new();
        for rule in all_rules() {
            assert!(names.insert(rule.name), "{} twice", rule.name);
            assert!(!rule.what.is_empty() && !rule.why.is_empty(), "{}", rule.name);
        }
    }
}
