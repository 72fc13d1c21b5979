//! Texts and values by chance: nothing panics, values come back as they went in, layout keeps the meaning.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use proptest::prelude::*;

use super::super::diagnostic::Reports;
use super::super::eval::Cx;
use super::super::source::{Shown, Sources};
use super::super::value::{Number, Value};
use super::super::{format, parse, scan, text};
use super::Fixture;

/// A value as HCL writes it.
fn write(value: &Value, out: &mut String) {
    match value {
        Value::String(value) => write_string(value, out),
        Value::List(items) | Value::Set(items) => {
            out.push('[');
            for item in items {
                write(item, out);
                out.push_str(", ");
            }
            out.push(']');
        }
        Value::Map(items) => {
            out.push('{');
            for (key, item) in items {
                write_string(key, out);
                out.push_str(" = ");
                write(item, out);
                out.push_str(", ");
            }
            out.push('}');
        }
        Value::Secret(inner) => write(inner, out),
        Value::Null => out.push_str("null"),
        Value::Bool(value) => out.push_str(&value.to_string()),
        Value::Number(number) => out.push_str(&number.to_string()),
    }
}

fn write_string(value: &str, out: &mut String) {
    out.push('"');
    let mut rest = value.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '$' | '%' if rest.peek() == Some(&'{') => out.extend([c, c]),
            c if text::is_treacherous(c) => write!(out, "\\U{:08x}", u32::from(c)).unwrap(),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(|number| Value::Number(Number::Whole(i128::from(number)))),
        any::<u64>().prop_map(|number| Value::Number(Number::Whole(i128::from(number)))),
        (-1e9..1e9_f64).prop_filter_map("finite", |number| Number::from_f64(number).map(Value::Number)),
        any::<String>().prop_map(Value::String),
        "[${}%\"\\\\ a\n~]{0,12}".prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::List),
            prop::collection::btree_map(any::<String>(), inner, 0..6).prop_map(Value::Map),
        ]
    })
}

/// Pieces of specs, put together by chance: nearer to the grammar than arbitrary characters are.
fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "cluster ",
        "\"p\" ",
        "{",
        "}",
        "\n",
        "[",
        "]",
        "(",
        ")",
        "member ",
        "version",
        " = ",
        "\"",
        "${",
        "%{",
        "}",
        "if ",
        "for ",
        "x ",
        "in ",
        ":",
        "=>",
        "...",
        ",",
        ".",
        "*",
        "-",
        "!",
        "1",
        "2.5",
        "0x",
        "1e",
        "<<EOT\n",
        "<<-EOT\n",
        "EOT",
        "\nEOT\n",
        "#",
        "//",
        "/*",
        "*/",
        "?",
        "==",
        "&&",
        "||",
        "var",
        "local",
        ".x",
        "each.key",
        "upper(",
        "file(",
        "try(",
        "\\",
        "\\u00",
        "$${",
        "~",
        "é",
        "\u{202e}",
        "\r\n",
        "\t",
        " ",
        "locals {\n",
        "variable \"x\" {\n",
        "endif",
        "endfor",
        "else",
        "settings = {",
        "null",
        "true",
        "::",
        "'",
        "\u{feff}",
        "a",
        "quorate {",
        "state \"local\" {}",
    ]);
    prop::collection::vec(words, 0..60).prop_map(|words| words.concat())
}

fn survives(text: &str) {
    let fixture = Fixture::new(text);
    match fixture.load() {
        Ok(loaded) => assert!(!loaded.spec.clusters.is_empty()),
        Err(diagnostics) => {
            assert!(!diagnostics.0.is_empty());
            assert!(!diagnostics.0.iter().any(|error| error.detail.contains("mistake in quorate")), "{diagnostics:?}");
            // What is shown has no character that a terminal acts on.
            let shown = fixture.render(&diagnostics.0);
            assert!(!shown.contains(|c| c != '\n' && c != '\t' && text::is_treacherous(c)), "{shown:?}");
        }
    }
    if let Ok(once) = format(text) {
        assert_eq!(format(&once).as_deref(), Ok(once.as_str()));
    } else if let Err(error) = format(text) {
        assert_ne!(error.summary, "Cannot be laid out", "{text:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 384, ..ProptestConfig::default() })]

    #[test]
    fn arbitrary_text_never_panics(text in any::<String>()) {
        survives(&text);
    }

    #[test]
    fn arbitrary_pieces_never_panic(text in pieces()) {
        survives(&text);
    }

    #[test]
    fn arbitrary_expressions_never_panic(inside in pieces()) {
        survives(&format!("cluster \"p\" {{\n  version = \"3.2.32\"\n  member \"m\" {{ address = \"a\" }}\n  settings = {{\n    x = {inside}\n  }}\n}}\n"));
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Fixture::empty().file("main.hcl", bytes).load();
    }

    #[test]
    fn arbitrary_variable_files_never_panic(text in pieces(), json in any::<String>()) {
        let spec = "variable \"x\" {\n  type = any\n  default = 1\n}\n";
        let _ = Fixture::new(spec).file("a.auto.hclvars", text).file("b.json", json).var_file("b.json").load();
    }

    #[test]
    fn arbitrary_values_of_the_command_line_never_panic(given in any::<String>(), kind in prop::sample::select(vec!["any", "list(string)", "number", "object({ a = string })"])) {
        let spec = format!("variable \"x\" {{\n  type = {kind}\n}}\n");
        let _ = Fixture::new(&spec).var("x", &given).load();
    }

    #[test]
    fn values_come_back_as_they_went_in(value in any_value()) {
        let mut written = String::new();
        write(&value, &mut written);
        let text = format!("x = {written}\n");
        let mut sources = Sources::default();
        let file = sources.add("x", text.as_str(), Shown::Yes);
        let mut reports = Reports::default();
        let body = parse::parse(file, &sources, &mut reports);
        prop_assert!(!reports.has_errors(), "{text}");
        let mut cx = Cx::new(".".as_ref(), &sources, reports);
        let read = cx.eval(file, &body.get_attribute("x").unwrap().value);
        prop_assert_eq!(read, Ok(value.clone()), "{}", text);
        prop_assert_eq!(Value::from_json(&value.to_json()), value);
    }

    #[test]
    fn layout_keeps_values(value in any_value(), names in prop::collection::vec("[a-z]{1,8}", 1..5)) {
        let mut written = String::new();
        write(&value, &mut written);
        let unique: BTreeMap<&String, ()> = names.iter().map(|name| (name, ())).collect();
        let text: String = unique.keys().map(|name| format!("{name}  ={written}# {name}\n")).collect();
        let once = format(&text);
        prop_assert!(once.is_ok(), "{text}\n{once:?}");
        prop_assert_eq!(format(&once.clone().unwrap()), once);
    }

    #[test]
    fn tokens_cover_the_text_in_order(text in pieces()) {
        let scan = scan::scan(&text);
        let mut last = 0;
        for token in &scan.tokens {
            prop_assert!(token.range.start >= last && token.range.end <= text.len(), "{:?}", token);
            last = token.range.end;
        }
        for fault in &scan.faults {
            prop_assert!(fault.range.start <= text.len(), "{:?}", fault);
        }
    }
}
