//! The text of a spec as tokens, without recursion: brackets that do not match, strings that do not end, nesting
//! without end and deceiving characters are found here, before the parser sees the text. Errors stay bounded, and
//! the parser never gets a text that could exhaust its stack.

use std::ops::Range;

use hcl_edit::Ident;

use super::rule::SpecRule;
use super::text;

/// How deep brackets, blocks and templates may be nested. The parser's own limit is 64.
pub const MAX_NESTING: usize = 48;
/// After this many errors in one file the rest is noise.
const MAX_ERRORS: usize = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Ident,
    Number,
    /// A string in quotes, with everything inside `${…}`.
    Quoted,
    /// From `<<` to the end of the closing word.
    Heredoc,
    /// From `#` or `//` to the end of the line, or `/* … */`.
    Comment,
    Open(u8),
    Close(u8),
    Operator,
    Newline,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub kind: Kind,
    pub range: Range<usize>,
}

/// Something wrong with the text itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    pub range: Range<usize>,
    pub rule: SpecRule,
    pub summary: &'static str,
    pub detail: String,
}

#[derive(Debug, Default)]
pub struct Scan {
    pub tokens: Vec<Token>,
    pub faults: Vec<Fault>,
}

#[derive(Debug)]
enum Mode {
    /// Inside `{`, `[` or `(`.
    Bracket {
        byte: u8,
        at: usize,
    },
    /// Inside `${` or `%{`.
    Interpolation {
        at: usize,
    },
    Quoted {
        at: usize,
    },
    Heredoc {
        at: usize,
        word: Range<usize>,
    },
}

struct Scanner<'a> {
    text: &'a str,
    at: usize,
    modes: Vec<Mode>,
    /// Where the outermost string or heredoc that we are in began.
    template: Option<(usize, Kind)>,
    out: Scan,
}

/// Splits a text into tokens. Whatever the text is, this ends, and uses memory in proportion to it.
pub fn scan(text: &str) -> Scan {
    let mut scanner = Scanner { text, at: 0, modes: Vec::new(), template: None, out: Scan::default() };
    while scanner.at < text.len() && scanner.out.faults.len() < MAX_ERRORS {
        match scanner.modes.last() {
            Some(Mode::Quoted { .. }) => scanner.quoted(),
            Some(Mode::Heredoc { .. }) => scanner.heredoc(),
            _ => scanner.code(),
        }
    }
    scanner.finish();
    scanner.out
}

