//! `quorate explain`: what a name in a plan, a refusal or a journal stands for.

use super::args::ExplainArgs;
use super::context::{Format, Screen};
use super::exit::Exit;
use super::failure::Failure;
use super::session::failure_of;
use crate::drift;
use crate::knowledge::Knowledge;
use crate::plan::rules;
use crate::session::knowledge_of;
use crate::spec::did_you_mean;
use crate::view::{Explained, explain_json, explain_text, json_line, names_json, names_text};

pub fn run(args: &ExplainArgs, screen: &Screen) -> Result<Exit, Failure> {
    let knowledge = knowledge_of(args.modules.as_deref()).map_err(failure_of)?;
    let Some(name) = &args.name else {
        screen.out.write(&match screen.format {
            Format::Json => json_line(&names_json(&knowledge)),
            Format::Human => names_text(&knowledge, screen.style()),
        });
        return Ok(Exit::Success);
    };
    let found = knowledge.explain(name);
    // A rule may have the name of the option that it is about: both are told.
    let rule = rules::find(name).or_else(|| drift::RULES.iter().find(|rule| rule.name == *name));
    let rule = rule.map(Explained::Rule);
    let fact = found.as_ref().map(|fact| {
        let rung = knowledge.rungs().iter().find(|rung| rung.fact.name == *name);
        rung.map_or(Explained::Fact(fact), Explained::Rung)
    });
    let all: Vec<Explained<'_>> = rule.into_iter().chain(fact).collect();
    if all.is_empty() {
        return Err(unknown(name, &knowledge));
    }
    for (place, explained) in all.into_iter().enumerate() {
        screen.out.write(&match screen.format {
            Format::Json => json_line(&explain_json(explained)),
            Format::Human if place > 0 => format!("\n{}", explain_text(explained, screen.style())),
            Format::Human => explain_text(explained, screen.style()),
        });
    }
    Ok(Exit::Success)
}

fn unknown(name: &str, knowledge: &Knowledge) -> Failure {
    let names = rules::RULES.iter().chain(drift::RULES).map(|rule| rule.name).chain(knowledge.names());
    let near = did_you_mean(name, names).map(|near| format!("did you mean {near}?"));
    Failure::Other {
        message: format!("nothing here is called \"{name}\""),
        todo: near.into_iter().chain(["`quorate explain` lists all names".to_owned()]).collect(),
    }
}
