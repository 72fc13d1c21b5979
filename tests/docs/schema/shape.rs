//! From a type to its schema.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use syn::ext::IdentExt as _;
use syn::{Fields, GenericArgument, PathArguments};

use super::source::{Kind, Serde, Source, Type, words};

/// An object as it can be: its fields, and which of them are always there.
#[derive(Clone, Default)]
struct Object {
    fields: Vec<(String, Value)>,
    required: Vec<String>,
}

impl Object {
    fn with(mut self, other: &Self) -> Self {
        self.fields.extend(other.fields.iter().cloned());
        self.required.extend(other.required.iter().cloned());
        self
    }

    fn schema(&self, about: Option<String>) -> Value {
        let fields: Map<String, Value> = self.fields.iter().cloned().collect();
        let schema = json!({
            "type": "object",
            "properties": fields,
            "required": self.required,
            "additionalProperties": false,
        });
        described(schema, about)
    }
}

fn described(mut schema: Value, about: Option<String>) -> Value {
    if let (Some(about), Some(fields)) = (about, schema.as_object_mut()) {
        fields.insert("description".to_owned(), about.into());
    }
    schema
}

fn of_format(format: u32) -> Value {
    json!({ "const": format, "description": "Raised when an old reader would misread it." })
}

fn or_null(mut schema: Value) -> Value {
    // A list of types where that says it all; a pattern, a bound or an item is asked of its own type alone.
    match schema.get("type") {
        Some(Value::String(name)) => {
            schema["type"] = json!([name, "null"]);
            schema
        }
        _ => json!({ "anyOf": [schema, { "type": "null" }] }),
    }
}

/// Schemas of all types that were come upon, by id.
pub struct Shapes<'s> {
    source: &'s Source,
    pub known: BTreeMap<String, Value>,
}

/// Types that macros or code of their own write.
fn primitive(name: &str) -> Option<Value> {
    let text = |pattern: &str, about: &str| json!({ "type": "string", "pattern": pattern, "description": about });
    Some(match name {
        "String" | "str" => json!({ "type": "string" }),
        "PathBuf" => json!({ "type": "string", "description": "A path." }),
        "bool" => json!({ "type": "boolean" }),
        "u16" | "u32" | "u64" | "usize" => json!({ "type": "integer", "minimum": 0 }),
        "i32" => json!({ "type": "integer" }),
        "Bytes" => json!({ "type": "integer", "minimum": 0, "description": "Bytes." }),
        "Revision" | "RaftIndex" | "RaftTerm" => json!({ "type": "integer", "minimum": 0 }),
        "MemberId" | "ClusterId" => text("^[0-9a-f]{1,16}$", "An id of etcd, in hexadecimal."),
        "Sha256" => text("^[0-9a-f]{64}$", "A SHA-256 digest, in hexadecimal."),
        "MemberName" | "ClusterName" => json!({ "type": "string", "minLength": 1 }),
        "Version" => text(r"^[0-9]+\.[0-9]+\.[0-9]+", "A release of etcd, such as 3.2.32."),
        "Minor" => text(r"^[0-9]+\.[0-9]+$", "A minor of etcd, such as 3.2."),
        "Span" => text("^([0-9]+(ms|s|m|h))+$|^0$", "A span of time, such as 10s."),
        _ => return None,
    })
}

impl<'s> Shapes<'s> {
    pub fn new(source: &'s Source) -> Self {
        Self { source, known: BTreeMap::new() }
    }

    /// An outermost object that the view writes: `type` and `format` stand in front of its fields.
    pub fn output(&mut self, one: &Type, name: &str, format: u32) -> Value {
        let mut object = Object::default();
        object.add("type", json!({ "const": name }));
        object.add("format", of_format(format));
        object.with(&self.outermost(one)).schema(words(one.attributes()))
    }

