//! The types that JSON is made from, as they stand in the source.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use syn::{Attribute, Expr, Item, Lit, Meta, Token, UseTree};

use crate::pages::root;

/// A struct or enum.
pub enum Kind {
    Struct(syn::ItemStruct),
    Enum(syn::ItemEnum),
}

pub struct Type {
    /// From the root of the repository.
    pub file: String,
    pub name: String,
    /// The name in the schemas: with its room in front where several rooms have one of this name.
    pub id: String,
    pub kind: Kind,
}

impl Type {
    pub fn attributes(&self) -> &[Attribute] {
        match &self.kind {
            Kind::Struct(item) => &item.attrs,
            Kind::Enum(item) => &item.attrs,
        }
    }
}

/// What one file takes from others, by the name that it has there.
type Uses = BTreeMap<String, Vec<String>>;

pub struct Source {
    pub types: Vec<Type>,
    uses: BTreeMap<String, Uses>,
}

/// The file with the outermost objects, and with the files that have a schema.
pub const OUTPUTS: &str = "tests/docs/schema/outputs.rs";

impl Source {
    pub fn read() -> Self {
        let mut files = Vec::new();
        rust_files(&root().join("src"), &mut files);
        files.push(root().join(OUTPUTS));
        let (mut types, mut uses) = (Vec::new(), BTreeMap::new());
        for path in files {
            let file = path.strip_prefix(root()).unwrap().to_str().unwrap().to_owned();
            let text = fs::read_to_string(&path).unwrap();
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{file}: {error}"));
            let mut here = Uses::new();
            for item in parsed.items {
                match item {
                    Item::Struct(item) if is_written(&file, &item.attrs) => {
                        types.push((file.clone(), item.ident.to_string(), Kind::Struct(item)));
                    }
                    Item::Enum(item) if is_written(&file, &item.attrs) => {
                        types.push((file.clone(), item.ident.to_string(), Kind::Enum(item)));
                    }
                    Item::Use(item) => used(&item.tree, &mut Vec::new(), &mut here),
                    _ => {}
                }
            }
            uses.insert(file, here);
        }
        Self { types: named(types), uses }
    }

    /// The type that this name means in this file.
    pub fn find(&self, name: &str, file: &str) -> &Type {
        let named: Vec<&Type> = self.types.iter().filter(|one| one.name == name || one.id == name).collect();
        let by_id = named.iter().find(|one| one.id == name && file == OUTPUTS);
        if let Some(one) = named.iter().find(|one| one.file == file).or(by_id) {
            return one;
        }
        let path = self.uses.get(file).and_then(|uses| uses.get(name));
        let fits = |one: &&&Type| path.is_none_or(|path| path.iter().all(|part| one.file.contains(part.as_str())));
        let fitting: Vec<&&Type> = named.iter().filter(fits).collect();
        match fitting[..] {
            [one] => one,
            [] => panic!("{file}: no type {name} that is written as JSON"),
            _ => panic!("{file}: {name}: {:?}", fitting.iter().map(|one| &one.file).collect::<Vec<_>>()),
        }
    }
}

fn rust_files(folder: &Path, into: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            rust_files(&path, into);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            into.push(path);
        }
    }
}

fn is_written(file: &str, attributes: &[Attribute]) -> bool {
    let mut is = file == OUTPUTS;
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("derive")) {
        let traits = attribute.parse_args_with(|input: syn::parse::ParseStream<'_>| {
            syn::punctuated::Punctuated::<syn::Path, Token![,]>::parse_terminated(input)
        });
        is |= traits.unwrap().iter().any(|path| path.segments.last().is_some_and(|last| last.ident == "Serialize"));
    }
    is
}

fn used(tree: &UseTree, path: &mut Vec<String>, into: &mut Uses) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            used(&inner.tree, path, into);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| used(tree, path, into)),
        UseTree::Name(name) => {
            // What is `super` or `self` is in the same room; which that is, the path of the file says.
            let rooms = path.iter().filter(|part| !["crate", "super", "self"].contains(&part.as_str()));
            into.insert(name.ident.to_string(), rooms.cloned().collect());
        }
        UseTree::Rename(_) | UseTree::Glob(_) => {}
    }
}