impl Scanner<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn fault(&mut self, rule: SpecRule, range: Range<usize>, summary: &'static str, detail: impl Into<String>) {
        self.out.faults.push(Fault { range, rule, summary, detail: detail.into() });
    }

    fn token(&mut self, kind: Kind, length: usize) {
        let range = self.at..self.at + length;
        if self.template.is_none() {
            self.out.tokens.push(Token { kind, range });
        }
        self.at += length;
    }

    fn enter(&mut self, mode: Mode) {
        if self.modes.len() == MAX_NESTING {
            let detail = format!("Brackets, blocks and templates may be nested {MAX_NESTING} deep, no deeper.");
            self.fault(SpecRule::Limits, self.at..self.at + 1, "Nested too deep", detail);
            // What follows cannot be told apart any more.
            self.at = self.text.len();
            self.modes.clear();
            self.template = None;
            return;
        }
        self.modes.push(mode);
    }

    fn leave_template(&mut self) {
        let inside = self.modes.iter().any(|mode| matches!(mode, Mode::Quoted { .. } | Mode::Heredoc { .. }));
        if !inside && let Some((start, kind)) = self.template.take() {
            self.out.tokens.push(Token { kind, range: start..self.at });
        }
    }

    fn code(&mut self) {
        // The loop in scan() only comes here while text is left.
        let Some(c) = self.rest().chars().next() else { return };
        match c {
            ' ' | '\t' => self.at += 1,
            '\n' => self.token(Kind::Newline, 1),
            '#' => self.line_comment(),
            '/' if self.rest().starts_with("//") => self.line_comment(),
            '/' if self.rest().starts_with("/*") => self.block_comment(),
            '"' => self.open_template(Mode::Quoted { at: self.at }, Kind::Quoted, 1),
            '<' if self.heredoc_start().is_some() => self.open_heredoc(),
            '{' | '[' | '(' => {
                let at = self.at;
                self.token(Kind::Open(c as u8), 1);
                self.at = at;
                self.enter(Mode::Bracket { byte: c as u8, at });
                self.at = (self.at + 1).min(self.text.len());
            }
            '}' | ']' | ')' => self.close(c as u8),
            '0'..='9' => self.token(Kind::Number, number_length(self.rest())),
            c if hcl_ident_start(c) => {
                let length = self.rest().find(|c| !hcl_ident_continue(c)).unwrap_or(self.rest().len());
                self.token(Kind::Ident, length);
            }
            _ => self.operator(c),
        }
    }

    fn operator(&mut self, c: char) {
        const LONG: [&str; 9] = ["...", "==", "!=", "<=", ">=", "&&", "||", "=>", "::"];
        if let Some(operator) = LONG.iter().find(|operator| self.rest().starts_with(**operator)) {
            return self.token(Kind::Operator, operator.len());
        }
        // "~" strips the space beside a template's braces.
        if "=<>+-*/%!?:,.&|".contains(c) || (c == '~' && self.template.is_some()) {
            return self.token(Kind::Operator, 1);
        }
        let range = self.at..self.at + c.len_utf8();
        self.at = range.end;
        let (rule, summary, detail) = describe_stray(c);
        self.fault(rule, range, summary, detail);
    }

    fn line_comment(&mut self) {
        let length = self.rest().find('\n').unwrap_or(self.rest().len());
        self.check_comment(length);
        self.token(Kind::Comment, length);
    }

    fn block_comment(&mut self) {
        match self.rest().find("*/") {
            Some(length) => {
                self.check_comment(length);
                self.token(Kind::Comment, length + 2);
            }
            None => {
                self.fault(
                    SpecRule::Syntax,
                    self.at..self.at + 2,
                    "Comment without end",
                    "There is no */ for this /*.",
                );
                self.at = self.text.len();
            }
        }
    }

    /// In comments, too, text must not run backwards.
    fn check_comment(&mut self, length: usize) {
        let start = self.at;
        let found = self.text[start..start + length]
            .char_indices()
            .find(|(_, c)| !matches!(c, '\n' | '\t') && (text::is_control(*c) || text::is_bidi(*c)));
        if let Some((offset, c)) = found {
            let (rule, summary, detail) = describe_stray(c);
            self.fault(rule, start + offset..start + offset + c.len_utf8(), summary, detail);
        }
    }

    fn open_template(&mut self, mode: Mode, kind: Kind, length: usize) {
        self.template.get_or_insert((self.at, kind));
        self.enter(mode);
        self.at = (self.at + length).min(self.text.len());
    }

    /// The word of a heredoc that starts here, and how long its first line is.
    fn heredoc_start(&self) -> Option<(Range<usize>, usize)> {
        let rest = self.rest().strip_prefix("<<")?;
        let rest = rest.strip_prefix('-').unwrap_or(rest);
        let start = self.text.len() - rest.len();
        let length = rest.find(|c| !hcl_ident_continue(c)).unwrap_or(rest.len());
        let begins_well = rest.chars().next().is_some_and(hcl_ident_start);
        (begins_well && rest[length..].starts_with('\n')).then(|| (start..start + length, start + length - self.at))
    }

    fn open_heredoc(&mut self) {
        if let Some((word, length)) = self.heredoc_start() {
            self.open_template(Mode::Heredoc { at: self.at, word }, Kind::Heredoc, length);
        }
    }

    fn quoted(&mut self) {
        let rest = self.rest();
        let Some(c) = rest.chars().next() else { return };
        match c {
            '"' => {
                self.at += 1;
                self.modes.pop();
                self.leave_template();
            }
            '\\' => {
                let escaped = rest[1..].chars().next().filter(|c| *c != '\n').map_or(0, char::len_utf8);
                self.at += 1 + escaped;
            }
            '\n' => self.unclosed_string(),
            _ => self.template_text(c),
        }
    }

    /// A line end in a string. When the string is inside another one, it is the outer one that is reported: its quote
    /// was taken for the start of the inner one.
    fn unclosed_string(&mut self) {
        let outermost = self.modes.iter().position(|mode| matches!(mode, Mode::Quoted { .. }));
        if let Some(Mode::Quoted { at }) = outermost.and_then(|index| self.modes.drain(index..).next()) {
            let detail = "A string ends on the line it starts on: a \" is missing, or the } of a ${. For text of several lines write \
                          <<-EOT … EOT, or \\n for a line end.";
            self.fault(SpecRule::Syntax, at..self.at, "String without end", detail);
        }
        self.leave_template();
    }

    /// One step through the text of a string or heredoc.
    fn template_text(&mut self, c: char) {
        if self.rest().starts_with("$${") || self.rest().starts_with("%%{") {
            self.at += 3;
        } else if self.rest().starts_with("${") || self.rest().starts_with("%{") {
            self.enter(Mode::Interpolation { at: self.at });
            self.at = (self.at + 2).min(self.text.len());
        } else {
            if c != '\n' && c != '\t' && text::is_treacherous(c) {
                let (rule, summary, detail) = describe_stray(c);
                self.fault(rule, self.at..self.at + c.len_utf8(), summary, detail);
            }
            self.at += c.len_utf8();
        }
    }

    fn heredoc(&mut self) {
        let Some(Mode::Heredoc { word, .. }) = self.modes.last() else { return };
        let Some(c) = self.rest().chars().next() else { return };
        if c == '\n' {
            let line = self.rest()[1..].trim_start_matches([' ', '\t']);
            let closes = line
                .strip_prefix(&self.text[word.clone()])
                .is_some_and(|after| !after.chars().next().is_some_and(hcl_ident_continue));
            if closes {
                self.at = self.text.len() - line.len() + word.len();
                self.modes.pop();
                return self.leave_template();
            }
        }
        self.template_text(c);
    }

    fn close(&mut self, byte: u8) {
        match self.modes.last() {
            Some(Mode::Interpolation { .. }) if byte == b'}' => {
                self.modes.pop();
                self.at += 1;
            }
            Some(Mode::Bracket { byte: open, .. }) if closing(*open) == byte => {
                self.modes.pop();
                self.token(Kind::Close(byte), 1);
            }
            Some(Mode::Bracket { byte: open, at }) => {
                let (open, at) = (*open, *at);
                let line = self.text[..at].matches('\n').count() + 1;
                let detail = format!(
                    "The {:?} of line {line} is still open: expected {:?} before this {:?}.",
                    open as char,
                    closing(open) as char,
                    byte as char
                );
                self.fault(SpecRule::Syntax, self.at..self.at + 1, "Brackets do not match", detail);
                self.close_outer(byte);
                self.token(Kind::Close(byte), 1);
            }
            _ => {
                let detail = format!("Nothing is open that this {:?} could close.", byte as char);
                self.fault(SpecRule::Syntax, self.at..self.at + 1, "Brackets do not match", detail);
                self.token(Kind::Close(byte), 1);
            }
        }
    }

    /// After a bracket that does not match: it closes the next one outside that it fits, so that one mistake is
    /// reported once. Where it fits none, it closes nothing.
    fn close_outer(&mut self, byte: u8) {
        let brackets = self.modes.iter().rev().take_while(|mode| matches!(mode, Mode::Bracket { .. }));
        let fits = |mode: &Mode| matches!(mode, Mode::Bracket { byte: open, .. } if closing(*open) == byte);
        if let Some(inner) = brackets.map(fits).position(|fits| fits) {
            self.modes.truncate(self.modes.len() - inner - 1);
        }
    }

    /// What is still open when the text ends.
    fn finish(&mut self) {
        if self.out.faults.len() >= MAX_ERRORS {
            return;
        }
        for mode in std::mem::take(&mut self.modes) {
            match mode {
                Mode::Bracket { byte, at } => {
                    let detail = self.unclosed_bracket(byte, at);
                    let what = if byte == b'{' { "Block without end" } else { "Bracket without end" };
                    self.fault(SpecRule::Syntax, at..at + 1, what, detail);
                }
                Mode::Interpolation { at } => {
                    let detail = "There is no } for this ${. A literal ${ is written $${.";
                    self.fault(SpecRule::Syntax, at..at + 2, "Template without end", detail);
                }
                Mode::Quoted { at } => {
                    self.fault(
                        SpecRule::Syntax,
                        at..at + 1,
                        "String without end",
                        "The file ends before this string does.",
                    );
                }
                Mode::Heredoc { at, word } => {
                    let word = &self.text[word];
                    let detail = format!("There is no line with only {} on it.", text::quoted(word));
                    self.fault(SpecRule::Syntax, at..at + 2, "Heredoc without end", detail);
                }
            }
        }
    }

    fn unclosed_bracket(&self, byte: u8, at: usize) -> String {
        let missing = closing(byte) as char;
        let after = &self.text[at..];
        // Blocks inside others are indented by nearly everybody: one at the left edge is the next, not an inner one.
        let next = ["\ncluster ", "\nvariable ", "\nlocals ", "\nlocals{", "\nquorate ", "\nquorate{"]
            .iter()
            .filter_map(|start| after.find(start))
            .min();
        match next {
            Some(offset) => {
                let line = self.text[..at + offset + 1].matches('\n').count() + 1;
                format!("There is no {missing:?} for it. Line {line} starts a new block: it is missing before that.")
            }
            None => format!("The file ends, and there was no {missing:?} for it."),
        }
    }
}