    /// A whole file, as its type in the source has it. `format`, and `type` where it has one, say what it is.
    pub fn file(&mut self, one: &Type, name: &str, format: u32) -> Value {
        let mut object = self.outermost(one);
        for (field, value) in &mut object.fields {
            match field.as_str() {
                "type" => *value = json!({ "const": name }),
                "format" => *value = of_format(format),
                _ => {}
            }
        }
        object.schema(words(one.attributes()))
    }

    fn outermost(&mut self, one: &Type) -> Object {
        let Kind::Struct(item) = &one.kind else { panic!("{}: what is outermost is a struct", one.name) };
        self.objects_of_fields(&item.fields, one).remove(0)
    }

    fn named(&mut self, name: &str, file: &str) -> Value {
        if name == "Check" && file.starts_with("src/drift/") {
            return json!({ "type": "string", "description": "The name of a check; `explain` knows it." });
        }
        let source = self.source;
        let name = if name == "JournalLine" { "ExecuteLine" } else { name };
        let one = source.find(name, file);
        if !self.known.contains_key(&one.id) {
            // Before its inside is looked at: a type may hold itself.
            self.known.insert(one.id.clone(), Value::Null);
            let schema = self.whole(one);
            self.known.insert(one.id.clone(), schema);
        }
        json!({ "$ref": format!("#/$defs/{}", one.id) })
    }

    fn whole(&mut self, one: &Type) -> Value {
        let told = Serde::of(one.attributes());
        let about = words(one.attributes());
        if told.text {
            return described(json!({ "type": "string" }), about);
        }
        if let Kind::Struct(item) = &one.kind
            && let Fields::Unnamed(fields) = &item.fields
        {
            assert_eq!(fields.unnamed.len(), 1, "{}: a struct of several values without names", one.name);
            let inner = self.value(&fields.unnamed[0].ty, &one.file);
            return described(inner, about);
        }
        if let Kind::Enum(item) = &one.kind
            && told.tag.is_none()
        {
            return described(self.untagged(item, one), about);
        }
        let objects = self.objects(one);
        match &objects[..] {
            [object] => object.schema(about),
            _ => {
                let each: Vec<Value> = objects.iter().map(|object| object.schema(None)).collect();
                described(json!({ "oneOf": each }), about)
            }
        }
    }

    /// Variants by their names: a text, or an object with one field.
    fn untagged(&mut self, item: &syn::ItemEnum, one: &Type) -> Value {
        let (mut names, mut objects) = (Vec::new(), Vec::new());
        for variant in &item.variants {
            let told = Serde::of(&variant.attrs);
            if told.skip {
                continue;
            }
            let name = variant_name(variant, Serde::of(&item.attrs).kebab);
            let inner = match &variant.fields {
                Fields::Unit => {
                    names.push(Value::from(name));
                    continue;
                }
                Fields::Unnamed(fields) => self.value(&fields.unnamed[0].ty, &one.file),
                fields @ Fields::Named(_) => self.objects_of_fields(fields, one)[0].schema(None),
            };
            let mut object = Object::default();
            object.add(&name, inner);
            objects.push(object.schema(words(&variant.attrs)));
        }
        if !names.is_empty() {
            objects.insert(0, json!({ "enum": names }));
        }
        if objects.len() == 1 { objects.remove(0) } else { json!({ "oneOf": objects }) }
    }

    /// A type as one object, or one of several.
    fn objects(&mut self, one: &Type) -> Vec<Object> {
        let item = match &one.kind {
            Kind::Struct(item) => return self.objects_of_fields(&item.fields, one),
            Kind::Enum(item) => item,
        };
        let told = Serde::of(&item.attrs);
        let tag = told.tag.unwrap_or_else(|| panic!("{}: no tag", one.name));
        let mut objects = Vec::new();
        for variant in item.variants.iter().filter(|variant| !Serde::of(&variant.attrs).skip) {
            let mut object = Object::default();
            let name = variant_name(variant, told.kebab);
            object.add(&tag, described(json!({ "const": name }), words(&variant.attrs)));
            let inner = match &variant.fields {
                Fields::Unit => vec![Object::default()],
                Fields::Unnamed(fields) => self.objects_of_type(&fields.unnamed[0].ty, &one.file),
                fields @ Fields::Named(_) => self.objects_of_fields(fields, one),
            };
            objects.extend(inner.iter().map(|inner| object.clone().with(inner)));
        }
        objects
    }