/// `Role` of `plan` and of `drift`: `PlanRole`, `DriftRole`.
fn named(types: Vec<(String, String, Kind)>) -> Vec<Type> {
    let ids: Vec<String> = types.iter().map(|(file, name, _)| id(file, name, &types)).collect();
    let named = types.into_iter().zip(ids).map(|((file, name, kind), id)| Type { file, name, id, kind });
    named.collect()
}

fn id(file: &str, name: &str, types: &[(String, String, Kind)]) -> String {
    let twins = || types.iter().filter(|(_, other, _)| other == name).map(|(file, _, _)| file);
    if twins().count() == 1 {
        return name.to_owned();
    }
    let parts: Vec<&str> = file.trim_end_matches(".rs").split('/').skip(1).collect();
    let of_room = twins().filter(|other| other.split('/').nth(1) == Some(parts[0])).count();
    let distinct = if of_room == 1 { parts[0] } else { parts[parts.len() - 1] };
    format!("{}{name}", title(distinct))
}

fn title(word: &str) -> String {
    word.split(['_', '-']).map(|part| part[..1].to_uppercase() + &part[1..]).collect()
}

/// What serde is told about a type, a field or a variant.
#[derive(Default)]
pub struct Serde {
    pub tag: Option<String>,
    pub rename: Option<String>,
    pub kebab: bool,
    pub flatten: bool,
    pub skip: bool,
    /// Left out now and then.
    pub optional: bool,
    /// Written by its one field.
    pub transparent: bool,
    /// Written as a text.
    pub text: bool,
}

impl Serde {
    pub fn of(attributes: &[Attribute]) -> Self {
        let mut told = Self::default();
        for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("serde")) {
            let parsed = attribute.parse_nested_meta(|meta| {
                let name = meta.path.get_ident().map(ToString::to_string).unwrap_or_default();
                let value = if meta.input.peek(Token![=]) {
                    meta.value()?.parse::<syn::LitStr>()?.value()
                } else {
                    String::new()
                };
                match name.as_str() {
                    "tag" => told.tag = Some(value),
                    "rename" => told.rename = Some(value),
                    "rename_all" => {
                        assert_eq!(value, "kebab-case", "another way to write names");
                        told.kebab = true;
                    }
                    "flatten" => told.flatten = true,
                    "skip" => told.skip = true,
                    "skip_serializing_if" => told.optional = true,
                    "transparent" => told.transparent = true,
                    "into" => told.text |= value == "String",
                    "serialize_with" => {
                        assert_eq!(value, "as_text", "another way to write a value");
                        told.text = true;
                    }
                    // Of reading alone.
                    "default" | "try_from" | "from" | "deny_unknown_fields" | "deserialize_with" => {}
                    other => panic!("serde({other}): the schemas do not know it"),
                }
                Ok(())
            });
            parsed.unwrap();
        }
        told
    }
}

/// The documentation, without the brackets of its links.
pub fn words(attributes: &[Attribute]) -> Option<String> {
    let mut words = String::new();
    for attribute in attributes.iter().filter(|attribute| attribute.path().is_ident("doc")) {
        if let Meta::NameValue(pair) = &attribute.meta
            && let Expr::Lit(literal) = &pair.value
            && let Lit::Str(text) = &literal.lit
        {
            words.push_str(text.value().trim());
            words.push(' ');
        }
    }
    let words = words.trim().replace("[`", "`").replace("`]", "`");
    (!words.is_empty()).then_some(words)
}

/// What has a schema of its own, by its name.
pub enum Described {
    /// `#[output = "plan"]`: the name is its `type`.
    Output(String),
    /// `#[file = "backup-manifest"]`: the name is its `type`, where it has one.
    File(String),
}

impl Described {
    pub fn output(self) -> Option<String> {
        match self {
            Self::Output(name) => Some(name),
            Self::File(_) => None,
        }
    }
}

pub fn described(attributes: &[Attribute]) -> Option<Described> {
    let output = named_by("output", attributes).map(Described::Output);
    output.or_else(|| named_by("file", attributes).map(Described::File))
}

fn named_by(word: &str, attributes: &[Attribute]) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.path().is_ident(word))?;
    let Meta::NameValue(pair) = &attribute.meta else { return None };
    let Expr::Lit(literal) = &pair.value else { return None };
    let Lit::Str(text) = &literal.lit else { return None };
    Some(text.value())
}
