//! Reads one block of knowledge data: its words for people, its typed parts, and nothing that it should not hold.

use hcl::eval::{Context, Evaluate};
use hcl::{Block, Body, Value};
use serde::de::DeserializeOwned;

use super::error::Problem;
use super::fact::{Fact, Source};

/// A file of the data, parsed. Attributes at the top are defaults for its blocks: only `sources` may stand there.
pub(super) struct File {
    pub path: String,
    pub sources: Vec<Source>,
    pub blocks: Vec<Block>,
}

/// A block on its way to being typed: what is asked for is taken out, what is left over is an error.
pub(super) struct Reader {
    pub file: String,
    /// From the outside in.
    pub path: String,
    pub labels: Vec<String>,
    pub children: Vec<Block>,
    attributes: hcl::Map<String, Value>,
    inherited: Vec<Source>,
}

/// Longest text for a person in one attribute, in bytes.
const LONGEST_TEXT: usize = 4000;

impl File {
    pub fn parse(path: &str, text: &str) -> Result<Self, Problem> {
        let problem = |what: String| Problem { file: path.to_owned(), block: String::new(), what };
        let body: Body = hcl::parse(text).map_err(|error| problem(error.to_string().trim_end().to_owned()))?;
        let mut attributes = evaluate(&body).map_err(problem)?;
        let sources = match attributes.shift_remove("sources") {
            Some(value) => hcl::value::from_value(value).map_err(|error| problem(format!("sources: {error}")))?,
            None => Vec::new(),
        };
        if let Some((key, _)) = attributes.first() {
            return Err(problem(format!("`{key}` cannot stand at the top of a file: only `sources` and blocks can")));
        }
        Ok(Self { path: path.to_owned(), sources, blocks: body.into_blocks().collect() })
    }
}

fn evaluate(body: &Body) -> Result<hcl::Map<String, Value>, String> {
    let mut attributes = hcl::Map::new();
    for attribute in body.attributes() {
        let key = attribute.key().to_owned();
        let value = attribute.expr().evaluate(&Context::new()).map_err(|error| format!("`{key}`: {error}"))?;
        if attributes.insert(key.clone(), value).is_some() {
            return Err(format!("`{key}` is there twice"));
        }
    }
    Ok(attributes)
}

impl Reader {
    pub fn top(file: &File, block: &Block) -> Result<Self, Problem> {
        Self::new(&file.path, "", &file.sources, block)
    }

    /// A block inside this one; it inherits this one's sources unless it names its own.
    pub fn child(&self, block: &Block) -> Result<Self, Problem> {
        Self::new(&self.file, &self.path, &self.inherited, block)
    }

    fn new(file: &str, outer: &str, inherited: &[Source], block: &Block) -> Result<Self, Problem> {
        let labels: Vec<String> = block.labels().iter().map(|label| label.as_str().to_owned()).collect();
        let quoted: String = labels.iter().map(|label| format!(" \"{label}\"")).collect();
        let own = format!("{}{quoted}", block.identifier());
        let path = if outer.is_empty() { own } else { format!("{outer} > {own}") };
        let attributes =
            evaluate(block.body()).map_err(|what| Problem { file: file.to_owned(), block: path.clone(), what })?;
        let mut reader = Self {
            file: file.to_owned(),
            path,
            labels,
            children: block.body().blocks().cloned().collect(),
            attributes,
            inherited: inherited.to_vec(),
        };
        if let Some(sources) = reader.optional::<Vec<Source>>("sources")? {
            reader.inherited = sources;
        }
        Ok(reader)
    }

    pub fn problem(&self, what: impl Into<String>) -> Problem {
        Problem { file: self.file.clone(), block: self.path.clone(), what: what.into() }
    }

    pub fn optional<T: DeserializeOwned>(&mut self, key: &str) -> Result<Option<T>, Problem> {
        match self.attributes.shift_remove(key) {
            Some(value) => {
                hcl::value::from_value(value).map(Some).map_err(|error| self.problem(format!("`{key}`: {error}")))
            }
            None => Ok(None),
        }
    }

    pub fn required<T: DeserializeOwned>(&mut self, key: &str) -> Result<T, Problem> {
        self.optional(key)?.ok_or_else(|| self.problem(format!("`{key}` is missing")))
    }

    /// A text for a person, with line breaks made into spaces.
    fn text(&mut self, key: &str) -> Result<Option<String>, Problem> {
        let Some(text) = self.optional::<String>(key)? else { return Ok(None) };
        if text.len() > LONGEST_TEXT {
            return Err(self.problem(format!("`{key}` is longer than {LONGEST_TEXT} bytes")));
        }
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        if text.is_empty() { Err(self.problem(format!("`{key}` is empty"))) } else { Ok(Some(text)) }
    }

    /// The words of a block whose only label is the name of the fact.
    pub fn fact(&mut self) -> Result<Fact, Problem> {
        let name = self.label()?;
        self.fact_named(name)
    }

    pub fn fact_named(&mut self, name: String) -> Result<Fact, Problem> {
        let what = self.text("what")?.ok_or_else(|| self.problem("`what` is missing: every fact says what it is"))?;
        Ok(Fact { name, what, why: self.text("why")?, fix: self.text("fix")?, sources: self.sources()? })
    }

    /// Where this block's facts are from.
    pub fn sources(&self) -> Result<Vec<Source>, Problem> {
        if self.inherited.is_empty() {
            return Err(self.problem("`sources` is missing: every fact says where it is from"));
        }
        Ok(self.inherited.clone())
    }

    /// The one label of the block.
    pub fn label(&self) -> Result<String, Problem> {
        match self.labels.as_slice() {
            [label] if is_plain_name(label) => Ok(label.clone()),
            [label] => Err(self.problem(format!("\"{label}\" is not a name: use letters, digits, '-' and '.'"))),
            _ => Err(self.problem("one label is expected")),
        }
    }

    /// Everything that is left, as one typed value; unknown attributes are refused by its type.
    pub fn rest<T: DeserializeOwned>(&mut self) -> Result<T, Problem> {
        let attributes = std::mem::take(&mut self.attributes);
        hcl::value::from_value(Value::Object(attributes)).map_err(|error| self.problem(error.to_string()))
    }

    /// Says that nothing else may be here.
    pub fn done(self) -> Result<(), Problem> {
        if let Some((key, _)) = self.attributes.first() {
            return Err(self.problem(format!("`{key}` is not known here")));
        }
        if let Some(block) = self.children.first() {
            return Err(self.problem(format!("a block `{}` is not known here", block.identifier())));
        }
        Ok(())
    }
}

fn is_plain_name(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 80
        && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && !label.starts_with('-')
}
