//! Runs a script and reads its answer. Each line of an answer starts with a nonce that only this call knows, so what a
//! login shell prints, or what stands in a log, is never taken for one.

use std::time::Duration;

use crate::host::{Host, HostError, Privilege, Script};
use crate::units::Sha256;

use super::error::{Refusal, RuntimeError};
use super::scripts::Text;

/// Most of what a host said that is shown in one message.
const SHOWN: usize = 2000;

/// So often a script is run whose connection is lost each time.
const MOST_TRIES: u32 = 4;

/// The lines of an answer, in order.
#[derive(Debug)]
pub(super) struct Answer {
    host: String,
    operation: &'static str,
    lines: Vec<(String, String)>,
}

/// Runs `script` with `args` and returns its answer; a refusal is an error.
pub(super) async fn ask(host: &Host, script: Text, args: &[&str], deadline: Duration) -> Result<Answer, RuntimeError> {
    for arg in args {
        if arg.contains('\0') {
            return Err(RuntimeError::Value { what: "argument", value: clean(arg), rule: "holds a NUL" });
        }
    }
    let nonce = nonce(host, script)?;
    let mut all = Vec::with_capacity(args.len() + 1);
    all.push(nonce.as_str());
    all.extend_from_slice(args);
    let to_run = Script { name: script.name, text: script.text, privilege: Privilege::Elevated, deadline };
    let mut tries = 1;
    let output = loop {
        match host.script(&to_run, &all).await {
            // What it did is not known. Every script looks first and can be run again.
            Err(HostError::Interrupted { .. }) if tries < MOST_TRIES => tries += 1,
            output => break output?,
        }
    };
    Answer::read(host.label(), script.name, &nonce, &output.stdout, &output.stderr)
}

fn nonce(host: &Host, script: Text) -> Result<String, RuntimeError> {
    let mut bytes = [0; 12];
    getrandom::fill(&mut bytes).map_err(|error| RuntimeError::Answer {
        host: host.label().to_owned(),
        operation: script.name,
        reason: format!("this machine gives no random numbers: {error}"),
        stderr: String::new(),
    })?;
    Ok(hex::encode(bytes))
}

impl Answer {
    pub(super) fn read(
        host: &str,
        operation: &'static str,
        nonce: &str,
        stdout: &[u8],
        stderr: &[u8],
    ) -> Result<Self, RuntimeError> {
        let text = String::from_utf8_lossy(stdout);
        let mut answer = Self { host: host.to_owned(), operation, lines: Vec::new() };
        let mut ended = false;
        for line in text.lines() {
            let Some(rest) = line.strip_prefix(nonce).and_then(|rest| rest.strip_prefix(' ')) else { continue };
            let (key, value) = rest.split_once(' ').unwrap_or((rest, ""));
            if key == "end" {
                ended = true;
                break;
            }
            answer.lines.push((key.to_owned(), value.to_owned()));
        }
        if !ended {
            return Err(answer.broken("it was cut short", &String::from_utf8_lossy(stderr)));
        }
        if let Some(word) = answer.get("refused") {
            let refusal = Refusal::from_word(word).unwrap_or(Refusal::Failed);
            let seen = clean(&answer.all("seen").join("; "));
            return Err(RuntimeError::Refused { host: answer.host, operation, refusal, seen });
        }
        Ok(answer)
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.lines.iter().find(|(seen, _)| seen == key).map(|(_, value)| value.as_str())
    }

    /// The value of a key that every answer of this script has.
    pub fn need(&self, key: &str) -> Result<&str, RuntimeError> {
        self.get(key).ok_or_else(|| self.broken(&format!("it has no `{key}`"), ""))
    }

    pub fn all(&self, key: &str) -> Vec<&str> {
        self.lines.iter().filter(|(seen, _)| seen == key).map(|(_, value)| value.as_str()).collect()
    }

    pub fn number<N: std::str::FromStr>(&self, key: &str) -> Result<Option<N>, RuntimeError> {
        let Some(text) = self.get(key) else { return Ok(None) };
        text.parse().map(Some).map_err(|_| self.broken(&format!("`{key}` is {:?}", clean(text)), ""))
    }

    pub fn need_number<N: std::str::FromStr>(&self, key: &str) -> Result<N, RuntimeError> {
        self.number(key)?.ok_or_else(|| self.broken(&format!("it has no `{key}`"), ""))
    }

    /// Hundredths of a second, as scripts measure time.
    pub fn span(&self, key: &str) -> Result<Duration, RuntimeError> {
        Ok(Duration::from_millis(self.need_number::<u64>(key)?.saturating_mul(10)))
    }

    pub fn digest(&self, key: &str) -> Option<Sha256> {
        self.get(key)?.parse().ok()
    }

    /// Lines that came from outside, safe to be shown.
    pub fn texts(&self, key: &str) -> Vec<String> {
        self.all(key).into_iter().map(clean).collect()
    }

    pub fn broken(&self, reason: &str, stderr: &str) -> RuntimeError {
        RuntimeError::Answer {
            host: self.host.clone(),
            operation: self.operation,
            reason: reason.to_owned(),
            stderr: clean(stderr.trim()),
        }
    }
}

/// Text from a host as it may be shown: control characters and such that turn the direction of text are escaped, the
/// length is bounded.
pub(super) fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(SHOWN));
    for c in text.chars() {
        if out.len() >= SHOWN {
            out.push('…');
            break;
        }
        let hidden =
            matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
        if c == '\t' {
            out.push(' ');
        } else if c.is_control() || hidden {
            out.extend(c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Answer, RuntimeError> {
        Answer::read("m1", "stop", "abc123", text.as_bytes(), b"sh: oops\n")
    }

    // faults: N9
    #[test]
    fn noise_of_a_login_shell_is_not_an_answer() {
        let answer =
            read("Welcome!\npid 7\n\nabc123 pid 42\nno newline\nabc123 log  indented\n\nabc123 end ok\nabc123 pid 9\n");
        let answer = answer.unwrap();
        assert_eq!(answer.get("pid"), Some("42"));
        assert_eq!(answer.get("log"), Some(" indented"));
    }

    #[test]
    fn an_answer_that_was_cut_short_is_an_error_that_shows_what_the_shell_said() {
        let error = read("\nabc123 pid 42\n").unwrap_err().to_string();
        assert!(error.contains("cut short") && error.contains("sh: oops"), "{error}");
    }

    #[test]
    fn a_refusal_names_the_host_what_was_seen_and_what_to_do() {
        let error = read("\nabc123 refused busy\nabc123 seen pid 7 \u{1b}[31m\n\nabc123 end refused\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "m1: stop: in use: pid 7 \\u{1b}[31m\n  do: find out what that process is, and stop it"
        );
    }

    #[test]
    fn a_number_that_is_none_is_an_error() {
        assert!(read("abc123 pid x\nabc123 end ok\n").unwrap().need_number::<u32>("pid").is_err());
        assert!(read("abc123 end ok\n").unwrap().need_number::<u32>("pid").is_err());
    }
}
