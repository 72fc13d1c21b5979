//! A whole member: which of its options another version does not know, and its files without them.

use crate::knowledge::{FlagState, Knowledge};
use crate::observe::config_file as yaml;
use crate::observe::inventory::{MemberFacts, OptionFact, OptionSource};
use crate::observe::options::Sources;
use crate::observe::settings::{FileEdit, MOST_FILES, SettingsChange, SettingsFile, SettingsKind};
use crate::settings::decide::{Fate, Question, Setting, decide};
use crate::settings::{command_line, config_file, unit};
use crate::units::Version;

/// What a member's settings become.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    /// `None`: no file is changed.
    pub change: Option<SettingsChange>,
    /// The facts of the member with them.
    pub after: MemberFacts,
    /// Options that stay, though the version does not know them.
    pub unfit: Vec<Unfit>,
}

/// An option that is not rewritten, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unfit {
    pub option: String,
    pub source: OptionSource,
    pub why: String,
}

/// From what a member is started with next to what `to` accepts. `runs`: its version today; what that does not know either
/// has no effect where it stands in a file.
pub fn rewrite(facts: &MemberFacts, runs: Option<&Version>, to: &Version, knowledge: &Knowledge) -> Rewrite {
    let mut work = Work { facts, to, knowledge, texts: facts.files.clone(), edits: Vec::new(), unfit: Vec::new() };
    let args = work.arguments();
    let entries = work.config_file(runs);
    work.environment(runs);
    let Work { texts, edits, unfit, .. } = work;
    let environment: Vec<(String, String)> = facts
        .options
        .iter()
        .filter(|option| option.source == OptionSource::Environment)
        .map(|option| (variable(&option.name), option.value.clone()))
        .collect();
    let options = Sources { args: args.clone(), environment }.options(entries.as_deref(), knowledge);
    let args_before = facts.args.clone();
    let after = if edits.is_empty() {
        facts.clone()
    } else {
        MemberFacts { options, args: args.clone(), files: texts, next_start: None, ..facts.clone() }
    };
    Rewrite { change: (!edits.is_empty()).then_some(SettingsChange { files: edits, args_before, args }), after, unfit }
}

fn variable(option: &str) -> String {
    format!("ETCD_{}", option.replace('-', "_").to_uppercase())
}

struct Work<'a> {
    facts: &'a MemberFacts,
    to: &'a Version,
    knowledge: &'a Knowledge,
    texts: Vec<SettingsFile>,
    edits: Vec<FileEdit>,
    unfit: Vec<Unfit>,
}