fn closing(open: u8) -> u8 {
    match open {
        b'{' => b'}',
        b'[' => b']',
        _ => b')',
    }
}

fn hcl_ident_start(c: char) -> bool {
    c == '_' || Ident::try_new(c.to_string()).is_ok()
}

fn hcl_ident_continue(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '-' | '_')
        || (!c.is_ascii() && Ident::try_new(format!("a{c}")).is_ok() && !text::is_treacherous(c))
}

fn number_length(text: &str) -> usize {
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let mut length = digits(text);
    if text[length..].starts_with('.') && digits(&text[length + 1..]) > 0 {
        length += 1 + digits(&text[length + 1..]);
    }
    if let Some(exponent) = text[length..].strip_prefix(['e', 'E']) {
        let sign = usize::from(exponent.starts_with(['+', '-']));
        let power = digits(&exponent[sign..]);
        if power > 0 {
            length += 1 + sign + power;
        }
    }
    length
}

fn describe_stray(c: char) -> (SpecRule, &'static str, String) {
    let number = c.escape_unicode();
    match c {
        '\'' => (SpecRule::Syntax, "Single quote", "Strings stand in double quotes: \"…\".".to_owned()),
        '`' => (SpecRule::Syntax, "Backquote", "Strings stand in double quotes: \"…\".".to_owned()),
        '\u{201c}' | '\u{201d}' | '\u{201e}' => {
            (SpecRule::Syntax, "Typographic quote", format!("Strings stand in plain double quotes (\"), not in {c}."))
        }
        ';' => (SpecRule::Syntax, "Semicolon", "Attributes are separated by line ends, not by semicolons.".to_owned()),
        c if text::is_bidi(c) => {
            let detail = format!("{number} changes the direction of what follows: what you see is not what is read.");
            (SpecRule::Characters, "Character that reorders text", detail)
        }
        c if text::is_control(c) => {
            (SpecRule::Characters, "Control character", format!("{number} has no place in a spec."))
        }
        c if text::is_invisible(c) || c.is_whitespace() => (
            SpecRule::Characters,
            "Invisible character",
            format!("{number} cannot be seen and is no space. Delete it."),
        ),
        c => (SpecRule::Syntax, "Unexpected character", format!("{c:?} has no meaning here.")),
    }
}
