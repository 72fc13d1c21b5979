//! Commands that a person is told to run.

/// In quotes where a shell would take it for anything but one word.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./=+:,@".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A command of these words, for a shell.
#[must_use]
pub fn shell_words(words: &[String]) -> String {
    words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_apart_stays_one_word() {
        for (text, word) in [
            ("prod.plan", "prod.plan"),
            ("my plan", "'my plan'"),
            ("it's", "'it'\\''s'"),
            ("$(rm)", "'$(rm)'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
        let words = ["ssh-keygen", "-R", "[10.0.0.11]:2222"].map(str::to_owned);
        assert_eq!(shell_words(&words), "ssh-keygen -R '[10.0.0.11]:2222'");
    }
}
