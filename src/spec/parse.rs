//! Text to syntax tree. When a part cannot be parsed it is reported, blanked out and left out, and the rest is parsed
//! again: so all errors of a file are seen at once, and every range keeps its place.

use std::ops::Range;

use hcl_edit::structure::Body;

use super::diagnostic::{Diagnostic, Reports, Severity};
use super::rule::SpecRule;
use super::scan::{self, Kind, Token};
use super::source::{self, FileId, Site, Sources};
use super::text;

/// After this many syntax errors in one file the rest is left unread.
const MAX_SYNTAX_ERRORS: usize = 20;
/// The stack that parsing and evaluation get: the depth of both is bounded, and this is several times what it needs.
const STACK_BYTES: usize = 32 * 1024 * 1024;

/// Does something in a thread of its own, because the caller's stack may be a small one.
pub fn with_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Result<T, Diagnostic> {
    let worker = std::thread::Builder::new().name("spec".to_owned()).stack_size(STACK_BYTES);
    std::thread::scope(|scope| match worker.spawn_scoped(scope, work) {
        Ok(handle) => Ok(handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))),
        Err(error) => Err(Diagnostic {
            severity: Severity::Error,
            rule: SpecRule::Internal,
            summary: "Cannot start a thread to read the spec".to_owned(),
            detail: format!("{error}."),
            place: None,
        }),
    })
}

/// Parses one source. What could not be parsed is reported, and missing from what is returned.
pub fn parse(file: FileId, sources: &Sources, reports: &mut Reports) -> Body {
    let text = sources.text(file);
    let scan = scan::scan(text);
    if !scan.faults.is_empty() {
        reports.mark_incomplete();
        for fault in scan.faults {
            reports.error(
                fault.rule,
                Site { file, start: fault.range.start, end: fault.range.end },
                fault.summary,
                fault.detail,
            );
        }
        return Body::new();
    }
    let mut text = text.to_owned();
    let mut items = None;
    for _ in 0..MAX_SYNTAX_ERRORS {
        let error = match hcl_edit::parser::parse_body(&text) {
            Ok(body) => return body,
            Err(error) => error,
        };
        reports.mark_incomplete();
        let items = items.get_or_insert_with(|| items_of(&scan.tokens));
        // At the end of a text the parser names its last byte, which may be inside a character.
        let offset = source::floor_boundary(sources.text(file), error.location().offset());
        let item = innermost(items, offset);
        report(file, sources.text(file), &error, offset, item.as_ref(), reports);
        let Some(item) = item else { return Body::new() };
        items.retain(|other| *other != item);
        blank(&mut text, item.range);
    }
    Body::new()
}

/// Overwrites a range with spaces, keeping its line ends, so that no place behind it moves.
fn blank(text: &mut String, range: Range<usize>) {
    let blanks: String = text[range.clone()].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }).collect();
    text.replace_range(range, &blanks);
}

/// An attribute, a block, or something that is neither, and how deep it is nested.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Item {
    range: Range<usize>,
    /// The attribute's name; empty for the others.
    name: Range<usize>,
    /// Which body it is in: attributes with the same name in the same body are doubles.
    body: usize,
}

/// The smallest item around an offset.
fn innermost(items: &[Item], offset: usize) -> Option<Item> {
    items
        .iter()
        .filter(|item| item.range.start <= offset && offset <= item.range.end)
        .min_by_key(|item| (item.range.len(), item.range.start))
        .cloned()
}

enum Frame {
    /// The body of a block; the block began at this offset in that body.
    Body {
        start: usize,
        outer: usize,
    },
    Bracket,
}

