//! The layout of `quorate fmt`: indents of two, one space where one belongs, `=` and trailing comments aligned in runs
//! of lines. Works on tokens: only the space between them changes, so comments and meaning stay. That is checked.

use super::diagnostic::{Diagnostic, Reports, Severity};
use super::parse;
use super::rule::SpecRule;
use super::scan::{self, Kind, Token};
use super::source::{Shown, Sources};

/// Lays out a text. Fails with the first error when the text cannot be parsed; its place names no file.
pub fn format(text: &str) -> Result<String, Diagnostic> {
    parse::with_stack(|| format_here(text))?
}

fn format_here(text: &str) -> Result<String, Diagnostic> {
    let unmarked = text.strip_prefix('\u{feff}').unwrap_or(text);
    let plain = unmarked.replace("\r\n", "\n");
    let before = parsed(&plain)?;
    let laid_out = lay_out(&plain);
    let after = parsed(&laid_out)?;
    if before != after || words(&plain) != words(&laid_out) {
        return Err(Diagnostic {
            severity: Severity::Error,
            rule: SpecRule::Internal,
            summary: "Cannot be laid out".to_owned(),
            detail: "Its meaning would change. This is a mistake in quorate; please report it with the file."
                .to_owned(),
            place: None,
        });
    }
    Ok(if unmarked.contains("\r\n") { laid_out.replace('\n', "\r\n") } else { laid_out })
}

fn parsed(text: &str) -> Result<hcl::Body, Diagnostic> {
    let mut sources = Sources::default();
    let file = sources.add("", text, Shown::Yes);
    let mut reports = Reports::default();
    let body = parse::parse(file, &sources, &mut reports);
    match reports.finish(&sources, &[]).into_iter().next() {
        Some(diagnostic) => Err(diagnostic),
        None => Ok(hcl::Body::from(body)),
    }
}

/// All tokens but line ends: what must be the same before and after.
fn words(text: &str) -> Vec<(Kind, &str)> {
    let tokens = scan::scan(text).tokens.into_iter().filter(|token| token.kind != Kind::Newline);
    tokens.map(|token| (token.kind, text[token.range].trim_end())).collect()
}

/// A line in three parts, each laid out: what comes before `=`, from `=` on, and a comment at its end.
#[derive(Default)]
struct Line {
    indent: usize,
    lead: String,
    assign: Option<String>,
    comment: Option<String>,
    /// A heredoc or comment in it goes over several lines: runs end here.
    spans_lines: bool,
}

impl Line {
    fn is_blank(&self) -> bool {
        self.lead.is_empty() && self.comment.is_none()
    }

    fn code_width(&self) -> usize {
        self.indent + width(&self.lead) + self.assign.as_ref().map_or(0, |assign| 1 + width(assign))
    }
}

fn width(text: &str) -> usize {
    text.chars().count()
}

fn lay_out(text: &str) -> String {
    let tokens = scan::scan(text).tokens;
    let mut brackets = Vec::new();
    let mut lines: Vec<Line> = tokens
        .split(|token| token.kind == Kind::Newline)
        .map(|tokens| {
            let indent = indent(tokens, &mut brackets);
            line(text, tokens, indent)
        })
        .collect();
    while lines.last().is_some_and(Line::is_blank) {
        lines.pop();
    }
    align_assignments(&mut lines);
    align_comments(&mut lines);
    let mut out = String::new();
    for line in &lines {
        if !line.is_blank() {
            out.push_str(&" ".repeat(line.indent));
        }
        out.push_str(&line.lead);
        for part in [&line.assign, &line.comment].into_iter().flatten() {
            if !line.lead.is_empty() {
                out.push(' ');
            }
            out.push_str(part);
        }
        out.push('\n');
    }
    out
}

/// How far a line is indented. `brackets` are those open: whether each moved its lines in. However many a line opens,
/// they move what follows in by one step.
fn indent(tokens: &[Token], brackets: &mut Vec<bool>) -> usize {
    let leading = tokens.iter().take_while(|token| matches!(token.kind, Kind::Close(_))).count();
    for _ in 0..leading {
        brackets.pop();
    }
    let indent = 2 * brackets.iter().filter(|moved| **moved).count();
    let open_before = brackets.len();
    let mut lowest = open_before;
    for token in &tokens[leading..] {
        match token.kind {
            Kind::Open(_) => brackets.push(false),
            Kind::Close(_) => {
                brackets.pop();
                lowest = lowest.min(brackets.len());
            }
            _ => {}
        }
    }
    if let Some(first) = brackets.get_mut(lowest) {
        *first = true;
    }
    indent
}

