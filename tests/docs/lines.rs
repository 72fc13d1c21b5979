//! Every command line of quorate in the documents is one that quorate understands.

use std::ffi::OsString;

use crate::pages::{Code, pages};

/// The words of a line as a shell would give them, up to what is no argument any more: a pipe, a redirection, `&&`.
fn words(line: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), String::new(), None);
    let mut begun = false;
    for letter in line.chars() {
        match (quote, letter) {
            (Some(open), letter) if letter == open => quote = None,
            (None, '\'' | '"') => (quote, begun) = (Some(letter), true),
            (None, '#') if !begun => break,
            (None, ' ') => {
                if begun {
                    words.push(std::mem::take(&mut word));
                }
                begun = false;
            }
            (_, letter) => {
                word.push(letter);
                begun = true;
            }
        }
    }
    if begun {
        words.push(word);
    }
    let ends = |word: &String| word.starts_with(['|', '>', '<', '&', '…']) || word == "2>&1" || word == "||";
    let own = words.iter().position(ends).unwrap_or(words.len());
    words.truncate(own);
    // `source <(quorate completion bash)`, `(cd prod && quorate plan)`.
    if let Some(last) = words.last_mut() {
        *last = last.trim_end_matches([')', ';']).to_owned();
    }
    words
}

/// Where `quorate` is what is called: at the begin, after a prompt, variables, `sudo`, a pipe or `run:`.
fn calls(line: &str) -> Vec<&str> {
    let mut found = Vec::new();
    for (at, _) in line.match_indices("quorate ") {
        let before = line[..at].trim_end();
        let last = before.rsplit(' ').next().unwrap_or_default();
        let is_variable = last.contains('=') && last.starts_with("QUORATE_");
        let is_call = before.is_empty()
            || is_variable
            || ["$", "run:", "script:", "sudo", "&&", "||", "|", "do", "<(quorate", "ExecStart="].contains(&last)
            || last.ends_with(['(', ';']);
        if is_call {
            found.push(&line[at..]);
        }
    }
    found
}

/// Ways of writing what may be left out: `quorate runs show ID|all [-json] …`.
fn is_synopsis(line: &str) -> bool {
    line.contains(['[', '{']) || line.contains("|all") || line.contains("HOST...") || line.contains("bash|zsh")
}

fn lines(code: &Code) -> Vec<String> {
    if !code.block {
        let text = code.text.trim();
        return if text.starts_with("quorate ") { vec![text.to_owned()] } else { Vec::new() };
    }
    code.text
        .replace("\\\n", " ")
        .lines()
        .flat_map(|line| calls(line).into_iter().map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// A sentence may name a command, `quorate restore`, without what it needs.
fn is_only_named(code: &Code, error: &clap::Error) -> bool {
    !code.block && error.kind() == clap::error::ErrorKind::MissingRequiredArgument
}

fn fault(line: &str) -> Option<clap::Error> {
    let words: Vec<OsString> = words(line).into_iter().map(OsString::from).collect();
    let parsed = quorate::cli::definition().try_get_matches_from(quorate::cli::with_double_dashes(words));
    parsed.err().filter(clap::Error::use_stderr)
}

/// `quorate COMMAND -h`, and what names no command at all: `quorate -V`.
fn names_no_command(line: &str) -> bool {
    let words: Vec<&str> = line.split(' ').collect();
    words.contains(&"COMMAND") || words.len() < 3 && words[1].starts_with('-')
}

#[test]
fn every_command_line_in_the_documents_is_understood() {
    let (mut wrong, mut seen) = (Vec::new(), 0);
    for page in pages() {
        for code in page.code() {
            for line in lines(&code).into_iter().filter(|line| !is_synopsis(line) && !names_no_command(line)) {
                seen += 1;
                let why = fault(&line).filter(|error| !is_only_named(&code, error));
                wrong.extend(why.map(|why| format!("{}:{}: {line}\n{why}", page.name, code.line)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(seen > 150, "only {seen} command lines were found: are they read?");
}

#[test]
fn a_wrong_line_is_found() {
    assert!(fault("quorate plann").is_some());
    assert!(fault("quorate plan -outt=x").is_some());
    assert!(fault("quorate plan -var 'a=b c' -out x | tee y").is_none());
    assert_eq!(calls("source <(quorate completion bash)").len(), 1);
    assert_eq!(calls("    $ quorate drift && quorate apply").len(), 2);
    assert!(calls("the quorate binary").is_empty());
}