/// Finds all items. The tokens come from a scan without faults, so brackets match.
fn items_of(tokens: &[Token]) -> Vec<Item> {
    let mut items = Vec::new();
    let mut frames: Vec<Frame> = Vec::new();
    let (mut body, mut bodies) = (0, 0);
    // The item that is being read: where it starts, its name if it is an attribute, at which depth.
    let mut current: Option<(usize, Range<usize>)> = None;
    let mut last_end = 0;
    for (index, token) in tokens.iter().enumerate() {
        let in_expression = matches!(frames.last(), Some(Frame::Bracket));
        match token.kind {
            Kind::Comment => continue,
            Kind::Newline => {
                if !in_expression && let Some((start, name)) = current.take() {
                    items.push(Item { range: start..last_end, name, body });
                }
                continue;
            }
            Kind::Open(b'{') if !in_expression && current.as_ref().is_some_and(|(_, name)| name.is_empty()) => {
                let start = current.take().map_or(token.range.start, |(start, _)| start);
                frames.push(Frame::Body { start, outer: body });
                bodies += 1;
                body = bodies;
            }
            Kind::Open(_) => {
                current.get_or_insert((token.range.start, 0..0));
                frames.push(Frame::Bracket);
            }
            Kind::Close(_) => match frames.pop() {
                Some(Frame::Body { start, outer }) => {
                    if let Some((start, name)) = current.take() {
                        items.push(Item { range: start..last_end, name, body });
                    }
                    body = outer;
                    items.push(Item { range: start..token.range.end, name: 0..0, body });
                }
                Some(Frame::Bracket) | None => {}
            },
            _ if current.is_none() => {
                let assigned =
                    tokens.get(index + 1).is_some_and(|next| next.kind == Kind::Operator && next.range.len() == 1);
                let name = if token.kind == Kind::Ident && assigned { token.range.clone() } else { 0..0 };
                current = Some((token.range.start, name));
            }
            _ => {}
        }
        last_end = token.range.end;
    }
    if let Some((start, name)) = current {
        items.push(Item { range: start..last_end, name, body });
    }
    items
}

fn report(
    file: FileId,
    text: &str,
    error: &hcl_edit::parser::Error,
    offset: usize,
    item: Option<&Item>,
    reports: &mut Reports,
) {
    let here = Site { file, start: offset, end: end_of_word(text, offset) };
    let message = error.message();
    if message.contains("found redefined attribute") {
        let name = text[here.start..here.end].trim();
        let detail = format!("{} was set before in this block. Keep one of the two.", text::quoted(name));
        reports.error(SpecRule::Duplicate, here, "Attribute set twice", detail);
    } else if message.contains("found redefined object key") {
        let key = text[here.start..here.end].trim().trim_matches('"');
        reports.error(
            SpecRule::Duplicate,
            here,
            "Key set twice",
            format!("{} was set before in this map. Keep one of the two.", text::quoted(key)),
        );
    } else if message.contains("nested levels") {
        reports.error(
            SpecRule::Limits,
            here,
            "Nested too deep",
            "Expressions and blocks may be nested 64 deep, no deeper.",
        );
    } else if message.contains("chained binary operators") {
        reports.error(
            SpecRule::Limits,
            here,
            "Expression too long",
            "At most 128 operators may be chained in one expression.",
        );
    } else if message == "unexpected token" {
        let site = item.map_or(here, |item| Site { file, start: item.range.start, end: item.range.end });
        let detail = "This is neither an attribute (name = value) nor a block (name \"label\" { … }).";
        reports.error(SpecRule::Syntax, site, "Syntax error", detail);
    } else {
        let seen = match text[here.start..here.end].chars().next() {
            None => "the end of the file".to_owned(),
            Some('\n') => "the end of the line".to_owned(),
            Some(_) => text::quoted(&text[here.start..here.end]),
        };
        let mut detail = format!("Seen: {seen}. {}.", sentence(message));
        if message.starts_with("invalid expression") {
            detail = format!("Seen: {seen}. A value is expected here: a string, number, list, map or name.");
        }
        if message == "expected `{`" {
            detail.push_str(" For an attribute, write \"=\" before its value.");
        }
        if message.starts_with("invalid block body") && on_one_line(text, item) {
            detail.push_str(" A block on one line holds one attribute; give each its own line.");
        }
        reports.error(SpecRule::Syntax, here, "Syntax error", detail);
    }
}

fn on_one_line(text: &str, item: Option<&Item>) -> bool {
    item.is_some_and(|item| !text[item.range.clone()].contains('\n'))
}

/// The parser's message as a sentence: `invalid expression; expected …` becomes `Invalid expression: expected …`.
fn sentence(message: &str) -> String {
    let message =
        message.replacen("; ", ": ", 1).replace("'\\n'", "a line end").replace(" or eof", " or the end of the file");
    let mut chars = message.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// The end of what starts at an offset: a word, or one character.
fn end_of_word(text: &str, offset: usize) -> usize {
    let rest = &text[offset..];
    let word = rest.find(|c: char| !(c.is_alphanumeric() || "_-".contains(c))).unwrap_or(rest.len());
    offset + if word > 0 { word } else { rest.chars().next().map_or(0, char::len_utf8) }
}
