//! The pages that people read, and what stands on them.

use std::fs;
use std::path::{Path, PathBuf};

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

/// One file of Markdown.
pub struct Page {
    /// From the root of the repository.
    pub name: String,
    pub text: String,
}

/// A block of code, or code in a sentence.
pub struct Code {
    pub line: usize,
    /// What stands after the fence; empty for code that is indented or in a sentence.
    pub language: String,
    pub text: String,
    pub block: bool,
}

pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// README, CHANGELOG, CONTRIBUTING, and all below docs, examples and tests but what is no page.
pub fn pages() -> Vec<Page> {
    let mut paths = Vec::new();
    for name in ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "tests/README.md"] {
        paths.push(root().join(name));
    }
    for folder in ["docs", "examples"] {
        markdown_below(&root().join(folder), &mut paths);
    }
    paths.into_iter().map(|path| Page::read(&path)).collect()
}

fn markdown_below(folder: &Path, into: &mut Vec<PathBuf>) {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            markdown_below(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "md") {
            into.push(path);
        }
    }
}

impl Page {
    fn read(path: &Path) -> Self {
        let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
        Self { name, text }
    }

    fn events(&self) -> impl Iterator<Item = (Event<'_>, std::ops::Range<usize>)> {
        Parser::new_ext(&self.text, Options::ENABLE_TABLES).into_offset_iter()
    }

    fn line_of(&self, place: usize) -> usize {
        self.text[..place].lines().count().max(1)
    }

    /// Where links lead, each with its line.
    pub fn links(&self) -> Vec<(usize, String)> {
        self.events()
            .filter_map(|(event, range)| match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    Some((self.line_of(range.start), dest_url.into_string()))
                }
                _ => None,
            })
            .collect()
    }

    /// The names by which GitHub lets a link lead to each heading.
    pub fn anchors(&self) -> Vec<String> {
        let mut anchors: Vec<String> = Vec::new();
        let mut heading: Option<String> = None;
        for (event, _) in self.events() {
            match event {
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::End(TagEnd::Heading(_)) => {
                    let name = anchor(&heading.take().unwrap_or_default());
                    let twins = anchors.iter().filter(|other| **other == name).count();
                    anchors.push(if twins == 0 { name } else { format!("{name}-{twins}") });
                }
                Event::Text(text) | Event::Code(text) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&text);
                    }
                }
                _ => {}
            }
        }
        anchors
    }

    /// All code on the page.
    pub fn code(&self) -> Vec<Code> {
        let mut found: Vec<Code> = Vec::new();
        let mut block: Option<Code> = None;
        for (event, range) in self.events() {
            match event {
                Event::Start(Tag::CodeBlock(kind)) => {
                    let language = match kind {
                        CodeBlockKind::Fenced(language) => language.into_string(),
                        CodeBlockKind::Indented => String::new(),
                    };
                    block = Some(Code { line: self.line_of(range.start), language, text: String::new(), block: true });
                }
                Event::Text(text) => {
                    if let Some(block) = &mut block {
                        block.text.push_str(&text);
                    }
                }
                Event::End(TagEnd::CodeBlock) => found.extend(block.take()),
                Event::Code(text) => {
                    let line = self.line_of(range.start);
                    found.push(Code { line, language: String::new(), text: text.into_string(), block: false });
                }
                _ => {}
            }
        }
        found
    }
}

fn anchor(heading: &str) -> String {
    heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '-' | '_'))
        .map(|letter| if letter == ' ' { '-' } else { letter })
        .collect()
}

#[test]
fn headings_are_called_as_github_calls_them() {
    let text = "# `plan`, again\n\n## How to add …\n\n## Twice\n\n## Twice\n".to_owned();
    let page = Page { name: "page.md".to_owned(), text };
    assert_eq!(page.anchors(), ["plan-again", "how-to-add-", "twice", "twice-1"]);
}