    fn objects_of_type(&mut self, ty: &syn::Type, file: &str) -> Vec<Object> {
        let (name, arguments) = path(ty);
        if name == "Box" {
            return self.objects_of_type(arguments[0], file);
        }
        let source = self.source;
        self.objects(source.find(&name, file))
    }

    /// More than one where an enum is flattened into it.
    fn objects_of_fields(&mut self, fields: &Fields, one: &Type) -> Vec<Object> {
        let mut objects = vec![Object::default()];
        for field in fields {
            let told = Serde::of(&field.attrs);
            if told.skip {
                continue;
            }
            if told.flatten {
                let inner = self.objects_of_type(&field.ty, &one.file);
                objects =
                    objects.iter().flat_map(|object| inner.iter().map(|inner| object.clone().with(inner))).collect();
                continue;
            }
            let name = told.rename.unwrap_or_else(|| field.ident.as_ref().unwrap().unraw().to_string());
            let value = if told.text { json!({ "type": "string" }) } else { self.value(&field.ty, &one.file) };
            let value = described(value, words(&field.attrs));
            for object in &mut objects {
                object.fields.push((name.clone(), value.clone()));
                if !told.optional {
                    object.required.push(name.clone());
                }
            }
        }
        objects
    }

    fn value(&mut self, ty: &syn::Type, file: &str) -> Value {
        if let syn::Type::Tuple(tuple) = ty {
            let each: Vec<Value> = tuple.elems.iter().map(|ty| self.value(ty, file)).collect();
            return json!({ "type": "array", "minItems": each.len(), "maxItems": each.len(), "prefixItems": each });
        }
        let (name, arguments) = path(ty);
        match (name.as_str(), &arguments[..]) {
            ("Box", [inner]) => self.value(inner, file),
            ("Option", [inner]) => or_null(self.value(inner, file)),
            ("Vec" | "BTreeSet", [inner]) => json!({ "type": "array", "items": self.value(inner, file) }),
            ("BTreeMap", [_, inner]) => json!({ "type": "object", "additionalProperties": self.value(inner, file) }),
            (name, []) => primitive(name).unwrap_or_else(|| self.named(name, file)),
            (name, _) => panic!("{file}: the schemas do not know {name}<…>"),
        }
    }
}

impl Object {
    fn add(&mut self, name: &str, value: Value) {
        self.fields.push((name.to_owned(), value));
        self.required.push(name.to_owned());
    }
}

/// The name of a type, and what stands in its angle brackets.
fn path(ty: &syn::Type) -> (String, Vec<&syn::Type>) {
    match ty {
        syn::Type::Reference(reference) => path(&reference.elem),
        syn::Type::Path(path) => {
            let last = path.path.segments.last().unwrap();
            let arguments = match &last.arguments {
                PathArguments::AngleBracketed(arguments) => {
                    arguments.args.iter().filter_map(|argument| match argument {
                        GenericArgument::Type(ty) => Some(ty),
                        _ => None,
                    })
                }
                _ => return (last.ident.to_string(), Vec::new()),
            };
            (last.ident.to_string(), arguments.collect())
        }
        _ => panic!("a type that the schemas do not know"),
    }
}

fn variant_name(variant: &syn::Variant, kebab: bool) -> String {
    let name = variant.ident.to_string();
    if let Some(name) = Serde::of(&variant.attrs).rename {
        return name;
    }
    if !kebab {
        return name;
    }
    let mut kebab = String::new();
    for (place, letter) in name.char_indices() {
        if letter.is_uppercase() && place > 0 {
            kebab.push('-');
        }
        kebab.extend(letter.to_lowercase());
    }
    kebab
}