fn line(text: &str, tokens: &[Token], indent: usize) -> Line {
    let (tokens, comment) = match tokens.split_last() {
        Some((last, rest)) if last.kind == Kind::Comment && !rest.is_empty() => {
            (rest, Some(text[last.range.clone()].trim_end().to_owned()))
        }
        _ => (tokens, None),
    };
    let spans_lines = tokens.iter().any(|token| text[token.range.clone()].contains('\n'));
    let split = assignment(text, tokens);
    let (lead, assign) = match split {
        Some(at) => (join(text, &tokens[..at]), Some(join(text, &tokens[at..]))),
        None => (join(text, tokens), None),
    };
    let spans_lines = spans_lines || comment.as_ref().is_some_and(|comment| comment.contains('\n'));
    Line { indent, lead, assign, comment, spans_lines }
}

/// Where the `=` of a line is that is aligned with others: the value must end on the line.
fn assignment(text: &str, tokens: &[Token]) -> Option<usize> {
    let at = tokens.iter().position(|token| token.kind == Kind::Operator && &text[token.range.clone()] == "=")?;
    let balanced = |tokens: &[Token]| {
        let mut depth = 0_i64;
        tokens.iter().all(|token| {
            match token.kind {
                Kind::Open(_) => depth += 1,
                Kind::Close(_) => depth -= 1,
                _ => {}
            }
            depth >= 0
        }) && depth == 0
    };
    (at > 0 && balanced(&tokens[..at]) && balanced(&tokens[at..])).then_some(at)
}

fn join(text: &str, tokens: &[Token]) -> String {
    let mut out = String::new();
    for (index, token) in tokens.iter().enumerate() {
        if index > 0 && wants_space(text, tokens, index) {
            out.push(' ');
        }
        out.push_str(text[token.range.clone()].trim_end());
    }
    out
}

/// Whether a space belongs before a token; it is not the first of its part of the line.
fn wants_space(text: &str, tokens: &[Token], index: usize) -> bool {
    let word = |index: usize| &text[tokens[index].range.clone()];
    let (before, here) = (&tokens[index - 1], &tokens[index]);
    let (before_word, here_word) = (word(index - 1), word(index));
    match (before.kind, here.kind) {
        (Kind::Comment, _) | (_, Kind::Comment) => true,
        (Kind::Open(b'{'), Kind::Close(b'}')) => false,
        (Kind::Open(b'{'), _) | (_, Kind::Close(b'}')) => true,
        (Kind::Open(_), _) | (_, Kind::Close(_)) => false,
        (_, Kind::Operator) if matches!(here_word, "," | "." | "..." | "::") => false,
        (Kind::Operator, _) if matches!(before_word, "." | "::") => false,
        (Kind::Operator, _) if before_word == "!" => false,
        (Kind::Operator, _) if before_word == "-" && is_sign(text, tokens, index - 1) => false,
        // `a.*` and `a[*]`: what follows the star is part of the traversal.
        (Kind::Operator, Kind::Open(b'[')) if before_word == "*" && index >= 2 && word(index - 2) == "." => false,
        (Kind::Ident, Kind::Open(b'(' | b'[')) => is_keyword(before_word),
        (Kind::Close(_) | Kind::Quoted | Kind::Number, Kind::Open(b'[' | b'(')) => false,
        _ => true,
    }
}

/// Whether a `-` belongs to what follows it.
fn is_sign(text: &str, tokens: &[Token], index: usize) -> bool {
    let Some(before) = index.checked_sub(1).map(|index| &tokens[index]) else { return true };
    match before.kind {
        Kind::Open(_) => true,
        Kind::Operator => {
            &text[before.range.clone()] != "*" || index < 2 || &text[tokens[index - 2].range.clone()] != "."
        }
        Kind::Ident => is_keyword(&text[before.range.clone()]),
        _ => false,
    }
}

fn is_keyword(word: &str) -> bool {
    matches!(word, "in" | "if" | "for")
}

/// Pads what comes before `=` in each run of lines that have one.
fn align_assignments(lines: &mut [Line]) {
    let runs = runs(lines, |line| line.assign.is_some());
    for run in runs {
        let widest = lines[run.clone()].iter().map(|line| width(&line.lead)).max().unwrap_or(0);
        for line in &mut lines[run] {
            let missing = widest - width(&line.lead);
            line.lead.push_str(&" ".repeat(missing));
        }
    }
}

fn align_comments(lines: &mut [Line]) {
    let runs = runs(lines, |line| line.comment.is_some() && !line.lead.is_empty());
    for run in runs {
        let widest = lines[run.clone()].iter().map(Line::code_width).max().unwrap_or(0);
        for line in &mut lines[run] {
            let missing = " ".repeat(widest - line.code_width());
            line.assign.as_mut().unwrap_or(&mut line.lead).push_str(&missing);
        }
    }
}

/// Neighbouring lines of which all have something; a line that goes over several ends its run.
fn runs(lines: &[Line], has: impl Fn(&Line) -> bool) -> Vec<std::ops::Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for (index, line) in lines.iter().enumerate() {
        if !has(line) {
            runs.push(start..index);
            start = index + 1;
        } else if line.spans_lines {
            // Aligned with those before it, as its first line is; its width is not one line's, so comments are not.
            runs.push(start..index);
            start = index + 1;
        }
    }
    runs.push(start..lines.len());
    runs.retain(|run| run.len() > 1);
    runs
}
