//! Text from elsewhere made harmless: what would move the cursor, colour the terminal, or hide from the eye is shown
//! as what it is.
//!
//! Host names, log lines, etcd's answers, spec texts and file names all end up on somebody's terminal. A name with an
//! escape code in it could clear the screen; one with a right-to-left override could make `3.2.32` read as something
//! else. Nothing here shortens or drops text: every hidden character is written out as `\u{1b}`.

/// Whether a character is invisible, moves others about, or speaks to the terminal.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'                    // soft hyphen
            | '\u{34f}'                 // combining grapheme joiner
            | '\u{61c}'                 // Arabic letter mark
            | '\u{115f}' | '\u{1160}'   // Hangul fillers: blank
            | '\u{17b4}' | '\u{17b5}'
            | '\u{180b}'..='\u{180f}'   // Mongolian selectors and vowel separator
            | '\u{200b}'..='\u{200f}'   // zero width, direction marks
            | '\u{2028}'..='\u{202e}'   // line and paragraph separators, bidi embeddings and overrides
            | '\u{2060}'..='\u{206f}'   // word joiner, invisible operators, bidi isolates
            | '\u{3164}' | '\u{ffa0}'   // Hangul fillers
            | '\u{fe00}'..='\u{fe0f}'   // variation selectors
            | '\u{feff}'                // byte order mark
            | '\u{fff0}'..='\u{fffb}'   // unassigned, interlinear annotations
            | '\u{1bca0}'..='\u{1bca3}' // shorthand format controls
            | '\u{1d173}'..='\u{1d17a}' // musical format controls
            | '\u{e0000}'..='\u{e0fff}' // tags
        )
}

/// One line of text: line breaks and tabs, too, are written out.
#[must_use]
pub fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        push_visible(&mut out, c);
    }
    out
}

/// Text of several lines: its line breaks stay (CR LF becomes one), tabs become four spaces, the rest is as [`escape`].
#[must_use]
pub fn escape_lines(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\n' => out.push('\n'),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\t' => out.push_str("    "),
            other => push_visible(&mut out, other),
        }
    }
    out
}

/// JSON text that is safe on a terminal as well: hidden characters inside its strings become `\uXXXX`.
///
/// `json` must be JSON: outside strings it holds no hidden character but line breaks, which stay.
#[must_use]
pub fn escape_json(json: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(json.len());
    for c in json.chars() {
        if c == '\n' || !is_hidden(c) {
            out.push(c);
            continue;
        }
        for unit in c.encode_utf16(&mut [0; 2]) {
            // Writing to a String cannot fail.
            let _ = write!(out, "\\u{unit:04x}");
        }
    }
    out
}

fn push_visible(out: &mut String, c: char) {
    match c {
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        c if is_hidden(c) => out.extend(c.escape_unicode()),
        c => out.push(c),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shows_what_would_hide() {
        for (hostile, shown) in [
            ("m1\u{1b}[2J\u{1b}[31m", "m1\\u{1b}[2J\\u{1b}[31m"),
            ("a\u{9b}2Jb", "a\\u{9b}2Jb"),
            ("3.2\u{202e}23.2", "3.2\\u{202e}23.2"),
            ("m\u{200b}1\u{feff}", "m\\u{200b}1\\u{feff}"),
            ("one\r\ntwo\tthree\0", "one\\r\\ntwo\\tthree\\u{0}"),
            ("bell\u{7}del\u{7f}", "bell\\u{7}del\\u{7f}"),
            ("tag\u{e0041}", "tag\\u{e0041}"),
            ("isolate\u{2066}\u{2069}", "isolate\\u{2066}\\u{2069}"),
        ] {
            assert_eq!(escape(hostile), shown);
        }
    }

    #[test]
    fn leaves_honest_text_alone() {
        for honest in ["m1", "Zürich · 東京", "C:\\n", "key=\"värde\"", ""] {
            assert_eq!(escape(honest), honest);
            assert_eq!(escape_lines(honest), honest);
        }
    }

    #[test]
    fn keeps_lines_where_they_mean_something() {
        assert_eq!(escape_lines("[Unit]\r\n\tx\u{1b}[0m\n\rend"), "[Unit]\n    x\\u{1b}[0m\n\\rend");
    }

    proptest! {
        #[test]
        fn nothing_hidden_is_left(text in any::<String>()) {
            prop_assert!(!escape(&text).chars().any(is_hidden));
            prop_assert!(!escape_lines(&text).chars().any(|c| c != '\n' && is_hidden(c)));
        }

        #[test]
        fn json_says_the_same(text in any::<String>()) {
            let json = serde_json::to_string_pretty(&[&text]).unwrap();
            let safe = escape_json(&json);
            prop_assert!(!safe.chars().any(|c| c != '\n' && is_hidden(c)));
            prop_assert_eq!(serde_json::from_str::<Vec<String>>(&safe).unwrap(), vec![text]);
        }
    }
}
