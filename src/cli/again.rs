//! The command that does what was shown, with what was given to this one.

use super::context::{Context, VariableInput};
use crate::plan::model::{Kind, Plan};
use crate::view::Again;

/// What does this plan, or finishes its run should that be cut short: given what this command was given. `sensitive` are
/// the variables whose values are never shown.
pub fn finish(context: &Context, plan: &Plan, sensitive: &[String]) -> Again {
    let mut words = plan.finished_by();
    words.extend(until(plan));
    command(context, words, sensitive)
}

/// A way that was cut short is cut short again.
fn until(plan: &Plan) -> Option<String> {
    let goal = plan.goal().minor();
    let goes_on = matches!(plan.kind, Kind::Upgrade | Kind::Downgrade);
    let goes_on = goes_on && plan.summary.from.as_ref() != Some(&plan.summary.to);
    (goes_on && goal != plan.declared.version.minor()).then(|| format!("-until={goal}"))
}

/// `words` are the command's own: its name, and what it is given after all options.
fn command(context: &Context, words: Vec<String>, sensitive: &[String]) -> Again {
    let mut again = head(context);
    let mut words = words.into_iter();
    again.words.extend(words.next());
    add_inputs(&mut again, context, sensitive);
    if let Some(cluster) = &context.cluster {
        again.words.push(format!("-cluster={cluster}"));
    }
    again.words.extend(words);
    again
}

/// `apply` of a saved plan. The spec is read again, with its variables, only where the plan says so.
pub fn apply_saved(context: &Context, file: &std::path::Path, reads_spec: bool, sensitive: &[String]) -> Again {
    let mut again = head(context);
    again.words.push("apply".to_owned());
    let path = file.display().to_string();
    again.words.push(if path.starts_with('-') { format!("./{path}") } else { path });
    if reads_spec {
        add_inputs(&mut again, context, sensitive);
    }
    again
}

fn head(context: &Context) -> Again {
    let mut words = vec!["quorate".to_owned()];
    if let Some(dir) = &context.chdir {
        words.push(format!("-chdir={}", dir.display()));
    }
    Again { words, untold: Vec::new() }
}

fn add_inputs(again: &mut Again, context: &Context, sensitive: &[String]) {
    for input in &context.inputs {
        match input {
            VariableInput::File(path) => again.words.push(format!("-var-file={}", path.display())),
            VariableInput::Value(text) => {
                let name = text.split('=').next().unwrap_or_default().trim();
                if sensitive.iter().any(|secret| secret == name) {
                    again.untold.push(name.to_owned());
                } else {
                    again.words.extend(["-var".to_owned(), text.clone()]);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::args;
    use crate::cli::context::Screen;

    fn context(line: &str) -> Context {
        let argv = line.split(' ').map(std::ffi::OsString::from).collect();
        let parsed = args::parse(crate::cli::argv::with_double_dashes(argv)).ok().unwrap();
        let screen = Screen::of_process(&parsed);
        let args::Command::Plan(plan) = &parsed.command else { panic!("{line}") };
        Context::new(&plan.declared, &parsed, screen).ok().unwrap()
    }

    fn apply() -> Vec<String> {
        vec!["apply".to_owned()]
    }

    #[test]
    fn a_backup_is_named_after_all_options() {
        let given = context("quorate -chdir=prod plan -var a=1 -cluster=main");
        let words = vec!["restore".to_owned(), "/srv/my backups/b1".to_owned()];
        assert_eq!(
            command(&given, words, &[]).command(),
            "quorate -chdir=prod restore -var a=1 -cluster=main '/srv/my backups/b1'"
        );
    }

    #[test]
    fn what_was_given_is_repeated() {
        let plain = context("quorate plan -detailed-exitcode");
        assert_eq!(command(&plain, apply(), &[]).command(), "quorate apply");
        let all = context("quorate -chdir=prod plan -var a=1 -var-file=f.hclvars -var b=x;y -cluster=main");
        assert_eq!(
            command(&all, apply(), &[]).command(),
            "quorate -chdir=prod apply -var a=1 -var-file=f.hclvars -var 'b=x;y' -cluster=main"
        );
        let file = std::path::Path::new("a plan");
        assert_eq!(apply_saved(&all, file, false, &[]).command(), "quorate -chdir=prod apply 'a plan'");
    }

    #[test]
    fn a_way_that_was_cut_short_is_cut_short_again() {
        let mut plan = crate::view::fixtures::held_upgrade();
        assert_eq!(finish(&context("quorate plan"), &plan, &[]).command(), "quorate apply");
        plan.declared.version = "3.4.23".parse().unwrap();
        let goal = plan.goal().minor();
        assert_eq!(
            finish(&context("quorate plan -var a=1"), &plan, &[]).command(),
            format!("quorate apply -var a=1 -until={goal}")
        );
    }

    #[test]
    fn a_secret_is_named_and_not_shown() {
        let given = context("quorate plan -var token=hunter2 -var a=1");
        let again = command(&given, apply(), &["token".to_owned()]);
        assert_eq!((again.command().as_str(), again.untold), ("quorate apply -var a=1", vec!["token".to_owned()]));
    }
}