impl Work<'_> {
    /// The command line after it.
    fn arguments(&mut self) -> Vec<String> {
        let words = &self.facts.args;
        let settings = command_line::settings(words, self.facts.config_file.is_some(), self.knowledge);
        // The server exits on an argument that it does not know, whether it has an effect or not.
        let question = Question {
            knowledge: self.knowledge,
            to: self.to,
            ignored_today: &|_| false,
            elsewhere: &|name| self.in_environment(name),
        };
        let fates = decide(&settings, &question);
        self.note_unfit(&settings, &fates, &|_| OptionSource::Argument);
        let changed: Vec<usize> = (0..fates.len()).filter(|&place| matches!(fates[place], Fate::Becomes(_))).collect();
        if changed.is_empty() {
            return words.clone();
        }
        match self.edit_command(&settings, &fates) {
            Ok((place, edit, text)) => {
                self.texts[place].text = text;
                self.edits.push(edit);
                command_line::applied(words, &command_line::words(words, &fates, self.knowledge))
            }
            Err(why) => {
                for place in changed {
                    let option = settings[place].name.clone();
                    self.unfit.push(Unfit { option, source: OptionSource::Argument, why: why.clone() });
                }
                words.clone()
            }
        }
    }

    /// The file that the arguments stand in, its change, and its text after it.
    fn edit_command(&self, settings: &[Setting], fates: &[Fate]) -> Result<(usize, FileEdit, String), String> {
        let of_kind = |kind| {
            let files = self.texts.iter().enumerate();
            files.filter(move |(_, file)| file.kind == kind).collect::<Vec<_>>()
        };
        if let [(place, file)] = of_kind(SettingsKind::Arguments)[..] {
            let words: Vec<String> = file.text.lines().map(str::to_owned).collect();
            let fates = self.by_name(&words, settings, fates)?;
            let changes = command_line::words(&words, &fates, self.knowledge);
            let after = command_line::applied(&words, &changes);
            let end = if file.text.ends_with('\n') && !after.is_empty() { "\n" } else { "" };
            let text = format!("{}{end}", after.join("\n"));
            if text.contains('\r') || words.iter().any(String::is_empty) {
                return Err(format!("{} holds empty lines or carriage returns", file.path));
            }
            return Ok((place, FileEdit::of(file, &text)?, text));
        }
        let units = of_kind(SettingsKind::Unit);
        if units.is_empty() {
            return Err(
                "the file that they are set in is not known (a script around etcd?), or holds secrets".to_owned()
            );
        }
        let texts: Vec<(&str, &str)> = units.iter().map(|(_, file)| (file.path.as_str(), file.text.as_str())).collect();
        let command = unit::find(&texts)?;
        let words = self.without_variables(&command)?;
        let visible: Vec<String> = words.iter().map(|&place| command.words[place].plain()).collect();
        let fates = self.by_name(&visible, settings, fates)?;
        let mut changes = vec![command_line::Word::Stays; command.words.len()];
        for (&place, change) in words.iter().zip(command_line::words(&visible, &fates, self.knowledge)) {
            changes[place] = change;
        }
        let (place, file) = units[command.file];
        let text = unit::edited(&file.text, &command, &changes)?;
        Ok((place, FileEdit::of(file, &text)?, text))
    }

    /// Places of the words that are what they seem: a variable alone may stand for any number of words.
    fn without_variables(&self, command: &unit::Command) -> Result<Vec<usize>, String> {
        let words = &command.words;
        for pair in words.windows(2) {
            let takes_next = pair[0].raw.starts_with('-') && !pair[0].raw.contains('=');
            let name = pair[0].raw.trim_start_matches('-').to_owned();
            let is_known = !matches!(self.knowledge.flag_state(&name, self.to), FlagState::Absent { .. });
            if takes_next && pair[1].is_variable() && !is_known {
                return Err(format!("its value is that of the variable {}", pair[1].raw));
            }
        }
        Ok((0..words.len()).filter(|&place| !words[place].is_variable()).collect())
    }

    /// What becomes of the options among other words that should be the same command line: by name, each as often as it is
    /// set.
    fn by_name(&self, words: &[String], settings: &[Setting], fates: &[Fate]) -> Result<Vec<Fate>, String> {
        let there = command_line::settings(words, false, self.knowledge);
        for (setting, fate) in settings.iter().zip(fates) {
            let count = |all: &[Setting]| all.iter().filter(|other| other.name == setting.name).count();
            if matches!(fate, Fate::Becomes(_)) && count(settings) != count(&there) {
                return Err(format!("{} is set by a variable of the unit, or by a script", setting.name));
            }
        }
        let nth = |place: usize| there[..place].iter().filter(|other| other.name == there[place].name).count();
        Ok((0..there.len())
            .map(|place| {
                let same = settings.iter().zip(fates).filter(|(setting, _)| setting.name == there[place].name);
                same.map(|(_, fate)| fate.clone()).nth(nth(place)).unwrap_or(Fate::Stays)
            })
            .collect())
    }

    /// The entries of the config file after it, where there is one.
    fn config_file(&mut self, runs: Option<&Version>) -> Option<Vec<yaml::Entry>> {
        let place = self.texts.iter().position(|file| file.kind == SettingsKind::ConfigFile)?;
        let before = yaml::parse(&self.texts[place].text).ok()?;
        let settings = config_file::settings(&before);
        let knowledge = self.knowledge;
        let question = Question {
            knowledge,
            to: self.to,
            ignored_today: &|name| self.is_ignored_today(name, runs),
            // A config file hides everything else.
            elsewhere: &|_| None,
        };
        let fates = decide(&settings, &question);
        let source = |at: usize| OptionSource::ConfigFile {
            key: before[at].key.clone(),
            yaml_type: before[at].yaml_type.to_owned(),
        };
        self.note_unfit(&settings, &fates, &source);
        if !fates.iter().any(|fate| matches!(fate, Fate::Becomes(_))) {
            return Some(before);
        }
        let file = &self.texts[place];
        let edited = config_file::edited(&file.text, &fates, self.to, knowledge);
        let edited = edited.and_then(|text| Ok((FileEdit::of(file, &text)?, text)));
        match edited {
            Ok((edit, text)) if self.edits.len() < MOST_FILES => {
                let after = yaml::parse(&text).ok();
                self.texts[place].text = text;
                self.edits.push(edit);
                after
            }
            Ok(_) => Some(before),
            Err(why) => {
                for (at, setting) in settings.iter().enumerate() {
                    if matches!(fates[at], Fate::Becomes(_)) {
                        let option = setting.name.clone();
                        self.unfit.push(Unfit { option, source: source(at), why: why.clone() });
                    }
                }
                Some(before)
            }
        }
    }

    /// Options in the environment that come to nothing are told: quorate does not write environments.
    fn environment(&mut self, runs: Option<&Version>) {
        let absent = |option: &&OptionFact| {
            option.source == OptionSource::Environment
                && !self.is_ignored_today(&option.name, runs)
                && matches!(self.knowledge.flag_state(&option.name, self.to), FlagState::Absent { .. })
        };
        let unfit = self.facts.options.iter().filter(absent).map(|option| Unfit {
            option: option.name.clone(),
            source: OptionSource::Environment,
            why: "it is set in the environment, and quorate does not write environments".to_owned(),
        });
        let unfit: Vec<Unfit> = unfit.collect();
        self.unfit.extend(unfit);
    }

    fn note_unfit(&mut self, settings: &[Setting], fates: &[Fate], source: &dyn Fn(usize) -> OptionSource) {
        for (at, (setting, fate)) in settings.iter().zip(fates).enumerate() {
            if let Fate::Unfit(why) = fate {
                self.unfit.push(Unfit { option: setting.name.clone(), source: source(at), why: why.clone() });
            }
        }
    }

    fn is_ignored_today(&self, name: &str, runs: Option<&Version>) -> bool {
        runs.is_some_and(|runs| matches!(self.knowledge.flag_state(name, runs), FlagState::Absent { .. }))
    }

    fn in_environment(&self, name: &str) -> Option<String> {
        let set = |option: &&OptionFact| {
            option.source == OptionSource::Environment && option.name == name && !option.value.is_empty()
        };
        self.facts.options.iter().find(set).map(|_| "in the environment".to_owned())
    }
}
